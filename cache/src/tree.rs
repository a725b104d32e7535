//! Removing and measuring directory trees of any depth, owner and mode, without following symbolic links.
//!
//! Everything works on directory descriptors: paths can be longer than `PATH_MAX`, and a directory can be replaced by a
//! symbolic link at any moment. A mount inside a tree is never entered, as its content belongs to somebody else.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, ResolveFlags, unlinkat};
use rustix::io::Errno;

use crate::files::open_path;

/// Depth from which directories are first moved to the top of the tree, because descriptors and stack are limited.
const MAX_DEPTH: usize = 64;
/// Depth to which disk usage is counted.
const MAX_MEASURED_DEPTH: usize = 512;

/// Removes the tree or file at `path`. Nothing at `path` is success.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Errno::INVAL.into());
    };
    let parent = match open_path(parent, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()) {
        Ok(parent) => parent,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let top = match open_dir(&parent, name) {
        Ok(top) => top,
        Err(Errno::NOENT) => return Ok(()),
        Err(Errno::NOTDIR | Errno::LOOP) => return Ok(unlinkat(&parent, name, AtFlags::empty())?),
        Err(error) => return Err(error.into()),
    };
    let mut remover = Remover { top: &top, moved: 0 };
    loop {
        let moved_before = remover.moved;
        remover.empty(&top, 0)?;
        if remover.moved == moved_before {
            break;
        }
    }
    ignore_absent(unlinkat(&parent, name, AtFlags::REMOVEDIR))?;
    Ok(())
}

/// State of one removal.
struct Remover<'a> {
    top: &'a OwnedFd,
    /// Number of directories that were moved to the top; part of their names there.
    moved: u64,
}

impl Remover<'_> {
    fn empty(&mut self, dir: &OwnedFd, depth: usize) -> rustix::io::Result<()> {
        for (name, kind) in entries(dir)? {
            if kind != FileType::Directory && self.unlink(dir, &name)? {
                continue;
            }
            match open_dir(dir, &name) {
                Ok(_) if depth >= MAX_DEPTH => {
                    self.move_up(dir, &name)?;
                    continue;
                }
                Ok(child) => self.empty(&child, depth + 1)?,
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(error),
            }
            ignore_absent(with_permission(dir, || unlinkat(dir, &name, AtFlags::REMOVEDIR)))?;
        }
        Ok(())
    }

    /// Removes a name that is not a directory; returns `false` if it is one after all.
    fn unlink(&self, dir: &OwnedFd, name: &CStr) -> rustix::io::Result<bool> {
        match ignore_absent(with_permission(dir, || unlinkat(dir, name, AtFlags::empty()))) {
            Ok(()) => Ok(true),
            Err(Errno::ISDIR) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn move_up(&mut self, dir: &OwnedFd, name: &CStr) -> rustix::io::Result<()> {
        loop {
            self.moved += 1;
            let up = format!(".dsbuild-deep-{}", self.moved);
            let flags = rustix::fs::RenameFlags::NOREPLACE;
            match with_permission(dir, || rustix::fs::renameat_with(dir, name, self.top, up.as_str(), flags))
            {
                Err(Errno::EXIST) => {}
                other => return other,
            }
        }
    }
}

/// Tries again after making the directory writable: a container can leave directories of any mode.
fn with_permission(dir: &OwnedFd, act: impl Fn() -> rustix::io::Result<()>) -> rustix::io::Result<()> {
    match act() {
        Err(Errno::ACCESS) => {
            rustix::fs::fchmod(dir, Mode::RWXU)?;
            act()
        }
        other => other,
    }
}

fn ignore_absent(result: rustix::io::Result<()>) -> rustix::io::Result<()> {
    match result {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

/// Opens a directory, but neither a symbolic link to one nor a mount on one. Gives a directory of this user its
/// permissions back if it has lost them.
fn open_dir<P: rustix::path::Arg + Copy>(at: &OwnedFd, name: P) -> rustix::io::Result<OwnedFd> {
    match open_here(at, name, OFlags::RDONLY) {
        Err(Errno::ACCESS) => {
            let handle = open_here(at, name, OFlags::PATH)?;
            // An O_PATH descriptor can be changed only through its name in /proc, which leads to this directory.
            rustix::fs::chmod(format!("/proc/self/fd/{}", handle.as_raw_fd()), Mode::RWXU)?;
            open_here(at, name, OFlags::RDONLY)
        }
        other => other,
    }
}

fn open_here<P: rustix::path::Arg + Copy>(at: &OwnedFd, name: P, how: OFlags) -> rustix::io::Result<OwnedFd> {
    let flags = how | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat2(at, name, flags, Mode::empty(), ResolveFlags::NO_XDEV) {
        // Linux before 5.6, or a container whose seccomp filter does not know the call.
        Err(Errno::NOSYS | Errno::PERM) => {
            let dir = rustix::fs::openat(at, name, flags, Mode::empty())?;
            let is_mount = rustix::fs::fstat(&dir)?.st_dev != rustix::fs::fstat(at)?.st_dev;
            if is_mount { Err(Errno::XDEV) } else { Ok(dir) }
        }
        other => other,
    }
}

fn entries(dir: &OwnedFd) -> rustix::io::Result<Vec<(CString, FileType)>> {
    let mut buffer = Vec::with_capacity(32 * 1024);
    let mut found = Vec::new();
    rustix::fs::seek(dir, rustix::fs::SeekFrom::Start(0))?;
    let mut raw = RawDir::new(dir, buffer.spare_capacity_mut());
    while let Some(entry) = raw.next() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            found.push((entry.file_name().to_owned(), entry.file_type()));
        }
    }
    Ok(found)
}

/// Returns the disk usage in bytes of the tree or file at `path`; 0 if it does not exist. A file with several names
/// counts once. Leaves out directories that cannot be read and directories deeper than [`MAX_MEASURED_DEPTH`].
pub(crate) fn measure(path: &Path) -> u64 {
    let Ok(stat) = rustix::fs::lstat(path) else { return 0 };
    let own = blocks(&stat);
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return own;
    }
    let Ok(dir) = open_path(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()) else { return own };
    own + measure_dir(&dir, &mut HashSet::new(), 0)
}

fn blocks(stat: &rustix::fs::Stat) -> u64 {
    u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512)
}

fn measure_dir(dir: &OwnedFd, seen: &mut HashSet<(u64, u64)>, depth: usize) -> u64 {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(entries) = entries(dir) else { return 0 };
    let mut total = 0;
    for (name, _) in entries {
        let Ok(stat) = rustix::fs::statat(dir, &name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        let is_dir = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        if is_dir || stat.st_nlink < 2 || seen.insert((stat.st_dev, stat.st_ino)) {
            total += blocks(&stat);
        }
        if is_dir
            && depth < MAX_MEASURED_DEPTH
            && let Ok(child) = rustix::fs::openat(dir, &name, flags, Mode::empty())
        {
            total += measure_dir(&child, seen, depth + 1);
        }
    }
    total
}
