//! Stale data: records and derived files whose layer the store no longer has. They are misses, and do no harm.

use std::path::{Path, PathBuf};

use oci::{DiffId, Digest};

use crate::files::{names_in, read_if_present};
use crate::records::decode;
use crate::{StepKey, Store, StoreError};

/// Returns whether the record at `path` is damaged, or leads to a layer that the store does not have.
pub(crate) fn is_record_stale(store: &Store, key: &StepKey, path: &Path) -> Result<bool, StoreError> {
    let bytes = read_if_present(path).unwrap_or_default().unwrap_or_default();
    match decode(key, &bytes) {
        Some(record) => Ok(store.stat_blob(&record.layer.0)?.is_none()),
        None => Ok(true),
    }
}

/// Lists the directories in `layers/` whose layer the store does not have.
pub(crate) fn stale_layers(store: &Store) -> Result<Vec<PathBuf>, StoreError> {
    let dir = store.root().join("layers");
    let mut stale = Vec::new();
    for name in names_in(&dir)? {
        let layer = Digest::from_hex(&name).map(DiffId);
        let is_stale = match layer {
            Ok(layer) => store.stat_blob(&layer.0)?.is_none(),
            Err(_) => true,
        };
        if is_stale {
            stale.push(dir.join(name));
        }
    }
    Ok(stale)
}
