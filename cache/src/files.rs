//! What every part of the store does with files: small reads, atomic writes, marks of use.
//!
//! Nothing here follows a symbolic link in the last component of a path.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Timespec, Timestamps, UTIME_NOW};
use rustix::io::Errno;

use crate::StoreError;

/// How old a mark of use may become before a further use renews it.
const MARK_S: u64 = 3600;

/// Adds to a failure what was tried on what.
pub(crate) trait At<T> {
    /// `action` is a verb phrase: "rename into blobs".
    fn at(self, action: &'static str, path: &Path) -> Result<T, StoreError>;
}

impl<T, E: Into<io::Error>> At<T> for Result<T, E> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, StoreError> {
        self.map_err(|error| StoreError::Io { action, path: path.to_owned(), source: error.into() })
    }
}

/// Milliseconds since 1970; 0 before.
pub(crate) fn now_ms() -> u64 {
    millis(SystemTime::now())
}

/// Milliseconds since 1970; 0 before.
pub(crate) fn millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
}

/// Opens a regular file for reading. Anything else under that name is an error, and blocks nobody.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let irregular = || io::Error::new(io::ErrorKind::InvalidData, "not a regular file");
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP | Errno::NXIO) => return Err(irregular()),
        Err(error) => return Err(error.into()),
    };
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(irregular()),
    }
}

/// The content of a file; `None` if there is none.
pub(crate) fn read_if_present(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut file = match open_file(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Marks an open file or directory as used now, at most once an hour: collection takes what was not used for longest.
/// Failing does no harm.
pub(crate) fn mark_used(file: &File) {
    let Ok(modified) = file.metadata().and_then(|metadata| metadata.modified()) else { return };
    if modified.elapsed().is_ok_and(|age| age.as_secs() >= MARK_S) {
        let _ = rustix::fs::futimens(file, &now_times());
    }
}

/// As [`mark_used`], for a path.
pub(crate) fn mark_path_used(path: &Path) {
    let Ok(modified) = path.symlink_metadata().and_then(|metadata| metadata.modified()) else { return };
    if modified.elapsed().is_ok_and(|age| age.as_secs() >= MARK_S) {
        let _ = rustix::fs::utimensat(CWD, path, &now_times(), AtFlags::SYMLINK_NOFOLLOW);
    }
}

fn now_times() -> Timestamps {
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    Timestamps { last_access: now, last_modification: now }
}

/// Writes `bytes` to `path` by way of `tmp`, which must be on the same file system and must not exist. `durable`: the
/// content is on disk before the name is there, and the name when this returns.
pub(crate) fn replace(path: &Path, tmp: &Path, bytes: &[u8], durable: bool) -> Result<(), StoreError> {
    let written = write_new(tmp, bytes, durable)
        .at("write", tmp)
        .and_then(|()| std::fs::rename(tmp, path).at("rename into place", path));
    if written.is_err() {
        let _ = std::fs::remove_file(tmp);
    } else if durable {
        sync_parent(path)?;
    }
    written
}

fn write_new(path: &Path, bytes: &[u8], durable: bool) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    match durable {
        true => file.sync_all(),
        false => Ok(()),
    }
}

/// Puts the names in the directory of `path` on disk.
pub(crate) fn sync_parent(path: &Path) -> Result<(), StoreError> {
    let parent = path.parent().expect("a file in the store has a parent");
    File::open(parent).and_then(|dir| dir.sync_all()).at("sync", parent)
}

/// Removes a file; true if there was one.
pub(crate) fn remove_file(path: &Path) -> Result<bool, StoreError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).at("remove", path),
    }
}

/// The names in a directory, sorted; none if there is no directory. Names that are not UTF-8 are left out: the store
/// makes none.
pub(crate) fn names_in(dir: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).at("list", dir),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.at("list", dir)?.file_name().into_string().ok());
    }
    names.sort_unstable();
    Ok(names)
}

/// Room for a list of names when there is no other.
const RESERVE_BYTES: u64 = 256 * 1024;

/// Gives the reserve of the store at `root` back to the file system; false if it is spent already.
pub(crate) fn spend_reserve(root: &Path) -> bool {
    std::fs::remove_file(root.join("reserve")).is_ok()
}

/// Sets the reserve aside, if it is not there and there is room.
pub(crate) fn renew_reserve(root: &Path) {
    let path = root.join("reserve");
    let Ok(file) = File::create_new(&path) else { return };
    let flags = rustix::fs::FallocateFlags::empty();
    if rustix::fs::fallocate(&file, flags, 0, RESERVE_BYTES).is_err() {
        let _ = std::fs::remove_file(&path);
    }
}
