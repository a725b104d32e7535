//! Removal of the mount points that a sandbox made for itself, so that a layer has no trace of them.
//!
//! The process has run meanwhile, and can have put anything in their place. So each mount point is looked up below
//! the upper directory without following a symlink, and is removed only if it is still as empty as it was made.
//! Everything else there belongs to the process. A directory that is in the upper layer because of a mount point
//! alone is removed with it, so that a step that changes nothing leaves an empty layer.
//!
//! Source: CVE-2024-23652 (a cleaner that followed symlinks deleted files of the host).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, OFlags, Stat, Timespec, Timestamps};
use rustix::io::Errno;

use super::lowers::Lowers;
use crate::RootfsError;
use crate::error::failed;
use trees::safe_path::{DIRECTORY, is_absent, names, open_beneath};
use trees::xattr;

/// Mount point that a sandbox had to make in a root file system, and that must not become part of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stub {
    /// Path relative to the root.
    pub path: PathBuf,
    /// Whether it was made as a directory; if not, as an empty file.
    pub is_dir: bool,
}

/// Removes the mount points `stubs` below the directory `upper`.
pub(super) fn remove(upper: &OwnedFd, stubs: &[Stub], lowers: &Lowers<'_>) -> Result<(), RootfsError> {
    restore(upper, &unlink(upper, stubs)?, lowers)
}

/// Removes the files `untouched` below the directory `upper`, which are mere copies of lower ones.
pub(super) fn remove_copies(
    upper: &OwnedFd,
    untouched: &BTreeSet<PathBuf>,
    lowers: &Lowers<'_>,
) -> Result<(), RootfsError> {
    let mut parents = BTreeMap::new();
    for path in untouched {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { continue };
        let Some(dir) = open(upper, parent)? else { continue };
        let before = rustix::fs::fstat(&dir).map_err(failed("stat", parent))?;
        rustix::fs::unlinkat(&dir, name, AtFlags::empty()).map_err(failed("remove", path))?;
        parents.entry(parent.to_owned()).or_insert(before);
    }
    restore(upper, &parents, lowers)
}

/// Undoes the effect that removing entries had on their `parents`, which had these states before.
fn restore(
    upper: &OwnedFd,
    parents: &BTreeMap<PathBuf, Stat>,
    lowers: &Lowers<'_>,
) -> Result<(), RootfsError> {
    let cleaner = Cleaner { upper, lowers };
    // From the bottom up, since the removal of a directory changes the time of its parent.
    parents.iter().rev().try_for_each(|(path, stat)| cleaner.restore(path, stat))
}

/// Removes the mount points `stubs` below the directory `root`, and nothing else. Returns the states that their parents had
/// before, by path.
pub(super) fn unlink(root: &OwnedFd, stubs: &[Stub]) -> Result<BTreeMap<PathBuf, Stat>, RootfsError> {
    let mut stubs: Vec<&Stub> = stubs.iter().filter(|stub| stub.path.file_name().is_some()).collect();
    // The deepest first, since a mount point can be inside another.
    stubs.sort_by_key(|stub| Reverse(stub.path.components().count()));
    let mut parents = BTreeMap::new();
    for stub in stubs {
        remove_stub(root, stub, &mut parents)?;
    }
    Ok(parents)
}

/// Removes one mount point, and records the state that its parent had before.
fn remove_stub(
    root: &OwnedFd,
    stub: &Stub,
    parents: &mut BTreeMap<PathBuf, Stat>,
) -> Result<(), RootfsError> {
    let path = stub.path.strip_prefix("/").unwrap_or(&stub.path);
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let Some(dir) = open(root, parent)? else { return Ok(()) };
    let before = rustix::fs::fstat(&dir).map_err(failed("stat", parent))?;
    if unlink_empty(&dir, name, stub.is_dir).map_err(failed("remove the mount point", path))? {
        parents.entry(parent.to_owned()).or_insert(before);
    }
    Ok(())
}

struct Cleaner<'a> {
    upper: &'a OwnedFd,
    lowers: &'a Lowers<'a>,
}

impl Cleaner<'_> {
    /// Undoes the effect that removing an entry had on the directory `path`: gives it the time that it had `before`.
    /// If it equals the directory of the lower layers, removes it and goes on with its parent.
    fn restore(&self, path: &Path, before: &Stat) -> Result<(), RootfsError> {
        let (mut path, mut before) = (path, *before);
        loop {
            let Some(dir) = open(self.upper, path)? else { return Ok(()) };
            let times = self.original_times(&dir, path, &before)?;
            rustix::fs::futimens(&dir, &times).map_err(failed("restore the time of", path))?;
            let Some(parent) = path.parent().filter(|_| !path.as_os_str().is_empty()) else { return Ok(()) };
            if !self.equals_lower(&dir, path)? {
                return Ok(());
            }
            let Some(above) = open(self.upper, parent)? else { return Ok(()) };
            before = rustix::fs::fstat(&above).map_err(failed("stat", parent))?;
            let name = path.file_name().unwrap_or_default();
            rustix::fs::unlinkat(&above, name, AtFlags::REMOVEDIR).map_err(failed("remove", path))?;
            path = parent;
        }
    }

    /// Returns the times to give to `dir`: those of the lower layers if nothing is left in it, because then nothing
    /// but mount points can have changed them.
    fn original_times(&self, dir: &OwnedFd, path: &Path, before: &Stat) -> Result<Timestamps, RootfsError> {
        let is_empty = names(dir.as_fd()).map_err(failed("read the directory", path))?.is_empty();
        match self.lowers.directory(path)? {
            Some(lower) if is_empty => Ok(times(&rustix::fs::fstat(lower).map_err(failed("stat", path))?)),
            _ => Ok(times(before)),
        }
    }

    /// Reports whether the upper directory `dir` is a mere copy of the directory that the lower layers have at
    /// `path`.
    fn equals_lower(&self, dir: &OwnedFd, path: &Path) -> Result<bool, RootfsError> {
        let Some(lower) = self.lowers.directory(path)? else { return Ok(false) };
        let stat = |fd: &OwnedFd| rustix::fs::fstat(fd).map_err(failed("stat", path));
        let attributes = |fd: &OwnedFd| {
            xattr::read(fd.as_fd(), OsStr::new("")).map_err(failed("read the attributes of", path))
        };
        let opaque = self.lowers.flavor.is_opaque(dir.as_fd(), OsStr::new(""));
        Ok(!opaque.map_err(failed("read an attribute of", path))?
            && names(dir.as_fd()).map_err(failed("read the directory", path))?.is_empty()
            && metadata(&stat(dir)?) == metadata(&stat(&lower)?)
            && attributes(dir)? == attributes(&lower)?)
    }
}

/// Opens a directory below `root`. Returns `None` if it does not exist (any more), or if the path leads through a symlink or
/// outside.
fn open(root: &OwnedFd, path: &Path) -> Result<Option<OwnedFd>, RootfsError> {
    match open_beneath(root, path, DIRECTORY | OFlags::RDONLY) {
        Ok(dir) => Ok(Some(dir)),
        Err(error) if is_absent(error) || error == Errno::XDEV => Ok(None),
        Err(error) => Err(failed("open", path)(error)),
    }
}

/// Removes `name` if it is still an empty directory, or an empty file with one name. Returns whether it did.
fn unlink_empty(dir: &OwnedFd, name: &OsStr, is_dir: bool) -> rustix::io::Result<bool> {
    let stat = match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(error) if is_absent(error) => return Ok(false),
        stat => stat?,
    };
    let file_type = FileType::from_raw_mode(stat.st_mode);
    let is_empty_file = file_type == FileType::RegularFile && stat.st_size == 0 && stat.st_nlink == 1;
    let flags = match (is_dir, file_type) {
        (true, FileType::Directory) => AtFlags::REMOVEDIR,
        (false, _) if is_empty_file => AtFlags::empty(),
        _ => return Ok(false),
    };
    match rustix::fs::unlinkat(dir, name, flags) {
        Ok(()) => Ok(true),
        Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT | Errno::NOTDIR) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns the metadata that two directories must have in common to count as equal.
fn metadata(stat: &Stat) -> (u32, u32, u32, i64, i64) {
    (stat.st_mode, stat.st_uid, stat.st_gid, stat.st_mtime, stat.st_mtime_nsec.cast_signed())
}

/// Returns the times of a file or directory.
pub(super) fn times(stat: &Stat) -> Timestamps {
    let time = |seconds, nanoseconds: u64| Timespec { tv_sec: seconds, tv_nsec: nanoseconds.cast_signed() };
    Timestamps {
        last_access: time(stat.st_atime, stat.st_atime_nsec),
        last_modification: time(stat.st_mtime, stat.st_mtime_nsec),
    }
}
