//! `dsbuild du`: shows how much disk space the store uses, and for what.

use crate::environment;
use crate::failure::Failure;
use crate::output::{self, table};
use crate::setup::store;

/// Prints the size of each part of the store.
pub fn run() -> Result<u8, Failure> {
    let store = store::open()?;
    let usage = store.usage();
    let versions = store.version_usage(&environment::version_limits())?;
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
    if versions.images > 0 {
        output::line(&format!(
            "{} of it in {} earlier versions of images (see `dsbuild history --versions NAME`, `dsbuild prune --keep-versions`)",
            output::size(versions.bytes),
            versions.images
        ));
    }
    Ok(0)
}
