//! A name to an image's layers and config.

use cache::Store;
use oci::{Descriptor, DiffId, Digest, ImageConfig, Index, Manifest, Platform, Reference, media_type};

use crate::RunnerError;

/// The largest document of an image.
const LARGEST_DOCUMENT_BYTES: u64 = 8 << 20;

/// An image of the store, for one platform.
#[derive(Debug, Clone)]
pub struct Image {
    /// Descriptor of its manifest for one platform.
    pub manifest: Descriptor,
    /// Configuration of its containers.
    pub config: ImageConfig,
    /// Image ID, which is the digest of the configuration.
    pub id: Digest,
}

impl Image {
    /// Its layers, from the base up.
    pub fn layers(&self) -> &[DiffId] {
        &self.config.rootfs.diff_ids
    }

    /// Reads the image that a name or id stands for: a name, a digest of its manifest, or the first digits of its id.
    pub fn find(store: &Store, name: &str) -> Result<Self, RunnerError> {
        let missing = || RunnerError::NoImage { name: name.to_owned() };
        if let Some(descriptor) =
            name.parse::<Reference>().ok().map(|name| store.resolve(&name)).transpose()?.flatten()
        {
            return Self::load(store, name, &descriptor, &Platform::host());
        }
        let digits = name.strip_prefix("sha256:").unwrap_or(name);
        if digits.len() < 4 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(missing());
        }
        for (_, descriptor) in store.images()? {
            let Ok(image) = Self::load(store, name, &descriptor, &Platform::host()) else { continue };
            if image.id.hex().starts_with(digits) || descriptor.digest.hex().starts_with(digits) {
                return Ok(image);
            }
        }
        Err(missing())
    }

    /// Reads the image behind a descriptor; an index is searched for `platform`.
    pub fn load(
        store: &Store,
        name: &str,
        descriptor: &Descriptor,
        platform: &Platform,
    ) -> Result<Self, RunnerError> {
        let bytes = store.get_blob(&descriptor.digest, LARGEST_DOCUMENT_BYTES)?;
        if media_type::is_index(&descriptor.media_type) {
            let index: Index = parse(name, "index", &bytes)?;
            let serves = |one: &&Descriptor| one.platform.as_ref().is_none_or(|own| own.serves(platform));
            let one =
                index.manifests.iter().find(serves).filter(|one| media_type::is_manifest(&one.media_type));
            let one = one.ok_or_else(|| RunnerError::NoPlatform {
                name: name.to_owned(),
                platform: platform.to_string(),
            })?;
            return Self::load(store, name, one, platform);
        }
        let manifest: Manifest = parse(name, "manifest", &bytes)?;
        let config = store.get_blob(&manifest.config.digest, LARGEST_DOCUMENT_BYTES)?;
        let config = parse(name, "config", &config)?;
        Ok(Self { manifest: descriptor.clone(), config, id: manifest.config.digest })
    }
}

fn parse<T: serde::de::DeserializeOwned>(
    name: &str,
    document: &'static str,
    bytes: &[u8],
) -> Result<T, RunnerError> {
    serde_json::from_slice(bytes).map_err(|error| RunnerError::BadImage {
        name: name.to_owned(),
        document,
        reason: error.to_string(),
    })
}
