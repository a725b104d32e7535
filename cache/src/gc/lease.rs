//! Leases: collecting while other processes have the store open.
//!
//! A process that writes to the store, or waits for a step, has a directory in `tmp/`, and the name of the directory has
//! the time at which the process opened the store. Everything that the process uses is marked, at most an hour before its
//! use. So what was last used well before the oldest process began is needed by none of them.

use std::fs::File;
use std::path::Path;

use crate::files::{IoContext, MARK_RENEWAL_S, now_ms};
use crate::locks::{Mode, lock, open_lock_file, try_lock};
use crate::tmp::live_since_ms;
use crate::{StoreError, reserve};

/// Room for clocks that differ, in milliseconds.
const MARGIN_MS: u64 = 5 * 60_000;

/// The right to collect. One process has it at a time.
pub(super) struct Lease {
    /// The store's lock: exclusive if nobody else has the store open.
    pub(super) lock: File,
    /// Time from which on everything stays, as other processes can need it; `None` if nobody else has the store open.
    pub(super) needed_from_ms: Option<u64>,
    pub(super) collecting: File,
}

impl Lease {
    /// Takes the right to collect; `None` if another process collects.
    pub(super) fn take(root: &Path) -> Result<Option<Self>, StoreError> {
        let (path, own) = (root.join("lock"), root.join("collect.lock"));
        let collecting = reserve::open_lock(root, &own)?;
        if !try_lock(&collecting).at("lock", &own)? {
            return Ok(None);
        }
        let file = open_lock_file(&path)?;
        if try_lock(&file).at("lock", &path)? {
            return Ok(Some(Self { lock: file, needed_from_ms: None, collecting }));
        }
        lock(&file, Mode::Shared).at("lock", &path)?;
        let oldest_ms = live_since_ms(root)?.unwrap_or(u64::MAX).min(now_ms());
        let needed_from_ms = oldest_ms.saturating_sub(MARK_RENEWAL_S * 1000 + MARGIN_MS);
        Ok(Some(Self { lock: file, needed_from_ms: Some(needed_from_ms), collecting }))
    }
}
