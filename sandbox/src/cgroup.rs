//! Limits on the resources of a whole sandbox: memory and processes, by control groups.
//!
//! ```text
//! hierarchy   the directories below /sys/fs/cgroup in which groups can be made, for version 1, 2, and delegated ones
//! ```
//!
//! A sandbox with limits has a group of its own in each hierarchy that is needed. The guest enters it before anything
//! else, so that the caller and the sandbox's supervisor do not count. The groups are removed with the sandbox. SIGKILL
//! of the caller leaves empty groups behind; the next sandbox with limits removes them.
//!
//! A limit that cannot be enforced is an error, never ignored.

mod hierarchy;

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::SandboxError;
use hierarchy::{Controller, Hierarchy};

/// Beginning of the name of every group; the ID of the caller and a number follow.
const PREFIX: &str = "dsbuild-";

/// Attempts to remove a group whose processes have just ended, and the pause between two.
const REMOVE_ATTEMPTS: u32 = 50;
const REMOVE_PAUSE: Duration = Duration::from_millis(2);

/// Limits on the resources of all processes of a sandbox together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// --memory: bytes of memory, swap included; not limited if absent.
    pub memory_bytes: Option<u64>,
    /// --pids-limit: number of processes and threads; not limited if absent.
    pub max_pids: Option<u64>,
}

/// Limits that the processes of a sandbox have run into.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LimitsReached {
    /// True if the kernel killed a process because memory ran out.
    pub memory: bool,
    /// True if the kernel refused a new process or thread.
    pub pids: bool,
}

/// The groups of one sandbox; removed when dropped, by when all its processes have ended.
#[derive(Debug, Default)]
pub(crate) struct Cgroup {
    memory: Option<PathBuf>,
    pids: Option<PathBuf>,
}

impl Cgroup {
    /// Makes the groups that `limits` needs: none without a limit.
    pub(crate) fn new(limits: &Limits) -> Result<Self, SandboxError> {
        let mut groups = Self::default();
        if limits == &Limits::default() {
            return Ok(groups);
        }
        let hierarchy =
            Hierarchy::find().map_err(|reason| unavailable("cannot find control groups", &reason))?;
        if let Some(bytes) = limits.memory_bytes {
            let dir = groups.memory.insert(group(&hierarchy, Controller::Memory)?);
            limit_memory(&hierarchy, dir, bytes)
                .map_err(|error| unavailable("cannot limit memory", &error))?;
        }
        if let Some(max) = limits.max_pids {
            let dir = match (&groups.memory, &hierarchy) {
                (Some(dir), Hierarchy::Unified { .. }) => dir.clone(),
                _ => group(&hierarchy, Controller::Pids)?,
            };
            let dir = groups.pids.insert(dir);
            write(dir, "pids.max", max).map_err(|error| unavailable("cannot limit processes", &error))?;
        }
        Ok(groups)
    }

    /// Opens the files through which a process enters the groups.
    pub(crate) fn entrances(&self) -> Result<Vec<OwnedFd>, SandboxError> {
        let open =
            |dir: &PathBuf| File::options().write(true).open(dir.join("cgroup.procs")).map(OwnedFd::from);
        let opened: io::Result<Vec<OwnedFd>> = self.dirs().into_iter().map(open).collect();
        opened.map_err(|error| unavailable("cannot enter a control group", &error))
    }

    /// Returns the limits that were reached so far.
    pub(crate) fn reached(&self) -> LimitsReached {
        let counted = |dir: &Option<PathBuf>, files: &[&str], name: &str| {
            dir.as_ref().is_some_and(|dir| files.iter().any(|file| count(&dir.join(file), name) > 0))
        };
        LimitsReached {
            memory: counted(&self.memory, &["memory.events", "memory.oom_control"], "oom_kill"),
            pids: counted(&self.pids, &["pids.events"], "max"),
        }
    }

    /// Returns the directories of the groups, each once.
    fn dirs(&self) -> Vec<&PathBuf> {
        let mut dirs: Vec<&PathBuf> = self.memory.iter().chain(&self.pids).collect();
        dirs.dedup();
        dirs
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for dir in self.dirs() {
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

/// Makes a group with an unused name, and removes the groups of callers that are gone.
fn group(hierarchy: &Hierarchy, controller: Controller) -> Result<PathBuf, SandboxError> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let failed = |error: io::Error| unavailable("cannot make a control group", &error);
    let parent = hierarchy.parent(controller).map_err(failed)?;
    remove_leftovers(&parent);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let dir = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
    fs::create_dir(&dir).map_err(failed)?;
    Ok(dir)
}

/// Removes groups whose caller is gone. A group with processes stays, whatever its name is.
fn remove_leftovers(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let owner =
            name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            // Somebody else can remove it at the same time.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Limits memory and swap together: with swap beside it, a limit would only make the sandbox slow.
fn limit_memory(hierarchy: &Hierarchy, dir: &Path, bytes: u64) -> io::Result<()> {
    // Kernels without swap accounting lack the second file.
    let swap = |name: &str, value: u64| match write(dir, name, value) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    };
    if let Hierarchy::Unified { .. } = hierarchy {
        write(dir, "memory.max", bytes)?;
        swap("memory.swap.max", 0)
    } else {
        write(dir, "memory.limit_in_bytes", bytes)?;
        swap("memory.memsw.limit_in_bytes", bytes)
    }
}

fn write(dir: &Path, name: &str, value: u64) -> io::Result<()> {
    File::options().write(true).open(dir.join(name)).and_then(|mut file| {
        use io::Write as _;
        file.write_all(value.to_string().as_bytes())
    })
}

/// Returns the number after `name` in a file of lines `NAME NUMBER`; 0 if no line has that name.
fn count(file: &Path, name: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let number = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok();
    text.lines().find_map(number).unwrap_or(0)
}

fn unavailable(action: &str, reason: &dyn std::fmt::Display) -> SandboxError {
    SandboxError::Unavailable {
        what: format!("{action} ({reason})"),
        hint: "run without --memory and --pids-limit, or as root where /sys/fs/cgroup is writable, or with a delegated \
               group: systemd-run --user --scope -p Delegate=yes dsbuild ..."
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_by_their_whole_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("memory.events");
        fs::write(&file, "low 0\noom 3\noom_kill 2\noom_group_kill 1\n").unwrap();
        assert_eq!(count(&file, "oom"), 3);
        assert_eq!(count(&file, "oom_kill"), 2);
        assert_eq!(count(&file, "max"), 0);
        assert_eq!(count(&dir.path().join("absent"), "oom"), 0);
    }

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
        assert!(Cgroup::new(&Limits::default()).unwrap().dirs().is_empty());
    }
}
