//! File operations that every part of the store uses: small reads, atomic writes, marks of use.
//!
//! No symbolic link inside a store is ever followed, nothing but a regular file is read or written, and no existing file
//! is truncated. Clippy keeps the functions of the standard library that would do so out of this crate (`clippy.toml`).

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, Timespec, Timestamps, UTIME_NOW};
use rustix::io::{Errno, retry_on_intr};

use crate::StoreError;

/// Largest file that is read as a whole.
const MAX_READ_BYTES: usize = 1 << 30;
/// Age in seconds from which a mark of use is renewed, so that frequent use writes little.
pub(crate) const MARK_RENEWAL_S: u64 = 3600;

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

/// Opens a path of the store. No component can be a symbolic link: a store that was restored from an archive or a cache
/// can hold links to anywhere. [`crate::layout`] resolves the links that lead to the store itself.
pub(crate) fn open_path(path: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match retry_on_intr(|| rustix::fs::openat2(CWD, path, flags, mode, resolve)) {
        // A container whose seccomp filter does not know the call; the last component is still not followed.
        Err(Errno::NOSYS | Errno::PERM) => Ok(rustix::fs::open(path, flags, mode)?),
        opened => Ok(opened?),
    }
}

/// Opens the directory that a path of the store is in; returns it with the last component.
pub(crate) fn open_parent(path: &Path) -> io::Result<(OwnedFd, &OsStr)> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    Ok((open_path(parent, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?, name))
}

/// Opens a regular file of a store with `flags`. No component can be a symbolic link, and no pipe blocks. Only the owner can
/// read and write a file that this creates (`OFlags::CREATE`).
///
/// Other crates open their own files in a store by this function, for example the documents of containers.
pub fn open_regular(path: &Path, flags: OFlags) -> io::Result<File> {
    // Linux refuses a mode if nothing can be created.
    let mode = if flags.contains(OFlags::CREATE) { Mode::RUSR | Mode::WUSR } else { Mode::empty() };
    regular(open_path(path, flags | OFlags::NONBLOCK | OFlags::NOCTTY, mode))
}

/// Opens a regular file for reading. A link, pipe, device or directory under that name is an error, and does not block.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    open_with_metadata(path).map(|(file, _)| file)
}

/// Like [`open_file`], with the metadata that it has read anyway.
pub(crate) fn open_with_metadata(path: &Path) -> io::Result<(File, Metadata)> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    regular_with_metadata(open_path(path, flags, Mode::empty()))
}

/// Reads the content of a file of which nothing has been read. No file of the store ever grows under its name, so no read
/// is spent on finding the end.
pub(crate) fn read_all(mut file: &File, metadata: &Metadata) -> io::Result<Vec<u8>> {
    let length = usize::try_from(metadata.len()).ok().filter(|length| *length <= MAX_READ_BYTES);
    let mut bytes = vec![0; length.ok_or(io::ErrorKind::InvalidData)?];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Opens a file for locking, and creates it if needed with everything above it. Its content is never touched.
pub(crate) fn open_or_create(path: &Path) -> io::Result<File> {
    with_parents(path, || open_regular(path, OFlags::RDWR | OFlags::CREATE))
}

/// Opens a regular file for reading and writing.
pub(crate) fn open_existing(path: &Path) -> io::Result<File> {
    open_regular(path, OFlags::RDWR)
}

/// Creates a file for writing, with everything above it. The name must be unused.
pub(crate) fn create_new(path: &Path, mode: Mode) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    with_parents(path, || regular(open_path(path, flags, mode)))
}

/// Refuses whatever is not a regular file.
fn regular(opened: io::Result<OwnedFd>) -> io::Result<File> {
    regular_with_metadata(opened).map(|(file, _)| file)
}

fn regular_with_metadata(opened: io::Result<OwnedFd>) -> io::Result<(File, Metadata)> {
    let irregular = || io::Error::new(io::ErrorKind::InvalidData, "not a regular file");
    let file = match opened.map_err(|error| (Errno::from_io_error(&error), error)) {
        Ok(file) => File::from(file),
        Err((Some(Errno::LOOP | Errno::NXIO | Errno::ISDIR | Errno::NODEV), _)) => return Err(irregular()),
        Err((_, error)) => return Err(error),
    };
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(irregular()) }
}

/// Runs `act`; if a directory above `path` does not exist, makes it and runs `act` again. A directory of the store that
/// was lost is thus made when it is needed.
fn with_parents<T>(path: &Path, act: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match act() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).ok_or(error)?;
            match make_dir(parent) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
            act()
        }
        done => done,
    }
}

/// Makes a directory that only this user can enter, with everything above it.
pub(crate) fn make_dir(path: &Path) -> io::Result<()> {
    with_parents(path, || {
        let (parent, name) = open_parent(path)?;
        Ok(rustix::fs::mkdirat(&parent, name, Mode::RWXU)?)
    })
}

/// Renames a file or directory of the store, and makes the directories above the new name if they are lost.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let (from_dir, from_name) = open_parent(from)?;
    with_parents(to, || {
        let (to_dir, to_name) = open_parent(to)?;
        Ok(rustix::fs::renameat(&from_dir, from_name, &to_dir, to_name)?)
    })
}

/// Renames the complete file `tmp`, which is in the directory of this process in `tmp/`, to the name `path`.
///
/// A directory in the place of the file moves away, beside `tmp`, and is removed with the directory of this process: a
/// restored backup can hold one, and no file can replace it.
pub(crate) fn rename_into_place(tmp: &Path, path: &Path) -> io::Result<()> {
    match rename(tmp, path) {
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            rename(path, &tmp.with_extension("displaced"))?;
            rename(tmp, path)
        }
        renamed => renamed,
    }
}

/// Removes a name that is not a directory.
pub(crate) fn unlink(path: &Path) -> io::Result<()> {
    let (parent, name) = open_parent(path)?;
    Ok(rustix::fs::unlinkat(&parent, name, AtFlags::empty())?)
}

/// Reads a whole file; `None` if it does not exist.
pub(crate) fn read_if_present(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match open_with_metadata(path) {
        Ok((file, metadata)) => read_all(&file, &metadata).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Marks an open file or directory as used now, by its modification time and at most once an hour. Collection takes the
/// least recently used first; a mark that cannot be set does no harm.
pub(crate) fn mark_used(file: &File) {
    let Ok(modified) = file.metadata().and_then(|metadata| metadata.modified()) else { return };
    if is_mark_old(modified) {
        let _ = rustix::fs::futimens(file, &now_times());
    }
}

/// Returns whether [`mark_used`] would change the mark of a file.
pub(crate) fn is_mark_due(metadata: &Metadata) -> bool {
    metadata.modified().is_ok_and(is_mark_old)
}

/// Like [`mark_used`], for a path.
pub(crate) fn mark_path_used(path: &Path) {
    let Ok(modified) = path.symlink_metadata().and_then(|metadata| metadata.modified()) else { return };
    if is_mark_old(modified) {
        let _ = open_parent(path).map(|(parent, name)| {
            rustix::fs::utimensat(&parent, name, &now_times(), AtFlags::SYMLINK_NOFOLLOW)
        });
    }
}

fn is_mark_old(modified: SystemTime) -> bool {
    // A time in the future comes from a clock that was wrong.
    modified.elapsed().map_or(true, |age| age.as_secs() >= MARK_RENEWAL_S)
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
        .and_then(|()| rename_into_place(tmp, path).at("rename into place", path));
    if written.is_err() {
        let _ = unlink(tmp);
    } else if durable {
        sync_parent(path)?;
    }
    written
}

/// Writes a file under an unused name.
pub(crate) fn write_new(path: &Path, bytes: &[u8], durable: bool) -> io::Result<()> {
    let mut file = create_new(path, Mode::RUSR | Mode::WUSR)?;
    file.write_all(bytes)?;
    if durable { file.sync_all() } else { Ok(()) }
}

/// Puts the names in the directory of `path` on disk.
pub(crate) fn sync_parent(path: &Path) -> Result<(), StoreError> {
    let parent = path.parent().expect("a file in the store has a parent");
    open_dir(parent).and_then(|dir| dir.sync_all()).at("sync", parent)
}

/// Removes a file; returns whether it existed.
pub(crate) fn remove_file(path: &Path) -> Result<bool, StoreError> {
    match unlink(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).at("remove", path),
    }
}

/// Opens a directory as a file, to lock or sync it.
pub(crate) fn open_dir(path: &Path) -> io::Result<File> {
    Ok(File::from(open_path(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?))
}

/// Lists the names in a directory, sorted; an absent directory has none. Skips names that are not UTF-8, as the store
/// makes none.
pub(crate) fn names_in(dir: &Path) -> Result<Vec<String>, StoreError> {
    let opened = match open_path(dir, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).at("list", dir),
    };
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::new(opened).at("list", dir)? {
        let name = entry.at("list", dir)?.file_name().to_owned();
        names.extend(name.into_string().ok().filter(|name| name != "." && name != ".."));
    }
    names.sort_unstable();
    Ok(names)
}

/// Lists the paths of the regular files in a directory, sorted; an absent directory has none.
pub(crate) fn files_in(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let is_file = |path: &PathBuf| path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    Ok(names_in(dir)?.into_iter().map(|name| dir.join(name)).filter(is_file).collect())
}
