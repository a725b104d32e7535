//! An open store: the handle that all other modules add their methods to.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oci::DiffId;

use crate::StoreError;
use crate::files::{IoContext, mark_path_used};
use crate::layout::{self, prepare};
use crate::session::Session;
use crate::tmp::{clear, leftovers, make_private_dir};

/// An open store. It holds the store's lock together with other processes, which keeps collection away.
///
/// Every method takes `&self`, so threads share one store.
#[derive(Debug)]
pub struct Store {
    pub(crate) session: Arc<Session>,
}

impl Store {
    /// Opens the store at `root`, creating it if needed. Waits while a collection is running.
    ///
    /// Removes what dead processes left in `tmp/`, in the background: a tree of a hundred thousand files takes seconds.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let root = prepare(root)?;
        let session = Session::new(&root)?;
        let dead = leftovers(&root)?;
        if !dead.is_empty() {
            // Where no thread can be started, the next process that opens the store removes them.
            let _ = std::thread::Builder::new().spawn(move || clear(dead));
        }
        Ok(Self { session: Arc::new(session) })
    }

    /// Removes symbolic links, files and FIFOs that lie in the place of a directory of the store at `root`, and whatever
    /// lies in the place of a file that can be made anew. Returns their paths. Such a store cannot be opened.
    pub fn repair_layout(root: &Path) -> Result<Vec<PathBuf>, StoreError> {
        layout::repair(root)
    }

    /// Returns the directory that the store is in, without symbolic links in its path.
    pub fn root(&self) -> &Path {
        self.session.root()
    }

    /// Has messages for the user, about damage that was made good, sent to `receiver`. The first call counts.
    pub fn send_notices_to(&self, receiver: fn(&str)) {
        self.session.notices.send_to(receiver);
    }

    /// Allows collections from now on although this process has the store open, for a process that only watches over a
    /// container. Its scratch directories stay, and so do the blobs that a root protects ([`Store::protect`]); nothing
    /// else may be asked of the store afterwards.
    pub fn stand_aside(&self) -> Result<(), StoreError> {
        self.session.unlock().at("unlock", self.root())
    }

    /// Returns the directory for what is derived from a layer (index, EROFS image, tree), creating it if needed.
    pub fn layer_dir(&self, layer: &DiffId) -> Result<PathBuf, StoreError> {
        let path = self.root().join("layers").join(layer.0.hex());
        match make_private_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => mark_path_used(&path),
            made => made.at("make", &path)?,
        }
        Ok(path)
    }
}
