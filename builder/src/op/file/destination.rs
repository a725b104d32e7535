//! Where the destination of COPY, ADD or WORKDIR leads.

use std::path::PathBuf;

use trees::tree::{Tree, resolve};

use super::FileOpError;

/// Follows the symlinks of a destination, including the last element.
///
/// `..` is applied to the text, before symlinks are followed.
pub(super) fn destination(tree: &dyn Tree, path: &str) -> Result<PathBuf, FileOpError> {
    let clean = PathBuf::from(patterns::clean(&format!("/{path}")));
    resolve(tree, &clean, true).map_err(FileOpError::read(&clean))
}
