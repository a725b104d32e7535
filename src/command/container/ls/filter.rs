//! `--filter` of `dsbuild ps`.

use cache::Store;
use oci::Digest;
use runner::container::{Container, Publish};

use crate::command::image;
use crate::failure::Failure;
use cli::container::LsArgs;
use cli::filters::Filters;

/// Filters of docker's `ps` that mean something here.
const KNOWN: &[&str] = &[
    "ancestor", "before", "exited", "health", "id", "label", "name", "network", "publish", "since", "status",
    "volume",
];

/// Conditions that a container must satisfy to be listed.
pub(super) struct ContainerFilter {
    filters: Filters,
    /// Whether containers that have ended are listed.
    all: bool,
    /// Names of images, as the user wrote them, with the manifests that they lead to now.
    ancestors: Vec<(String, Option<Digest>)>,
    /// Times of creation of the containers that `before` and `since` name, in milliseconds since 1970.
    before_ms: Option<u64>,
    since_ms: Option<u64>,
}

impl ContainerFilter {
    /// Reads the conditions from the flags.
    pub(super) fn parse(store: &Store, args: &LsArgs) -> Result<Self, Failure> {
        let filters = Filters::parse(&args.filters, KNOWN)?;
        let manifest =
            |name: &str| image::find::find(store, name).ok().map(|found| found.image.descriptor.digest);
        let ancestors = filters.values("ancestor").map(|name| (name.to_owned(), manifest(name))).collect();
        let names_state = filters.values("status").chain(filters.values("exited")).next().is_some();
        let all = args.all || args.latest || args.last.is_some() || names_state;
        let created_ms = |key: &str| -> Result<Option<u64>, Failure> {
            let name = filters.values(key).last();
            Ok(name.map(|name| Container::find(store, name)).transpose()?.map(|one| one.config.created_ms))
        };
        let (before_ms, since_ms) = (created_ms("before")?, created_ms("since")?);
        Ok(Self { filters, all, ancestors, before_ms, since_ms })
    }

    /// Reports whether a container is listed.
    pub(super) fn accepts(&self, container: &Container) -> bool {
        let config = &container.config;
        let code = || container.state().exit_code.map(|code| code.to_string());
        (self.all || container.is_running())
            && self.filters.accepts("id", |value| config.id.starts_with(value))
            && self.filters.accepts("name", |value| config.name.contains(value.trim_matches(['^', '$', '/'])))
            && self.filters.accepts("status", |value| value == container.status().name())
            && self.filters.accepts("exited", |value| code().as_deref() == Some(value))
            && self.filters.accepts("publish", |value| config.publish.iter().any(|port| is_port(port, value)))
            && self.filters.accepts("volume", |value| has_volume(container, value))
            && self.filters.accepts("network", |value| value == super::network(config.network))
            && self.filters.accepts("health", |value| value == health(container))
            && self.before_ms.is_none_or(|before_ms| config.created_ms < before_ms)
            && self.since_ms.is_none_or(|since_ms| config.created_ms > since_ms)
            && self.filters.accepts_labels(&config.labels)
            && self.accepts_ancestor(container)
    }

    fn accepts_ancestor(&self, container: &Container) -> bool {
        let config = &container.config;
        let is_of = |(name, manifest): &(String, Option<Digest>)| {
            config.image == *name || *manifest == Some(config.manifest.digest)
        };
        self.ancestors.is_empty() || self.ancestors.iter().any(is_of)
    }
}

/// Reports whether a published port of the host is `80` or `80/tcp`.
fn is_port(publish: &Publish, text: &str) -> bool {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    number == publish.host.port().to_string() && (protocol == "udp") == publish.udp
}

fn health(container: &Container) -> &'static str {
    container.state().health.map_or("none", |health| health.status.name())
}

fn has_volume(container: &Container, text: &str) -> bool {
    container.config.volumes.iter().any(|one| one.target == text || one.source == *text)
}
