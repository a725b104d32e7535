//! The part of `tmp/` that belongs to this process, and the end of what dead ones left there.
//!
//! A process owns `tmp/<random>/` as long as it holds a `flock` on that directory; the kernel releases it with the
//! process. Whoever opens the store and gets the lock of another's directory knows that its owner is dead.

use std::fs::File;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use crate::files::{At, names_in};
use crate::locks::{Mode, is_at, lock_file, try_lock};
use crate::tree::{open_dir_file, remove_tree};
use crate::{Store, StoreError};

/// A root and the locks on it; shared by everything that must not outlive them.
#[derive(Debug)]
pub(crate) struct Home {
    root: PathBuf,
    /// Made when it is first needed: a build that changes nothing writes nothing.
    own: Mutex<Option<Own>>,
    /// Last, so that it is released last.
    lock: File,
}

#[derive(Debug)]
struct Own {
    path: PathBuf,
    _lock: File,
    /// How many names it has given out.
    count: u64,
}

impl Home {
    /// Takes the store's lock.
    pub(crate) fn new(root: &Path) -> Result<Self, StoreError> {
        let lock = lock_file(&root.join("lock"), Mode::Shared)?;
        Ok(Self::with_lock(root, lock))
    }

    /// With the store's lock taken already.
    pub(crate) fn with_lock(root: &Path, lock: File) -> Self {
        Self { root: root.to_owned(), own: Mutex::new(None), lock }
    }

    /// Gives up the store's lock; what is ours in `tmp/` stays ours.
    pub(crate) fn unlock(&self) -> std::io::Result<()> {
        self.lock.unlock()
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A name that nothing has, in this process's part of `tmp/`.
    pub(crate) fn tmp_path(&self) -> Result<PathBuf, StoreError> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if own.is_none() {
            *own = Some(claim(&self.root.join("tmp"))?);
        }
        let own = own.as_mut().expect("it was made just now");
        own.count += 1;
        Ok(own.path.join(own.count.to_string()))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let own = self.own.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = own.take() {
            let _ = remove_tree(&own.path);
        }
    }
}

/// Makes a directory that is ours.
fn claim(tmp: &Path) -> Result<Own, StoreError> {
    // Where the file system has no such wish, it is none.
    let _ = spread(tmp);
    loop {
        let path = tmp.join(random_name());
        make_private_dir(&path).at("make", &path)?;
        // Before we have its lock, another process may take the directory for a leftover and remove it.
        let Ok(dir) = open_dir_file(&path) else { continue };
        if try_lock(&dir).at("lock", &path)? && is_at(&dir, &path).at("stat", &path)? {
            return Ok(Own { path, _lock: dir, count: 0 });
        }
    }
}

/// Lets ext4 put each directory in `tmp` into a part of the disk that is little used (`chattr +T`), and not all of them
/// into the one where `tmp` is.
///
/// For some minutes ext4 without a journal, which many virtual machines have, gives the number of a removed file to no
/// other: for every file that is made it looks at all those of that part again (`recently_deleted`,
/// fs/ext4/ialloc.c). After a RUN that made 20,000 files and failed, the next one took 8 s for what takes 1.5 s.
fn spread(tmp: &Path) -> io::Result<()> {
    let dir = open_dir_file(tmp)?;
    let flags = ioctl_getflags(&dir)?;
    if !flags.contains(IFlags::TOPDIR) {
        ioctl_setflags(&dir, flags | IFlags::TOPDIR)?;
    }
    Ok(())
}

pub(crate) fn make_private_dir(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

/// 128 random bits in hex.
pub(crate) fn random_name() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the kernel has random bytes since it has booted");
    format!("{:032x}", u128::from_ne_bytes(bytes))
}

/// What dead processes left in `tmp/`, each with its lock. One `readdir` if there is nothing.
pub(crate) fn leftovers(root: &Path) -> Result<Vec<(PathBuf, Option<File>)>, StoreError> {
    let tmp = root.join("tmp");
    let mut dead = Vec::new();
    for name in names_in(&tmp)? {
        let path = tmp.join(name);
        match open_dir_file(&path) {
            Ok(dir) => {
                if matches!(try_lock(&dir), Ok(true)) {
                    dead.push((path, Some(dir)));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // Not a directory, or one that a dead container has made unreadable.
            Err(_) => dead.push((path, None)),
        }
    }
    Ok(dead)
}

/// Removes what dead processes left. What cannot be removed stays for someone with more rights.
pub(crate) fn clear(dead: Vec<(PathBuf, Option<File>)>) {
    for (path, _lock) in dead {
        let _ = remove_tree(&path);
    }
}

/// A directory under `tmp/` of this process; removed when dropped (trees of any owner and mode inside).
#[derive(Debug)]
pub struct ScratchDir {
    path: PathBuf,
    _home: Arc<Home>,
}

impl ScratchDir {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        let _ = remove_tree(&self.path);
    }
}

impl Store {
    /// A new directory of this process.
    pub fn scratch(&self) -> Result<ScratchDir, StoreError> {
        let path = self.home.tmp_path()?;
        make_private_dir(&path).at("make", &path)?;
        Ok(ScratchDir { path, _home: Arc::clone(&self.home) })
    }
}
