//! Trees of any shape, owner and mode: removed and measured without following a link.
//!
//! Everything goes by directory descriptors, so that a path may be longer than `PATH_MAX` and a directory may be
//! exchanged for a link while we work. What is mounted somewhere in a tree is never entered: it is not ours.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, ResolveFlags, unlinkat};
use rustix::io::Errno;

/// Directories deeper than this are first moved to the top of the tree: descriptors and stack are finite.
const MAX_DEPTH: usize = 64;

/// Removes what is at `path`, a tree or a file; nothing there is success.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Errno::INVAL.into());
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = match rustix::fs::open(parent, flags, Mode::empty()) {
        Ok(parent) => parent,
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let top = match open_dir(&parent, name) {
        Ok(top) => top,
        Err(Errno::NOENT) => return Ok(()),
        Err(Errno::NOTDIR | Errno::LOOP) => return Ok(unlinkat(CWD, path, AtFlags::empty())?),
        Err(error) => return Err(error.into()),
    };
    let mut remover = Remover { top: &top, moved: 0 };
    loop {
        let moved = remover.moved;
        remover.empty(&top, 0)?;
        if remover.moved == moved {
            break;
        }
    }
    ignore_absent(unlinkat(CWD, path, AtFlags::REMOVEDIR))?;
    Ok(())
}

struct Remover<'a> {
    top: &'a OwnedFd,
    /// How many directories were moved up, and the name of the next.
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

    /// False if it is a directory after all.
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

/// Tries again with a directory that we may write to: what a container left may have any mode.
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

/// Opens a directory, never a link to one nor a mount on one; one of ours that has lost its permissions gets them
/// back.
fn open_dir<P: rustix::path::Arg + Copy>(at: &OwnedFd, name: P) -> rustix::io::Result<OwnedFd> {
    match open_here(at, name, OFlags::RDONLY) {
        Err(Errno::ACCESS) => {
            let handle = open_here(at, name, OFlags::PATH)?;
            // A handle opened with O_PATH cannot be changed but through its name in /proc, which leads to it alone.
            rustix::fs::chmod(format!("/proc/self/fd/{}", handle.as_raw_fd()), Mode::RWXU)?;
            open_here(at, name, OFlags::RDONLY)
        }
        other => other,
    }
}

fn open_here<P: rustix::path::Arg + Copy>(at: &OwnedFd, name: P, how: OFlags) -> rustix::io::Result<OwnedFd> {
    let flags = how | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat2(at, name, flags, Mode::empty(), ResolveFlags::NO_XDEV) {
        // Before Linux 5.6, or a container's filter that does not know the call.
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

/// What the tree or file at `path` occupies on disk, a file with several names once; 0 if there is nothing. What
/// cannot be read or lies deeper than 512 directories is not counted.
pub(crate) fn measure(path: &Path) -> u64 {
    let Ok(stat) = rustix::fs::lstat(path) else { return 0 };
    let own = blocks(&stat);
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return own;
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(dir) = rustix::fs::open(path, flags, Mode::empty()) else { return own };
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
            && depth < 512
            && let Ok(child) = rustix::fs::openat(dir, &name, flags, Mode::empty())
        {
            total += measure_dir(&child, seen, depth + 1);
        }
    }
    total
}

/// Opens a directory to lock it.
pub(crate) fn open_dir_file(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}
