//! Cache mounts: directories that outlive builds.
//!
//! `mounts/<blake3 of the id>/<n>/` is one instance, locked by a `flock` on that directory. `data` is what a process
//! sees; `ready` appears beside it once the first user has filled it. Without `ready` the first user was killed or failed
//! half-way, and the next starts with an empty directory again.

use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::files::{At, mark_used};
use crate::locks::{Mode, lock, try_lock};
use crate::scratch::{Home, make_private_dir, random_name};
use crate::tree::{open_dir_file, remove_tree};
use crate::{Key, Store, StoreError};

/// How builds share a cache mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sharing {
    /// Many at once.
    Shared,
    /// One each: a new one is made while all are in use.
    Private,
    /// One at a time: the next waits.
    Locked,
}

/// A cache mount in use.
#[derive(Debug)]
pub struct CacheMount {
    dir: PathBuf,
    data: PathBuf,
    is_new: bool,
    sharing: Sharing,
    lock: File,
    _home: Arc<Home>,
}

impl CacheMount {
    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.data
    }

    /// True if it was made just now and is empty. Until [`CacheMount::set_ready`] no other has it, however it is
    /// shared; dropped before, it is made anew for the next.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Says that the mount has its first content, owner and mode: from now on others may share it, and it stays
    /// whatever becomes of this process.
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

fn make_ready(dir: &Path) -> Result<(), StoreError> {
    let ready = dir.join("ready");
    File::create(&ready).at("make", &ready).map(|_| ())
}

impl Store {
    /// Takes the cache mount `id`: any bytes, hashed into a name.
    pub fn cache_mount(&self, id: &str, sharing: Sharing) -> Result<CacheMount, StoreError> {
        let all = self.root().join("mounts").join(Key::of(id.as_bytes()).to_string());
        make_dir(&all)?;
        let mut number = 0_u64;
        loop {
            let dir = all.join(number.to_string());
            make_dir(&dir)?;
            let file = open_dir_file(&dir).at("open", &dir)?;
            let taken = match sharing {
                Sharing::Private => try_lock(&file),
                Sharing::Shared => lock(&file, Mode::Shared).map(|()| true),
                Sharing::Locked => lock(&file, Mode::Exclusive).map(|()| true),
            };
            if taken.at("lock", &dir)? {
                return self.take_mount(dir, file, sharing);
            }
            number += 1;
        }
    }

    fn take_mount(&self, dir: PathBuf, file: File, sharing: Sharing) -> Result<CacheMount, StoreError> {
        let ready = dir.join("ready");
        let mut is_new = !ready.exists();
        if is_new && sharing == Sharing::Shared {
            // Another may have been first while the lock was changed.
            lock(&file, Mode::Exclusive).at("lock", &dir)?;
            is_new = !ready.exists();
            if !is_new {
                lock(&file, Mode::Shared).at("lock", &dir)?;
            }
        }
        let data = dir.join("data");
        if is_new {
            self.renew_data(&data)?;
        }
        mark_used(&file);
        Ok(CacheMount { dir, data, is_new, sharing, lock: file, _home: Arc::clone(&self.home) })
    }

    /// Makes an empty directory; one that is there already is what a killed process left.
    fn renew_data(&self, data: &Path) -> Result<(), StoreError> {
        let away = self.root().join("tmp").join(random_name());
        match std::fs::rename(data, &away) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            moved => {
                moved.at("move away", data)?;
                let _ = remove_tree(&away);
            }
        }
        std::fs::create_dir(data).at("make", data)?;
        // Whatever our umask is: a process without our identity looks into it.
        std::fs::set_permissions(data, std::fs::Permissions::from_mode(0o755)).at("set the mode of", data)
    }
}

fn make_dir(path: &Path) -> Result<(), StoreError> {
    match make_private_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.at("make", path),
    }
}
