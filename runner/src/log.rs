//! The log of a container: its output, one JSON object a line, `{"t": ms, "s": 1 | 2, "d": text}`.
//!
//! The monitor writes the log while other processes read it. A log consists of *segments*: `log`, `log.1`, `log.2`. When
//! the newest one is full, the next one begins and the oldest one goes, so that a container that writes for ever does not
//! fill the disk. A segment never changes but at its end, so that a reader repeats no line and loses none, unless it is
//! slower than the writer by all segments.

mod reader;
mod segments;
mod writer;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub(crate) use segments::is_segment_name;

pub use reader::LogReader;
pub use writer::{LogWriter, StreamLog};

/// Room that a log has, and how it is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLimits {
    /// --log-opt max-size: size in bytes at which a segment is full.
    pub max_segment_bytes: u64,
    /// --log-opt max-file: number of segments, the newest one included.
    pub max_segments: u64,
}

impl Default for LogLimits {
    /// 64 MiB in four segments.
    fn default() -> Self {
        Self { max_segment_bytes: 16 << 20, max_segments: 4 }
    }
}

/// Number of standard output in a [`Piece`].
pub const STDOUT: u8 = 1;
/// Number of standard error in a [`Piece`].
pub const STDERR: u8 = 2;

/// A piece of output: a line with its line feed, or a part of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Time at which it was read, in milliseconds since 1970.
    #[serde(rename = "t")]
    pub time_ms: u64,
    /// Stream that it was written to, [`STDOUT`] or [`STDERR`].
    #[serde(rename = "s")]
    pub stream: u8,
    /// Text; bytes that are not UTF-8 are replaced by U+FFFD.
    #[serde(rename = "d")]
    pub text: String,
}

/// Reports whether the disk with the directory of a container has no block left, so that its output is being lost.
pub fn is_disk_full(dir: &Path) -> bool {
    rustix::fs::statvfs(dir).is_ok_and(|disk| disk.f_bavail == 0)
}
