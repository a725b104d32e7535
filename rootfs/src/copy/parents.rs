//! Directories in which a sandbox has made mount points, after these have been removed again.
//!
//! Making and removing a name changes the time of a directory, and the kernel's record of its last change for good. A
//! directory that differs in nothing else counts as unchanged.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, Timespec, Timestamps};

use super::baseline::{Baseline, Facts};
use crate::RootfsError;
use crate::error::failed;
use trees::safe_path::{DIRECTORY, is_absent, names, open_beneath};
use trees::tree::Tree;
use trees::xattr;

/// Gives each directory of `parents` below `root` its time back: the one in `before` if it has the same names as then, and
/// the one in `parents` otherwise. Returns the directories in which nothing else has changed either; `tree` has what they
/// were copied from.
pub(crate) fn restore_times(
    root: &OwnedFd,
    before: &Baseline,
    tree: &dyn Tree,
    parents: &BTreeMap<PathBuf, Timestamps>,
) -> Result<BTreeSet<PathBuf>, RootfsError> {
    let mut unchanged = BTreeSet::new();
    // The root directory itself is not part of a layer.
    for (path, times) in parents.iter().filter(|(path, _)| !path.as_os_str().is_empty()) {
        let dir = match open_beneath(root, path, DIRECTORY | OFlags::RDONLY) {
            Err(error) if is_absent(error) => continue,
            opened => opened.map_err(failed("open", path))?,
        };
        let earlier = earlier(&dir, path, before)?;
        let times = earlier.map_or_else(|| times.clone(), |facts| timestamps(facts.modified()));
        rustix::fs::futimens(&dir, &times).map_err(failed("restore the time of", path))?;
        if let Some(earlier) = earlier
            && facts(&dir, path)?.describes_same(earlier)
            && has_attributes_of(&dir, path, tree)?
        {
            unchanged.insert(path.clone());
        }
    }
    Ok(unchanged)
}

/// Returns the facts that a directory had before, if it is the same and has the same names.
fn earlier<'a>(dir: &OwnedFd, path: &Path, before: &'a Baseline) -> Result<Option<&'a Facts>, RootfsError> {
    let (Some(earlier), Some(children)) = (before.facts(path), before.children(path)) else {
        return Ok(None);
    };
    let has_same_names =
        names(dir.as_fd()).map_err(failed("read the directory", path))?.iter().eq(children.keys());
    let is_same = has_same_names && facts(dir, path)?.is_same_directory(earlier);
    Ok(is_same.then_some(earlier))
}

fn facts(dir: &OwnedFd, path: &Path) -> Result<Facts, RootfsError> {
    Facts::of(dir, OsStr::new("")).map_err(failed("stat", path))
}

fn has_attributes_of(dir: &OwnedFd, path: &Path, tree: &dyn Tree) -> Result<bool, RootfsError> {
    let attributes =
        xattr::read(dir.as_fd(), OsStr::new("")).map_err(failed("read the attributes of", path))?;
    let copied = tree.lookup(path).map_err(failed("look up", path))?;
    Ok(copied.is_some_and(|entry| entry.xattrs == attributes))
}

fn timestamps((seconds, nanoseconds): (i64, u32)) -> Timestamps {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() };
    Timestamps { last_access: time, last_modification: time }
}
