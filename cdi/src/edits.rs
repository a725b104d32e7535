//! All changes that the requested devices require, applied to a sandbox's spec.
//!
//! The changes of a file for all its devices come before those for single devices. They are made once, no matter how
//! many devices of the file are requested.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use sandbox::Spec;

use crate::bind_mount::BindMount;
use crate::device_node::Node;
use crate::hook::{self, Effect};
use crate::inventory::{Device, Inventory, SpecFile};
use crate::libraries::{self, RequestedNames};
use crate::origin::Origin;
use crate::spec::ContainerEdits;
use crate::{CdiError, Request, environment};

/// Variable with the directories in which the loader looks for libraries.
const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";

/// Changes to a container that some devices require.
#[derive(Debug, Default)]
pub struct Edits {
    /// Variables of the form `NAME=VALUE`.
    env: Vec<String>,
    nodes: Vec<Node>,
    binds: Vec<BindMount>,
    /// Ids of supplementary groups.
    groups: Vec<u32>,
    names: RequestedNames,
}

impl Edits {
    /// Collects the changes for `devices`. A change that is not supported is an error.
    pub fn of(devices: &[&Device]) -> Result<Self, CdiError> {
        let mut edits = Self::default();
        // Parts of spec files that are done: the part for all devices (`None`) or for the device with that index.
        let mut seen: Vec<(*const SpecFile, Option<usize>)> = Vec::new();
        for device in devices {
            let origin = Origin::of(device);
            let spec = &device.file.spec;
            let own = (Some(device.index), &spec.devices[device.index].container_edits);
            for (index, part) in [(None, &spec.container_edits), own] {
                let key = (Arc::as_ptr(&device.file), index);
                if !seen.contains(&key) {
                    seen.push(key);
                    edits.add(part, &origin)?;
                }
            }
        }
        Ok(edits)
    }

    fn add(&mut self, edits: &ContainerEdits, origin: &Origin) -> Result<(), CdiError> {
        if !edits.net_devices.is_empty() {
            return Err(origin.unsupported("network devices".to_owned()));
        }
        if edits.intel_rdt.is_some() {
            return Err(origin.unsupported("Intel's RDT".to_owned()));
        }
        self.env.extend(edits.env.iter().cloned());
        self.groups.extend(&edits.additional_gids);
        for node in &edits.device_nodes {
            self.nodes.push(Node::of(node, origin)?);
        }
        for mount in &edits.mounts {
            self.binds.push(BindMount::of(mount, origin)?);
        }
        for hook in &edits.hooks {
            match hook::effect(hook) {
                Some(Effect::Symlinks(symlinks)) => self.names.symlinks.extend(symlinks),
                Some(Effect::LibraryDirs(dirs)) => self.names.dirs.extend(dirs),
                Some(Effect::Nothing) => {}
                None => return Err(origin.unsupported(format!("the hook {:?} to be run", hook::shown(hook)))),
            }
        }
        Ok(())
    }

    /// Applies the changes to `spec`: mounts, device nodes, and the variables and groups of the process.
    ///
    /// All mounts of `spec` are sorted by depth, so that a mount below another comes after it.
    pub fn apply(self, spec: &mut Spec) -> Result<(), CdiError> {
        let user = (spec.process.user.uid, spec.process.user.gid);
        let more = self.more_names();
        for node in self.nodes {
            spec.mounts.push(node.mount(user)?);
        }
        for bind in self.binds.iter().chain(&more) {
            spec.mounts.push(bind.mount()?);
        }
        spec.mounts.sort_by_key(|mount| mount.target.components().count());
        let env = &mut spec.process.env;
        self.env.iter().for_each(|entry| environment::set(env, entry));
        if more.iter().any(|bind| bind.target.starts_with(libraries::DIR)) {
            environment::append_path(env, LIBRARY_PATH, libraries::DIR);
        }
        add_missing(&mut spec.process.user.groups, self.groups);
        Ok(())
    }

    /// Returns mounts of the bound files under further names.
    fn more_names(&self) -> Vec<BindMount> {
        let files: BTreeMap<PathBuf, PathBuf> =
            self.binds.iter().map(|bind| (bind.target.clone(), bind.host.clone())).collect();
        let more = libraries::more_names(&files, &self.names, libraries::soname);
        let bind = |(target, host): (PathBuf, PathBuf)| {
            self.binds.iter().find(|bind| bind.host == host).map(|bind| bind.at(target))
        };
        more.into_iter().filter_map(bind).collect()
    }
}

fn add_missing(groups: &mut Vec<u32>, more: Vec<u32>) {
    for group in more {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
}

impl Inventory {
    /// Collects the changes for all devices that the requests select.
    ///
    /// A request comes with a flag: if it is required, at least one device must exist; otherwise `missing` is called
    /// with the error.
    pub fn edits<'r>(
        &self,
        requests: impl IntoIterator<Item = (&'r Request, bool)>,
        mut missing: impl FnMut(&CdiError),
    ) -> Result<Edits, CdiError> {
        let mut devices = Vec::new();
        for (request, is_required) in requests {
            let found = self.find(request);
            if found.is_empty() && is_required {
                return Err(self.missing(request));
            }
            if found.is_empty() {
                missing(&self.missing(request));
            }
            devices.extend(found);
        }
        Edits::of(&devices)
    }
}

#[cfg(test)]
mod tests;
