//! Looking up the image that a command names.

use cache::Store;
use images::catalog::{self, Found};
use oci::Platform;

use crate::failure::Failure;

/// Returns the image with a name or an ID, and everything that leads to it.
pub fn find(store: &Store, text: &str) -> Result<Found, Failure> {
    find_for(store, text, &Platform::host())
}

/// Returns the image for a platform.
pub fn find_for(store: &Store, text: &str, platform: &Platform) -> Result<Found, Failure> {
    catalog::find(store, text, platform).map_err(|error| {
        Failure::from(runner::image::refused(text, error)).hint("`dsbuild images` lists all images")
    })
}
