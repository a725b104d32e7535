//! The first content of named volumes.
//!
//! As with docker, a named volume that is empty gets the content of the directory of the image that it hides, with owners
//! and modes, so that a process that is not root can write to its own directory. Directories of the machine never do.

use std::ffi::CStr;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use trees::materialize::materialize;
use trees::tree::{Tree, resolve};

use trees::id_map::IdMap;

use crate::RunnerError;
use crate::container::Volume;
use crate::error::io_error;

/// Fills a named volume that is empty. Two containers that start at once fill it once.
pub(crate) fn fill(volume: &Volume, image: &dyn Tree) -> Result<(), RunnerError> {
    if !volume.is_named || volume.options.no_copy {
        return Ok(());
    }
    let dir = &volume.source;
    let lock = File::open(dir).map_err(io_error("open", dir))?;
    crate::files::lock(&lock).map_err(io_error("lock", dir))?;
    if fs::read_dir(dir).map_err(io_error("read", dir))?.next().is_some() {
        return Ok(());
    }
    if let Some(source) = hidden_directory(image, &volume.target).map_err(io_error("read", dir))? {
        materialize(image, &source, dir)?;
    }
    Ok(())
}

/// Returns the directory of the image at `target`, an absolute path; `None` if the image has no directory there.
fn hidden_directory(image: &dyn Tree, target: &str) -> std::io::Result<Option<PathBuf>> {
    let path = resolve(image, Path::new(target), true)?;
    let entry = image.lookup(&path)?;
    Ok(entry.filter(|entry| entry.is_dir()).map(|_| path))
}

/// Gives everything in a volume with `:U` to the user of the container. Symlinks are given away themselves, and never
/// followed.
pub(crate) fn give(volume: &Volume, uid: u32, gid: u32) -> Result<(), RunnerError> {
    // With a single user ID everything has the same owner.
    let has_single_id = IdMap::current().is_ok_and(|map| map.user_count() == 1);
    if !volume.options.takes_owner || has_single_id {
        return Ok(());
    }
    let source = &volume.source;
    let given =
        rustix::fs::open(source, PATH, Mode::empty()).and_then(|root| give_below(&root, c"", uid, gid));
    given.map_err(|error| io_error("give away", source)(error.into()))
}

const PATH: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn give_below(parent: &OwnedFd, name: &CStr, uid: u32, gid: u32) -> rustix::io::Result<()> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH;
    rustix::fs::chownat(parent, name, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), flags)?;
    let path = if name.is_empty() { c"." } else { name };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = match rustix::fs::openat(parent, path, flags, Mode::empty()) {
        // A file or a symlink has nothing below it.
        Err(Errno::NOTDIR | Errno::LOOP) => return Ok(()),
        opened => opened?,
    };
    for entry in Dir::read_from(&dir)? {
        let entry = entry?;
        if ![c".", c".."].contains(&entry.file_name()) {
            give_below(&dir, entry.file_name(), uid, gid)?;
        }
    }
    Ok(())
}
