//! A directory for one input, in memory where the machine has `/dev/shm`.

use std::path::Path;

use tempfile::TempDir;

/// Directory that is removed with its content.
pub struct Scratch(TempDir);

impl Scratch {
    /// Creates an empty directory.
    pub fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        Self(made.expect("a directory can be created"))
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}
