//! The facts about every path of a directory: whatever a process does to a path changes one of them.
//!
//! The kernel sets the time of the last status change, and no process can set it back. Its clock has ticks of some
//! milliseconds, so a baseline is complete only when the clock has moved on: a change within the same tick would have the
//! same time.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, FileType, OFlags, Statx, StatxFlags, StatxTimestamp};

use crate::RootfsError;
use crate::error::failed;
use trees::safe_path::{DIRECTORY, names, open_beneath};

/// Time after which the clock of file systems has moved on: the longest tick of the kernel (`CONFIG_HZ=100`) and a margin.
const TICK: Duration = Duration::from_millis(12);

/// Seconds since 1970, and nanoseconds.
type Time = (i64, u32);

/// Facts about a path. They are equal as long as nobody changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    mode: u16,
    owner: (u32, u32),
    size_bytes: u64,
    device: (u32, u32),
    modified: Time,
    changed: Time,
    identity: Identity,
}

/// Identity of a file or directory, which another one at the same path does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    inode: u64,
    /// Time at which it was made, because the number of a removed inode is soon used again; 0 where it is unknown.
    made: Time,
}

impl Facts {
    /// Returns the facts about `name` in `dir`, or about `dir` itself for the empty name, without following a symlink.
    pub(super) fn of(dir: &OwnedFd, name: &OsStr) -> rustix::io::Result<Self> {
        let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
        let stat = rustix::fs::statx(dir, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH, wanted)?;
        Ok(Self {
            mode: stat.stx_mode,
            owner: (stat.stx_uid, stat.stx_gid),
            size_bytes: stat.stx_size,
            device: (stat.stx_rdev_major, stat.stx_rdev_minor),
            modified: time(stat.stx_mtime),
            changed: time(stat.stx_ctime),
            identity: Identity { inode: stat.stx_ino, made: made(&stat) },
        })
    }

    pub(super) fn is_dir(&self) -> bool {
        FileType::from_raw_mode(self.mode.into()) == FileType::Directory
    }

    /// Reports whether the path still is the directory that it was before, whatever has changed in it.
    pub(super) fn is_same_directory(&self, before: &Self) -> bool {
        self.is_dir() && before.is_dir() && self.identity == before.identity
    }

    /// Reports whether two states of a directory differ in the order of events only: all that a layer describes is equal,
    /// extended attributes aside.
    pub(super) fn describes_same(&self, before: &Self) -> bool {
        let described = |facts: &Self| (facts.mode, facts.owner, facts.modified, facts.identity);
        described(self) == described(before)
    }

    /// Returns the modification time.
    pub(super) fn modified(&self) -> Time {
        self.modified
    }
}

fn time(time: StatxTimestamp) -> Time {
    (time.tv_sec, time.tv_nsec)
}

fn made(stat: &Statx) -> Time {
    let is_known = StatxFlags::from_bits_retain(stat.stx_mask).contains(StatxFlags::BTIME);
    if is_known { time(stat.stx_btime) } else { (0, 0) }
}

/// Facts about all paths below a directory.
#[derive(Debug, Default)]
pub(crate) struct Baseline {
    directories: HashMap<PathBuf, BTreeMap<OsString, Facts>>,
}

impl Baseline {
    /// Returns the facts about everything below the directory `root`. Nobody changes it while this function runs.
    pub(crate) fn of(root: &OwnedFd) -> Result<Self, RootfsError> {
        let mut directories = HashMap::new();
        let mut pending = vec![PathBuf::new()];
        while let Some(path) = pending.pop() {
            let dir = open_beneath(root, &path, DIRECTORY | OFlags::RDONLY).map_err(failed("open", &path))?;
            let children = children(&dir).map_err(failed("read the directory", &path))?;
            let below = children.iter().filter(|(_, facts)| facts.is_dir());
            pending.extend(below.map(|(name, _)| path.join(name)));
            directories.insert(path, children);
        }
        std::thread::sleep(TICK);
        Ok(Self { directories })
    }

    /// Returns what was in the directory `path`, by name; `None` if there was no such directory.
    pub(super) fn children(&self, path: &Path) -> Option<&BTreeMap<OsString, Facts>> {
        self.directories.get(path)
    }

    /// Returns the facts about `path`; `None` for the root and for a path that did not exist.
    pub(super) fn facts(&self, path: &Path) -> Option<&Facts> {
        self.children(path.parent()?)?.get(path.file_name()?)
    }
}

/// Returns the facts about everything in the directory `dir`, by name.
fn children(dir: &OwnedFd) -> rustix::io::Result<BTreeMap<OsString, Facts>> {
    let facts = |name: OsString| Facts::of(dir, &name).map(|facts| (name, facts));
    names(dir.as_fd())?.into_iter().map(facts).collect()
}
