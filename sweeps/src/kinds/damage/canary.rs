//! Files outside of the store to which symlinks in a damaged store lead. They must never change.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::error::SweepError;
use crate::report::Fault;

/// A file and a directory with a file.
#[derive(Debug)]
pub struct Canary {
    file: PathBuf,
    dir: PathBuf,
    /// State when they were created.
    created: String,
}

impl Canary {
    /// Creates the canary in `root`.
    pub fn create(root: &Path) -> Result<Self, SweepError> {
        let (file, dir) = (root.join("file"), root.join("dir"));
        fs::create_dir_all(&dir).map_err(SweepError::at(&dir))?;
        for path in [&file, &dir.join("kept")] {
            fs::write(path, "root:x:0:0:root:/root:/bin/sh\n").map_err(SweepError::at(path))?;
        }
        let created = state(root);
        Ok(Self { file, dir, created })
    }

    /// Returns the target of a symlink in place of a file or directory.
    pub fn target(&self, is_dir: bool) -> PathBuf {
        if is_dir { self.dir.clone() } else { self.file.clone() }
    }

    /// Returns a fault if anything has changed.
    pub fn check(&self) -> Option<Fault> {
        let now = state(self.file.parent().unwrap_or(&self.file));
        (now != self.created).then(|| Fault::new("a file outside of the store is changed", now))
    }
}

/// Returns names, modes, owners, times and contents below a directory.
fn state(dir: &Path) -> String {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let line = |path: PathBuf| match fs::symlink_metadata(&path) {
        Ok(found) => {
            let inside = if found.is_dir() {
                state(&path)
            } else if found.is_file() {
                fs::read_to_string(&path).unwrap_or_default()
            } else {
                String::new()
            };
            let (mode, owner, time_ns) = (found.mode(), found.uid(), found.mtime_nsec());
            format!("{} {mode:o} {owner} {}.{time_ns} {inside};", path.display(), found.mtime())
        }
        Err(error) => format!("{} {error};", path.display()),
    };
    paths.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(change: impl FnOnce(&Path)) {
        let dir = tempfile::tempdir().unwrap();
        let canary = Canary::create(dir.path()).unwrap();
        assert_eq!(canary.check(), None);
        change(dir.path());
        assert!(canary.check().is_some());
    }

    #[test]
    fn every_change_is_noticed() {
        check(|root| fs::write(root.join("file"), "").unwrap());
        check(|root| fs::remove_file(root.join("dir/kept")).unwrap());
        check(|root| fs::write(root.join("dir/new"), "").unwrap());
        check(|root| rustix::fs::chmod(root.join("dir"), rustix::fs::Mode::RWXU).unwrap());
    }
}
