//! A folder of this machine as a [`Tree`].
//!
//! Everything belongs to root, as a client that sends its files would have it; sockets are empty files; what the ignore
//! patterns exclude is not there, unless something below it is taken back in. Extended attributes are the ones that count
//! in an image (`security.capability`, `user.*`, ...), not those of the machine (other `security.*`, `system.*`).
//!
//! A directory is listed and its entries are looked at once in a build; listings are kept. A regular file's digest comes
//! from the stat cache, where one is given and it knows the file; else from reading it, once.
//!
//! Invariants: nothing is read through a symbolic link or outside of the folder, and only regular files are opened. A
//! file that the stat cache knows under its own name has no extended attributes (to set one changes its ctime), so that
//! it costs one `stat` and nothing else; files with attributes are kept under [`with_attributes`].
//!
//! Concurrency: shared between threads. Two may list the same directory at once; the first listing stays.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, RwLock};

use cache::{FileStat, Key, StatCache};
use rayon::prelude::*;
use rootfs::entry::{Entry, Kind};
use rootfs::tree::{Child, Tree};
use rustix::fs::{AtFlags, FileType, OFlags, RawDir, Stat};

use super::beneath;
use node::{Node, Rare, file_stat, special_kind, timestamp};
use patterns::{Matched, Patterns};

mod node;

/// No file of an image is larger; a sparse one may say that it is, and would be read for years.
const LARGEST_BYTES: u64 = 1 << 40;
/// How much of a file is read at once.
const READ_BYTES: usize = 256 * 1024;
/// More attributes than this (in bytes, names or one value) do not fit into the kernel's limit either.
const ATTRIBUTES_BYTES: usize = 64 * 1024;

/// A folder to copy from.
pub struct ContextTree {
    root: OwnedFd,
    ignore: Patterns,
    stats: Option<Arc<StatCache>>,
    directories: RwLock<HashMap<PathBuf, Arc<Directory>>>,
}

/// What a directory holds, sorted by name; nothing that is ignored.
struct Directory {
    nodes: Vec<Node>,
}

impl ContextTree {
    /// Opens the folder at `path` (which may be a link); `ignore` as [`super::find_ignore`] found it.
    pub fn open(path: &Path, ignore: Patterns, stats: Option<Arc<StatCache>>) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, rustix::fs::Mode::empty())?;
        Ok(Self { root, ignore, stats, directories: RwLock::default() })
    }

    /// The listing of a directory; `None` if there is no such directory.
    fn directory(&self, path: &Path) -> io::Result<Option<Arc<Directory>>> {
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

    /// Lists a directory that may have been listed already.
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
        for name in names(dir.as_fd(), usize::MAX)? {
            nodes.extend(self.node(dir.as_fd(), path, name, matched)?);
        }
        nodes.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(Directory { nodes })
    }

    /// Looks at an entry; `None` if it is ignored, or gone by now.
    fn node(
        &self,
        dir: BorrowedFd<'_>,
        path: &Path,
        name: OsString,
        parent: &Matched,
    ) -> io::Result<Option<Node>> {
        let full = path.join(&name);
        let (excluded, matched) = match self.ignore.is_empty() {
            true => (false, Matched::default()),
            false => self.ignore.matches(full.as_os_str().as_bytes(), parent),
        };
        if excluded && !self.ignore.may_match_below(full.as_os_str().as_bytes(), true) {
            return Ok(None);
        }
        let stat = match rustix::fs::statat(dir, name.as_os_str(), AtFlags::SYMLINK_NOFOLLOW) {
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            stat => stat?,
        };
        if excluded && !self.is_taken_back_in(&full, &stat, &matched)? {
            return Ok(None);
        }
        self.look(dir, &full, name, &stat, matched).map(Some)
    }

    /// True if an ignored directory has something below it that is not.
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
    ) -> io::Result<Node> {
        let kind = special_kind(dir, &name, stat)?;
        let is_dir = FileType::from_raw_mode(stat.st_mode).is_dir();
        let (digest, xattrs) = match &kind {
            Some(_) => (None, BTreeMap::new()),
            None if is_dir => (None, attributes(dir, &name)),
            None => self.known(dir, path, &name, &file_stat(stat)),
        };
        let is_rare = kind.is_some() || !xattrs.is_empty() || matched != Matched::default();
        Ok(Node {
            name: name.into_boxed_os_str(),
            device: stat.st_dev,
            inode: stat.st_ino,
            size_bytes: u64::try_from(stat.st_size).unwrap_or(0),
            mtime: timestamp(stat.st_mtime, stat.st_mtime_nsec),
            ctime: timestamp(stat.st_ctime, stat.st_ctime_nsec),
            digest: digest.map_or_else(OnceLock::new, OnceLock::from),
            mode: (stat.st_mode & 0o7777) as u16,
            is_dir,
            is_linked: stat.st_nlink > 1,
            is_replaced: AtomicBool::new(false),
            rare: is_rare.then(|| Box::new(Rare { kind, xattrs, matched })),
        })
    }

    /// The digest of a regular file, if it is known, and its attributes.
    fn known(
        &self,
        dir: BorrowedFd<'_>,
        path: &Path,
        name: &OsStr,
        stat: &FileStat,
    ) -> (Option<Key>, BTreeMap<Vec<u8>, Vec<u8>>) {
        let Some(stats) = &self.stats else { return (None, attributes(dir, name)) };
        if let Some(digest) = stats.get(path, stat) {
            return (Some(digest), BTreeMap::new());
        }
        let xattrs = attributes(dir, name);
        let digest = if xattrs.is_empty() { None } else { stats.get(&with_attributes(path), stat) };
        (digest, xattrs)
    }

    /// Calls `then` with the node at `path`.
    fn with_node<T>(&self, path: &Path, then: impl FnOnce(&Node) -> io::Result<T>) -> io::Result<Option<T>> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
        let Some(directory) = self.directory(parent)? else { return Ok(None) };
        directory.find(name).map(then).transpose()
    }

    /// Reads a file and takes its digest; remembers it if the file was the one that was looked at, all along.
    fn hash(&self, path: &Path, node: &Node) -> io::Result<Key> {
        if node.size_bytes == 0 {
            return Ok(Key::of(b""));
        }
        if node.size_bytes > LARGEST_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is larger than 1 TiB"));
        }
        let (mut file, _) = beneath::open_file(self.root.as_fd(), path)?;
        let digest = hash_file(&mut file)?;
        if file_stat(&rustix::fs::fstat(&file)?) == node.stat() {
            self.remember(path, node, digest);
        }
        Ok(digest)
    }

    /// Puts the digest of a file that was read while it was the one that was looked at into the stat cache.
    fn remember(&self, path: &Path, node: &Node, digest: Key) {
        let Some(stats) = &self.stats else { return };
        match node.has_attributes() {
            false => stats.put(path, node.stat(), digest),
            true => stats.put(&with_attributes(path), node.stat(), digest),
        }
    }

    /// Opens a file for one who may tell what is in it ([`Tree::learn`]).
    fn open_node(&self, path: &Path, node: &Node) -> io::Result<File> {
        let (file, stat) = beneath::open_file(self.root.as_fd(), path)?;
        if file_stat(&stat) != node.stat() {
            node.is_replaced.store(true, Ordering::Relaxed);
        }
        Ok(file)
    }
}

const NO_PANIC: &str = "nothing panics while it holds the lock";

impl Directory {
    fn find(&self, name: &OsStr) -> Option<&Node> {
        let index = self.nodes.binary_search_by(|node| (*node.name).cmp(name)).ok()?;
        Some(&self.nodes[index])
    }
}

impl Tree for ContextTree {
    fn lookup(&self, path: &Path) -> io::Result<Option<Entry>> {
        if path.as_os_str().is_empty() {
            let stat = rustix::fs::fstat(&self.root)?;
            return Ok(Some(Entry::directory(stat.st_mode & 0o7777)));
        }
        self.with_node(path, |node| Ok(node.entry()))
    }

    fn children(&self, path: &Path) -> io::Result<Vec<Child>> {
        let directory = self.directory(path)?.ok_or(io::ErrorKind::NotFound)?;
        let child = |node: &Node| Child {
            name: node.name.to_os_string(),
            entry: node.entry(),
            content: node.digest.get().copied(),
        };
        Ok(directory.nodes.iter().map(child).collect())
    }

    /// Level by level, and not by recursion: a path can have two thousand elements, more than a thread's stack can bear.
    fn expect_walk(&self, path: &Path, enters: &(dyn Fn(&Path) -> bool + Sync)) {
        let below = |inside: &PathBuf| -> Vec<PathBuf> {
            let at = if inside.as_os_str().is_empty() { path.to_owned() } else { path.join(inside) };
            let Ok(Some(directory)) = self.directory(&at) else { return Vec::new() };
            let folders = directory.nodes.iter().filter(|node| node.is_dir);
            folders.map(|node| inside.join(&*node.name)).filter(|inside| enters(inside)).collect()
        };
        let mut level = below(&PathBuf::new());
        while !level.is_empty() {
            // Waking another thread takes longer than listing one directory.
            level = match level.len() {
                1 => below(&level[0]),
                _ => level.par_iter().flat_map_iter(below).collect(),
            };
        }
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        self.with_node(path, |node| match node.kind() {
            // Also what is no file outside of the image: a socket.
            Kind::File { size_bytes: 0 } => Ok(Box::new(io::empty()) as Box<dyn Read + Send>),
            Kind::File { .. } => Ok(Box::new(self.open_node(path, node)?)),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        })?
        .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn content(&self, path: &Path) -> io::Result<Key> {
        self.with_node(path, |node| match (node.digest.get(), node.kind()) {
            (Some(digest), _) => Ok(*digest),
            (None, Kind::File { .. }) => {
                let digest = self.hash(path, node)?;
                Ok(*node.digest.get_or_init(|| digest))
            }
            _ => Err(io::ErrorKind::InvalidInput.into()),
        })?
        .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn known_content(&self, path: &Path) -> Option<Key> {
        self.with_node(path, |node| Ok(node.digest.get().copied())).ok()??
    }

    /// A change after the file was opened shows in its ctime: what the stat cache has under the stat of before is then
    /// never asked for.
    fn learn(&self, path: &Path, content: Key) {
        // An error here is one of a path that is not in the tree.
        let _ = self.with_node(path, |node| {
            // The key of a layer must be of what was written into it, whatever is in the file by now.
            let is_news = node.digest.set(content).is_ok();
            if is_news && !node.is_replaced.load(Ordering::Relaxed) {
                self.remember(path, node, content);
            }
            Ok(())
        });
    }

    fn link_group(&self, path: &Path) -> io::Result<Option<u64>> {
        let group = self.with_node(path, |node| {
            let is_linked = node.is_linked && matches!(node.kind(), Kind::File { .. });
            // Inodes of one device hardly ever meet those of another in one context; the device tells them apart.
            Ok(is_linked.then(|| node.inode ^ node.device.rotate_left(40)))
        })?;
        Ok(group.flatten())
    }
}

/// The name under which the stat cache keeps a file that has attributes. No path ends like this.
fn with_attributes(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("/.");
    PathBuf::from(name)
}

/// The names in a directory, but for itself and its parent; no more than `at_most`.
pub(super) fn names(dir: BorrowedFd<'_>, at_most: usize) -> io::Result<Vec<OsString>> {
    let mut buffer = Vec::with_capacity(64 * 1024);
    let mut entries = RawDir::new(dir, buffer.spare_capacity_mut());
    let mut names = Vec::new();
    while names.len() < at_most
        && let Some(entry) = entries.next()
    {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name));
        }
    }
    Ok(names)
}

thread_local! {
    /// One for each thread: to make one for each small file would cost more than to read it.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

fn hash_file(file: &mut File) -> io::Result<Key> {
    BUFFER.with_borrow_mut(|buffer| {
        let mut hasher = blake3::Hasher::new();
        loop {
            match file.read(buffer) {
                Ok(0) => return Ok(Key::from_bytes(*hasher.finalize().as_bytes())),
                Ok(length) => {
                    hasher.update(&buffer[..length]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    })
}

/// The attributes of a file or directory that count; none where the file system has none, or refuses.
fn attributes(dir: BorrowedFd<'_>, name: &OsStr) -> BTreeMap<Vec<u8>, Vec<u8>> {
    // There is no `listxattrat` before Linux 6.13; this names the entry without following it.
    let mut path = format!("/proc/self/fd/{}/", dir.as_raw_fd()).into_bytes();
    path.extend(name.as_bytes());
    let Ok(path) = CString::new(path) else { return BTreeMap::new() };
    let mut few = [0_u8; 512];
    let mut many = Vec::new();
    let list = match rustix::fs::llistxattr(&path, &mut few[..]) {
        Ok(length) => &few[..length],
        Err(rustix::io::Errno::RANGE) => {
            many.resize(ATTRIBUTES_BYTES, 0);
            let length = rustix::fs::llistxattr(&path, &mut many[..]).unwrap_or(0);
            &many[..length]
        }
        Err(_) => &[],
    };
    let counting = list.split(|&byte| byte == 0).filter(|name| counts(name));
    counting.filter_map(|name| Some((name.to_vec(), attribute(&path, name)?))).collect()
}

fn attribute(path: &CString, name: &[u8]) -> Option<Vec<u8>> {
    let mut value = vec![0_u8; ATTRIBUTES_BYTES];
    let length = rustix::fs::lgetxattr(path, name, &mut value[..]).ok()?;
    value.truncate(length);
    Some(value)
}

/// True for attributes that belong to the file rather than to this machine.
fn counts(name: &[u8]) -> bool {
    const OF_THE_MACHINE: [&[u8]; 4] = [b"security.", b"system.", b"trusted.overlay.", b"user.overlay."];
    !name.is_empty()
        && (name == b"security.capability" || !OF_THE_MACHINE.iter().any(|prefix| name.starts_with(prefix)))
}

#[cfg(test)]
mod tests;
