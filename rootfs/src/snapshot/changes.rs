//! The changes in an overlay's upper directory, as a layer has them.
//!
//! | in the upper directory                     | in the layer                      |
//! |--------------------------------------------|-----------------------------------|
//! | character device 0:0                       | whiteout                          |
//! | directory with `overlay.opaque` = `y`      | opaque, if lower layers have it   |
//! | directory copied up for something in it    | directory as it is                |
//! | socket                                     | nothing                           |
//! | further name of an inode                   | hard link to the first in order   |
//! | overlayfs' own attributes, security labels | nothing                           |
//!
//! Overlayfs marks every directory that it makes in a merged one as opaque, to save itself a look below. In a layer that
//! would say that something was replaced, so the mark counts only where there is something to hide.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, OFlags};

use super::lowers::{Lowers, kind};
use crate::RootfsError;
use crate::dir_tree::read_entry;
use crate::entry::{Entry, Kind};
use crate::error::failed;
use crate::safe_path::{DIRECTORY, names, open_beneath};

/// A path that differs from the lower layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// Relative to the root.
    pub path: PathBuf,
    /// What it is now; a further name of a file is a [`Kind::Hardlink`] to the first.
    pub entry: Entry,
}

/// All changes below the directory `upper`, without the root itself, in order of their paths' components.
pub(super) fn gather(upper: &OwnedFd, lowers: &Lowers<'_>) -> Result<Vec<Change>, RootfsError> {
    let mut gather = Gather { lowers, found: Vec::new() };
    let mut pending = vec![PathBuf::new()];
    while let Some(path) = pending.pop() {
        let dir = open_beneath(upper, &path, DIRECTORY | OFlags::RDONLY).map_err(failed("open", &path))?;
        let from = gather.found.len();
        gather.directory(&dir, &path)?;
        let below = gather.found[from..].iter().filter(|(change, _)| change.entry.is_dir());
        pending.extend(below.map(|(change, _)| change.path.clone()));
    }
    gather.found.sort_unstable_by(|(left, _), (right, _)| left.path.cmp(&right.path));
    Ok(with_hard_links(gather.found))
}

/// Device and inode of a file that has other names, which may be outside of the layer.
type Shared = Option<(u64, u64)>;

/// Makes all names of a file but the first links to that one.
fn with_hard_links(found: Vec<(Change, Shared)>) -> Vec<Change> {
    let mut firsts = HashMap::new();
    let link = |(mut change, shared): (Change, Shared)| {
        if let Some(inode) = shared {
            let first = firsts.entry(inode).or_insert_with(|| change.path.clone());
            if *first != change.path {
                change.entry.kind = Kind::Hardlink { target: first.clone() };
            }
        }
        change
    };
    found.into_iter().map(link).collect()
}

struct Gather<'a> {
    lowers: &'a Lowers<'a>,
    found: Vec<(Change, Shared)>,
}

impl Gather<'_> {
    fn directory(&mut self, dir: &OwnedFd, path: &Path) -> Result<(), RootfsError> {
        for name in names(dir.as_fd()).map_err(failed("read the directory", path))? {
            let path = path.join(&name);
            let Some((mut entry, stat)) = read_entry(dir, &name).map_err(failed("look at", &path))? else {
                continue;
            };
            if let Kind::Directory { opaque } = &mut entry.kind {
                *opaque = self.is_opaque(dir, &name, &path)?;
            }
            let shared = (kind(&stat) == FileType::RegularFile && stat.st_nlink > 1)
                .then_some((stat.st_dev, stat.st_ino));
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
