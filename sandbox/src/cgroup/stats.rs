//! Resources in use by the processes of a sandbox, read from their control groups.

use std::path::Path;

use super::files::{count, number, read};

/// Largest number of bytes that stands for a limit: version 1 writes no limit as a number close to 2^63.
const MAX_LIMIT_BYTES: u64 = 1 << 60;

/// Resources in use by all processes of a sandbox together; `None` where this machine does not count them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Processor time since the start, in nanoseconds.
    pub cpu_ns: Option<u64>,
    /// Memory in bytes, without files that the kernel keeps only because there is room.
    pub memory_bytes: Option<u64>,
    /// Limit on the memory in bytes; `None` without one.
    pub memory_limit_bytes: Option<u64>,
    /// Number of processes and threads.
    pub pids: Option<u64>,
    /// Bytes read from disks since the start.
    pub read_bytes: Option<u64>,
    /// Bytes written to disks since the start.
    pub written_bytes: Option<u64>,
}

/// Reads the memory in use in the group `dir`, and the limit on it.
pub(super) fn memory(dir: &Path) -> (Option<u64>, Option<u64>) {
    let used = number(dir, "memory.current").or_else(|| number(dir, "memory.usage_in_bytes"));
    let inactive =
        count(dir, "memory.stat", "total_inactive_file").max(count(dir, "memory.stat", "inactive_file"));
    let limit = number(dir, "memory.max").or_else(|| number(dir, "memory.limit_in_bytes"));
    (used.map(|used| used.saturating_sub(inactive)), limit.filter(|limit| *limit < MAX_LIMIT_BYTES))
}

/// Reads the processor time of the group `dir`, in nanoseconds.
pub(super) fn cpu_ns(dir: &Path) -> Option<u64> {
    let in_us = || Some(count(dir, "cpu.stat", "usage_usec")).filter(|us| *us > 0).map(|us| us * 1000);
    number(dir, "cpuacct.usage").or_else(in_us)
}

/// Reads the bytes that the group `dir` has read from and written to disks.
pub(super) fn disk(dir: &Path) -> (Option<u64>, Option<u64>) {
    if dir.join("io.stat").exists() {
        let text = read(dir, "io.stat");
        let sum = |key: &str| {
            text.split_whitespace().filter_map(|word| word.strip_prefix(key)?.parse::<u64>().ok()).sum()
        };
        return (Some(sum("rbytes=")), Some(sum("wbytes=")));
    }
    let text = read(dir, "blkio.throttle.io_service_bytes_recursive");
    let sum = |kind: &str| {
        let of_kind = |line: &str| match line.split_whitespace().collect::<Vec<_>>()[..] {
            [_, found, bytes] if found == kind => bytes.parse::<u64>().ok(),
            _ => None,
        };
        text.lines().filter_map(of_kind).sum()
    };
    (Some(sum("Read")), Some(sum("Write")))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn group(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| fs::write(dir.path().join(name), text).unwrap());
        dir
    }

    #[test]
    fn both_versions_are_read() {
        let one = group(&[
            ("memory.usage_in_bytes", "1000\n"),
            ("memory.stat", "inactive_file 1\ntotal_inactive_file 300\n"),
            ("memory.limit_in_bytes", "9223372036854771712\n"),
            ("cpuacct.usage", "77\n"),
            ("blkio.throttle.io_service_bytes_recursive", "8:0 Read 5\n8:0 Write 6\n8:16 Read 7\nTotal 18\n"),
        ]);
        assert_eq!(memory(one.path()), (Some(700), None));
        assert_eq!(cpu_ns(one.path()), Some(77));
        assert_eq!(disk(one.path()), (Some(12), Some(6)));
        let two = group(&[
            ("memory.current", "1000\n"),
            ("memory.stat", "file 900\ninactive_file 400\n"),
            ("memory.max", "5000\n"),
            ("cpu.stat", "usage_usec 12\nuser_usec 3\n"),
            ("io.stat", "8:0 rbytes=5 wbytes=6 rios=1\n8:16 rbytes=7 wbytes=0\n"),
        ]);
        assert_eq!(memory(two.path()), (Some(600), Some(5000)));
        assert_eq!(cpu_ns(two.path()), Some(12_000));
        assert_eq!(disk(two.path()), (Some(12), Some(6)));
    }
}
