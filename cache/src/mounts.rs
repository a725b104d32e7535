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
use crate::locks::{Mode, lock, try_lock, try_lock_shared};
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

/// Reports whether an instance has its first content.
fn is_usable(dir: &Path) -> bool {
    is_file(&dir.join("ready")) && is_dir(&dir.join("data"))
}

fn make_ready(dir: &Path) -> Result<(), StoreError> {
    let ready = dir.join("ready");
    open_or_create(&ready).at("make", &ready).map(|_| ())
}

impl Store {
    /// Takes the cache mount `id`, creating it if needed. Returns `None` if other users must end first, as `sharing` says.
    ///
    /// The id can be any text: its hash is the name of the directory.
    pub fn try_cache_mount(&self, id: &str, sharing: Sharing) -> Result<Option<CacheMount>, StoreError> {
        let instances = self.root().join("mounts").join(hashed_name(id.as_bytes()));
        ensure_private_dir(&instances)?;
        let mut number = 0_u64;
        loop {
            let dir = instances.join(number.to_string());
            ensure_private_dir(&dir)?;
            let file = open_dir(&dir).at("open", &dir)?;
            // An instance that is shared is filled by one user alone.
            let is_shared = sharing == Sharing::Shared && is_usable(&dir);
            let taken = if is_shared { try_lock_shared(&file) } else { try_lock(&file) };
            if taken.at("lock", &dir)? {
                if is_shared && !is_usable(&dir) {
                    // A build with --no-cache has emptied it before the lock was taken.
                    continue;
                }
                return self.take_instance(dir, file, sharing).map(Some);
            }
            if sharing != Sharing::Private {
                return Ok(None);
            }
            number += 1;
        }
    }

    /// Makes the cache mount `id` begin empty for its next user (`--no-cache`). Returns false if other users must end first;
    /// private instances that are in use keep their content.
    pub fn try_renew_cache_mount(&self, id: &str) -> Result<bool, StoreError> {
        let instances = self.root().join("mounts").join(hashed_name(id.as_bytes()));
        let existing =
            (0_u64..).map(|number| instances.join(number.to_string())).take_while(|dir| dir.is_dir());
        for (number, dir) in existing.enumerate() {
            let file = open_dir(&dir).at("open", &dir)?;
            if try_lock(&file).at("lock", &dir)? {
                remove_file(&dir.join("ready"))?;
            } else if number == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes a mount of an instance whose lock is held.
    fn take_instance(&self, dir: PathBuf, file: File, sharing: Sharing) -> Result<CacheMount, StoreError> {
        let is_new = !is_usable(&dir);
        let data = dir.join("data");
        if is_new {
            self.renew_data(&data)?;
        } else if sharing == Sharing::Shared {
            // Another user can have filled it before the lock was taken.
            lock(&file, Mode::Shared).at("lock", &dir)?;
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
