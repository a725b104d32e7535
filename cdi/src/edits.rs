//! What the devices asked for need, put into a sandbox's plan.
//!
//! A file's own edits come before those of its devices, once, however many of them are asked for.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sandbox::{DetachedMount, Mount, MountSource, Spec};

use crate::hook::{self, Deed};
use crate::inventory::{Device, SpecFile};
use crate::libraries::{self, Wanted};
use crate::spec::{self, ContainerEdits, DeviceNode};
use crate::{CdiError, Request};

const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";

/// The mode of a node where its spec says nothing, as runc has it.
const NODE_MODE: u32 = 0o666;

/// What some devices need.
#[derive(Debug, Default)]
pub struct Edits {
    env: Vec<String>,
    nodes: Vec<Node>,
    binds: Vec<Bind>,
    groups: Vec<u32>,
    names: Wanted,
}

/// Who needs something: for messages.
#[derive(Debug, Clone)]
struct Origin {
    device: String,
    file: Arc<SpecFile>,
}

#[derive(Debug)]
struct Node {
    origin: Origin,
    /// In the container.
    place: PathBuf,
    /// On this machine.
    host: PathBuf,
    /// Character or block device and its numbers, where the spec says; else the host's.
    is_block: Option<bool>,
    numbers: Option<(u32, u32)>,
    mode: Option<u32>,
    uid: Option<u32>,
    gid: Option<u32>,
}

#[derive(Debug)]
struct Bind {
    origin: Origin,
    place: PathBuf,
    host: PathBuf,
    flags: Flags,
}

/// What a mount does not allow.
#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    read_only: bool,
    no_suid: bool,
    no_exec: bool,
}

impl Edits {
    /// What `devices` need.
    pub fn of(devices: &[&Device]) -> Result<Self, CdiError> {
        let mut edits = Self::default();
        let mut seen: Vec<(*const SpecFile, Option<usize>)> = Vec::new();
        for device in devices {
            let origin = Origin { device: device.name().to_owned(), file: Arc::clone(&device.file) };
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
            self.binds.push(Bind::of(mount, origin)?);
        }
        for hook in &edits.hooks {
            match hook::deed(hook) {
                Some(Deed::Links(links)) => self.names.links.extend(links),
                Some(Deed::Libraries(folders)) => self.names.folders.extend(folders),
                Some(Deed::Nothing) => {}
                None => return Err(origin.unsupported(format!("the hook {:?} to be run", hook::shown(hook)))),
            }
        }
        Ok(())
    }

    /// Puts all into `spec`: mounts, nodes, variables and groups of the process. What is mounted below another comes after
    /// it, whoever asked for it.
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
        self.env.iter().for_each(|entry| set(env, entry));
        if more.iter().any(|bind| bind.place.starts_with(libraries::FOLDER)) {
            append(env, LIBRARY_PATH, libraries::FOLDER);
        }
        let groups = &mut spec.process.user.groups;
        self.groups.into_iter().for_each(|group| {
            if !groups.contains(&group) {
                groups.push(group);
            }
        });
        Ok(())
    }

    /// The files that are shown under more names.
    fn more_names(&self) -> Vec<Bind> {
        let files: BTreeMap<PathBuf, PathBuf> =
            self.binds.iter().map(|bind| (bind.place.clone(), bind.host.clone())).collect();
        let more = libraries::more_names(&files, &self.names, libraries::name_in);
        let bind = |(place, host): (PathBuf, PathBuf)| {
            let like = self.binds.iter().find(|bind| bind.host == host)?;
            Some(Bind { origin: like.origin.clone(), place, host, flags: like.flags })
        };
        more.into_iter().filter_map(bind).collect()
    }
}

impl Origin {
    fn unsupported(&self, what: String) -> CdiError {
        CdiError::Unsupported { device: self.device.clone(), file: self.file.path.clone(), what }
    }

    fn host(&self, path: &Path, reason: impl ToString) -> CdiError {
        let (device, file) = (self.device.clone(), self.file.path.clone());
        CdiError::Host { device, file, path: path.to_owned(), reason: reason.to_string() }
    }
}

impl Node {
    fn of(node: &DeviceNode, origin: &Origin) -> Result<Self, CdiError> {
        let is_block = match node.kind.as_deref() {
            None | Some("") => None,
            Some("b") => Some(true),
            Some("c" | "u") => Some(false),
            Some(other) => return Err(origin.unsupported(format!("a node of type {other:?}"))),
        };
        // Nothing here tells reading from writing; and no other node of these numbers opens anything.
        let permissions = node.permissions.as_deref().filter(|text| !text.is_empty()).unwrap_or("rwm");
        if !(permissions.contains('r') && permissions.contains('w')) {
            let place = node.path.display();
            return Err(origin.unsupported(format!("the permissions {permissions:?} for {place}")));
        }
        Ok(Self {
            origin: origin.clone(),
            place: node.path.clone(),
            host: node.host_path.clone().unwrap_or_else(|| node.path.clone()),
            is_block,
            // Major 0 is no device: in Go it is what is not given.
            numbers: node.major.filter(|major| *major != 0).map(|major| (major, node.minor.unwrap_or(0))),
            mode: node.file_mode,
            uid: node.uid,
            gid: node.gid,
        })
    }

    fn mount(self, user: (u32, u32)) -> Result<Mount, CdiError> {
        let Self { origin, place, host, .. } = self;
        let found = std::fs::metadata(&host).ok().and_then(|found| {
            let is_block = found.file_type().is_block_device();
            (is_block || found.file_type().is_char_device()).then(|| (is_block, found.rdev()))
        });
        let of_host = found
            .map(|(is_block, device)| (is_block, (rustix::fs::major(device), rustix::fs::minor(device))));
        let (is_block, numbers) = match (self.is_block, self.numbers, of_host) {
            (Some(is_block), Some(numbers), _) => (is_block, numbers),
            (is_block, numbers, Some((found, of_host))) if is_block.is_none_or(|wanted| wanted == found) => {
                (found, numbers.unwrap_or(of_host))
            }
            _ => return Err(origin.host(&host, "this machine has no such device")),
        };
        let node = match of_host == Some((is_block, numbers)) {
            true => Some(DetachedMount::of_host_path(&host).map_err(|error| origin.host(&host, error))?),
            false => None,
        };
        let device = sandbox::Device {
            node,
            is_block,
            numbers,
            mode: self.mode.unwrap_or(NODE_MODE) & 0o777,
            uid: self.uid.unwrap_or(user.0),
            gid: self.gid.unwrap_or(user.1),
        };
        Ok(Mount { target: place, source: MountSource::Device(device), read_only: false })
    }
}

impl Bind {
    fn of(mount: &spec::Mount, origin: &Origin) -> Result<Self, CdiError> {
        if let Some(kind) = mount.kind.as_deref().filter(|kind| !matches!(*kind, "" | "bind" | "none")) {
            return Err(origin.unsupported(format!("a mount of type {kind:?}")));
        }
        let mut flags = Flags::default();
        for option in &mount.options {
            match option.as_str() {
                "ro" => flags.read_only = true,
                "nosuid" => flags.no_suid = true,
                "noexec" => flags.no_exec = true,
                // What every mount is, or what does not matter.
                "rw" | "bind" | "rbind" | "private" | "rprivate" | "nodev" | "suid" | "exec" | "relatime"
                | "noatime" | "nodiratime" | "strictatime" => {}
                other => return Err(origin.unsupported(format!("the mount option {other:?}"))),
            }
        }
        let (place, host) = (mount.container_path.clone(), mount.host_path.clone());
        Ok(Self { origin: origin.clone(), place, host, flags })
    }

    fn mount(&self) -> Result<Mount, CdiError> {
        let mount =
            DetachedMount::of_host_path(&self.host).map_err(|error| self.origin.host(&self.host, error))?;
        mount.restrict(self.flags.no_suid, self.flags.no_exec)?;
        let source = MountSource::Detached(mount);
        Ok(Mount { target: self.place.clone(), source, read_only: self.flags.read_only })
    }
}

/// Sets a variable, `NAME=VALUE`, where it is or at the end.
fn set(env: &mut Vec<OsString>, entry: &str) {
    let name = entry.split('=').next().unwrap_or_default();
    match env.iter_mut().find(|other| value_of(other, name).is_some()) {
        Some(other) => *other = entry.into(),
        None => env.push(entry.into()),
    }
}

/// Adds a folder at the end of a path variable.
fn append(env: &mut Vec<OsString>, name: &str, folder: &str) {
    match env.iter_mut().find(|entry| value_of(entry, name).is_some_and(|value| !value.is_empty())) {
        Some(entry) => {
            entry.push(":");
            entry.push(folder);
        }
        None => set(env, &format!("{name}={folder}")),
    }
}

fn value_of<'a>(entry: &'a OsStr, name: &str) -> Option<&'a [u8]> {
    entry.as_bytes().strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

impl crate::Inventory {
    /// What all devices need that are asked for. Of a request that is not `required` there may be none: `missing` is told.
    pub fn edits<'r>(
        &self,
        requests: impl IntoIterator<Item = (&'r Request, bool)>,
        mut missing: impl FnMut(&CdiError),
    ) -> Result<Edits, CdiError> {
        let mut devices = Vec::new();
        for (request, required) in requests {
            let found = self.find(request);
            match (found.is_empty(), required) {
                (true, true) => return Err(self.missing(request)),
                (true, false) => missing(&self.missing(request)),
                (false, _) => devices.extend(found),
            }
        }
        Edits::of(&devices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Inventory;

    /// The edits of `device` of a spec with these edits, one flow mapping each.
    fn edits(spec_edits: &str, device_edits: &str) -> Result<Edits, CdiError> {
        let dir = tempfile::tempdir().expect("a folder");
        let text = format!(
            "cdiVersion: 1.1.0\nkind: v/c\ncontainerEdits: {{{spec_edits}}}\ndevices:\n- name: a\n  containerEdits: {{{device_edits}}}\n- name: b\n  containerEdits: {{env: [B=b]}}\n"
        );
        std::fs::write(dir.path().join("x.yaml"), text).expect("a file");
        let inventory = Inventory::read(&[dir.path().to_owned()]);
        assert_eq!(inventory.problems(), &[] as &[String]);
        let all: Request = "v/c=*".parse().expect("a request");
        let first: Request = "v/c=a".parse().expect("a request");
        inventory.edits([(&all, true), (&first, true)], |_| panic!("it is there"))
    }

    #[test]
    fn edits_of_the_file_come_first_and_all_once() {
        let edits = edits("env: [X=1], additionalGids: [7]", "env: [A=a]").expect("edits");
        assert_eq!(edits.env, ["X=1", "A=a", "B=b"]);
        assert_eq!(edits.groups, [7]);
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        let check = |device: &str, expected: &str| {
            let told = edits("", device).expect_err("it cannot be done").to_string();
            assert!(told.contains("device v/c=a (") && told.contains(expected), "{device}: {told}");
        };
        let hook = "hooks: [{hookName: createRuntime, path: /bin/sh, args: [sh, -c, id]}]";
        check(hook, "needs the hook \"/bin/sh -c id\" to be run, which dsbuild does not do");
        check("netDevices: [{hostInterfaceName: eth0, name: x}]", "network devices");
        check("intelRdt: {closID: x}", "RDT");
        check("deviceNodes: [{path: /dev/x, type: p}]", "a node of type \"p\"");
        check("deviceNodes: [{path: /dev/x, permissions: r}]", "the permissions \"r\" for /dev/x");
        let mount = |more: &str| format!("mounts: [{{hostPath: /a, containerPath: /b, {more}}}]");
        check(&mount("options: [ro, rshared]"), "the mount option \"rshared\"");
        check(&mount("type: tmpfs"), "a mount of type \"tmpfs\"");
    }

    #[test]
    fn what_this_machine_has_not_is_told() {
        let missing = edits("", "deviceNodes: [{path: /dev/x, hostPath: /missing}]").expect("edits");
        let told = missing.nodes.into_iter().next().expect("a node").mount((0, 0)).expect_err("no node");
        assert!(told.to_string().ends_with("needs /missing: this machine has no such device"), "{told}");
        let other = edits("", "deviceNodes: [{path: /dev/null, type: b}]").expect("edits");
        assert!(other.nodes.into_iter().next().expect("a node").mount((0, 0)).is_err());
        let missing = edits("", "mounts: [{hostPath: /missing, containerPath: /x}]").expect("edits");
        assert!(missing.binds[0].mount().is_err());
    }

    #[test]
    fn variables_are_set_in_place() {
        let mut env: Vec<OsString> = ["A=1", "LD_LIBRARY_PATH=", "AB=2"].map(Into::into).into();
        set(&mut env, "A=3=4");
        append(&mut env, LIBRARY_PATH, "/x");
        append(&mut env, LIBRARY_PATH, "/y");
        set(&mut env, "NEW=");
        assert_eq!(env, ["A=3=4", "LD_LIBRARY_PATH=/x:/y", "AB=2", "NEW="]);
    }
}
