//! Reasons why a sweep cannot run. A fault of the binary under test is no error of a sweep: the report counts it.

use std::io;
use std::path::{Path, PathBuf};

/// Reason why a sweep cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// A file of the sweep itself cannot be read or written.
    #[error("cannot use {path}: {source}")]
    Io {
        /// Path of the file or directory.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// A program that prepares a point failed, or the binary failed before any fault was provoked.
    #[error("{command} failed: {output}")]
    Setup {
        /// Program and arguments, separated by blanks.
        command: String,
        /// End of its output.
        output: String,
    },
    /// A point is not as specified, and `--first` keeps its files.
    #[error("stopped at the first point that is not as specified: {0}")]
    Stopped(String),
    /// The sweep changes mounts and needs to be root.
    #[error("a sweep needs root: it provokes faults in a mount namespace of its own")]
    NotRoot,
    /// A program that the sweep needs is not installed.
    #[error("{0} is not installed; run scripts/setup test")]
    MissingProgram(&'static str),
}

impl SweepError {
    /// Returns a function that adds `path` to an error of the operating system.
    pub fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
