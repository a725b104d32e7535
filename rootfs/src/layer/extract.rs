//! Unpacking a layer: its tar becomes a directory tree in the form of an overlayfs lower layer.
//!
//! The index has each path once, parents first, and every path in it leads through directories of the layer only. So
//! no path is resolved. Directories are made from the top down, then the files in them by several threads, then hard
//! links. At last the directories get their owner, mode and time, from the bottom up. Every name is made in its
//! opened parent, with `O_EXCL` or an equivalent, in a directory that no other process has.
//!
//! Whiteouts become character devices 0:0, which every process can make. Opaque directories get overlayfs' attribute.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use trees::TreeError;

use rayon::prelude::*;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::stored;
use crate::RootfsError;
use crate::error::failed;
use crate::index::{Index, Item};
use trees::create::{Creator, Location, Skipped};
use trees::materialize::link;
use trees::path::to_path;
use trees::safe_path::{DIRECTORY, open_beneath};
use trees::sparse;
use trees::xattr::Flavor;

/// Number of entries of a directory that one thread makes at a time.
const CHUNK_ENTRIES: usize = 64;

/// Action for error messages.
const READ_INDEX: &str = "read the index of the layer for";

/// Unpacks the layer with this index and tar into the empty directory `dest`; returns the entries that could not be
/// made.
pub(crate) fn extract(
    index: &Index,
    tar: &Arc<File>,
    dest: &Path,
    flavor: Flavor,
) -> Result<Skipped, RootfsError> {
    let root =
        rustix::fs::open(dest, DIRECTORY | OFlags::RDONLY, Mode::empty()).map_err(failed("open", dest))?;
    let extractor = Extractor { root, tar, creator: Creator::new(flavor) };
    extractor.creator.begin_root(&extractor.root, dest)?;
    let items = || index.items().map_err(failed(READ_INDEX, dest));
    let directories: Vec<Item<'_>> = items()?.filter(Item::is_dir).collect();
    directories.iter().try_for_each(|item| extractor.subdirectories(item))?;
    let chunks = directories.iter().map(chunks).collect::<Result<Vec<_>, _>>()?;
    let chunks: Vec<_> = chunks.into_iter().flatten().collect();
    chunks.par_iter().try_for_each(|(directory, items)| extractor.entries(directory, items))?;
    items()?.filter(Item::is_hard_link).try_for_each(|item| extractor.hard_link(&item))?;
    directories.iter().rev().try_for_each(|item| extractor.finish(item))?;
    Ok(extractor.creator.into_skipped())
}

struct Extractor<'a> {
    root: OwnedFd,
    tar: &'a Arc<File>,
    creator: Creator,
}

/// Returns the entries of a directory that are neither directories nor hard links, in portions for the threads.
fn chunks<'a>(directory: &Item<'a>) -> Result<Vec<(Item<'a>, Vec<Item<'a>>)>, RootfsError> {
    let mut entries = children(directory)?;
    entries.retain(|item| !item.is_dir() && !item.is_hard_link());
    Ok(entries.chunks(CHUNK_ENTRIES).map(|chunk| (*directory, chunk.to_vec())).collect())
}

fn children<'a>(directory: &Item<'a>) -> Result<Vec<Item<'a>>, RootfsError> {
    directory.children().map_err(failed(READ_INDEX, to_path(directory.path())))
}

impl Extractor<'_> {
    fn subdirectories(&self, directory: &Item<'_>) -> Result<(), RootfsError> {
        let mut children = children(directory)?.into_iter().filter(Item::is_dir).peekable();
        if children.peek().is_none() {
            return Ok(());
        }
        let dir = self.open(to_path(directory.path()))?;
        let begin =
            |child: Item<'_>| self.creator.begin_directory(Location::new(&dir, to_path(child.path())));
        Ok(children.try_for_each(begin)?)
    }

    fn entries(&self, directory: &Item<'_>, items: &[Item<'_>]) -> Result<(), RootfsError> {
        let dir = self.open(to_path(directory.path()))?;
        let mut buffer = Vec::new();
        Ok(items.iter().try_for_each(|item| self.entry(&dir, item, &mut buffer))?)
    }

    fn entry(&self, dir: &OwnedFd, item: &Item<'_>, buffer: &mut Vec<u8>) -> Result<(), TreeError> {
        let path = to_path(item.path());
        let (place, entry) = (Location::new(dir, path), item.entry());
        if !item.is_file() {
            return self.creator.special(place, &entry);
        }
        self.creator.file(place, &entry, |file| {
            self.copy(item, file, buffer).map_err(trees::failed("extract the file", path))
        })
    }

    /// Copies the real content of a file from the tar, with its holes. `buffer` keeps its memory for the next file.
    fn copy(&self, item: &Item<'_>, file: &File, buffer: &mut Vec<u8>) -> io::Result<()> {
        let size_bytes = item.size_bytes();
        if size_bytes == 0 {
            return Ok(());
        }
        sparse::copy(&mut *stored::open(item, self.tar), size_bytes, file, buffer).map(drop)
    }

    fn hard_link(&self, item: &Item<'_>) -> Result<(), RootfsError> {
        let path = to_path(item.path());
        let Some(first) = item.first_name().map_err(failed(READ_INDEX, path))? else { return Ok(()) };
        let parent = self.open(path.parent().unwrap_or(Path::new("")))?;
        let linked = match link(&self.root, to_path(first.path()), Location::new(&parent, path)) {
            // The file system takes no more names of one file (ext4: 65,000), so this one becomes a copy.
            Err(TreeError::Io { source, .. })
                if source.raw_os_error() == Some(Errno::MLINK.raw_os_error()) =>
            {
                self.entry(&parent, item, &mut Vec::new())
            }
            linked => linked,
        };
        Ok(linked?)
    }

    fn finish(&self, item: &Item<'_>) -> Result<(), RootfsError> {
        let path = to_path(item.path());
        let parent = self.open(path.parent().unwrap_or(Path::new("")))?;
        let name = std::ffi::OsStr::from_bytes(item.name());
        Ok(self.creator.finish_directory(Location { dir: parent.as_fd(), name, path }, &item.entry())?)
    }

    fn open(&self, path: &Path) -> Result<OwnedFd, RootfsError> {
        open_beneath(&self.root, path, DIRECTORY | OFlags::RDONLY).map_err(failed("open", path))
    }
}
