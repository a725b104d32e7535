//! Control groups of a whole sandbox: limits on its resources, counting them, and freezing its processes.
//!
//! ```text
//! hierarchy   the directories below /sys/fs/cgroup in which groups can be made, for version 1, 2, and delegated ones
//! limits      the limits, and the files that stand for them        files      reading and writing them
//! stats       the resources in use                                 freezer    freezing
//! ```
//!
//! A sandbox with limits has a group of its own in each hierarchy that is needed. The guest enters it before anything
//! else, so that the caller and the sandbox's supervisor do not count. The groups are removed with the sandbox. SIGKILL
//! of the caller leaves empty groups behind; the next sandbox with limits removes them.
//!
//! A limit that cannot be enforced is an error, never ignored.

mod files;
mod freezer;
mod hierarchy;
mod limits;
mod stats;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::SandboxError;
use hierarchy::{Controller, Hierarchy, Version};
use limits::Setting;

pub use limits::{Limits, UNLIMITED};
pub use stats::Stats;

/// Beginning of the name of every group; the ID of the caller and a number follow.
const PREFIX: &str = "dsbuild-";

/// Attempts to remove a group whose processes have just ended, and the pause between two.
const REMOVE_ATTEMPTS: u32 = 50;
const REMOVE_PAUSE: Duration = Duration::from_millis(2);

/// Limits that the processes of a sandbox have run into.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LimitsReached {
    /// True if the kernel killed a process because memory ran out.
    pub memory: bool,
    /// True if the kernel refused a new process or thread.
    pub pids: bool,
}

/// The groups of one sandbox, by controller; they exist as long as the sandbox does.
#[derive(Debug, Clone, Default)]
pub struct ControlGroups {
    dirs: BTreeMap<Controller, PathBuf>,
    version: Option<Version>,
}

/// The groups of one sandbox; removed when dropped, by when all its processes have ended.
#[derive(Debug, Default)]
pub(crate) struct Cgroup(ControlGroups);

impl Cgroup {
    /// Makes the groups that `limits` needs: none without a limit.
    pub(crate) fn new(limits: &Limits) -> Result<Self, SandboxError> {
        let mut cgroup = Self::default();
        if limits.is_empty() && !limits.has_groups {
            return Ok(cgroup);
        }
        let found = Hierarchy::find();
        let hierarchy = match found {
            Err(_) if limits.is_empty() => return Ok(cgroup),
            found => found.map_err(|reason| unavailable("cannot find control groups", &reason))?,
        };
        let parent = limits.parent.as_deref();
        check_parent(parent)?;
        let version = hierarchy.version();
        cgroup.0.version = Some(version);
        let settings = limits.settings(version)?;
        let name = unused_name();
        for controller in needed(&settings) {
            cgroup.make(&hierarchy, controller, parent, &name)?;
        }
        for controller in
            Controller::ALL.into_iter().filter(|one| limits.has_groups && *one != Controller::Cpuset)
        {
            // Statistics and freezing are for machines that offer them.
            let made = cgroup.make(&hierarchy, controller, parent, &name);
            if parent.is_some() && controller == Controller::Memory {
                made?;
            }
        }
        cgroup.0.apply(&settings)?;
        Ok(cgroup)
    }

    /// Makes the group for a controller, unless it exists; removes the groups of callers that are gone.
    fn make(
        &mut self,
        hierarchy: &Hierarchy,
        controller: Controller,
        within: Option<&str>,
        name: &str,
    ) -> Result<(), SandboxError> {
        if self.0.dirs.contains_key(&controller) {
            return Ok(());
        }
        let failed = |error: io::Error| unavailable("cannot make a control group", &error);
        let parent = hierarchy.parent(controller, within).and_then(fs::canonicalize).map_err(failed)?;
        let dir = parent.join(name);
        // One hierarchy can have several controllers.
        if !self.0.dirs.values().any(|made| *made == dir) {
            remove_leftovers(&parent);
            fs::create_dir(&dir).map_err(failed)?;
        }
        if controller == Controller::Cpuset {
            inherit_cpuset(&parent, &dir).map_err(failed)?;
        }
        self.0.dirs.insert(controller, dir);
        Ok(())
    }

    /// Returns a handle of the groups for other threads.
    pub(crate) fn handle(&self) -> ControlGroups {
        self.0.clone()
    }

    /// Opens the files through which a process enters the groups.
    pub(crate) fn entrances(&self) -> Result<Vec<OwnedFd>, SandboxError> {
        let open =
            |dir: &PathBuf| File::options().write(true).open(dir.join("cgroup.procs")).map(OwnedFd::from);
        let opened: io::Result<Vec<OwnedFd>> = self.0.distinct().into_iter().map(open).collect();
        opened.map_err(|error| unavailable("cannot enter a control group", &error))
    }

    /// Returns the limits that were reached so far.
    pub(crate) fn reached(&self) -> LimitsReached {
        let counted = |controller, files: &[&str], name: &str| {
            let dir: Option<&PathBuf> = self.0.dirs.get(&controller);
            dir.is_some_and(|dir| files.iter().any(|file| files::count(dir, file, name) > 0))
        };
        LimitsReached {
            memory: counted(Controller::Memory, &["memory.events", "memory.oom_control"], "oom_kill"),
            pids: counted(Controller::Pids, &["pids.events"], "max"),
        }
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for dir in self.0.distinct() {
            for _ in 0..REMOVE_ATTEMPTS {
                // The kernel frees the last process of a group a moment after its end.
                match fs::remove_dir(dir) {
                    Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                        std::thread::sleep(REMOVE_PAUSE)
                    }
                    _ => break,
                }
            }
        }
    }
}

impl ControlGroups {
    /// Stops all processes where they are, until [`ControlGroups::thaw`].
    pub fn freeze(&self) -> Result<(), SandboxError> {
        self.set_frozen(true)
    }

    /// Lets frozen processes go on; does nothing for others.
    pub fn thaw(&self) -> Result<(), SandboxError> {
        if self.dirs.contains_key(&Controller::Freezer) { self.set_frozen(false) } else { Ok(()) }
    }

    fn set_frozen(&self, is_frozen: bool) -> Result<(), SandboxError> {
        let missing = || {
            SandboxError::Unavailable {
            what: "the processes have no control group in which they can be frozen".into(),
            hint: "run as root where /sys/fs/cgroup is writable, or with a delegated group: systemd-run --user --scope \
                   -p Delegate=yes dsbuild ..."
                .into(),
        }
        };
        let dir = self.dirs.get(&Controller::Freezer).ok_or_else(missing)?;
        freezer::set(dir, is_frozen).map_err(crate::error::os("freeze or thaw the processes"))
    }

    /// Returns the resources in use now.
    pub fn stats(&self) -> Stats {
        let of = |controller| self.dirs.get(&controller);
        let (memory_bytes, memory_limit_bytes) =
            of(Controller::Memory).map(|dir| stats::memory(dir)).unwrap_or_default();
        let (read_bytes, written_bytes) =
            of(Controller::BlockIo).map(|dir| stats::disk(dir)).unwrap_or_default();
        Stats {
            cpu_ns: of(Controller::CpuTime).and_then(|dir| stats::cpu_ns(dir)),
            memory_bytes,
            memory_limit_bytes,
            pids: of(Controller::Pids).and_then(|dir| files::number(dir, "pids.current")),
            read_bytes,
            written_bytes,
        }
    }

    /// Changes the limits that `limits` has, and leaves the others as they are. A limit on a resource for which the
    /// sandbox has no group is an error.
    pub fn update(&self, limits: &Limits) -> Result<(), SandboxError> {
        let settings = match self.version {
            Some(version) => limits.settings(version)?,
            None if limits.is_empty() => Vec::new(),
            None => return Err(unavailable("cannot change limits", &"the processes have no control group")),
        };
        self.apply(&settings)
    }

    /// Writes settings. A failed one is tried again after the others: the limit on memory can never be above the one
    /// on memory and swap, so that the right order depends on the values before.
    fn apply(&self, settings: &[Setting]) -> Result<(), SandboxError> {
        let apply = |setting: &&Setting| match self.dirs.get(&setting.controller) {
            Some(dir) => files::apply(dir, setting),
            None => Err(io::Error::other("the processes have no control group for it")),
        };
        let failed: Vec<&Setting> = settings.iter().filter(|setting| apply(setting).is_err()).collect();
        for setting in failed {
            let action = format!("cannot set {} to {}", setting.files[0], setting.value);
            apply(&setting).map_err(|error| unavailable(&action, &error))?;
        }
        Ok(())
    }

    /// Returns the directories of the groups, each once.
    fn distinct(&self) -> Vec<&PathBuf> {
        let mut dirs: Vec<&PathBuf> = self.dirs.values().collect();
        dirs.sort();
        dirs.dedup();
        dirs
    }
}

/// Refuses a parent that is not a plain path below the root of a hierarchy.
fn check_parent(parent: Option<&str>) -> Result<(), SandboxError> {
    let is_plain =
        |path: &str| !path.contains('\0') && path.split('/').all(|part| part != ".." && part != ".");
    match parent {
        Some(path) if !is_plain(path) => {
            Err(SandboxError::Invalid { what: "parent of the control group".into(), value: path.to_owned() })
        }
        _ => Ok(()),
    }
}

/// Returns the controllers of settings, each once.
fn needed(settings: &[Setting]) -> Vec<Controller> {
    let mut controllers: Vec<Controller> = settings.iter().map(|setting| setting.controller).collect();
    controllers.sort();
    controllers.dedup();
    controllers
}

/// Returns a name that no other group has.
fn unused_name() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("{PREFIX}{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Gives a new group of version 1 the processors and memory nodes of its parent: it has none, and nobody can enter it.
fn inherit_cpuset(parent: &Path, dir: &Path) -> io::Result<()> {
    for name in ["cpuset.cpus", "cpuset.mems"] {
        if dir.join("cgroup.clone_children").exists() && files::read(dir, name).is_empty() {
            files::write(dir, name, &files::read(parent, name))?;
        }
    }
    Ok(())
}

/// Removes groups whose caller is gone. A group with processes stays, whatever its name is.
fn remove_leftovers(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let owner =
            name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            // Processes that were frozen when their caller was killed can end only once they go on. Somebody else can
            // remove the group at the same time.
            let _ = files::write(&entry.path(), "freezer.state", "THAWED");
            let _ = fs::remove_dir(entry.path());
        }
    }
}

fn unavailable(action: &str, reason: &dyn std::fmt::Display) -> SandboxError {
    SandboxError::Unavailable {
        what: format!("{action} ({reason})"),
        hint: "run without limits such as --memory and --pids-limit, or as root where /sys/fs/cgroup is writable, or with \
               a delegated group: systemd-run --user --scope -p Delegate=yes dsbuild ..."
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_groups_of_callers_that_are_gone_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (own, other) = (format!("{PREFIX}{}-0", std::process::id()), "system.slice".to_owned());
        // The largest process ID is 2^22.
        for name in [&own, &other, &format!("{PREFIX}9999999-3")] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        remove_leftovers(dir.path());
        let mut left: Vec<String> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, [own, other]);
    }

    #[test]
    fn no_limit_needs_no_group() {
        assert!(Cgroup::new(&Limits::default()).unwrap().0.distinct().is_empty());
    }

    #[test]
    fn a_parent_that_leads_elsewhere_is_refused() {
        let check = |parent: &str, is_valid: bool| {
            assert_eq!(check_parent(Some(parent)).is_ok(), is_valid, "{parent}");
        };
        check("/jobs/a", true);
        check("jobs.slice", true);
        check("/jobs/../..", false);
        check("..", false);
    }

    #[test]
    fn a_limit_without_a_group_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let group = dir.path().join("group");
        fs::create_dir(&group).unwrap();
        fs::write(group.join("pids.max"), "").unwrap();
        let dirs = BTreeMap::from([(Controller::Pids, group.clone())]);
        let groups = ControlGroups { dirs, version: Some(Version::Two) };
        groups.update(&Limits { max_pids: Some(7), ..Limits::default() }).unwrap();
        assert_eq!(files::read(&group, "pids.max"), "7");
        let error = groups.update(&Limits { memory_bytes: Some(7), ..Limits::default() }).unwrap_err();
        assert!(error.to_string().contains("cannot set memory.max"), "{error}");
    }
}
