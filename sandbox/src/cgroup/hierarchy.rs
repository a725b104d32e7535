//! The hierarchies of control groups of this machine, and the directories in which a group can be made.
//!
//! Version 1 has one hierarchy per controller, and groups with processes can have children. Version 2 has a single one,
//! in which a group cannot both have processes and lend controllers to its children. Root makes its groups at the top
//! there. Others need a group that was delegated to them: this process moves into a child of it, and its sandboxes get
//! groups beside that child.
//!
//! Source: linux/Documentation/admin-guide/cgroup-v2.rst, "No Internal Process Constraint" and "Delegation".

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Mount point of the hierarchies.
const ROOT: &str = "/sys/fs/cgroup";

/// Name of the group that this process moves into, in a group that was delegated to it.
const CALLERS: &str = "dsbuild-callers";

/// A part of the kernel that limits or counts a resource, or freezes processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Controller {
    Memory,
    Pids,
    Cpu,
    CpuTime,
    Cpuset,
    BlockIo,
    Freezer,
}

impl Controller {
    pub(super) const ALL: [Self; 7] =
        [Self::Memory, Self::Pids, Self::Cpu, Self::CpuTime, Self::Cpuset, Self::BlockIo, Self::Freezer];

    /// Returns the name of the controller; `None` for what each group of version 2 does by itself.
    fn name(self, version: Version) -> Option<&'static str> {
        Some(match (self, version) {
            (Self::Memory, _) => "memory",
            (Self::Pids, _) => "pids",
            (Self::Cpu, _) => "cpu",
            (Self::Cpuset, _) => "cpuset",
            (Self::BlockIo, Version::One) => "blkio",
            (Self::BlockIo, Version::Two) => "io",
            (Self::CpuTime, Version::One) => "cpuacct",
            (Self::Freezer, Version::One) => "freezer",
            (Self::CpuTime | Self::Freezer, Version::Two) => return None,
        })
    }
}

/// Version of the control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

impl Version {
    /// Returns the word for no limit.
    pub(super) fn unlimited(self) -> &'static str {
        match self {
            Self::One => "-1",
            Self::Two => "max",
        }
    }
}

/// How this machine has mounted control groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hierarchy {
    /// Version 2. `own` is the group of this process.
    Unified { own: PathBuf },
    /// Version 1, with the group of this process in the hierarchy of each controller.
    Split { groups: BTreeMap<Controller, PathBuf> },
}

impl Hierarchy {
    /// Looks the hierarchies up. The error is a clause.
    pub(super) fn find() -> Result<Self, String> {
        let groups = fs::read_to_string("/proc/self/cgroup").map_err(|error| error.to_string())?;
        if Path::new(ROOT).join("cgroup.controllers").exists() {
            let own = own_group(&groups, "").ok_or("this process is in none")?;
            return Ok(Self::Unified { own: below(Path::new(ROOT), &own) });
        }
        let dir = |controller: Controller| {
            let name = controller.name(Version::One)?;
            let root = Path::new(ROOT).join(name);
            let own = below(&root, &own_group(&groups, name)?);
            // In a container the path is often that of the host, which is not visible.
            Some((controller, [own, root].into_iter().find(|dir| dir.is_dir())?))
        };
        Ok(Self::Split { groups: Controller::ALL.into_iter().filter_map(dir).collect() })
    }

    pub(super) fn version(&self) -> Version {
        match self {
            Self::Unified { .. } => Version::Two,
            Self::Split { .. } => Version::One,
        }
    }

    /// Returns the directory in which a group with `controller` can be made; `within` is the path of a group below the
    /// root of the hierarchy that the user wants it in.
    pub(super) fn parent(&self, controller: Controller, within: Option<&str>) -> io::Result<PathBuf> {
        let name = controller.name(self.version());
        let missing =
            || io::Error::other(format!("there is no controller {}", name.unwrap_or("of the name")));
        match (self, within) {
            (Self::Split { groups }, None) => groups.get(&controller).cloned().ok_or_else(missing),
            (Self::Split { groups }, Some(path)) => {
                groups.get(&controller).ok_or_else(missing)?;
                let dir = below(&Path::new(ROOT).join(name.ok_or_else(missing)?), path);
                fs::create_dir_all(&dir)?;
                Ok(dir)
            }
            (Self::Unified { .. }, Some(path)) => within_unified(path, name),
            (Self::Unified { own }, None) => {
                let root = PathBuf::from(ROOT);
                if rustix::fs::access(&root, rustix::fs::Access::WRITE_OK).is_ok()
                    && lend(&root, name).is_ok()
                {
                    return Ok(root);
                }
                delegated(own, name)
            }
        }
    }
}

/// Makes the group `path` of version 2, and has all groups above it lend the controller.
fn within_unified(path: &str, controller: Option<&str>) -> io::Result<PathBuf> {
    let mut dir = PathBuf::from(ROOT);
    lend(&dir, controller)?;
    for part in path.split('/').filter(|part| !part.is_empty()) {
        dir.push(part);
        match fs::create_dir(&dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => lend(&dir, controller)?,
        }
    }
    Ok(dir)
}

/// Returns the group of a hierarchy in the text of `/proc/self/cgroup`; the empty controller stands for version 2.
fn own_group(groups: &str, controller: &str) -> Option<String> {
    groups.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        controllers.split(',').any(|name| name == controller).then(|| path.to_owned())
    })
}

fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// Has `dir` lend a controller to its children. Does nothing if it does so already.
fn lend(dir: &Path, controller: Option<&str>) -> io::Result<()> {
    let Some(controller) = controller else { return Ok(()) };
    let file = dir.join("cgroup.subtree_control");
    let lent = fs::read_to_string(&file)?;
    if lent.split_whitespace().any(|name| name == controller) {
        return Ok(());
    }
    File::options().write(true).open(&file)?.write_all(format!("+{controller}").as_bytes())
}

/// Prepares the group `own`, which was delegated to this process, or the one around it if this process has moved already.
fn delegated(own: &Path, controller: Option<&str>) -> io::Result<PathBuf> {
    let is_moved = own.file_name().is_some_and(|name| name == CALLERS);
    let group = if is_moved { own.parent().unwrap_or(own) } else { own };
    if lend(group, controller).is_ok() {
        return Ok(group.to_owned());
    }
    let callers = group.join(CALLERS);
    match fs::create_dir(&callers) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    move_all(group, &callers)?;
    lend(group, controller)?;
    Ok(group.to_owned())
}

/// Moves this process and its children from one group to another; processes of others stay.
fn move_all(from: &Path, to: &Path) -> io::Result<()> {
    let own = std::process::id();
    let is_child = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent =
            stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        parent == Some(own)
    };
    let pids = fs::read_to_string(from.join("cgroup.procs"))?;
    for pid in pids.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid == own || is_child(*pid)) {
        File::options().write(true).open(to.join("cgroup.procs"))?.write_all(pid.to_string().as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_own(groups: &str, controller: &str, expected: Option<&str>) {
        assert_eq!(own_group(groups, controller).as_deref(), expected, "{groups:?} {controller:?}");
    }

    #[test]
    fn the_group_of_a_controller_is_found() {
        let split = "9:pids:/user\n4:cpu,cpuacct:/a\n3:memory:/m:x\n0::/u\n";
        check_own(split, "pids", Some("/user"));
        check_own(split, "cpuacct", Some("/a"));
        check_own(split, "memory", Some("/m:x"));
        check_own(split, "", Some("/u"));
        check_own(split, "cpuset", None);
        check_own("0::/user.slice/s.scope\n", "", Some("/user.slice/s.scope"));
    }

    #[test]
    fn a_group_lends_a_controller_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cgroup.subtree_control");
        fs::write(&file, "memory\n").unwrap();
        lend(dir.path(), Some("memory")).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "memory\n");
        fs::write(&file, "").unwrap();
        lend(dir.path(), Some("pids")).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "+pids");
    }
}
