//! What a sandbox took of the machine.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use std::time::Duration;

use crate::wire::wire_struct;

/// Linux counts what is read and written in blocks of this size, whatever the file system's are.
const BLOCK_BYTES: u64 = 512;

/// What the processes of a sandbox took, all together. Those that nobody waited for, such as those that the end of the
/// first one killed, do not count: the kernel adds up what is waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Time of processors in the processes themselves, in microseconds.
    pub user_us: u64,
    /// Time of processors in the kernel on their behalf, in microseconds.
    pub system_us: u64,
    /// The most memory that one of them had at once. Never less than our own program needs to set the sandbox up.
    pub max_rss_bytes: u64,
    /// What they read from disks; what was in memory already does not count.
    pub read_bytes: u64,
    /// What they wrote that is to go to a disk; a file system in memory does not count.
    pub written_bytes: u64,
}

wire_struct!(Usage { user_us, system_us, max_rss_bytes, read_bytes, written_bytes });

impl Usage {
    /// Of all children that were waited for, and of theirs. Nothing where the kernel does not say.
    pub(crate) fn of_children() -> Self {
        let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else { return Self::default() };
        let count = |value: i64| u64::try_from(value).unwrap_or(0);
        Self {
            user_us: micros(usage.user_time()),
            system_us: micros(usage.system_time()),
            max_rss_bytes: count(usage.max_rss()) * 1024,
            read_bytes: count(usage.block_reads()) * BLOCK_BYTES,
            written_bytes: count(usage.block_writes()) * BLOCK_BYTES,
        }
    }

    /// Time of processors.
    pub fn cpu(&self) -> Duration {
        Duration::from_micros(self.user_us + self.system_us)
    }
}

fn micros(time: TimeVal) -> u64 {
    u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap_or(0)
}
