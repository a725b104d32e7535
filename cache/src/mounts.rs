//! Cache mounts: directories that outlive builds.
//!
//! `mounts/<blake3 of the id>/<n>/` is one instance, locked by a `flock` on that directory. A process sees its
//! subdirectory `data`. The file `ready` appears beside it once the first user has filled it. If `ready` is missing, the
//! first user was killed or failed half-way, and the next user starts with an empty directory again.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::files::{IoContext, make_dir, mark_used, open_dir, open_or_create, remove_file};
use crate::locks::{Mode, lock, try_lock};
use crate::session::Session;
use crate::tmp::{discard, ensure_private_dir};
use crate::{Store, StoreError, hashed_name};

/// How builds share a cache mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sharing {
    /// Many users at once, in one instance.
    Shared,
    /// One instance for each user: a new one is made while all are in use.
    Private,
    /// One user at a time: the next one waits.
    Locked,
}

/// A cache mount in use. Dropping it lets waiting users continue.
#[derive(Debug)]
pub struct CacheMount {
    dir: PathBuf,
    data: PathBuf,
    is_new: bool,
    sharing: Sharing,
    lock: File,
    _session: Arc<Session>,
}

impl CacheMount {
    /// Returns the directory to mount.
    pub fn path(&self) -> &Path {
        &self.data
    }

    /// Returns whether the directory was made just now and is empty.
    ///
    /// A new mount has no second user before [`CacheMount::set_ready`], however it is shared. If it is dropped before
    /// that, the next user gets a new one.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Declares that the mount has its first content, owner and mode. From now on others can share it, and it stays even
    /// if this process is killed.
    pub fn set_ready(&mut self) -> Result<(), StoreError> {
        if self.is_new {
            self.is_new = false;
            make_ready(&self.dir)?;
            if self.sharing == Sharing::Shared {
                lock(&self.lock, Mode::Shared).at("lock", &self.dir)?;
            }
        }
        Ok(())
    }
}

fn is_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_file())
}

/// Reports whether a path is a directory itself, and no symbolic link to one.
fn is_dir(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
}

fn make_ready(dir: &Path) -> Result<(), StoreError> {
    let ready = dir.join("ready");
    open_or_create(&ready).at("make", &ready).map(|_| ())
}

impl Store {
    /// Takes the cache mount `id`, creating it if needed. Waits for other users where `sharing` says so.
    ///
    /// The id can be any text: its hash is the name of the directory.
    pub fn cache_mount(&self, id: &str, sharing: Sharing) -> Result<CacheMount, StoreError> {
        let instances = self.root().join("mounts").join(hashed_name(id.as_bytes()));
        ensure_private_dir(&instances)?;
        let mut number = 0_u64;
        loop {
            let dir = instances.join(number.to_string());
            ensure_private_dir(&dir)?;
            let file = open_dir(&dir).at("open", &dir)?;
            let taken = match sharing {
                Sharing::Private => try_lock(&file),
                Sharing::Shared => lock(&file, Mode::Shared).map(|()| true),
                Sharing::Locked => lock(&file, Mode::Exclusive).map(|()| true),
            };
            if taken.at("lock", &dir)? {
                return self.take_instance(dir, file, sharing);
            }
            number += 1;
        }
    }

    /// Makes the cache mount `id` begin empty for its next user (`--no-cache`). Waits for its users; private instances that
    /// are in use keep their content.
    pub fn renew_cache_mount(&self, id: &str) -> Result<(), StoreError> {
        let instances = self.root().join("mounts").join(hashed_name(id.as_bytes()));
        let existing =
            (0_u64..).map(|number| instances.join(number.to_string())).take_while(|dir| dir.is_dir());
        for (number, dir) in existing.enumerate() {
            let file = open_dir(&dir).at("open", &dir)?;
            let is_locked =
                if number == 0 { lock(&file, Mode::Exclusive).map(|()| true) } else { try_lock(&file) };
            if is_locked.at("lock", &dir)? {
                remove_file(&dir.join("ready"))?;
            }
        }
        Ok(())
    }

    /// Makes a mount of an instance whose lock is held.
    fn take_instance(&self, dir: PathBuf, file: File, sharing: Sharing) -> Result<CacheMount, StoreError> {
        let (ready, data) = (dir.join("ready"), dir.join("data"));
        let is_unusable = || !is_file(&ready) || !is_dir(&data);
        let mut is_new = is_unusable();
        if is_new && sharing == Sharing::Shared {
            // Another user can have filled it while the lock was changed.
            lock(&file, Mode::Exclusive).at("lock", &dir)?;
            is_new = is_unusable();
            if !is_new {
                lock(&file, Mode::Shared).at("lock", &dir)?;
            }
        }
        if is_new {
            self.renew_data(&data)?;
        }
        mark_used(&file);
        Ok(CacheMount { dir, data, is_new, sharing, lock: file, _session: Arc::clone(&self.session) })
    }

    /// Makes an empty directory in place of what a killed process left.
    fn renew_data(&self, data: &Path) -> Result<(), StoreError> {
        discard(self.root(), data)?;
        make_dir(data).at("make", data)?;
        // The mode must not depend on our umask: a process with another identity looks into the directory.
        let dir = open_dir(data).at("open", data)?;
        dir.set_permissions(std::fs::Permissions::from_mode(0o755)).at("set the mode of", data)
    }
}
