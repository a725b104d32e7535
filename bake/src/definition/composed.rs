//! Services of a Compose project that have a build, as targets.

use compose::Project;
use compose::model::{Build, FileMount, Service, SshKey};
use serde_json::{Map, Value, json};

use crate::target::Target;

/// Returns a target for each service with a build.
pub(crate) fn compose_targets(project: &Project) -> Vec<(String, Target)> {
    let services = project.services.iter();
    services
        .filter_map(|(name, service)| {
            let build = service.build.as_ref()?;
            Some((crate::sanitized(name), target(project, service, build)))
        })
        .collect()
}

fn target(project: &Project, service: &Service, build: &Build) -> Target {
    let mut tags = build.tags.clone();
    if !service.image.is_empty() && !tags.contains(&service.image) {
        tags.insert(0, service.image.clone());
    }
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let contexts = build.additional_contexts.0.iter();
    Target {
        context: Some(relative(project, &build.context)),
        dockerfile: text(&build.dockerfile),
        dockerfile_inline: text(&build.dockerfile_inline),
        args: build.args.0.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect(),
        labels: build.labels.0.clone(),
        contexts: contexts
            .map(|(name, context)| (name.clone(), context.replace("service:", "target:")))
            .collect(),
        tags,
        cache_from: build.cache_from.iter().map(|entry| json!(entry)).collect(),
        cache_to: build.cache_to.iter().map(|entry| json!(entry)).collect(),
        target: text(&build.target),
        secret: build.secrets.iter().map(|mount| secret(project, mount)).collect(),
        ssh: build.ssh.iter().map(|key| json!(ssh(key))).collect(),
        platforms: build.platforms.clone(),
        network: text(&build.network),
        no_cache_filter: build.no_cache_filter.clone(),
        no_cache: build.no_cache.then_some(true),
        pull: build.pull.then_some(true),
        shm_size: (build.shm_size.0 > 0).then(|| build.shm_size.0.to_string()),
        extra_hosts: build.extra_hosts.0.iter().map(|(host, ips)| (host.clone(), ips.join(","))).collect(),
        entitlements: build.entitlements.clone(),
        ..Target::default()
    }
}

fn secret(project: &Project, mount: &FileMount) -> Value {
    let mut entry = Map::from_iter([("id".to_owned(), json!(mount.source))]);
    match project.secrets.get(&mount.source) {
        Some(source) if !source.environment.is_empty() => {
            entry.insert("env".to_owned(), json!(source.environment));
        }
        Some(source) => {
            entry.insert("src".to_owned(), json!(source.file));
        }
        None => {}
    }
    Value::Object(entry)
}

fn ssh(key: &SshKey) -> String {
    match &key.path {
        Some(path) => format!("{}={path}", key.id),
        None => key.id.clone(),
    }
}

/// Returns a path below the directory of the project in its relative form, as buildx prints it.
fn relative(project: &Project, path: &str) -> String {
    match std::path::Path::new(path).strip_prefix(&project.dir) {
        Ok(rest) if rest.as_os_str().is_empty() => ".".to_owned(),
        Ok(rest) => rest.to_string_lossy().into_owned(),
        Err(_) => path.to_owned(),
    }
}
