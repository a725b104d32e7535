//! Look-up of an image in the local store, by name, version or ID.

use cache::{ID_ANNOTATION, Store, StoreError};
use oci::{Descriptor, Digest, Platform, Reference};

use crate::{BlobSource as _, CachingBlobs, Image, ImageError, StoreBlobs, choose, pins, versions};

/// Shortest prefix of an ID that is looked up, in hex digits.
const MIN_ID_DIGITS: usize = 4;

/// Finds the image that `text` stands for: a name, a version of a name (`app@3`, `app~1`), or
/// the first digits of an image ID or manifest digest.
///
/// A name wins over an ID. An index stands for its image nearest to `platform`, as for FROM.
pub fn by_name_or_id(store: &Store, text: &str, platform: &Platform) -> Result<Image, ImageError> {
    let not_found = || ImageError::NotFound { name: text.to_owned() };
    if let Ok(name) = text.parse::<Reference>()
        && let Some(root) = store.resolve(&name)?
    {
        return at(store, &root, platform);
    }
    if let Some(image) = versions::find(store, text, platform)? {
        return Ok(image);
    }
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    if digits.len() < MIN_ID_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(not_found());
    }
    by_id(store, &digits.to_ascii_lowercase(), platform)?.ok_or_else(not_found)
}

/// Finds the image for `platform` that a descriptor of the store leads to.
pub fn at(store: &Store, root: &Descriptor, platform: &Platform) -> Result<Image, ImageError> {
    let here = StoreBlobs(store);
    choose::find(&CachingBlobs { store, inner: &here }, root, platform)
}

/// Finds the image whose ID or manifest digest begins with `digits`. Broken images do not count.
fn by_id(store: &Store, digits: &str, platform: &Platform) -> Result<Option<Image>, ImageError> {
    let mut found: Option<Image> = None;
    for (_, root) in store.images()? {
        if is_other(&root, digits) {
            continue;
        }
        let Ok(image) = at(store, &root, platform) else { continue };
        let ids = [image.manifest.config.digest, image.descriptor.digest, root.digest];
        if !ids.iter().any(|id| id.hex().starts_with(digits)) {
            continue;
        }
        match &found {
            Some(other) if other.manifest.config.digest != image.manifest.config.digest => {
                return Err(ImageError::Ambiguous { name: digits.to_owned() });
            }
            _ => found = Some(image),
        }
    }
    Ok(found)
}

/// Reports whether the store's own note about an entry rules out that an ID of it begins with `digits`. The documents, which
/// take longer to read, decide about the others.
pub(crate) fn is_other(root: &Descriptor, digits: &str) -> bool {
    let noted = root.annotations.get(ID_ANNOTATION).and_then(|text| text.parse::<Digest>().ok());
    noted.is_some_and(|id| ![id, root.digest].iter().any(|id| id.hex().starts_with(digits)))
}

/// An image that is known without asking a registry.
#[derive(Debug, Clone)]
pub struct KnownImage {
    /// Documents of the image. Its layers need not be in the store if it was found by a pin.
    pub image: Image,
    /// True if the registry's last answer led to it, false if the store has it under that name.
    pub is_pin: bool,
}

/// Finds the image that the store keeps under `name`, or that the registry named when it was last asked (a pin).
///
/// Returns `None` if neither exists, or if the documents are incomplete or damaged: then the registry has to be asked.
pub fn known(store: &Store, name: &Reference, platform: &Platform) -> Result<Option<KnownImage>, ImageError> {
    if let Some(root) = store.resolve(name)?
        && let Some(image) = usable(at(store, &root, platform))?
    {
        return Ok(Some(KnownImage { image, is_pin: false }));
    }
    let Some(manifest) = pins::load(store, name, platform)? else { return Ok(None) };
    Ok(pinned(store, &manifest, platform)?.map(|image| KnownImage { image, is_pin: true }))
}

/// Finds the image that is the best answer for `name` while its registry cannot be reached; see [`pins`].
pub fn known_offline(
    store: &Store,
    name: &Reference,
    platform: &Platform,
) -> Result<Option<Image>, ImageError> {
    let Some(manifest) = pins::load_offline(store, name, platform)? else { return Ok(None) };
    pinned(store, &manifest, platform)
}

fn pinned(store: &Store, manifest: &Digest, platform: &Platform) -> Result<Option<Image>, ImageError> {
    usable(StoreBlobs(store).describe(manifest).and_then(|root| at(store, &root, platform)))
}

/// Turns an image that is incomplete or damaged into none.
fn usable(image: Result<Image, ImageError>) -> Result<Option<Image>, ImageError> {
    match image {
        Ok(image) => Ok(Some(image)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(ImageError::Store(StoreError::Corrupt { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}
