//! A name in the listing of a directory.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStringExt;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use cache::{ContentDigest, FileStat};
use patterns::Matched;
use rustix::fs::{FileType, Stat};
use trees::entry::{Entry, Kind, Timestamp};

use super::attributes::Xattrs;
use super::copies::FileCopy;
use super::stat::{in_ns, timestamp};

/// A file or directory, as it was when its directory was listed. There is one for each file of a context, so it is small.
pub(super) struct ListedFile {
    pub name: Box<OsStr>,
    pub device: u64,
    pub inode: u64,
    pub size_bytes: u64,
    pub mtime: Timestamp,
    pub ctime: Timestamp,
    /// blake3 of a regular file's content, once it is known.
    pub digest: OnceLock<ContentDigest>,
    /// Permissions, set-uid, set-gid and sticky bit.
    pub mode: u16,
    pub is_dir: bool,
    /// True if the file has other names; ignored ones, and those outside the context, count.
    pub is_linked: bool,
    /// True if the file had changed, or was another one, when it was opened.
    pub is_replaced: AtomicBool,
    /// Facts that few files have.
    pub rare: Option<Box<Rare>>,
}

/// Facts about a name that few files have.
#[derive(Default)]
pub(super) struct Rare {
    /// Kind, unless it is a regular file or a directory.
    pub kind: Option<Kind>,
    pub xattrs: Xattrs,
    /// For a directory: the ignore patterns that it matches, which hold for the names below.
    pub matched: Matched,
    /// Copy of a file that another process is writing.
    pub copy: Option<FileCopy>,
}

impl Rare {
    /// Returns the facts in a box, or `None` if there are none.
    pub fn boxed(self) -> Option<Box<Self>> {
        let is_rare = self.kind.is_some()
            || !self.xattrs.is_empty()
            || self.matched != Matched::default()
            || self.copy.is_some();
        is_rare.then(|| Box::new(self))
    }
}

impl ListedFile {
    /// Returns the node of a name, from the result of `stat`.
    pub fn new(name: OsString, stat: &Stat, digest: Option<ContentDigest>, rare: Rare) -> Self {
        Self {
            name: name.into_boxed_os_str(),
            device: stat.st_dev,
            inode: stat.st_ino,
            size_bytes: u64::try_from(stat.st_size).unwrap_or(0),
            mtime: timestamp(stat.st_mtime, stat.st_mtime_nsec),
            ctime: timestamp(stat.st_ctime, stat.st_ctime_nsec),
            digest: digest.map_or_else(OnceLock::new, OnceLock::from),
            mode: (stat.st_mode & 0o7777) as u16,
            is_dir: FileType::from_raw_mode(stat.st_mode).is_dir(),
            is_linked: stat.st_nlink > 1,
            is_replaced: AtomicBool::new(false),
            rare: rare.boxed(),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self.rare.as_ref().and_then(|rare| rare.kind.as_ref()) {
            Some(kind) => kind.clone(),
            None if self.is_dir => Kind::Directory { opaque: false },
            None => Kind::File { size_bytes: self.size_bytes },
        }
    }

    pub(super) fn entry(&self) -> Entry {
        let xattrs = self.rare.as_ref().map_or_else(BTreeMap::new, |rare| rare.xattrs.clone());
        Entry { kind: self.kind(), mode: self.mode.into(), uid: 0, gid: 0, mtime: self.mtime, xattrs }
    }

    pub(super) fn has_attributes(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| !rare.xattrs.is_empty())
    }

    pub(super) fn matched(&self) -> Matched {
        self.rare.as_ref().map(|rare| rare.matched.clone()).unwrap_or_default()
    }

    pub(super) fn copy(&self) -> Option<&FileCopy> {
        self.rare.as_ref()?.copy.as_ref()
    }

    pub(super) fn stat(&self) -> FileStat {
        let &Self { device, inode, size_bytes, mtime, ctime, .. } = self;
        FileStat { device, inode, size_bytes, mtime_ns: in_ns(mtime), ctime_ns: in_ns(ctime) }
    }
}

/// Returns the kind of a symlink, device, pipe or socket; `None` for a regular file and a directory.
pub(super) fn special_kind(dir: BorrowedFd<'_>, name: &OsStr, stat: &Stat) -> io::Result<Option<Kind>> {
    let (major, minor) = (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev));
    Ok(Some(match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile | FileType::Directory => return Ok(None),
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(dir, name, Vec::new())?;
            Kind::Symlink { target: OsString::from_vec(target.into_bytes()).into() }
        }
        FileType::CharacterDevice => Kind::CharDevice { major, minor },
        FileType::BlockDevice => Kind::BlockDevice { major, minor },
        FileType::Fifo => Kind::Fifo,
        _ => Kind::File { size_bytes: 0 },
    }))
}
