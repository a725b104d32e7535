//! Choice of a manifest: from a descriptor to the one image for a platform, with its manifest and config.
//!
//! An index can hold images for several platforms, further indexes, and attestations (provenance, SBOMs), which are no
//! images. The nearest platform wins: for `linux/arm/v7` an image for `linux/arm/v6` is taken if there is no better one.

use oci::{Descriptor, Digest, Document, ImageConfig, Index, Manifest, Platform, REFERENCE_TYPE, media_type};

use crate::{BlobSource as _, CachingBlobs, ImageError};

/// Largest number of indexes inside each other; real ones are not nested.
const MAX_DEPTH: usize = 4;

/// An image that was found. Its manifest and config are in the store.
#[derive(Debug, Clone)]
pub struct Image {
    /// Descriptor of the manifest.
    pub descriptor: Descriptor,
    /// Manifest, with the descriptors of the layers.
    pub manifest: Manifest,
    /// Config. Its platform is complete, whether or not the document names one.
    pub config: ImageConfig,
}

/// Finds the image for `wanted` that `root` leads to.
///
/// A manifest that stands alone is taken whatever its platform is: the caller compares.
pub fn find(blobs: &CachingBlobs<'_>, root: &Descriptor, wanted: &Platform) -> Result<Image, ImageError> {
    descend(blobs, root, wanted, MAX_DEPTH)
}

/// Finds the image for `wanted` among the entries of an index.
pub fn choose(
    blobs: &CachingBlobs<'_>,
    entries: &[Descriptor],
    wanted: &Platform,
) -> Result<Image, ImageError> {
    choose_at(blobs, entries, wanted, MAX_DEPTH)
}

/// Finds every image that `root` leads to. Leaves out attestations, and platforms of an index whose blobs are absent.
pub fn all(blobs: &CachingBlobs<'_>, root: &Descriptor) -> Result<Vec<Image>, ImageError> {
    let mut images = Vec::new();
    collect(blobs, root, MAX_DEPTH, &mut images)?;
    if images.is_empty() {
        return Err(ImageError::NotFound { name: format!("an image in {}", root.digest) });
    }
    Ok(images)
}

/// Reads the config of a manifest and checks it against the manifest.
pub fn config(
    blobs: &CachingBlobs<'_>,
    digest: Digest,
    manifest: &Manifest,
) -> Result<ImageConfig, ImageError> {
    let bytes = blobs.config(&manifest.config)?;
    let config = ImageConfig::parse(manifest, &bytes).map_err(|source| ImageError::Document {
        kind: "image config",
        digest: manifest.config.digest,
        source,
    })?;
    oci::validate::base(manifest, &config).map_err(|source| ImageError::Invalid { digest, source })?;
    Ok(config)
}

fn collect(
    blobs: &CachingBlobs<'_>,
    root: &Descriptor,
    depth: usize,
    images: &mut Vec<Image>,
) -> Result<(), ImageError> {
    let index = match document(blobs, root)? {
        Document::Manifest(manifest) => {
            images.push(complete(blobs, root, manifest, &Platform::host())?);
            return Ok(());
        }
        Document::Index(index) => index,
    };
    let depth = deeper(root, depth)?;
    for entry in index.manifests.iter().filter(|entry| is_image(entry)) {
        match collect(blobs, entry, depth, images) {
            Err(error) if error.is_not_found() => {}
            done => done?,
        }
    }
    Ok(())
}

fn descend(
    blobs: &CachingBlobs<'_>,
    root: &Descriptor,
    wanted: &Platform,
    depth: usize,
) -> Result<Image, ImageError> {
    match document(blobs, root)? {
        Document::Manifest(manifest) => complete(blobs, root, manifest, wanted),
        Document::Index(Index { manifests, .. }) => {
            choose_at(blobs, &manifests, wanted, deeper(root, depth)?)
        }
    }
}

fn choose_at(
    blobs: &CachingBlobs<'_>,
    entries: &[Descriptor],
    wanted: &Platform,
    depth: usize,
) -> Result<Image, ImageError> {
    let mut best: Option<(usize, &Descriptor)> = None;
    let mut available = Vec::new();
    for entry in entries.iter().filter(|entry| is_image(entry)) {
        let Some(platform) = platform_of(blobs, entry, wanted)? else {
            return descend(blobs, entry, wanted, depth);
        };
        if let Some(distance) = platform.distance(wanted)
            && best.is_none_or(|(least, _)| distance < least)
        {
            best = Some((distance, entry));
        }
        available.push(platform.to_string());
    }
    match best {
        Some((_, entry)) => descend(blobs, entry, wanted, depth),
        None => {
            Err(ImageError::NoPlatform { wanted: Box::new(wanted.clone()), available: available.join(", ") })
        }
    }
}

/// Returns the platform that an entry of an index names, or else its config; `None` for an index inside the index.
fn platform_of(
    blobs: &CachingBlobs<'_>,
    entry: &Descriptor,
    wanted: &Platform,
) -> Result<Option<Platform>, ImageError> {
    if let Some(platform) = named_platform(entry) {
        return Ok(Some(platform.clone().or(wanted)));
    }
    match document(blobs, entry)? {
        Document::Manifest(manifest) => Ok(Some(complete(blobs, entry, manifest, wanted)?.config.platform)),
        Document::Index(_) => Ok(None),
    }
}

/// Returns the platform that an entry names; an empty one does not count.
fn named_platform(entry: &Descriptor) -> Option<&Platform> {
    entry.platform.as_ref().filter(|named| !named.os.is_empty() || !named.architecture.is_empty())
}

pub(crate) fn document(blobs: &CachingBlobs<'_>, entry: &Descriptor) -> Result<Document, ImageError> {
    let bytes = blobs.manifest(entry)?;
    let kind = if media_type::is_index(&entry.media_type) { "image index" } else { "image manifest" };
    Document::parse(Some(&entry.media_type), &bytes).map_err(|source| ImageError::Document {
        kind,
        digest: entry.digest,
        source,
    })
}

/// Reads the config of an image. A platform that the config does not name is the entry's, or else `wanted`.
fn complete(
    blobs: &CachingBlobs<'_>,
    entry: &Descriptor,
    manifest: Manifest,
    wanted: &Platform,
) -> Result<Image, ImageError> {
    let mut config = config(blobs, entry.digest, &manifest)?;
    config.platform = config.platform.or(named_platform(entry).unwrap_or(wanted)).or(wanted);
    let descriptor = Descriptor {
        media_type: manifest.media_type.clone().unwrap_or_else(|| media_type::MANIFEST.to_owned()),
        ..Descriptor::new("", entry.digest, entry.size_bytes)
    };
    Ok(Image { descriptor, manifest, config })
}

fn deeper(root: &Descriptor, depth: usize) -> Result<usize, ImageError> {
    depth.checked_sub(1).ok_or_else(|| ImageError::NotFound {
        name: format!("{}: an image less than {MAX_DEPTH} indexes deep", root.digest),
    })
}

/// Reports whether an entry of an index can be an image. Attestations and artifacts cannot.
pub(crate) fn is_image(entry: &Descriptor) -> bool {
    let has_image_type = entry.media_type.is_empty()
        || media_type::is_index(&entry.media_type)
        || media_type::is_manifest(&entry.media_type);
    let is_attestation = entry.annotations.contains_key(REFERENCE_TYPE)
        || entry.platform.as_ref().is_some_and(|platform| platform.os == "unknown");
    has_image_type && !is_attestation
}
