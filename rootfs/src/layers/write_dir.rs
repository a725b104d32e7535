//! Writing a merged tree into a directory of the user, for the local exporter.
//!
//! The destination and the tree can contain anything, symlinks to elsewhere included. Each entry is made through the
//! descriptor of its parent directory, which was opened without following a symlink, so nothing outside can be
//! reached. Entries in the way are replaced. A directory in place of a directory is kept with everything else in it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Timespec, Timestamps};

use crate::RootfsError;
use crate::error::failed;
use crate::layer::new_entry::NewEntry;
use trees::entry::Kind;
use trees::path::{components, is_below, split, to_path};
use trees::sparse::{self, SparseRead};

/// Function that fails once the writing is to end.
pub(crate) type Check<'a> = &'a (dyn Fn() -> io::Result<()> + Sync);

/// Writes `entries`, which are in order and include all directories, into `dest`, and makes `dest` if it does not
/// exist.
///
/// Everything belongs to the user who runs this process. Devices are left out if that user has no right to make them.
/// `check` is called before each entry and each read of content; its error ends the writing.
pub(crate) fn write_dir(entries: &[NewEntry], dest: &Path, check: Check<'_>) -> Result<(), RootfsError> {
    std::fs::create_dir_all(dest).map_err(failed("make", dest))?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(dest, flags, Mode::empty()).map_err(io::Error::from);
    let open = vec![OpenDirectory { fd: root.map_err(failed("open", dest))?, of: None }];
    let mut writer = Writer { open, buffer: Vec::new(), check };
    for new in entries {
        writer.entry(new).map_err(failed("write", &dest.join(to_path(&new.path))))?;
    }
    writer.close_all().map_err(failed("write", dest))
}

/// Directory that is being filled.
struct OpenDirectory<'a> {
    fd: OwnedFd,
    /// Entry of the directory; `None` for the destination.
    of: Option<&'a NewEntry>,
}

struct Writer<'a> {
    /// Directories from the destination down to the parent of the current entry.
    open: Vec<OpenDirectory<'a>>,
    /// Memory for the content of files.
    buffer: Vec<u8>,
    /// Reports whether to go on.
    check: Check<'a>,
}

impl<'a> Writer<'a> {
    fn entry(&mut self, new: &'a NewEntry) -> io::Result<()> {
        (self.check)()?;
        let parent = split(&new.path).map_or(&b""[..], |(parent, _)| parent);
        while self.open.last().and_then(|open| open.of).is_some_and(|of| !is_below(&new.path, &of.path)) {
            self.close_last()?;
        }
        debug_assert_eq!(self.open.last().and_then(|open| open.of).map_or(&b""[..], |of| &of.path), parent);
        let name = OsStr::from_bytes(components(&new.path).next_back().unwrap_or_default());
        let directory = &self.open.last().expect("the destination is closed last").fd;
        match &new.entry.kind {
            Kind::Directory { .. } => {
                let fd = open_directory(directory, name)?;
                self.open.push(OpenDirectory { fd, of: Some(new) });
                return Ok(());
            }
            Kind::File { size_bytes } => {
                let buffer = &mut self.buffer;
                return write_file(directory, name, new, *size_bytes, buffer, self.check);
            }
            Kind::Hardlink { target } => return self.link(directory, name, target),
            _ => {}
        }
        clear(directory, name)?;
        if make_special(directory, name, new)? {
            set_attributes_at(directory, name, new)?;
        }
        Ok(())
    }

    /// Opens the parent of the first name again, without following symlinks although this process has made it.
    fn link(&self, directory: &OwnedFd, name: &OsStr, target: &Path) -> io::Result<()> {
        let (parent, last) = split(target.as_os_str().as_bytes()).ok_or(io::ErrorKind::InvalidInput)?;
        let mut from = rustix::io::dup(&self.open[0].fd)?;
        for component in components(parent) {
            from = open_existing(&from, OsStr::from_bytes(component))?;
        }
        clear(directory, name)?;
        Ok(rustix::fs::linkat(from, OsStr::from_bytes(last), directory, name, AtFlags::empty())?)
    }

    /// Gives the innermost directory its mode and time, which would have changed while it was filled.
    fn close_last(&mut self) -> io::Result<()> {
        match self.open.pop() {
            Some(OpenDirectory { fd, of: Some(new) }) => set_attributes(&fd, new),
            _ => Ok(()),
        }
    }

    fn close_all(&mut self) -> io::Result<()> {
        while !self.open.is_empty() {
            self.close_last()?;
        }
        Ok(())
    }
}

fn open_existing(parent: &OwnedFd, name: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(parent, name, flags, Mode::empty())?)
}

/// Opens the directory `name`, and makes it if it does not exist. Anything else with this name is removed.
fn open_directory(parent: &OwnedFd, name: &OsStr) -> io::Result<OwnedFd> {
    match kind_of(parent, name)? {
        Some(FileType::Directory) => return open_existing(parent, name),
        Some(_) => rustix::fs::unlinkat(parent, name, AtFlags::empty())?,
        None => {}
    }
    rustix::fs::mkdirat(parent, name, Mode::RWXU)?;
    open_existing(parent, name)
}

fn kind_of(parent: &OwnedFd, name: &OsStr) -> io::Result<Option<FileType>> {
    match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Removes `name`, a directory with everything below it.
fn clear(parent: &OwnedFd, name: &OsStr) -> io::Result<()> {
    match kind_of(parent, name)? {
        None => Ok(()),
        // The removal of the standard library follows no symlink below the directory that it is given.
        Some(FileType::Directory) => {
            let parent = format!("/proc/self/fd/{}", parent.as_raw_fd());
            std::fs::remove_dir_all(Path::new(&parent).join(name))
        }
        Some(_) => Ok(rustix::fs::unlinkat(parent, name, AtFlags::empty())?),
    }
}

fn write_file(
    parent: &OwnedFd,
    name: &OsStr,
    new: &NewEntry,
    size_bytes: u64,
    buffer: &mut Vec<u8>,
    check: Check<'_>,
) -> io::Result<()> {
    clear(parent, name)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(parent, name, flags, Mode::RUSR | Mode::WUSR)?);
    if let Some(content) = &new.content {
        let mut content = Checked { inner: content.open(size_bytes)?, check };
        check_length(sparse::copy(&mut content, size_bytes, &file, buffer)?, size_bytes)?;
    }
    set_attributes(&OwnedFd::from(file), new)
}

/// Reader that asks before each read whether to go on.
struct Checked<'a> {
    inner: Box<dyn SparseRead + 'a>,
    check: Check<'a>,
}

impl Read for Checked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (self.check)()?;
        self.inner.read(buffer)
    }
}

impl SparseRead for Checked<'_> {
    fn skip_hole(&mut self) -> io::Result<u64> {
        self.inner.skip_hole()
    }
}

fn check_length(found: u64, expected: u64) -> io::Result<()> {
    if found == expected { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Makes an entry that is neither a directory nor a file. Returns `false` if this user has no right to.
fn make_special(parent: &OwnedFd, name: &OsStr, new: &NewEntry) -> io::Result<bool> {
    let (kind, device) = match &new.entry.kind {
        Kind::Symlink { target } => {
            rustix::fs::symlinkat(target, parent, name)?;
            return Ok(true);
        }
        Kind::CharDevice { major, minor } => (FileType::CharacterDevice, rustix::fs::makedev(*major, *minor)),
        Kind::BlockDevice { major, minor } => (FileType::BlockDevice, rustix::fs::makedev(*major, *minor)),
        Kind::Fifo => (FileType::Fifo, 0),
        _ => return Ok(false),
    };
    match rustix::fs::mknodat(parent, name, kind, mode_of(new), device) {
        Err(rustix::io::Errno::PERM) => Ok(false),
        made => Ok(made.map(|()| true)?),
    }
}

fn mode_of(new: &NewEntry) -> Mode {
    Mode::from_raw_mode(new.entry.mode & 0o7777)
}

/// Sets attributes, mode and time of an open file or directory. Attributes that the file system or the user does not
/// allow are left out.
fn set_attributes(fd: &OwnedFd, new: &NewEntry) -> io::Result<()> {
    for (name, value) in &new.entry.xattrs {
        // Left out if it is not allowed.
        let _ = rustix::fs::fsetxattr(fd, name.as_slice(), value, rustix::fs::XattrFlags::empty());
    }
    rustix::fs::fchmod(fd, mode_of(new))?;
    Ok(rustix::fs::futimens(fd, &times_of(new))?)
}

fn set_attributes_at(parent: &OwnedFd, name: &OsStr, new: &NewEntry) -> io::Result<()> {
    if !matches!(new.entry.kind, Kind::Symlink { .. }) {
        // The node was made by the caller and is not a symlink. Its mode lacks the bits that the umask took away.
        rustix::fs::chmodat(parent, name, mode_of(new), AtFlags::empty())?;
    }
    Ok(rustix::fs::utimensat(parent, name, &times_of(new), AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Returns the time that a tar would have, with nanoseconds if it is the real one.
fn times_of(new: &NewEntry) -> Timestamps {
    let real = new.entry.mtime;
    let time = if real.seconds >= new.clamp.0 {
        Timespec { tv_sec: new.clamp.0, tv_nsec: 0 }
    } else {
        Timespec { tv_sec: real.seconds, tv_nsec: i64::from(real.nanoseconds) }
    };
    Timestamps { last_access: time, last_modification: time }
}
