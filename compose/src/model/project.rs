//! A project: services and what they share.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;

use super::is_default;
use super::resources::{FileSource, Model, Network, Volume};
use super::service::Service;
use crate::ComposeError;
use crate::dotenv::Variables;

/// A project, as its Compose files describe it. Serialized, it has the form of `docker compose config`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Project {
    /// Name of the project, a part of the names of its containers.
    pub name: String,
    /// Services that the chosen profiles start.
    pub services: BTreeMap<String, Service>,
    /// Services that only other profiles start.
    #[serde(skip)]
    pub disabled_services: BTreeMap<String, Service>,
    /// Networks that services are connected to, by key.
    #[serde(skip_serializing_if = "is_default")]
    pub networks: BTreeMap<String, Network>,
    /// Volumes that services mount, by key.
    #[serde(skip_serializing_if = "is_default")]
    pub volumes: BTreeMap<String, Volume>,
    /// Secrets by key. Their content is never a part of the project.
    #[serde(skip_serializing_if = "is_default")]
    pub secrets: BTreeMap<String, FileSource>,
    /// Configs that services get as files, by key.
    #[serde(skip_serializing_if = "is_default", serialize_with = "without_content")]
    pub configs: BTreeMap<String, FileSource>,
    /// Language models by key.
    #[serde(skip)]
    pub models: BTreeMap<String, Model>,
    /// Keys that begin with `x-` and belong to other programs.
    #[serde(flatten)]
    pub extensions: BTreeMap<String, serde_json::Value>,
    /// Directory that relative paths begin at.
    #[serde(skip)]
    pub dir: PathBuf,
    /// Absolute paths of the Compose files.
    #[serde(skip)]
    pub files: Vec<PathBuf>,
    /// Values that replaced the variables in the files.
    #[serde(skip)]
    pub variables: Variables,
    /// Messages for the user about what is odd, but no mistake.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

/// Writes configs without a content that comes from the environment.
fn without_content<S: serde::Serializer>(
    configs: &BTreeMap<String, FileSource>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let shown = configs.iter().map(|(key, config)| {
        let mut config = config.clone();
        if !config.environment.is_empty() {
            config.content.clear();
        }
        (key, config)
    });
    serializer.collect_map(shown)
}

impl Project {
    /// Moves services that no chosen profile starts to [`Project::disabled_services`].
    pub(crate) fn choose_profiles(&mut self, profiles: &[String]) {
        let services = std::mem::take(&mut self.services);
        let (enabled, disabled) =
            services.into_iter().partition(|(_, service): &(String, Service)| service.has_profile(profiles));
        self.services = enabled;
        self.disabled_services = disabled;
    }

    /// Keeps only some services and their dependencies. The others become disabled.
    pub fn choose_services(&mut self, names: &[String]) -> Result<(), ComposeError> {
        let mut chosen: BTreeSet<String> = BTreeSet::new();
        let mut waiting: Vec<String> = names.to_vec();
        while let Some(name) = waiting.pop() {
            let Some(service) = self.services.get(&name) else {
                if names.contains(&name) {
                    return Err(ComposeError::project(format!("no such service: {name}")));
                }
                continue;
            };
            if chosen.insert(name) {
                waiting.extend(service.depends_on.keys().cloned());
            }
        }
        let services = std::mem::take(&mut self.services);
        let (kept, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            services.into_iter().partition(|(name, _)| chosen.contains(name));
        self.services = kept;
        self.disabled_services.extend(others);
        Ok(())
    }

    /// Returns the image of a service, which is named after project and service if it is only built.
    pub fn image_of(&self, name: &str, service: &Service) -> String {
        if service.image.is_empty() { format!("{}-{name}", self.name) } else { service.image.clone() }
    }

    /// Writes the project as JSON.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Writes the project as a Compose file.
    pub fn to_yaml(&self) -> String {
        serde_saphyr::to_string(self).unwrap_or_default()
    }

    /// Removes networks, volumes, secrets, configs and models that no service uses.
    pub fn remove_unused(&mut self) {
        let services = || self.services.values();
        let networks = services().flat_map(|service| service.networks.keys()).cloned();
        let networks: BTreeSet<String> = networks.collect();
        let mounts = services().flat_map(|service| &service.volumes);
        let volumes: BTreeSet<String> =
            mounts.filter(|mount| mount.kind == "volume").map(|mount| mount.source.clone()).collect();
        let of_builds =
            services().filter_map(|service| service.build.as_ref()).flat_map(|build| &build.secrets);
        let secrets = services().flat_map(|service| &service.secrets).chain(of_builds);
        let secrets: BTreeSet<String> = secrets.map(|secret| secret.source.clone()).collect();
        let configs = services().flat_map(|service| &service.configs);
        let configs: BTreeSet<String> = configs.map(|config| config.source.clone()).collect();
        let models: BTreeSet<String> =
            services().flat_map(|service| service.models.keys()).cloned().collect();
        self.networks.retain(|key, _| networks.contains(key));
        self.volumes.retain(|key, _| volumes.contains(key));
        self.secrets.retain(|key, _| secrets.contains(key));
        self.configs.retain(|key, _| configs.contains(key));
        self.models.retain(|key, _| models.contains(key));
    }
}
