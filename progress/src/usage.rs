//! Resources that the processes of a step consumed.

use std::time::Duration;

/// Resources that the processes of a step consumed together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time in user mode, in microseconds.
    pub user_us: u64,
    /// CPU time in the kernel, in microseconds.
    pub system_us: u64,
    /// Largest resident set size of a single process, in bytes.
    pub max_rss_bytes: u64,
    /// Bytes read from disks; reads served from memory do not count.
    pub read_bytes: u64,
    /// Bytes that were written and go to a disk; file systems in memory do not count.
    pub written_bytes: u64,
}

impl Usage {
    /// Returns the CPU time in user mode and in the kernel together.
    pub fn cpu(&self) -> Duration {
        Duration::from_micros(self.user_us + self.system_us)
    }
}
