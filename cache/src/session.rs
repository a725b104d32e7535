//! A process's use of a store: the lock that keeps collection away, and the process's own directory in `tmp/`.
//!
//! Blob writers, scratch directories and cache mounts share the session of their store, so that the lock outlives them.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use crate::StoreError;
use crate::files::{IoContext, now_ms, open_dir};
use crate::locks::{Mode, is_at, lock_file, try_lock};
use crate::notices::Notices;
use crate::origin::Origin;
use crate::stamp::Verified;
use crate::tmp::{lease_name, make_private_dir};
use crate::tree::remove_tree;

/// The root of a store with this process's locks on it.
#[derive(Debug)]
pub(crate) struct Session {
    root: PathBuf,
    /// Time at which the store was opened, in milliseconds since 1970.
    opened_ms: u64,
    /// This process's directory in `tmp/`. Created on demand: a build that changes nothing writes nothing.
    own: Mutex<Option<OwnDir>>,
    /// Blobs that need not be verified again.
    pub(crate) verified: Verified,
    /// Receiver of messages for the user.
    pub(crate) notices: Notices,
    /// Description of the changes to names.
    pub(crate) origin: Origin,
    /// The file `lock`. The last field, so that it is released last.
    lock: File,
}

/// A directory in `tmp/` that belongs to this process.
#[derive(Debug)]
struct OwnDir {
    path: PathBuf,
    _lock: File,
    /// How many names it has given out; the next one is this number plus one.
    count: u64,
}

impl Session {
    /// Waits for the store's lock and shares it with other processes.
    pub(crate) fn new(root: &Path) -> Result<Self, StoreError> {
        let lock = lock_file(&root.join("lock"), Mode::Shared)?;
        Ok(Self::with_lock(root, lock))
    }

    /// Makes a session of a lock that is held already, shared or exclusively.
    pub(crate) fn with_lock(root: &Path, lock: File) -> Self {
        Self {
            root: root.to_owned(),
            opened_ms: now_ms(),
            own: Mutex::new(None),
            verified: Verified::default(),
            notices: Notices::default(),
            origin: Origin::default(),
            lock,
        }
    }

    /// Gives up the store's lock. The directory in `tmp/` has a lock of its own and stays.
    pub(crate) fn unlock(&self) -> io::Result<()> {
        self.lock.unlock()
    }

    /// Returns the directory that the store is in.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns an unused path in this process's directory in `tmp/`; nothing is created there.
    pub(crate) fn tmp_path(&self) -> Result<PathBuf, StoreError> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if own.is_none() {
            *own = Some(OwnDir::claim(&self.root.join("tmp"), self.opened_ms)?);
        }
        let own = own.as_mut().expect("it was made just now");
        own.count += 1;
        Ok(own.path.join(own.count.to_string()))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let own = self.own.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = own.take() {
            let _ = remove_tree(&own.path);
        }
    }
}

impl OwnDir {
    /// Creates and locks a directory.
    fn claim(tmp: &Path, opened_ms: u64) -> Result<Self, StoreError> {
        // Most file systems do not know the flag, and do not need it.
        let _ = spread(tmp);
        loop {
            let path = tmp.join(lease_name(opened_ms)?);
            make_private_dir(&path).at("make", &path)?;
            // Until it is locked, another process can take the directory for a leftover and remove it.
            let Ok(dir) = open_dir(&path) else { continue };
            if try_lock(&dir).at("lock", &path)? && is_at(&dir, &path).at("stat", &path)? {
                return Ok(Self { path, _lock: dir, count: 0 });
            }
        }
    }
}

/// Makes ext4 put each directory in `tmp` into a little-used part of the disk (`chattr +T`), instead of all of them into
/// the part where `tmp` is.
///
/// ext4 without a journal, which many virtual machines have, does not reuse the inode number of a removed file for some
/// minutes: for every new file it looks again at all recently removed ones of that part of the disk
/// (`recently_deleted`, fs/ext4/ialloc.c). After a RUN that made 20,000 files and failed, the next RUN took 8 s instead
/// of 1.5 s.
fn spread(tmp: &Path) -> io::Result<()> {
    let dir = open_dir(tmp)?;
    let flags = ioctl_getflags(&dir)?;
    if !flags.contains(IFlags::TOPDIR) {
        ioctl_setflags(&dir, flags | IFlags::TOPDIR)?;
    }
    Ok(())
}
