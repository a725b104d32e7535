//! Rules for one service.

use std::collections::BTreeMap;

use super::Fault;
use crate::model::{Build, Project, Service};

/// Checks a service of a project.
pub(super) fn check(name: &str, service: &Service, project: &Project) -> Result<(), Fault> {
    let rules = Rules { name, service, project };
    rules.image()?;
    rules.networks()?;
    rules.dependencies()?;
    rules.mounts()?;
    rules.resources()?;
    rules.scale()
}

struct Rules<'a> {
    name: &'a str,
    service: &'a Service,
    project: &'a Project,
}

impl Rules<'_> {
    fn fault<T>(&self, keys: &[&str], reason: impl Into<String>) -> Result<T, Fault> {
        let keys = ["services", self.name].iter().chain(keys).map(|key| (*key).to_owned()).collect();
        Err((keys, reason.into()))
    }

    fn image(&self) -> Result<(), Fault> {
        let service = self.service;
        match &service.build {
            Some(build) => self.build(build)?,
            None if service.image.is_empty() && service.provider.is_none() => {
                return self.fault(&[], "the service has neither an image nor a build");
            }
            None => {}
        }
        if let Some(test) = service.healthcheck.as_ref().and_then(|check| check.test.first())
            && !matches!(test.as_str(), "CMD" | "CMD-SHELL" | "NONE")
        {
            return self.fault(
                &["healthcheck", "test"],
                "the list must begin with \"CMD\", \"CMD-SHELL\" or \"NONE\"",
            );
        }
        Ok(())
    }

    fn build(&self, build: &Build) -> Result<(), Fault> {
        if !build.dockerfile.is_empty() && !build.dockerfile_inline.is_empty() {
            return self.fault(&["build"], "\"dockerfile\" and \"dockerfile_inline\" exclude each other");
        }
        for (key, context) in &build.additional_contexts.0 {
            let Some(other) = context.strip_prefix("service:") else { continue };
            let keys = ["build", "additional_contexts", key];
            match self.project.services.get(other) {
                None => return self.fault(&keys, format!("there is no service {other:?}")),
                Some(other_service) if other_service.build.is_none() => {
                    return self.fault(&keys, format!("service {other:?} has no build"));
                }
                Some(_) => {}
            }
        }
        let platform = &self.service.platform;
        if !build.platforms.is_empty() && !platform.is_empty() && !build.platforms.contains(platform) {
            return self.fault(
                &["build", "platforms"],
                format!("the platform {platform:?} of the service is missing"),
            );
        }
        Ok(())
    }

    fn networks(&self) -> Result<(), Fault> {
        let service = self.service;
        if !service.network_mode.is_empty() && !service.networks.is_empty() {
            return self.fault(&["network_mode"], "\"network_mode\" and \"networks\" exclude each other");
        }
        if let Some(missing) = service.networks.keys().find(|key| !self.project.networks.contains_key(*key)) {
            return self.fault(&["networks", missing], format!("network {missing:?} is not defined"));
        }
        if let Some(other) = service.network_mode.strip_prefix("service:")
            && !self.project.services.contains_key(other)
        {
            return self.fault(&["network_mode"], format!("there is no service {other:?}"));
        }
        Ok(())
    }

    fn dependencies(&self) -> Result<(), Fault> {
        for (other, dependency) in &self.service.depends_on {
            if self.project.services.contains_key(other) {
                continue;
            }
            let is_disabled = self.project.disabled_services.contains_key(other);
            if is_disabled && !dependency.required {
                continue;
            }
            let reason = if is_disabled {
                format!("service {other:?} is started by no chosen profile")
            } else {
                format!("there is no service {other:?}")
            };
            return self.fault(&["depends_on", other], reason);
        }
        Ok(())
    }

    /// Every mount must have its source, and a target of its own.
    fn mounts(&self) -> Result<(), Fault> {
        let mut targets: BTreeMap<&str, String> = BTreeMap::new();
        let tmpfs = self.service.tmpfs.iter().map(|tmpfs| tmpfs.split(':').next().unwrap_or_default());
        for (index, target) in tmpfs.enumerate() {
            if let Some(other) = targets.insert(target, format!("tmpfs[{index}]")) {
                return self.fault(
                    &["tmpfs", &index.to_string()],
                    format!("{other} has the target {target:?} already"),
                );
            }
        }
        for (index, mount) in self.service.volumes.iter().enumerate() {
            let keys = ["volumes", &index.to_string()];
            let source = &mount.source;
            if mount.kind == "volume" && !source.is_empty() && !self.project.volumes.contains_key(source) {
                return self.fault(&keys, format!("volume {source:?} is not defined"));
            }
            if let Some(other) = targets.insert(&mount.target, format!("volumes[{index}]")) {
                return self.fault(&keys, format!("{other} has the target {:?} already", mount.target));
            }
        }
        Ok(())
    }

    /// Secrets, configs and models must be defined.
    fn resources(&self) -> Result<(), Fault> {
        let (service, project) = (self.service, self.project);
        let of_build = service.build.iter().flat_map(|build| &build.secrets);
        for secret in service.secrets.iter().chain(of_build) {
            if !project.secrets.contains_key(&secret.source) {
                return self.fault(&["secrets"], format!("secret {:?} is not defined", secret.source));
            }
        }
        if let Some(config) = service.configs.iter().find(|one| !project.configs.contains_key(&one.source)) {
            return self.fault(&["configs"], format!("config {:?} is not defined", config.source));
        }
        if let Some(model) = service.models.keys().find(|key| !project.models.contains_key(*key)) {
            return self.fault(&["models", model], format!("model {model:?} is not defined"));
        }
        Ok(())
    }

    /// Numbers that can be written in two places must be the same in both.
    fn scale(&self) -> Result<(), Fault> {
        let service = self.service;
        let replicas = service.deploy.as_ref().and_then(|deploy| deploy.replicas);
        if let (Some(scale), Some(replicas)) = (service.scale, replicas)
            && scale != replicas
        {
            return self.fault(&["scale"], "\"scale\" and \"deploy.replicas\" differ");
        }
        if service.scale() < 0 {
            return self.fault(&["scale"], "must be 0 or more");
        }
        if service.scale() > 1 && !service.container_name.is_empty() {
            return self.fault(&["container_name"], "several containers cannot have one name");
        }
        let resources = service.deploy.as_ref().map(|deploy| &deploy.resources);
        if let Some(limits) = resources.and_then(|resources| resources.limits.as_ref()) {
            let differs = [
                ("cpus", service.cpus != 0.0 && service.cpus.to_bits() != limits.cpus.to_bits()),
                ("mem_limit", service.mem_limit.0 != 0 && service.mem_limit != limits.memory),
                ("pids_limit", service.pids_limit != 0 && service.pids_limit != limits.pids),
            ];
            if let Some((key, _)) = differs.iter().find(|(_, differs)| *differs) {
                return self.fault(&[key], "the limit differs from that of \"deploy.resources.limits\"");
            }
        }
        if let Some(reserved) = resources.and_then(|resources| resources.reservations.as_ref())
            && service.mem_reservation.0 != 0
            && service.mem_reservation != reserved.memory
        {
            return self
                .fault(&["mem_reservation"], "it differs from \"deploy.resources.reservations.memory\"");
        }
        let triggers = service.develop.iter().flat_map(|develop| &develop.watch);
        for (index, trigger) in triggers.enumerate() {
            if trigger.target.is_empty() && !matches!(trigger.action.as_str(), "rebuild" | "restart") {
                let keys = ["develop", "watch", &index.to_string()];
                return self.fault(&keys, format!("the action {:?} needs a target", trigger.action));
            }
        }
        Ok(())
    }
}
