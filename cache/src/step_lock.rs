//! Step locks: when two processes want the result of one step, the first runs it and the second waits for the record.
//!
//! `steps/<key>` is an empty file that exists while the step with this key runs. A killed process leaves its file behind
//! unlocked; the next holder of the key removes it, or else the next collection.

use std::fs::File;
use std::path::PathBuf;

use crate::files::{IoContext, unlink};
use crate::locks::{Mode, is_at, lock_file, open_lock_file, try_lock};
use crate::{StepKey, Store, StoreError, hashed_name};

/// Lock on the step with one key. Dropping it lets the next process (or thread) continue.
#[derive(Debug)]
pub struct StepLock {
    path: PathBuf,
    _file: File,
}

impl Drop for StepLock {
    fn drop(&mut self) {
        // Removed while still locked: a process that waits for this file then finds that it has lost its name, and
        // opens a new one.
        let _ = unlink(&self.path);
    }
}

impl Store {
    /// Locks the step with this key for the caller, unless another process or thread runs it: then returns `None`.
    pub fn try_lock_step(&self, key: &StepKey) -> Result<Option<StepLock>, StoreError> {
        // While it waits, a collection must know that this process is there.
        self.session.tmp_path()?;
        let path = self.root().join("steps").join(key.to_string());
        loop {
            let file = open_lock_file(&path)?;
            if !try_lock(&file).at("lock", &path)? {
                return Ok(None);
            }
            if is_at(&file, &path).at("stat", &path)? {
                return Ok(Some(StepLock { path, _file: file }));
            }
        }
    }

    /// Waits until no other process or thread runs the step with this key, then locks it for the caller.
    pub fn lock_step(&self, key: &StepKey) -> Result<StepLock, StoreError> {
        self.lock_file_of_step(&key.to_string())
    }

    /// Waits until no other process or thread does this work, then locks it for the caller. `work` is any text that
    /// describes the work, such as `compress gzip sha256:…`.
    pub fn lock_work(&self, work: &str) -> Result<StepLock, StoreError> {
        self.lock_file_of_step(&hashed_name(work.as_bytes()))
    }

    fn lock_file_of_step(&self, name: &str) -> Result<StepLock, StoreError> {
        let path = self.root().join("steps").join(name);
        loop {
            let file = lock_file(&path, Mode::Exclusive)?;
            if is_at(&file, &path).at("stat", &path)? {
                return Ok(StepLock { path, _file: file });
            }
        }
    }
}
