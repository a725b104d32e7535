//! The resources that a sandbox has used: processor time, memory, disk.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use std::time::Duration;

use crate::wire::wire_struct;

/// Unit in which Linux counts disk reads and writes, independent of the file system's block size.
const BLOCK_BYTES: u64 = 512;

/// Resources that the processes of a sandbox have used together.
///
/// The kernel counts a process when its parent waits for it. Processes that were killed by the end of the first one are
/// therefore left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time in the processes themselves, in microseconds.
    pub user_us: u64,
    /// Processor time in the kernel on their behalf, in microseconds.
    pub system_us: u64,
    /// Peak memory of the largest process, at least what our own program needs to set the sandbox up.
    pub max_rss_bytes: u64,
    /// Bytes read from disks; reads from the page cache do not count.
    pub read_bytes: u64,
    /// Bytes written to files on disks, though some may still be in memory; writes to a tmpfs do not count.
    pub written_bytes: u64,
}

wire_struct!(Usage { user_us, system_us, max_rss_bytes, read_bytes, written_bytes });

impl Usage {
    /// Returns the usage of all children that this process has waited for, and of theirs; zero if it is unavailable.
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

    /// Returns the processor time of the processes and of the kernel on their behalf.
    pub fn cpu(&self) -> Duration {
        Duration::from_micros(self.user_us + self.system_us)
    }
}

fn micros(time: TimeVal) -> u64 {
    u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap_or(0)
}
