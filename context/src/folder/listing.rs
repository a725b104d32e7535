//! Listings: the directories of a context, each listed and its entries looked at once in a build.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use cache::{ContentDigest, StatCache};
use patterns::{Matched, Patterns};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};

use super::attributes::{Xattrs, attributes};
use super::content::{known_plain, known_with_attributes};
use super::copies::Copies;
use super::listed_file::{ListedFile, Rare, special_kind};
use super::stat::file_stat;
use crate::beneath;

const NO_PANIC: &str = "nothing panics while it holds the lock";

/// The directories of a context that were listed so far.
pub(super) struct Listings {
    pub root: OwnedFd,
    pub stats: Option<Arc<StatCache>>,
    ignore: Patterns,
    copies: Copies,
    directories: RwLock<HashMap<PathBuf, Arc<Directory>>>,
}

/// The names in a directory that are not ignored, sorted.
pub(super) struct Directory {
    pub nodes: Vec<ListedFile>,
}

impl Directory {
    pub fn find(&self, name: &OsStr) -> Option<&ListedFile> {
        let index = self.nodes.binary_search_by(|node| (*node.name).cmp(name)).ok()?;
        Some(&self.nodes[index])
    }
}

impl Listings {
    /// Opens the directory at `path`, which can be a symlink.
    pub fn open(path: &Path, ignore: Patterns, stats: Option<Arc<StatCache>>) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Self { root, stats, ignore, copies: Copies::default(), directories: RwLock::default() })
    }

    /// Forgets all listings, and copies files that were written lately when they are listed again.
    pub fn settle(&self) {
        self.copies.start();
        self.directories.write().expect(NO_PANIC).clear();
    }

    /// Returns the listing of a directory; `None` if the context has no such directory.
    pub fn directory(&self, path: &Path) -> io::Result<Option<Arc<Directory>>> {
        if let Some(known) = self.directories.read().expect(NO_PANIC).get(path) {
            return Ok(Some(known.clone()));
        }
        let matched = match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => {
                let Some(parent) = self.directory(parent)? else { return Ok(None) };
                match parent.find(name) {
                    Some(node) if node.is_dir => node.matched(),
                    _ => return Ok(None),
                }
            }
            _ => Matched::default(),
        };
        self.list_once(path, &matched).map(Some)
    }

    /// Calls `then` with the node at `path`; returns `None` if the path does not exist.
    pub fn with_node<T>(
        &self,
        path: &Path,
        then: impl FnOnce(&ListedFile) -> io::Result<T>,
    ) -> io::Result<Option<T>> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
        let Some(directory) = self.directory(parent)? else { return Ok(None) };
        directory.find(name).map(then).transpose()
    }

    /// Lists a directory, unless that was done before. If two threads list it at once, the first listing stays.
    fn list_once(&self, path: &Path, matched: &Matched) -> io::Result<Arc<Directory>> {
        if let Some(known) = self.directories.read().expect(NO_PANIC).get(path) {
            return Ok(known.clone());
        }
        let listed = Arc::new(self.list(path, matched)?);
        let mut directories = self.directories.write().expect(NO_PANIC);
        Ok(directories.entry(path.to_owned()).or_insert(listed).clone())
    }

    fn list(&self, path: &Path, matched: &Matched) -> io::Result<Directory> {
        let dir = beneath::open(self.root.as_fd(), path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut nodes = Vec::new();
        for name in beneath::names(dir.as_fd(), usize::MAX)? {
            nodes.extend(self.node(dir.as_fd(), path, name, matched)?);
        }
        nodes.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(Directory { nodes })
    }

    /// Looks at an entry; returns `None` if it is ignored, or gone by now.
    fn node(
        &self,
        dir: BorrowedFd<'_>,
        path: &Path,
        name: OsString,
        parent: &Matched,
    ) -> io::Result<Option<ListedFile>> {
        let full = path.join(&name);
        let bytes = full.as_os_str().as_bytes();
        let (excluded, matched) = if self.ignore.is_empty() {
            (false, Matched::default())
        } else {
            self.ignore.matches(bytes, parent)
        };
        if excluded && !self.ignore.may_match_below(bytes, true) {
            return Ok(None);
        }
        let stat = match rustix::fs::statat(dir, name.as_os_str(), AtFlags::SYMLINK_NOFOLLOW) {
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            stat => stat?,
        };
        if excluded && !self.is_taken_back_in(&full, &stat, &matched)? {
            return Ok(None);
        }
        match self.look(dir, &full, name, &stat, matched) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            node => node.map(Some),
        }
    }

    /// Reports whether an ignored directory has something below it that an exception takes back in.
    fn is_taken_back_in(&self, path: &Path, stat: &Stat, matched: &Matched) -> io::Result<bool> {
        let is_dir = FileType::from_raw_mode(stat.st_mode).is_dir();
        Ok(is_dir && !self.list_once(path, matched)?.nodes.is_empty())
    }

    fn look(
        &self,
        dir: BorrowedFd<'_>,
        path: &Path,
        name: OsString,
        stat: &Stat,
        matched: Matched,
    ) -> io::Result<ListedFile> {
        if let Some(copy) = self.copies.copy(dir, &name, stat)? {
            let (stat, digest) = (copy.stat, copy.digest);
            let rare = Rare { xattrs: attributes(dir, &name), copy: Some(copy), ..Rare::default() };
            return Ok(ListedFile::new(name, &stat, Some(digest), rare));
        }
        let kind = special_kind(dir, &name, stat)?;
        let is_dir = FileType::from_raw_mode(stat.st_mode).is_dir();
        let (digest, xattrs) = match &kind {
            Some(_) => (None, Xattrs::new()),
            None if is_dir => (None, attributes(dir, &name)),
            None => self.known(dir, path, &name, stat),
        };
        Ok(ListedFile::new(name, stat, digest, Rare { kind, xattrs, matched, copy: None }))
    }

    /// Returns the digest of a regular file, if the stat cache has it, and the file's attributes.
    ///
    /// A file that the cache knows under its own name has no attributes: to set one changes the ctime.
    fn known(
        &self,
        dir: BorrowedFd<'_>,
        path: &Path,
        name: &OsStr,
        stat: &Stat,
    ) -> (Option<ContentDigest>, Xattrs) {
        let Some(stats) = &self.stats else { return (None, attributes(dir, name)) };
        let stat = file_stat(stat);
        if let Some(digest) = known_plain(stats, path, &stat) {
            return (Some(digest), Xattrs::new());
        }
        let xattrs = attributes(dir, name);
        let digest = if xattrs.is_empty() { None } else { known_with_attributes(stats, path, &stat) };
        (digest, xattrs)
    }
}
