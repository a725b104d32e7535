//! Files derived from a layer: `layers/<diff ID>/<name>`, replaced atomically and never synced.
//!
//! Each reader of such a file verifies it, and that it belongs to its layer: its checksum covers the diff ID, so that exchanged
//! files are noticed like damaged ones.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::PathBuf;

use oci::{DiffId, Digest};
use rustix::fs::Mode;

use crate::files::{IoContext, create_new, names_in, open_file, remove_file, rename_into_place, unlink};
use crate::locks::{Mode as LockMode, lock_file};
use crate::{Store, StoreError};

/// Number of bytes written at a time.
const BUFFER_BYTES: usize = 256 << 10;

impl Store {
    /// Lists the layers that have derived files, sorted.
    pub fn derived_layers(&self) -> Result<Vec<DiffId>, StoreError> {
        let names = names_in(&self.root().join("layers"))?;
        Ok(names.iter().filter_map(|name| Digest::from_hex(name).ok().map(DiffId)).collect())
    }

    /// Removes a derived file, so that it is made again; returns whether it existed.
    pub fn remove_derived(&self, layer: &DiffId, name: &str) -> Result<bool, StoreError> {
        remove_file(&self.derived_path(layer, name))
    }

    /// Opens a derived file for reading. Fails if it does not exist or is not a regular file.
    pub fn open_derived(&self, layer: &DiffId, name: &str) -> io::Result<File> {
        open_file(&self.derived_path(layer, name))
    }

    /// Reads a derived file; `None` if it does not exist or cannot be read, because it can be made again.
    pub fn read_derived(&self, layer: &DiffId, name: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open_derived(layer, name).ok()?.read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Replaces a derived file by what `write` writes.
    pub fn save_derived(
        &self,
        layer: &DiffId,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), StoreError> {
        let (path, tmp) = (self.layer_dir(layer)?.join(name), self.session.tmp_path()?);
        let fill = |file: File| {
            let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
            write(&mut out)?;
            out.flush()
        };
        let saved = create_new(&tmp, Mode::RUSR | Mode::WUSR)
            .and_then(fill)
            .and_then(|()| rename_into_place(&tmp, &path));
        if saved.is_err() {
            // The error that counts is the first one; the directory of this process goes with it.
            let _ = unlink(&tmp);
        }
        saved.at("write", &path)
    }

    /// Replaces a small derived file by `bytes` and a checksum that binds them to the layer and the name.
    pub fn save_checked(&self, layer: &DiffId, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.save_derived(layer, name, |out| {
            writeln!(out, "{}", checksum(layer, name, bytes))?;
            out.write_all(bytes)
        })
    }

    /// Reads what [`Store::save_checked`] has written; `None` if it does not exist, is damaged or was written for another
    /// layer or under another name.
    pub fn read_checked(&self, layer: &DiffId, name: &str) -> Option<Vec<u8>> {
        let mut bytes = self.read_derived(layer, name)?;
        let end = bytes.iter().position(|&byte| byte == b'\n')?;
        let rest = bytes.split_off(end + 1);
        (bytes[..end] == *checksum(layer, name, &rest).as_bytes()).then_some(rest)
    }

    /// Waits until no other process holds the lock `name` of a layer. Dropping the file releases it.
    pub fn lock_derived(&self, layer: &DiffId, name: &str) -> Result<File, StoreError> {
        lock_file(&self.layer_dir(layer)?.join(name), LockMode::Exclusive)
    }

    fn derived_path(&self, layer: &DiffId, name: &str) -> PathBuf {
        self.root().join("layers").join(layer.0.hex()).join(name)
    }
}

/// Returns the checksum of the file `name` of a layer with this content.
fn checksum(layer: &DiffId, name: &str, bytes: &[u8]) -> String {
    let mut hash = blake3::Hasher::new_keyed(layer.0.as_bytes());
    hash.update(name.as_bytes()).update(&[0]).update(bytes);
    hash.finalize().to_hex().to_string()
}
