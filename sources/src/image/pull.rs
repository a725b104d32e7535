//! Pulling: the layers of an image into the store, several at a time.
//!
//! Two builds that start at once fetch a common layer once. A pull that fails leaves no pin: the registry's answer cannot
//! be relied on, so that the next build asks again.

use cache::{Store, StoreError};
use graph::ImageOrigin;
use images::{BlobSource, CachingBlobs, ImageError, PulledFrom, StoreBlobs, choose, layer_blobs};
use oci::{Descriptor, DiffId, Digest, Document, Manifest, Platform, Reference};
use registry::transfer::{self, Counted};
use rootfs::layers::Layers;

use super::adopt::adopt;
use super::download::BlobDownload;
use super::error::SourceError;
use super::kept_copy::KeptCopy;
use super::layout::Layout;
use super::registry_blobs::RegistryBlobs;
use super::sources::{Resolution, Sources};
use super::unpack;

/// Receives how far the transfer of a blob is: its digest, bytes so far, size if known, and whether it is complete.
///
/// It is called from several threads.
pub type TransferProgress<'a> = &'a (dyn Fn(&str, u64, Option<u64>, bool) + Sync);

impl Sources {
    /// Brings every layer of an image into the store and returns the diff IDs, from the base layer up.
    pub fn fetch(
        &self,
        origin: &ImageOrigin,
        manifest: &Digest,
        progress: TransferProgress<'_>,
    ) -> Result<Vec<DiffId>, SourceError> {
        match origin {
            ImageOrigin::Registry(name) => {
                let source = RegistryBlobs { client: &self.client, name };
                let checked = if self.always_pull { self.remove_corrupt(&source, manifest) } else { Ok(()) };
                checked.and_then(|()| self.fetch_from(&source, manifest, progress)).inspect_err(|_| {
                    // If the pin cannot be removed, that is not what the user has to know.
                    let _ = self.forget(name, manifest);
                })
            }
            ImageOrigin::Layout { path } => self.fetch_from(&Layout::open(path)?, manifest, progress),
            ImageOrigin::Store { .. } => self.fetch_from(&StoreBlobs(&self.store), manifest, progress),
        }
    }

    fn fetch_from(
        &self,
        source: &dyn BlobSource,
        digest: &Digest,
        progress: TransferProgress<'_>,
    ) -> Result<Vec<DiffId>, SourceError> {
        let (manifest, diff_ids) = self.layers_of(source, digest)?;
        let wanted: Vec<_> = manifest.layers.into_iter().zip(diff_ids.iter().copied()).collect();
        layers(&self.layers, source, &wanted, progress)?;
        Ok(diff_ids)
    }

    /// Removes the layers of an image from the store whose bytes are damaged, so that they are fetched again. Each layer is
    /// read once for each boot.
    fn remove_corrupt(&self, source: &dyn BlobSource, digest: &Digest) -> Result<(), SourceError> {
        for diff_id in self.layers_of(source, digest)?.1 {
            match self.store.open_verified_blob(&diff_id.0) {
                Ok(_) | Err(StoreError::Missing { .. } | StoreError::Corrupt { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Returns the manifest of an image, and its diff IDs from the base layer up.
    fn layers_of(
        &self,
        source: &dyn BlobSource,
        digest: &Digest,
    ) -> Result<(Manifest, Vec<DiffId>), SourceError> {
        let blobs = CachingBlobs { store: &self.store, inner: source };
        let bytes = blobs.manifest(&blobs.describe(digest)?)?;
        let document = Document::parse(None, &bytes).map_err(|source| ImageError::Document {
            kind: "image manifest",
            digest: *digest,
            source,
        })?;
        let Document::Manifest(manifest) = document else {
            return Err(ImageError::NotFound { name: format!("{digest} is an index: its image") }.into());
        };
        let diff_ids = choose::config(&blobs, *digest, &manifest)?.rootfs.diff_ids;
        Ok((manifest, diff_ids))
    }

    /// Brings an image here and gives it its name in the local store, as `docker pull` does.
    pub fn pull(
        &self,
        name: &Reference,
        platform: &Platform,
        progress: TransferProgress<'_>,
    ) -> Result<Pulled, SourceError> {
        let Resolution { image: found, root } = self.resolution(name, platform)?;
        self.fetch(&found.origin, &found.manifest, progress)?;
        if let (ImageOrigin::Store { .. }, Some(descriptor)) = (&found.origin, self.store.resolve(name)?) {
            return Ok(Pulled { descriptor, root });
        }
        let here = StoreBlobs(&self.store);
        let manifest = here.describe(&found.manifest)?;
        let image = choose::find(&CachingBlobs { store: &self.store, inner: &here }, &manifest, platform)?;
        let stored = adopt(&self.store, &image)?;
        let origin = PulledFrom {
            repository: name.clone(),
            root: root.unwrap_or(found.manifest),
            manifest: found.manifest,
        };
        let descriptor = origin.noted_in(&stored.descriptor);
        self.store.tag(name, descriptor.clone())?;
        Ok(Pulled { descriptor, root })
    }
}

/// An image that was pulled, or that was here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// Descriptor of the image in the store, with a note of its origin ([`PulledFrom`]).
    pub descriptor: Descriptor,
    /// Digest that the name leads to at its registry; `None` if the registry was not asked.
    pub root: Option<Digest>,
}

/// Brings every layer of `wanted` (blob and diff ID) into the store. Layers that are there are not fetched.
pub(super) fn layers(
    layers: &Layers,
    source: &dyn BlobSource,
    wanted: &[(Descriptor, DiffId)],
    progress: TransferProgress<'_>,
) -> Result<(), SourceError> {
    let mut missing: Vec<&(Descriptor, DiffId)> = Vec::new();
    for layer in wanted {
        if !missing.iter().any(|(_, diff)| *diff == layer.1) && !layers.contains(&layer.1)? {
            missing.push(layer);
        }
    }
    transfer::each(&missing, |(blob, diff)| {
        layer(layers, source, blob, *diff, progress)
            .map_err(|error| SourceError::Layer { digest: blob.digest, source: Box::new(error) })
    })
}

fn layer(
    layers: &Layers,
    source: &dyn BlobSource,
    blob: &Descriptor,
    diff: DiffId,
    progress: TransferProgress<'_>,
) -> Result<(), SourceError> {
    let store: &Store = layers.store();
    let _lock = store.lock_work(&format!("fetch layer {diff}"))?;
    if layers.contains(&diff)? {
        return Ok(());
    }
    let id = blob.digest.to_string();
    progress(&id, 0, Some(blob.size_bytes), false);
    let report = |read_bytes| {
        progress(&id, read_bytes, Some(blob.size_bytes), false);
        Ok(())
    };
    let mut download = BlobDownload::open(store, source, blob)?;
    let is_kept = download.is_kept();
    let mut copy = if is_kept {
        KeptCopy::none(&mut download)
    } else {
        KeptCopy::new(&mut download, store, blob, &diff)?
    };
    let counted = Counted::new(&mut copy, report);
    let imported = unpack::import(layers, counted, blob.size_bytes, Some(diff));
    let kept = if imported.is_ok() { copy.finish(blob) } else { Ok(()) };
    download.finish(store, blob, imported.is_ok())?;
    imported?;
    kept?;
    let origin = match source.repository() {
        Some(repository) => layer_blobs::with_source(blob, repository),
        None => blob.clone(),
    };
    layer_blobs::remember(store, &diff, layer_blobs::ORIGIN, &origin)?;
    progress(&id, blob.size_bytes, Some(blob.size_bytes), true);
    Ok(())
}
