//! Records: the results of steps, by cache key.
//!
//! A record is a small file: 32 hex digits that bind the rest to the key, a line feed, JSON. It is not synced. After a
//! power cut it can be short or empty; the digits then do not match, and the step is run again.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use oci::{DiffId, Digest};
use serde::{Deserialize, Serialize};

use crate::files::{IoContext, is_mark_due, mark_used, names_in, open_with_metadata, read_all, replace};
use crate::tmp::ensure_private_dir;
use crate::{StepKey, StepPosition, Store, StoreError};

/// Result of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Layer that the step added.
    pub layer: DiffId,
    /// Time at which the step ended, in milliseconds since 1970.
    pub created_ms: u64,
    /// Duration of the step in milliseconds.
    pub duration_ms: u64,
    /// Inputs of the key by name, to explain later why another key missed.
    pub inputs: BTreeMap<String, String>,
}

impl Store {
    /// Loads the record of a key and marks it as used. A damaged record is a miss, `None`, like an absent one.
    pub fn load_record(&self, key: &StepKey) -> Result<Option<Record>, StoreError> {
        let path = record_path(self.root(), key);
        match read(&path) {
            Ok(bytes) => Ok(decode(key, &bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
            Err(error) => Err(error).at("read", &path),
        }
    }

    /// Saves the record of a key for all processes, replacing an older one.
    pub fn save_record(&self, key: &StepKey, record: &Record) -> Result<(), StoreError> {
        let path = record_path(self.root(), key);
        ensure_private_dir(path.parent().expect("a record is in a directory"))?;
        replace(&path, &self.session.tmp_path()?, &encode(key, record), false)
    }

    /// Loads the last record of a position, as [`Store::load_record`] does for a key.
    pub fn load_last_record(&self, position: &StepPosition) -> Result<Option<Record>, StoreError> {
        self.load_record(&key_of(position))
    }

    /// Saves the last record of a position, as [`Store::save_record`] does for a key.
    pub fn save_last_record(&self, position: &StepPosition, record: &Record) -> Result<(), StoreError> {
        self.save_record(&key_of(position), record)
    }
}

/// Returns the key under which the last record of a position lies. Hashes of positions and of steps never meet.
fn key_of(position: &StepPosition) -> StepKey {
    StepKey::from_bytes(*position.as_bytes())
}

fn record_path(root: &Path, key: &StepKey) -> PathBuf {
    let hex = key.to_string();
    root.join("records/v1").join(&hex[..2]).join(&hex[2..])
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let (file, metadata) = open_with_metadata(path)?;
    if is_mark_due(&metadata) {
        mark_used(&file);
        // A collection can have taken it away just before.
        path.symlink_metadata()?;
    }
    read_all(&file, &metadata)
}

/// Returns 128 bits over the key and the JSON. They reveal damage, and a record that lies under another key's name.
fn check_digits(key: &StepKey, json: &[u8]) -> String {
    let mut hash = blake3::Hasher::new();
    hash.update(key.as_bytes()).update(json);
    hash.finalize().to_hex()[..32].to_owned()
}

fn encode(key: &StepKey, record: &Record) -> Vec<u8> {
    let json = serde_json::to_vec(record).expect("a record is maps, strings and numbers");
    let mut bytes = check_digits(key, &json).into_bytes();
    bytes.push(b'\n');
    bytes.extend_from_slice(&json);
    bytes
}

/// Parses the content of a record's file; `None` if it is damaged or belongs to another key.
pub(crate) fn decode(key: &StepKey, bytes: &[u8]) -> Option<Record> {
    let (digits, rest) = bytes.split_at_checked(32)?;
    let json = rest.strip_prefix(b"\n")?;
    if digits != check_digits(key, json).as_bytes() {
        return None;
    }
    serde_json::from_slice(json).ok()
}

/// Lists every file in `records/v1/` whose name can be a key, with that key.
pub(crate) fn all_records(root: &Path) -> Result<Vec<(StepKey, PathBuf)>, StoreError> {
    let dir = root.join("records/v1");
    let mut records = Vec::new();
    for first in names_in(&dir)? {
        for rest in names_in(&dir.join(&first))? {
            // A key is printed in the same form as the hex part of a digest.
            if let Ok(digest) = Digest::from_hex(&format!("{first}{rest}")) {
                records.push((StepKey::from_bytes(*digest.as_bytes()), dir.join(&first).join(rest)));
            }
        }
    }
    Ok(records)
}
