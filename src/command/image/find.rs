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

/// Reports whether a text stands for no image.
pub fn is_absent(store: &Store, text: &str) -> bool {
    catalog::find(store, text, &Platform::host()).is_err_and(|error| error.is_not_found())
}

/// Returns the platform that a flag names, or that of this machine.
pub fn platform(text: Option<&str>) -> Result<Platform, Failure> {
    Ok(text.map(str::parse).transpose()?.unwrap_or_else(Platform::host))
}
