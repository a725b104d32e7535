//! Results of a build, as the exporter gets them.

use attest::Provenance;
use oci::{DiffId, ImageConfig, Platform, Reference};
use packages::Inventory;

use crate::error::ExportError;
use crate::times::BuildTimes;

/// The image of one platform that a build produced.
#[derive(Debug, Clone)]
pub struct BuiltImage {
    /// Platform that the image is for.
    pub platform: Platform,
    /// Config, complete but for the layers and the times that its own history entries get. `rootfs.diff_ids` holds the
    /// layers of the base image.
    pub config: ImageConfig,
    /// Name that the base image was pulled by; `None` for `scratch`, and for an image that did not come from a registry.
    pub base_name: Option<Reference>,
    /// All layers, from the base up.
    pub layers: Vec<DiffId>,
    /// Facts that the image is attested with.
    pub attestations: Attestations,
}

/// Facts that an image is attested with. The default is an image without attestations.
#[derive(Debug, Clone, Default)]
pub struct Attestations {
    /// Build of the image; `None` for an image without provenance.
    pub provenance: Option<Provenance>,
    /// Packages of the image; `None` for an image without an SBOM.
    pub packages: Option<Inventory>,
}

impl Attestations {
    /// Reports whether the image has no attestations.
    pub fn is_empty(&self) -> bool {
        self.provenance.is_none() && self.packages.is_none()
    }
}

impl BuiltImage {
    /// Returns the layers of the base image, which are at the bottom.
    pub(crate) fn base_layers(&self) -> Result<&[DiffId], ExportError> {
        let base = &self.config.rootfs.diff_ids;
        for (index, expected) in base.iter().enumerate() {
            if self.layers.get(index) != Some(expected) {
                let found = self.layers.get(index).map_or("nothing".to_owned(), DiffId::to_string);
                return Err(ExportError::Base { index, expected: *expected, found });
            }
        }
        Ok(base)
    }
}

/// Everything that a build produced.
#[derive(Debug, Clone)]
pub struct BuildResult {
    /// One image for each platform, in order.
    pub images: Vec<BuiltImage>,
    /// True if the result is an index, even of one image.
    pub multi_platform: bool,
    /// Times that the result can carry.
    pub times: BuildTimes,
}
