//! The limit that a failed process has reached: memory, processes, or the disk.

use std::fmt;
use std::path::{Path, PathBuf};

use sandbox::{Limits, LimitsReached};

/// Free bytes below which a disk counts as full.
const MIN_FREE_BYTES: u64 = 1 << 20;

/// A limit that is mostly the cause of a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReachedLimit {
    /// --memory: the kernel killed a process.
    Memory {
        /// Limit in bytes, swap included.
        bytes: u64,
    },
    /// --pids-limit: the kernel refused a process or thread.
    Pids {
        /// Largest number of processes and threads.
        max: u64,
    },
    /// The disk of the store is full.
    Disk {
        /// Directory of the store.
        store: PathBuf,
    },
}

impl ReachedLimit {
    /// Returns the limit that a process has reached; `None` if it has failed for another reason.
    pub(super) fn find(reached: LimitsReached, limits: &Limits, store: &Path) -> Option<Self> {
        let memory = limits.memory_bytes.filter(|_| reached.memory).map(|bytes| Self::Memory { bytes });
        let pids = || limits.max_pids.filter(|_| reached.pids).map(|max| Self::Pids { max });
        let disk = || is_full(store).then(|| Self::Disk { store: store.to_owned() });
        memory.or_else(pids).or_else(disk)
    }
}

/// Reports whether a file system has no blocks or no inodes left for us. One that cannot be asked has.
fn is_full(dir: &Path) -> bool {
    rustix::fs::statvfs(dir).is_ok_and(|disk| {
        let has_inodes = disk.f_files == 0 || disk.f_favail > 0;
        disk.f_bavail.saturating_mul(disk.f_frsize) < MIN_FREE_BYTES || !has_inodes
    })
}

impl fmt::Display for ReachedLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { bytes } => write!(f, "the memory limit of {} was reached", Size(*bytes)),
            Self::Pids { max } => write!(f, "the limit of {max} processes was reached"),
            Self::Disk { store } => write!(f, "the disk of the store {} is full", store.display()),
        }
    }
}

/// Number of bytes that is shown in the largest unit without a fraction.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match units.into_iter().find(|(factor, _)| self.0 >= *factor && self.0.is_multiple_of(*factor)) {
            Some((factor, unit)) => write!(f, "{} {unit}", self.0 / factor),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(memory: bool, pids: bool, expected: Option<ReachedLimit>) {
        let limits = Limits { memory_bytes: Some(1000), max_pids: Some(5), ..Limits::default() };
        let store = tempfile::tempdir().expect("a directory for the test");
        assert_eq!(ReachedLimit::find(LimitsReached { memory, pids }, &limits, store.path()), expected);
    }

    #[test]
    fn memory_is_named_before_processes() {
        check(false, false, None);
        check(false, true, Some(ReachedLimit::Pids { max: 5 }));
        check(true, true, Some(ReachedLimit::Memory { bytes: 1000 }));
    }

    #[test]
    fn a_size_has_the_largest_unit_without_a_fraction() {
        let check = |bytes, expected| assert_eq!(Size(bytes).to_string(), expected);
        check(64 << 20, "64 MiB");
        check(3 << 30, "3 GiB");
        check(1536, "1536 bytes");
        check(1 << 10, "1 KiB");
    }
}
