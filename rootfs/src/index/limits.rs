//! Limits of a layer, so that no image can exhaust memory.

use crate::RootfsError;
use trees::TreeError;

/// Maximum number of entries of a layer, implied directories included.
pub(crate) const MAX_ENTRIES: usize = 1 << 20;
/// Maximum length of all paths, link targets and attributes of a layer together.
pub(crate) const MAX_NAMES_BYTES: usize = 128 << 20;

/// Returns the error for a layer of more than [`MAX_ENTRIES`].
pub(crate) fn too_many_entries() -> RootfsError {
    TreeError::Limit { what: "a layer", limit: format!("{MAX_ENTRIES} entries") }.into()
}

/// Returns the error for a layer of more than [`MAX_NAMES_BYTES`].
pub(crate) fn too_many_names() -> RootfsError {
    let limit = format!("{} MiB", MAX_NAMES_BYTES >> 20);
    TreeError::Limit { what: "all names and attributes of a layer", limit }.into()
}
