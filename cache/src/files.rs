//! File operations that every part of the store uses: small reads, atomic writes, marks of use.
//!
//! Nothing here follows a symbolic link in the last component of a path.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Timespec, Timestamps, UTIME_NOW};
use rustix::io::Errno;

use crate::StoreError;

/// Age in seconds from which a mark of use is renewed, so that frequent use writes little.
const MARK_RENEWAL_S: u64 = 3600;

/// Turns an I/O error into a [`StoreError::Io`] that names the action and the path.
pub(crate) trait IoContext<T> {
    /// `action` is a verb phrase, for example "rename into blobs".
    fn at(self, action: &'static str, path: &Path) -> Result<T, StoreError>;
}

impl<T, E: Into<io::Error>> IoContext<T> for Result<T, E> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, StoreError> {
        self.map_err(|error| StoreError::Io { action, path: path.to_owned(), source: error.into() })
    }
}

/// Returns the present in milliseconds since 1970; 0 if the clock is before that.
pub(crate) fn now_ms() -> u64 {
    millis(SystemTime::now())
}

/// Returns a time in milliseconds since 1970; 0 for times before that.
pub(crate) fn millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
}

/// Opens a regular file for reading. A link, pipe, device or directory under that name is an error, and does not block.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let irregular = || io::Error::new(io::ErrorKind::InvalidData, "not a regular file");
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP | Errno::NXIO) => return Err(irregular()),
        Err(error) => return Err(error.into()),
    };
    if file.metadata()?.is_file() { Ok(file) } else { Err(irregular()) }
}

/// Reads a whole file; `None` if it does not exist.
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

/// Marks an open file or directory as used now, by its modification time and at most once an hour. Collection takes the
/// least recently used first; a mark that cannot be set does no harm.
pub(crate) fn mark_used(file: &File) {
    let Ok(modified) = file.metadata().and_then(|metadata| metadata.modified()) else { return };
    if is_mark_old(modified) {
        let _ = rustix::fs::futimens(file, &now_times());
    }
}

/// Like [`mark_used`], for a path.
pub(crate) fn mark_path_used(path: &Path) {
    let Ok(modified) = path.symlink_metadata().and_then(|metadata| metadata.modified()) else { return };
    if is_mark_old(modified) {
        let _ = rustix::fs::utimensat(CWD, path, &now_times(), AtFlags::SYMLINK_NOFOLLOW);
    }
}

fn is_mark_old(modified: SystemTime) -> bool {
    modified.elapsed().is_ok_and(|age| age.as_secs() >= MARK_RENEWAL_S)
}

fn now_times() -> Timestamps {
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    Timestamps { last_access: now, last_modification: now }
}

/// Writes `bytes` to `path` by way of `tmp`, an unused path on the same file system, and a rename.
///
/// `durable`: the content is on disk before the file has its name, and the name is on disk when this returns.
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
    if durable { file.sync_all() } else { Ok(()) }
}

/// Puts the names in the directory of `path` on disk.
fn sync_parent(path: &Path) -> Result<(), StoreError> {
    let parent = path.parent().expect("a file in the store has a parent");
    File::open(parent).and_then(|dir| dir.sync_all()).at("sync", parent)
}

/// Removes a file; returns whether it existed.
pub(crate) fn remove_file(path: &Path) -> Result<bool, StoreError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).at("remove", path),
    }
}

/// Lists the names in a directory, sorted; an absent directory has none. Skips names that are not UTF-8, as the store
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

/// Lists the paths of the regular files in a directory, sorted; an absent directory has none.
pub(crate) fn files_in(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let is_file = |path: &PathBuf| path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    Ok(names_in(dir)?.into_iter().map(|name| dir.join(name)).filter(is_file).collect())
}
