//! Scratch directories: work in progress of one process, in `tmp/`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::files::IoContext;
use crate::session::Session;
use crate::tmp::make_private_dir;
use crate::tree::remove_tree;
use crate::{Store, StoreError};

/// A private directory of this process in `tmp/`. Dropping it removes it with everything inside, whatever the owners and
/// modes. If the process is killed, the next process that opens the store removes it.
#[derive(Debug)]
pub struct ScratchDir {
    path: PathBuf,
    _session: Arc<Session>,
}

impl ScratchDir {
    /// Absolute path of the directory if the store was opened by one.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        let _ = remove_tree(&self.path);
    }
}

impl Store {
    /// Creates an empty scratch directory. It is on the file system of the store, so that its files can be renamed into
    /// place.
    pub fn scratch(&self) -> Result<ScratchDir, StoreError> {
        let path = self.session.tmp_path()?;
        make_private_dir(&path).at("make", &path)?;
        Ok(ScratchDir { path, _session: Arc::clone(&self.session) })
    }
}
