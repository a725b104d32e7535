//! Results of steps, by cache key.
//!
//! A record is a small file: 32 hex digits that bind the rest to the key, a line feed, JSON. It is not synced: after a
//! power cut it may be short or empty, which the digits tell, and then the step is run again.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use oci::{DiffId, Digest};
use serde::{Deserialize, Serialize};

use crate::files::{At, mark_used, names_in, open_file, replace};
use crate::scratch::make_private_dir;
use crate::{Key, Store, StoreError};

/// The result of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The layer that the step added.
    pub layer: DiffId,
    /// When, in milliseconds since 1970.
    pub created_ms: u64,
    /// How long it took.
    pub duration_ms: u64,
    /// What the key was made of, by name: for telling why another key missed.
    pub inputs: BTreeMap<String, String>,
}

impl Store {
    /// The record of a key; a damaged one is none.
    pub fn load_record(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        let path = record_path(self.root(), key);
        match read(&path) {
            Ok(bytes) => Ok(decode(key, &bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
            Err(error) => Err(error).at("read", &path),
        }
    }

    /// Publishes a record.
    pub fn save_record(&self, key: &Key, record: &Record) -> Result<(), StoreError> {
        let path = record_path(self.root(), key);
        let dir = path.parent().expect("a record is in a directory");
        match make_private_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.at("make", dir)?,
        }
        replace(&path, &self.home.tmp_path()?, &encode(key, record), false)
    }
}

/// Where the record of a key is.
pub(crate) fn record_path(root: &Path, key: &Key) -> PathBuf {
    let hex = key.to_string();
    root.join("records/v1").join(&hex[..2]).join(&hex[2..])
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = open_file(path)?;
    mark_used(&file);
    let mut bytes = Vec::with_capacity(1024);
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// 128 bits over the key and the JSON: tells damage, and a record that lies under another's name.
fn check_digits(key: &Key, json: &[u8]) -> String {
    let mut hash = blake3::Hasher::new();
    hash.update(key.as_bytes()).update(json);
    hash.finalize().to_hex()[..32].to_owned()
}

fn encode(key: &Key, record: &Record) -> Vec<u8> {
    let json = serde_json::to_vec(record).expect("a record is maps, strings and numbers");
    let mut bytes = check_digits(key, &json).into_bytes();
    bytes.push(b'\n');
    bytes.extend_from_slice(&json);
    bytes
}

pub(crate) fn decode(key: &Key, bytes: &[u8]) -> Option<Record> {
    let (digits, rest) = bytes.split_at_checked(32)?;
    let json = rest.strip_prefix(b"\n")?;
    if digits != check_digits(key, json).as_bytes() {
        return None;
    }
    serde_json::from_slice(json).ok()
}

/// Every file among the records whose name could be a key's.
pub(crate) fn all_records(root: &Path) -> Result<Vec<(Key, PathBuf)>, StoreError> {
    let dir = root.join("records/v1");
    let mut records = Vec::new();
    for first in names_in(&dir)? {
        for rest in names_in(&dir.join(&first))? {
            // A key prints as a digest's hex does.
            if let Ok(digest) = Digest::from_hex(&format!("{first}{rest}")) {
                records.push((Key::from_bytes(*digest.as_bytes()), dir.join(&first).join(rest)));
            }
        }
    }
    Ok(records)
}
