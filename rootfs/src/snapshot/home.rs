//! The directory of a snapshot: a scratch directory of this process, or one that a container keeps until it is removed.
//!
//! A directory that is kept counts as made once the directory `complete` is in it. Until then it is made anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use cache::ScratchDir;

use crate::RootfsError;
use crate::error::failed;

/// Name of the directory that tells a complete one; its time is that of the snapshot.
const COMPLETE: &str = "complete";

/// Directory with the files of a snapshot.
pub(super) enum Home {
    /// A directory that disappears with this process.
    Scratch(ScratchDir),
    /// A directory of a container, which exists.
    Kept(PathBuf),
}

impl Home {
    /// Returns the path of the directory.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Scratch(scratch) => scratch.path(),
            Self::Kept(path) => path,
        }
    }

    /// Returns the path of `name` in a directory that is kept; `None` in a scratch directory.
    pub(super) fn kept_dir(&self, name: &str) -> Option<PathBuf> {
        match self {
            Self::Scratch(_) => None,
            Self::Kept(path) => Some(path.join(name)),
        }
    }

    /// Makes the directory `name` in it, unless it is there from before. Returns whether it is new, and the time at which it
    /// was made.
    pub(super) fn begin(&self, name: &str) -> Result<(bool, SystemTime), RootfsError> {
        let dir = self.path().join(name);
        if let Some(complete) = self.kept_dir(COMPLETE) {
            if let Ok(metadata) = complete.symlink_metadata() {
                return Ok((false, metadata.modified().map_err(failed("stat", &complete))?));
            }
            match fs::remove_dir_all(&dir) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(failed("remove", &dir)(error));
                }
                _ => {}
            }
        }
        fs::create_dir(&dir).map_err(failed("make", &dir))?;
        let made = self.path().metadata().and_then(|metadata| metadata.modified());
        Ok((true, made.map_err(failed("stat", self.path()))?))
    }

    /// Notes that the snapshot is complete, if it is kept.
    pub(super) fn complete(&self) -> Result<(), RootfsError> {
        let Some(complete) = self.kept_dir(COMPLETE) else { return Ok(()) };
        fs::create_dir(&complete).map_err(failed("make", &complete))
    }
}
