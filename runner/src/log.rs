//! The log of a container: its output, one JSON object a line, `{"t": ms, "s": 1 | 2, "d": text}`.
//!
//! The monitor writes the log while other processes read it. When it reaches [`MAX_BYTES`] it is cut to its newer half,
//! so that a container that writes for ever does not fill the disk.

mod reader;
mod writer;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use reader::LogReader;
pub use writer::LogWriter;

/// Name of the log in the directory of its container.
const FILE_NAME: &str = "log";

/// Size in bytes at which a log is cut.
pub const MAX_BYTES: u64 = 64 << 20;

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
