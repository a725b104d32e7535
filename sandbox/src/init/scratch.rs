//! Files of our own that are shown at places in the root file system: `/etc/hosts`, secrets, sockets, masks.
//!
//! They live on one small tmpfs. A mount can be cloned from only while it is attached, so the tmpfs is attached below
//! our own `/dev` while the sandbox is set up, and is reachable by nobody afterwards but through the single files that
//! were cloned.

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

const NAME: &str = ".dsbuild";
const EMPTY: &str = "empty";

pub(super) struct Scratch {
    dev: OwnedFd,
    dir: OwnedFd,
    files: u32,
}

impl Scratch {
    /// Attaches `tmpfs` below `dev`, which must be ours.
    pub(super) fn attach(tmpfs: OwnedFd, dev: OwnedFd) -> io::Result<Self> {
        mkdirat(&dev, NAME, Mode::RWXU)?;
        let place = openat(&dev, NAME, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        mount_api::attach(&tmpfs, place)?;
        mkdirat(&tmpfs, EMPTY, Mode::from_raw_mode(0o555))?;
        Ok(Self { dev, dir: tmpfs, files: 0 })
    }

    /// An empty directory.
    pub(super) fn empty_directory(&self) -> io::Result<OwnedFd> {
        mount_api::clone(openat(&self.dir, EMPTY, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?, false)
    }

    /// A file with these bytes.
    pub(super) fn file(&mut self, bytes: &[u8], rights: Rights) -> io::Result<OwnedFd> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let name = self.next_name();
        let file = openat(&self.dir, name, flags, Mode::RUSR | Mode::WUSR)?;
        let mut file = std::fs::File::from(file);
        file.write_all(bytes)?;
        // Mode after owner: chown clears set-uid.
        fchown(&file, Some(Uid::from_raw(rights.uid)), Some(Gid::from_raw(rights.gid)))?;
        fchmod(&file, Mode::from_raw_mode(rights.mode))?;
        mount_api::clone(file.as_fd(), false)
    }

    /// A device node, which can be opened there and nowhere else.
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

    /// A unix socket; gives the mount and the socket that listens.
    pub(super) fn socket(&mut self, rights: Rights) -> io::Result<(OwnedFd, UnixListener)> {
        let name = self.next_name();
        // Sockets are bound by path; we are in the root file system, where /dev is our own.
        rustix::process::fchdir(&self.dir)?;
        let listener = UnixListener::bind(&name)?;
        rustix::process::chdir("/")?;
        let (uid, gid) = (Uid::from_raw(rights.uid), Gid::from_raw(rights.gid));
        chownat(&self.dir, &name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        chmodat(&self.dir, &name, Mode::from_raw_mode(rights.mode), AtFlags::empty())?;
        let place = openat(&self.dir, &name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        Ok((mount_api::clone(place, false)?, listener))
    }

    fn next_name(&mut self) -> String {
        self.files += 1;
        self.files.to_string()
    }

    /// Takes the tmpfs out of sight.
    pub(super) fn detach(self) -> io::Result<()> {
        // By descriptor: something else may have been mounted on /dev.
        rustix::process::fchdir(&self.dir)?;
        unmount(".", UnmountFlags::DETACH)?;
        rustix::process::chdir("/")?;
        Ok(unlinkat(&self.dev, NAME, AtFlags::REMOVEDIR)?)
    }
}
