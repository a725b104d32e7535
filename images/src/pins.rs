//! Which manifest a name of a registry led to when it was last asked.
//!
//! ```text
//! <root>/pins/<blake3 of name and platform>    one line: the digest of the manifest
//! ```
//!
//! A pin makes the next build of the same Dockerfile independent of the network. It holds until `--pull` renews it,
//! or its manifest is collected. A damaged pin is none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cache::{Key, Store, StoreError};
use oci::{Digest, Platform, Reference};

/// The manifest that `name` last led to.
pub fn load(store: &Store, name: &Reference, platform: &Platform) -> Result<Option<Digest>, StoreError> {
    let path = path(store, name, platform);
    match fs::read_to_string(&path) {
        Ok(line) => Ok(line.trim_end().parse().ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
        Err(source) => Err(StoreError::Io { action: "read", path, source }),
    }
}

/// Remembers that `name` leads to `manifest`.
pub fn save(
    store: &Store,
    name: &Reference,
    platform: &Platform,
    manifest: &Digest,
) -> Result<(), StoreError> {
    let path = path(store, name, platform);
    let scratch = store.scratch()?;
    let draft = scratch.path().join("pin");
    let written = fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))
        .and_then(|()| fs::write(&draft, format!("{manifest}\n")))
        .and_then(|()| fs::rename(&draft, &path));
    written.map_err(|source| StoreError::Io { action: "write", path, source })
}

fn path(store: &Store, name: &Reference, platform: &Platform) -> PathBuf {
    let key = Key::of(format!("{name} {platform}").as_bytes());
    store.root().join("pins").join(key.to_string())
}
