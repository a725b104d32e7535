//! The changes in an overlay's upper directory, as a layer describes them.
//!
//! | in the upper directory                     | in the layer                        |
//! |--------------------------------------------|-------------------------------------|
//! | character device 0:0                       | whiteout                            |
//! | directory with `overlay.opaque` = `y`      | opaque, if the lower layers have it |
//! | directory copied up for an entry in it     | directory with its metadata         |
//! | file copied up without a change            | nothing ([`super::untouched`])       |
//! | socket                                     | nothing                             |
//! | second or further name of an inode         | hard link to the first one in order |
//! | overlayfs' own attributes, security labels | nothing                             |
//!
//! Overlayfs marks every directory that it makes in a merged one as opaque, to avoid lookups in lower layers. In a
//! layer, that mark would claim that something was replaced, so it counts only where there is a directory to hide.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{FileType, OFlags};

use super::copies::is_before;
use super::lowers::Lowers;
use crate::RootfsError;
use crate::change::{Change, SharedInode, in_order};
use crate::error::failed;
use trees::dir_tree::read_entry;
use trees::entry::Kind;
use trees::safe_path::{DIRECTORY, names, open_beneath};

/// Content of an upper directory.
pub(super) struct UpperContent {
    /// All changes, without the root itself, in the order of their paths' components.
    pub changes: Vec<Change>,
    /// Files whose time is older than the snapshot: they can be equal to the lower ones. Overlayfs marks its copies, but
    /// not those of a file with several names.
    pub suspects: BTreeSet<PathBuf>,
}

/// Returns all changes below the directory `upper`. `began` is when the process began, or earlier.
pub(super) fn collect(
    upper: &OwnedFd,
    lowers: &Lowers<'_>,
    began: SystemTime,
) -> Result<UpperContent, RootfsError> {
    let mut collector = Collector { lowers, began, found: Vec::new(), suspects: BTreeSet::new() };
    let mut pending = vec![PathBuf::new()];
    while let Some(path) = pending.pop() {
        let dir = open_beneath(upper, &path, DIRECTORY | OFlags::RDONLY).map_err(failed("open", &path))?;
        let first = collector.found.len();
        collector.add_directory(&dir, &path)?;
        let below = collector.found[first..].iter().filter(|(change, _)| change.entry.is_dir());
        pending.extend(below.map(|(change, _)| change.path.clone()));
    }
    Ok(UpperContent { changes: in_order(collector.found), suspects: collector.suspects })
}

struct Collector<'a> {
    lowers: &'a Lowers<'a>,
    began: SystemTime,
    found: Vec<(Change, SharedInode)>,
    suspects: BTreeSet<PathBuf>,
}

impl Collector<'_> {
    /// Adds the entries directly in the directory `dir`, which is at `path`.
    fn add_directory(&mut self, dir: &OwnedFd, path: &Path) -> Result<(), RootfsError> {
        for name in names(dir.as_fd()).map_err(failed("read the directory", path))? {
            let path = path.join(&name);
            let Some((mut entry, stat)) = read_entry(dir, &name).map_err(failed("look at", &path))? else {
                continue;
            };
            if let Kind::Directory { opaque } = &mut entry.kind {
                *opaque = self.is_opaque(dir, &name, &path)?;
            }
            let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
            if is_file && stat.st_nlink == 1 && is_before(entry.mtime, self.began) {
                self.suspects.insert(path.clone());
            }
            let shared = (is_file && stat.st_nlink > 1).then_some((stat.st_dev, stat.st_ino));
            self.found.push((Change { path, entry }, shared));
        }
        Ok(())
    }

    fn is_opaque(&self, dir: &OwnedFd, name: &OsStr, path: &Path) -> Result<bool, RootfsError> {
        let marked = self.lowers.flavor.is_opaque(dir.as_fd(), name);
        let marked = marked.map_err(failed("read an attribute of", path))?;
        Ok(marked && self.lowers.directory(path)?.is_some())
    }
}
