//! What a listing of a context keeps of each name.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStringExt;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use cache::{FileStat, Key};
use rootfs::entry::{Entry, Kind, Timestamp};
use rustix::fs::{FileType, Stat};

use patterns::Matched;

/// What a name is. There is one for each file of a context, so it is kept small.
pub(super) struct Node {
    pub name: Box<OsStr>,
    pub device: u64,
    pub inode: u64,
    pub size_bytes: u64,
    pub mtime: Timestamp,
    pub ctime: Timestamp,
    pub digest: OnceLock<Key>,
    /// Permissions, set-uid, set-gid, sticky.
    pub mode: u16,
    pub is_dir: bool,
    /// It has other names, ignored ones and ones outside included.
    pub is_linked: bool,
    /// It was another file, or changed, when it was opened.
    pub is_replaced: AtomicBool,
    pub rare: Option<Box<Rare>>,
}

/// What hardly any file has.
#[derive(Default)]
pub(super) struct Rare {
    /// Of what is neither a regular file nor a directory.
    pub kind: Option<Kind>,
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Of directories.
    pub matched: Matched,
}

impl Node {
    pub(super) fn kind(&self) -> Kind {
        match self.rare.as_ref().and_then(|rare| rare.kind.as_ref()) {
            Some(kind) => kind.clone(),
            None if self.is_dir => Kind::Directory { opaque: false },
            None => Kind::File { size_bytes: self.size_bytes },
        }
    }

    pub(super) fn entry(&self) -> Entry {
        let xattrs = self.rare.as_ref().map(|rare| rare.xattrs.clone()).unwrap_or_default();
        Entry { kind: self.kind(), mode: self.mode.into(), uid: 0, gid: 0, mtime: self.mtime, xattrs }
    }

    pub(super) fn has_attributes(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| !rare.xattrs.is_empty())
    }

    pub(super) fn matched(&self) -> Matched {
        self.rare.as_ref().map(|rare| rare.matched.clone()).unwrap_or_default()
    }

    pub(super) fn stat(&self) -> FileStat {
        let &Self { device, inode, size_bytes, mtime, ctime, .. } = self;
        FileStat { device, inode, size_bytes, mtime_ns: in_ns(mtime), ctime_ns: in_ns(ctime) }
    }
}

/// The kind of what is neither a regular file nor a directory.
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

pub(super) fn file_stat(stat: &Stat) -> FileStat {
    FileStat {
        device: stat.st_dev,
        inode: stat.st_ino,
        size_bytes: u64::try_from(stat.st_size).unwrap_or(0),
        mtime_ns: in_ns(timestamp(stat.st_mtime, stat.st_mtime_nsec)),
        ctime_ns: in_ns(timestamp(stat.st_ctime, stat.st_ctime_nsec)),
    }
}

pub(super) fn timestamp(seconds: i64, nanoseconds: u64) -> Timestamp {
    Timestamp { seconds, nanoseconds: u32::try_from(nanoseconds).unwrap_or(0) }
}

fn in_ns(time: Timestamp) -> i128 {
    i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanoseconds)
}
