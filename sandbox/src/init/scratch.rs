//! Files of our own that are mounted in the root file system: `/etc/hosts`, secrets, sockets, device nodes, masks.
//!
//! They live on one small tmpfs. A file can be cloned as a mount only while its file system is attached, so the tmpfs
//! is attached below the sandbox's own `/dev` during setup. Once it is detached, processes reach only the single files
//! that were cloned.

use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;

use rustix::fs::{
    AtFlags, Dev, FileType, Gid, Mode, OFlags, Uid, chmodat, chownat, fchmod, fchown, mkdirat, mknodat,
    openat, unlinkat,
};
use rustix::mount::{UnmountFlags, unmount};

use crate::mount_api;
use crate::plan::Rights;
use crate::sys;

/// Name of the mount point in `/dev`.
const NAME: &str = ".dsbuild";
/// Name of the empty directory on the tmpfs.
const EMPTY: &str = "empty";

/// The attached tmpfs. All descriptors that it returns are detached mounts.
pub(super) struct Scratch {
    dev: OwnedFd,
    dir: OwnedFd,
    /// Number of files made so far, from which their names are made.
    files: u32,
}

impl Scratch {
    /// Attaches `tmpfs` below `dev`, which must be a file system that no other process has changed.
    pub(super) fn attach(tmpfs: OwnedFd, dev: OwnedFd) -> io::Result<Self> {
        mkdirat(&dev, NAME, Mode::RWXU)?;
        let mount_point = openat(&dev, NAME, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        mount_api::attach(&tmpfs, mount_point)?;
        mkdirat(&tmpfs, EMPTY, Mode::from_raw_mode(0o555))?;
        Ok(Self { dev, dir: tmpfs, files: 0 })
    }

    /// Returns an empty directory of mode 0555, as writable as the tmpfs.
    pub(super) fn empty_directory(&self) -> io::Result<OwnedFd> {
        mount_api::clone(openat(&self.dir, EMPTY, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?, false)
    }

    /// Makes a file with the content `bytes`.
    pub(super) fn file(&mut self, bytes: &[u8], rights: Rights) -> io::Result<OwnedFd> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let name = self.next_name();
        let file = openat(&self.dir, name, flags, Mode::RUSR | Mode::WUSR)?;
        let mut file = std::fs::File::from(file);
        file.write_all(bytes)?;
        // The mode is set last, since a change of owner clears the set-user-ID bit.
        fchown(&file, Some(Uid::from_raw(rights.uid)), Some(Gid::from_raw(rights.gid)))?;
        fchmod(&file, Mode::from_raw_mode(rights.mode))?;
        mount_api::clone(file.as_fd(), false)
    }

    /// Makes a device node that can be opened through the returned mount and nowhere else.
    pub(super) fn device(&mut self, file_type: FileType, device: Dev, rights: Rights) -> io::Result<OwnedFd> {
        let name = self.next_name();
        mknodat(&self.dir, &name, file_type, Mode::empty(), device)?;
        let (uid, gid) = (Uid::from_raw(rights.uid), Gid::from_raw(rights.gid));
        chownat(&self.dir, &name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        chmodat(&self.dir, &name, Mode::from_raw_mode(rights.mode), AtFlags::empty())?;
        let node = mount_api::clone(
            openat(&self.dir, &name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?,
            false,
        )?;
        sys::allow_devices(node.as_fd())?;
        Ok(node)
    }

    /// Makes a unix socket. Returns its mount and the listening socket.
    pub(super) fn socket(&mut self, rights: Rights) -> io::Result<(OwnedFd, UnixListener)> {
        let name = self.next_name();
        // Sockets are bound by path. A path relative to the tmpfs involves nothing of the root file system.
        rustix::process::fchdir(&self.dir)?;
        let listener = UnixListener::bind(&name)?;
        rustix::process::chdir("/")?;
        let (uid, gid) = (Uid::from_raw(rights.uid), Gid::from_raw(rights.gid));
        chownat(&self.dir, &name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        chmodat(&self.dir, &name, Mode::from_raw_mode(rights.mode), AtFlags::empty())?;
        let file = openat(&self.dir, &name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        Ok((mount_api::clone(file, false)?, listener))
    }

    fn next_name(&mut self) -> String {
        self.files += 1;
        self.files.to_string()
    }

    /// Detaches the tmpfs and removes its mount point.
    pub(super) fn detach(self) -> io::Result<()> {
        // A path would not do: a mount of the plan can cover /dev.
        rustix::process::fchdir(&self.dir)?;
        unmount(".", UnmountFlags::DETACH)?;
        rustix::process::chdir("/")?;
        Ok(unlinkat(&self.dev, NAME, AtFlags::REMOVEDIR)?)
    }
}
