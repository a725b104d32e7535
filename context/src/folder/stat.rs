//! Results of `stat`, converted to the types of the store.

use cache::FileStat;
use rustix::fs::Stat;
use trees::entry::Timestamp;

/// Returns the facts by which the stat cache recognizes a file.
pub(super) fn file_stat(stat: &Stat) -> FileStat {
    FileStat {
        device: stat.st_dev,
        inode: stat.st_ino,
        size_bytes: u64::try_from(stat.st_size).unwrap_or(0),
        mtime_ns: in_ns(timestamp(stat.st_mtime, stat.st_mtime_nsec)),
        ctime_ns: in_ns(timestamp(stat.st_ctime, stat.st_ctime_nsec)),
    }
}

/// Converts a time of `stat`.
pub(super) fn timestamp(seconds: i64, nanoseconds: u64) -> Timestamp {
    Timestamp { seconds, nanoseconds: u32::try_from(nanoseconds).unwrap_or(0) }
}

/// Returns a time in nanoseconds since 1970.
pub(super) fn in_ns(time: Timestamp) -> i128 {
    i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanoseconds)
}
