//! A local directory as a [`Tree`].
//!
//! ```text
//! listing     directories, each listed once;  listed_file: a name in one
//! content     digests, the stat cache, and readers that notice changes
//! copies      copies of files that other processes are writing
//! attributes  the extended attributes that belong in an image
//! ```
//!
//! All files belong to root, as with a client that sends its context. Sockets are empty files. Ignored files do not exist,
//! except directories below which an exception takes something back in.
//!
//! A regular file's digest comes from the stat cache if it knows the file, or else from reading the file once.
//!
//! Invariants: nothing is read through a symlink or outside the directory, and only regular files are opened. A file that
//! the stat cache knows under its own name has no extended attributes, so that it costs one `stat` and nothing else.
//!
//! Concurrency: shared between threads. Two threads can list the same directory at once; the first listing stays.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cache::{ContentDigest, StatCache, WholeFile};
use patterns::Patterns;
use rayon::prelude::*;
use rustix::fs::Stat;
use trees::entry::{Entry, Kind};
use trees::sparse::{Dense, SparseRead};
use trees::tree::{Child, Tree};

use crate::beneath;
use content::{CopyReader, StillFile, changed_if_gone, hash_file, remember};
use listed_file::ListedFile;
use listing::Listings;
use stat::file_stat;

mod attributes;
mod content;
mod copies;
mod listed_file;
mod listing;
mod stat;
#[cfg(test)]
mod tests;

/// Largest file of an image. A sparse file can claim to be larger, and reading it would take years.
const MAX_FILE_BYTES: u64 = 1 << 40;

/// A directory to copy from.
pub struct ContextTree {
    listings: Listings,
}

impl ContextTree {
    /// Opens the directory at `path` (which can be a symlink), with the patterns that [`crate::find_ignore`] found.
    ///
    /// `stats` remembers digests between builds; without it every file that is copied is read.
    pub fn open(path: &Path, ignore: Patterns, stats: Option<Arc<StatCache>>) -> io::Result<Self> {
        Ok(Self { listings: Listings::open(path, ignore, stats)? })
    }

    /// Reads a file and returns its digest, which is remembered if the file was the listed one all along.
    fn hash(&self, path: &Path, node: &ListedFile) -> io::Result<ContentDigest> {
        if node.size_bytes == 0 {
            return Ok(ContentDigest::of(b""));
        }
        if node.size_bytes > MAX_FILE_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is larger than 1 TiB"));
        }
        let mut file = WholeFile::new(self.open_beneath(path)?.0, node.size_bytes);
        let digest = hash_file(&mut file, node.size_bytes)?;
        if file_stat(&rustix::fs::fstat(file.file())?) == node.stat() {
            self.remember(path, node, digest);
        }
        Ok(digest)
    }

    /// Puts the digest of a file that was the listed one while it was read into the stat cache.
    fn remember(&self, path: &Path, node: &ListedFile, digest: ContentDigest) {
        if let Some(stats) = &self.listings.stats {
            remember(stats, path, node, digest);
        }
    }

    /// Opens a file for a reader that can report its content by [`Tree::learn`].
    fn open_node(&self, path: &Path, node: &ListedFile) -> io::Result<Box<dyn SparseRead>> {
        if let Some(copy) = node.copy() {
            return Ok(Box::new(Dense(CopyReader::new(copy, node.size_bytes))));
        }
        let (file, stat) = self.open_beneath(path)?;
        let opened = file_stat(&stat);
        if opened != node.stat() {
            node.is_replaced.store(true, Ordering::Relaxed);
        }
        Ok(Box::new(StillFile::new(file, opened)))
    }

    fn open_beneath(&self, path: &Path) -> io::Result<(File, Stat)> {
        beneath::open_file(self.listings.root.as_fd(), path).map_err(changed_if_gone)
    }
}

impl Tree for ContextTree {
    fn lookup(&self, path: &Path) -> io::Result<Option<Entry>> {
        if path.as_os_str().is_empty() {
            let stat = rustix::fs::fstat(&self.listings.root)?;
            return Ok(Some(Entry::directory(stat.st_mode & 0o7777)));
        }
        self.listings.with_node(path, |node| Ok(node.entry()))
    }

    fn children(&self, path: &Path) -> io::Result<Vec<Child>> {
        let directory = self.listings.directory(path)?.ok_or(io::ErrorKind::NotFound)?;
        let child = |node: &ListedFile| Child {
            name: node.name.to_os_string(),
            entry: node.entry(),
            content: node.digest.get().copied(),
        };
        Ok(directory.nodes.iter().map(child).collect())
    }

    /// Works level by level instead of by recursion: a path can have thousands of elements, too many for the stack of a
    /// thread.
    fn expect_walk(&self, path: &Path, enters: &(dyn Fn(&Path) -> bool + Sync)) {
        let below = |inside: &PathBuf| -> Vec<PathBuf> {
            let at = if inside.as_os_str().is_empty() { path.to_owned() } else { path.join(inside) };
            let Ok(Some(directory)) = self.listings.directory(&at) else { return Vec::new() };
            let directories = directory.nodes.iter().filter(|node| node.is_dir);
            directories.map(|node| inside.join(&*node.name)).filter(|inside| enters(inside)).collect()
        };
        let mut level = below(&PathBuf::new());
        while !level.is_empty() {
            // Waking another thread takes longer than listing one directory.
            level = match &level[..] {
                [only] => below(only),
                several => several.par_iter().flat_map_iter(below).collect(),
            };
        }
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        Ok(self.open_sparse(path)?)
    }

    fn open_sparse(&self, path: &Path) -> io::Result<Box<dyn SparseRead>> {
        let opened = self.listings.with_node(path, |node| match node.kind() {
            // A socket is an empty file in an image, too.
            Kind::File { size_bytes: 0 } => Ok(Box::new(Dense(io::empty())) as Box<dyn SparseRead>),
            Kind::File { .. } => self.open_node(path, node),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        })?;
        opened.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn content(&self, path: &Path) -> io::Result<ContentDigest> {
        let digest = self.listings.with_node(path, |node| match (node.digest.get(), node.kind()) {
            (Some(digest), _) => Ok(*digest),
            (None, Kind::File { .. }) => {
                let digest = self.hash(path, node)?;
                Ok(*node.digest.get_or_init(|| digest))
            }
            _ => Err(io::ErrorKind::InvalidInput.into()),
        })?;
        digest.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn known_content(&self, path: &Path) -> Option<ContentDigest> {
        self.listings.with_node(path, |node| Ok(node.digest.get().copied())).ok()??
    }

    /// A change after the file was opened shows in its ctime, so that the stat cache is never asked for the earlier stat.
    fn learn(&self, path: &Path, content: ContentDigest) {
        // An error means that the path is not in the tree, which has nothing to learn then.
        let _ = self.listings.with_node(path, |node| {
            // The key of a layer must be that of the bytes in the layer, whatever the file holds by now.
            let is_news = node.digest.set(content).is_ok();
            if is_news && !node.is_replaced.load(Ordering::Relaxed) {
                self.remember(path, node, content);
            }
            Ok(())
        });
    }

    fn link_group(&self, path: &Path) -> io::Result<Option<u64>> {
        let group = self.listings.with_node(path, |node| {
            let is_linked = node.is_linked && matches!(node.kind(), Kind::File { .. });
            // The device keeps inodes of different file systems in one context apart.
            Ok(is_linked.then(|| node.inode ^ node.device.rotate_left(40)))
        })?;
        Ok(group.flatten())
    }

    fn settle(&self) -> bool {
        self.listings.settle();
        true
    }
}
