//! All differences between two images.

use std::io;

use images::Image;
use rootfs::RootfsError;
use rootfs::layers::Layers;
use serde::Serialize;

use crate::config::{Setting, compare_settings};
use crate::files::{FileChanges, compare_files};
use crate::layers::{LayerChanges, compare_layers};
use crate::packages::{PackageChange, compare_packages};

/// Differences between two images.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Packages, sorted by package manager and name.
    pub packages: Vec<PackageChange>,
    /// Settings of the images, sorted by name.
    pub config: Vec<Setting>,
    /// Layers from the base up.
    pub layers: LayerChanges,
    /// Files in the order of their paths.
    pub files: FileChanges,
    /// Databases of packages that cannot be read, as sentences.
    pub problems: Vec<String>,
}

impl Comparison {
    /// Reports whether no difference was found. Equal images can have other layers.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.config.is_empty() && self.files.changes.is_empty()
    }
}

/// A comparison that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// The layers of an image cannot be opened.
    #[error("cannot read the files of {image}")]
    Layers {
        /// Digest of the manifest.
        image: oci::Digest,
        /// Reason that `rootfs` gives.
        source: RootfsError,
    },
    /// The entries of a layer cannot be read.
    #[error("cannot list the files of an image")]
    Read {
        /// Reason that the system gives.
        source: io::Error,
    },
}

/// Compares two images whose layers are in a store.
pub fn compare(layers: &Layers, before: &Image, after: &Image) -> Result<Comparison, CompareError> {
    let view = |image: &Image| {
        let view = layers.view(&image.config.rootfs.diff_ids);
        view.map_err(|source| CompareError::Layers { image: image.descriptor.digest, source })
    };
    let mut comparison = Comparison {
        config: compare_settings(&before.config, &after.config),
        layers: compare_layers(before, after),
        ..Comparison::default()
    };
    if before.config.rootfs.diff_ids == after.config.rootfs.diff_ids {
        return Ok(comparison);
    }
    let (old, new) = (view(before)?, view(after)?);
    let read = |source| CompareError::Read { source };
    comparison.files = compare_files(&*old, &*new).map_err(read)?;
    let (old, new) = (packages::find(&*old).map_err(read)?, packages::find(&*new).map_err(read)?);
    comparison.packages = compare_packages(&old.packages, &new.packages);
    let problems = old.problems.iter().chain(&new.problems);
    comparison.problems = problems.map(ToString::to_string).collect();
    comparison.problems.sort_unstable();
    comparison.problems.dedup();
    Ok(comparison)
}
