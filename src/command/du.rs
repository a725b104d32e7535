//! `dsbuild du`: shows how much disk space the store uses, and for what.

use crate::failure::Failure;
use crate::output::{self, table};
use crate::setup::store;

/// Prints the size of each part of the store.
pub fn run() -> Result<u8, Failure> {
    let usage = store::open()?.usage();
    let rows = [
        ("Images and layers", usage.blobs_bytes),
        ("Unpacked layers", usage.layers_bytes),
        ("Cache mounts", usage.mounts_bytes),
        ("Containers", usage.containers_bytes),
        ("Records", usage.records_bytes),
        ("Volumes", usage.volumes_bytes),
        ("Temporary files", usage.tmp_bytes),
        ("Total", usage.total_bytes()),
    ];
    table::print(
        ["TYPE", "SIZE"],
        rows.into_iter().map(|(name, bytes)| [name.to_owned(), output::size(bytes)]),
    );
    Ok(0)
}
