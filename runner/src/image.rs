//! The image of a container: found by name or ID, by the same look-up as that of FROM.

use cache::Store;
use images::{ImageError, find};
use oci::{Descriptor, DiffId, Digest, ImageConfig, Platform};

use crate::RunnerError;

/// An image of the store, for one platform.
#[derive(Debug, Clone)]
pub struct Image {
    /// Descriptor of the manifest.
    pub manifest: Descriptor,
    /// Config of the image.
    pub config: ImageConfig,
    /// Image ID: the digest of the config.
    pub id: Digest,
}

impl Image {
    /// Returns the diff IDs of the layers, from the base layer up.
    pub fn layers(&self) -> &[DiffId] {
        &self.config.rootfs.diff_ids
    }

    /// Finds the image for this machine by its name, or by the first digits of its ID or of its manifest's digest.
    pub fn find(store: &Store, name: &str) -> Result<Self, RunnerError> {
        Self::find_for(store, name, &Platform::host())
    }

    /// Finds the image for a platform.
    pub fn find_for(store: &Store, name: &str, platform: &Platform) -> Result<Self, RunnerError> {
        let found = find::by_name_or_id(store, name, platform);
        found.map(Self::from).map_err(|error| refused(name, error))
    }

    /// Reads the image for `platform` that a descriptor of the store leads to. Errors call it `name`.
    pub fn load(
        store: &Store,
        name: &str,
        descriptor: &Descriptor,
        platform: &Platform,
    ) -> Result<Self, RunnerError> {
        find::at(store, descriptor, platform).map(Self::from).map_err(|error| refused(name, error))
    }
}

impl From<images::Image> for Image {
    fn from(image: images::Image) -> Self {
        let id = image.manifest.config.digest;
        Self { manifest: image.descriptor, config: image.config, id }
    }
}

/// Returns the error of an image that was looked up as `name`.
pub fn refused(name: &str, error: ImageError) -> RunnerError {
    let name = name.to_owned();
    match error {
        ImageError::NotFound { .. } => RunnerError::NoImage { name },
        ImageError::NoPlatform { wanted, .. } => {
            RunnerError::NoPlatform { name, platform: wanted.to_string() }
        }
        ImageError::Store(error) => error.into(),
        source => RunnerError::BadImage { name, source },
    }
}

#[cfg(test)]
mod tests {
    use oci::{Index, Manifest, media_type};

    use super::*;

    /// Puts an image without layers into the store and returns its entry in an index.
    fn put_image(store: &Store, platform: &Platform) -> Descriptor {
        let put = |media_type: &str, text: Vec<u8>| {
            let digest = store.put_blob(&text).expect("stored");
            Descriptor::new(media_type, digest, text.len() as u64)
        };
        let config = ImageConfig { platform: platform.clone(), ..ImageConfig::default() };
        let config = put(media_type::CONFIG, serde_json::to_vec(&config).expect("JSON"));
        let manifest = serde_json::to_vec(&Manifest::new(config, Vec::new())).expect("JSON");
        Descriptor { platform: Some(platform.clone()), ..put(media_type::MANIFEST, manifest) }
    }

    #[test]
    fn attestations_and_other_platforms_of_an_index_are_passed_over() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(&dir.path().join("store")).expect("a store");
        let unknown =
            Platform { os: "unknown".into(), architecture: "unknown".into(), ..Platform::default() };
        let other = Platform { architecture: "s390x".into(), ..Platform::host() };
        let entries = [unknown, other, Platform::host()].map(|platform| put_image(&store, &platform));
        let text = serde_json::to_vec(&Index::new(entries.to_vec())).expect("JSON");
        let digest = store.put_blob(&text).expect("stored");
        let index = Descriptor::new(media_type::INDEX, digest, text.len() as u64);
        store.tag(&"x:1".parse().expect("a reference"), index).expect("tagged");
        let image = Image::find(&store, "x:1").expect("found");
        assert_eq!(image.manifest.digest, entries[2].digest);
        assert_eq!(Image::find(&store, &digest.hex()[..12]).expect("by its digest").id, image.id);
        assert!(matches!(Image::find(&store, "y"), Err(RunnerError::NoImage { .. })));
    }
}
