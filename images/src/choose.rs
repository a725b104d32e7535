//! From a descriptor to one image: the manifest of a platform and its config.

use oci::{Descriptor, Digest, Document, ImageConfig, Index, Manifest, Platform, media_type};

use crate::{BlobSource as _, ImageError, Through};

/// How deep indexes may be nested; real ones are not.
const MAX_DEPTH: usize = 4;

/// An image that was found: its documents, which are in the store now.
#[derive(Debug, Clone)]
pub struct Image {
    /// Names the manifest.
    pub descriptor: Descriptor,
    /// Its layers.
    pub manifest: Manifest,
    /// Its config.
    pub config: ImageConfig,
}

/// Finds the image for `wanted` at `root`. A manifest that stands alone is taken whatever its platform is: the
/// caller compares. Of an index, attestations are left out.
pub fn find(blobs: &Through<'_>, root: &Descriptor, wanted: &Platform) -> Result<Image, ImageError> {
    descend(blobs, root, wanted, MAX_DEPTH)
}

/// Finds the image for `wanted` among `entries`.
pub fn choose(blobs: &Through<'_>, entries: &[Descriptor], wanted: &Platform) -> Result<Image, ImageError> {
    choose_at(blobs, entries, wanted, MAX_DEPTH)
}

/// Every image at `root`, attestations left out, and those platforms of an index that are not here.
pub fn all(blobs: &Through<'_>, root: &Descriptor) -> Result<Vec<Image>, ImageError> {
    let mut images = Vec::new();
    collect(blobs, root, MAX_DEPTH, &mut images)?;
    match images.is_empty() {
        true => Err(ImageError::NotFound { name: format!("an image in {}", root.digest) }),
        false => Ok(images),
    }
}

fn collect(
    blobs: &Through<'_>,
    root: &Descriptor,
    depth: usize,
    images: &mut Vec<Image>,
) -> Result<(), ImageError> {
    let index = match document(blobs, root)? {
        Document::Manifest(manifest) => {
            images.push(complete(blobs, root, manifest)?);
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
    blobs: &Through<'_>,
    root: &Descriptor,
    wanted: &Platform,
    depth: usize,
) -> Result<Image, ImageError> {
    match document(blobs, root)? {
        Document::Manifest(manifest) => complete(blobs, root, manifest),
        Document::Index(Index { manifests, .. }) => {
            choose_at(blobs, &manifests, wanted, deeper(root, depth)?)
        }
    }
}

fn choose_at(
    blobs: &Through<'_>,
    entries: &[Descriptor],
    wanted: &Platform,
    depth: usize,
) -> Result<Image, ImageError> {
    let mut best: Option<(usize, &Descriptor)> = None;
    let mut available = Vec::new();
    for entry in entries.iter().filter(|entry| is_image(entry)) {
        let Some(platform) = platform_of(blobs, entry)? else { return descend(blobs, entry, wanted, depth) };
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

/// The platform of an entry: its own words, else its config's; `None` for an index inside the index.
fn platform_of(blobs: &Through<'_>, entry: &Descriptor) -> Result<Option<Platform>, ImageError> {
    if let Some(platform) = &entry.platform {
        return Ok(Some(platform.clone()));
    }
    match document(blobs, entry)? {
        Document::Manifest(manifest) => Ok(Some(complete(blobs, entry, manifest)?.config.platform)),
        Document::Index(_) => Ok(None),
    }
}

fn document(blobs: &Through<'_>, entry: &Descriptor) -> Result<Document, ImageError> {
    let bytes = blobs.manifest(entry)?;
    Document::parse(Some(&entry.media_type), &bytes)
        .map_err(|source| ImageError::Document { digest: entry.digest, source })
}

fn complete(blobs: &Through<'_>, entry: &Descriptor, manifest: Manifest) -> Result<Image, ImageError> {
    let config = config(blobs, entry.digest, &manifest)?;
    let descriptor = Descriptor {
        media_type: manifest.media_type.clone().unwrap_or_else(|| media_type::MANIFEST.to_owned()),
        ..Descriptor::new("", entry.digest, entry.size_bytes)
    };
    Ok(Image { descriptor, manifest, config })
}

/// The config of a manifest, checked against it.
pub fn config(blobs: &Through<'_>, digest: Digest, manifest: &Manifest) -> Result<ImageConfig, ImageError> {
    let bytes = blobs.config(&manifest.config)?;
    let config = ImageConfig::parse(manifest, &bytes)
        .map_err(|source| ImageError::Document { digest: manifest.config.digest, source })?;
    oci::validate::base(manifest, &config).map_err(|source| ImageError::Invalid { digest, source })?;
    Ok(config)
}

fn deeper(root: &Descriptor, depth: usize) -> Result<usize, ImageError> {
    depth.checked_sub(1).ok_or_else(|| ImageError::NotFound {
        name: format!("{}: an image less than {MAX_DEPTH} indexes deep", root.digest),
    })
}

/// False for attestations and other company of images.
fn is_image(entry: &Descriptor) -> bool {
    let typed = entry.media_type.is_empty()
        || media_type::is_index(&entry.media_type)
        || media_type::is_manifest(&entry.media_type);
    let attests = entry.annotations.contains_key("vnd.docker.reference.type")
        || entry.platform.as_ref().is_some_and(|platform| platform.os == "unknown");
    typed && !attests
}
