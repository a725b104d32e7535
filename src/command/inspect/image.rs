//! The document of an image, as `docker image inspect` prints it.

use std::collections::BTreeMap;

use images::PulledFrom;
use images::catalog::{Entry, Found};
use oci::{Config, Descriptor, DiffId, Empty, Healthcheck, Reference};
use serde::Serialize;
use serde_json::Value;

use super::to_json;

/// Facts about an image, under docker's names.
///
/// Source: Docker Engine API 1.48, "ImageInspect".
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ImageDocument<'a> {
    id: String,
    repo_tags: Vec<String>,
    repo_digests: Vec<String>,
    parent: &'a str,
    comment: &'a str,
    created: &'a str,
    docker_version: &'a str,
    author: &'a str,
    config: ConfigDocument<'a>,
    architecture: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: &'a Option<String>,
    os: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    os_version: &'a Option<String>,
    size: u64,
    graph_driver: GraphDriver,
    #[serde(rename = "RootFS")]
    root_fs: RootFs<'a>,
    metadata: Metadata,
    descriptor: &'a Descriptor,
}

/// Settings of containers, with docker's fields that are always there.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ConfigDocument<'a> {
    pub hostname: &'a str,
    pub domainname: &'a str,
    pub user: &'a str,
    pub tty: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub exposed_ports: BTreeMap<String, Empty>,
    pub env: &'a [String],
    pub cmd: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<&'a Healthcheck>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub args_escaped: bool,
    pub image: &'a str,
    pub volumes: Option<&'a BTreeMap<String, Empty>>,
    pub working_dir: &'a str,
    pub entrypoint: Option<&'a [String]>,
    pub on_build: Option<&'a [String]>,
    pub labels: Option<&'a BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub stop_signal: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub shell: &'a [String],
    #[serde(flatten)]
    pub extra: &'a BTreeMap<String, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GraphDriver {
    data: Empty,
    name: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RootFs<'a> {
    #[serde(rename = "Type")]
    kind: &'static str,
    layers: &'a [DiffId],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    last_tag_time: &'static str,
}

/// Returns the document of an image as JSON.
pub(super) fn document(found: &Found) -> String {
    let (config, image) = (&found.image.config, &found.image);
    let comment = config.history.last().map_or("", |entry| entry.comment.as_str());
    to_json(&ImageDocument {
        id: found.id().to_string(),
        repo_tags: found.names().map(Reference::familiar).collect(),
        repo_digests: repo_digests(found),
        parent: "",
        comment,
        created: config.created.as_deref().unwrap_or("0001-01-01T00:00:00Z"),
        docker_version: "",
        author: &config.author,
        config: config_document(&config.config),
        architecture: &config.platform.architecture,
        variant: &config.platform.variant,
        os: &config.platform.os,
        os_version: &config.platform.os_version,
        size: image.manifest.layers.iter().map(|layer| layer.size_bytes).sum(),
        graph_driver: GraphDriver { data: Empty {}, name: "dsbuild" },
        root_fs: RootFs { kind: "layers", layers: &config.rootfs.diff_ids },
        metadata: Metadata { last_tag_time: "0001-01-01T00:00:00Z" },
        descriptor: found.root(),
    })
}

/// Returns the digests with which the image came from registries: `NAME@sha256:…`.
fn repo_digests(found: &Found) -> Vec<String> {
    let digest = |entry: &Entry| {
        let PulledFrom { repository, root, .. } = PulledFrom::of(&entry.root)?;
        Some(Reference { tag: None, digest: Some(root), ..repository }.familiar())
    };
    let mut digests: Vec<String> = found.entries.iter().filter_map(digest).collect();
    digests.sort();
    digests.dedup();
    digests
}

fn config_document(config: &Config) -> ConfigDocument<'_> {
    ConfigDocument {
        hostname: "",
        domainname: "",
        user: &config.user,
        tty: false,
        exposed_ports: config.exposed_ports.clone(),
        env: &config.env,
        cmd: config.cmd.as_deref(),
        healthcheck: config.healthcheck.as_ref(),
        args_escaped: config.args_escaped,
        image: "",
        volumes: (!config.volumes.is_empty()).then_some(&config.volumes),
        working_dir: &config.working_dir,
        entrypoint: config.entrypoint.as_deref(),
        on_build: (!config.on_build.is_empty()).then_some(&config.on_build),
        labels: (!config.labels.is_empty()).then_some(&config.labels),
        stop_signal: &config.stop_signal,
        shell: &config.shell,
        extra: &config.extra,
    }
}
