//! An image of the store to a registry, as `docker push` does it.
//!
//! The store keeps tars, and a registry gets compressed layers. An image that was pulled leaves with the manifest that it
//! came with, and so with its digest, as long as its blobs are available. Any other image gets a manifest whose layers are
//! the blobs that they were pulled as, or else are compressed; its config, and with it the image ID, stays as it is.

use std::cell::RefCell;

use images::{CachingBlobs, Image, ImageError, MANIFEST_LIMIT_BYTES, PulledFrom, StoreBlobs, choose, find};
use oci::media_type;
use oci::{Descriptor, DiffId, Document, Platform, Reference};
use progress::Phase;

use crate::assemble::{Assembled, Attested, BaseBlobs};
use crate::base::PulledBlob;
use crate::compress::Compressor;
use crate::error::ExportError;
use crate::exporter::Exporter;
use crate::push::Pusher;
use crate::request::{LayerCompression, Push};

impl Exporter<'_> {
    /// Pushes the image that `root` of the store leads to under `name`, and returns the descriptor that it has there.
    ///
    /// An index is pushed whole, or for `platform` only the image for that platform.
    pub fn push_stored(
        &self,
        root: &Descriptor,
        name: &Reference,
        platform: Option<&Platform>,
    ) -> Result<Descriptor, ExportError> {
        let Self { store, registry, vertex, cancel, .. } = *self;
        let targets = vec![(name, registry.clone())];
        let pusher =
            Pusher { store, vertex, cancel, push: Push::Named, targets, delivered: RefCell::default() };
        let stored = StoredPush { exporter: *self, pusher: &pusher, name, origin: PulledFrom::of(root) };
        let images = self.images(root, platform)?;
        let assembled = images.iter().map(|image| stored.assemble(image)).collect::<Result<Vec<_>, _>>()?;
        let is_lone = platform.is_some() || !media_type::is_index(&root.media_type);
        let attested = if is_lone { Vec::new() } else { stored.attestations(root, &images, &assembled)? };
        let sent = match &assembled[..] {
            [image] if is_lone => image.descriptor.clone(),
            _ => stored.index(root, &images, &assembled, &attested)?,
        };
        vertex.enter(Phase::Push);
        let of_images = assembled.iter().map(|image| (&image.descriptor, &image.manifest));
        let of_attestations =
            attested.iter().map(|pushed| (&pushed.attested.descriptor, &pushed.attested.manifest));
        pusher.push(&sent, &of_images.chain(of_attestations).collect::<Vec<_>>())?;
        Ok(sent)
    }

    fn images(&self, root: &Descriptor, platform: Option<&Platform>) -> Result<Vec<Image>, ExportError> {
        let here = StoreBlobs(self.store);
        match platform {
            Some(platform) => Ok(vec![find::at(self.store, root, platform)?]),
            None => Ok(choose::all(&CachingBlobs { store: self.store, inner: &here }, root)?),
        }
    }
}

/// A push of one image of the store.
pub(crate) struct StoredPush<'a> {
    pub exporter: Exporter<'a>,
    pusher: &'a Pusher<'a>,
    pub name: &'a Reference,
    /// Origin of the image, if it was pulled.
    origin: Option<PulledFrom>,
}

/// An attestation manifest of the store, and its replacement in the registry.
pub(crate) struct PushedAttestation {
    /// Descriptor in the index of the store.
    pub kept: Descriptor,
    /// Manifest for the registry.
    pub attested: Attested,
}

impl StoredPush<'_> {
    /// Makes the manifest that the registry gets, and the blobs that it names.
    fn assemble(&self, image: &Image) -> Result<Assembled, ExportError> {
        if let Some(pulled) = self.as_pulled(image)? {
            return Ok(pulled);
        }
        self.exporter.vertex.enter(Phase::Compress);
        let docker_types = image.manifest.media_type.as_deref() == Some(media_type::DOCKER_MANIFEST);
        let layers = image.manifest.layers.iter().zip(&image.config.rootfs.diff_ids);
        let layers = layers.map(|(kept, layer)| self.blob(kept, layer, docker_types));
        let mut manifest = image.manifest.clone();
        manifest.layers = layers.collect::<Result<_, _>>()?;
        oci::validate::image(&manifest, &image.config)?;
        let mut descriptor = self.document(&manifest, &image.descriptor.media_type)?;
        descriptor.platform = Some(image.config.platform.clone());
        Ok(Assembled { descriptor, manifest, own_layers: Vec::new() })
    }

    /// Returns the image with the manifest that it was pulled with; `None` if that manifest or a blob is unavailable.
    fn as_pulled(&self, image: &Image) -> Result<Option<Assembled>, ExportError> {
        let Some(origin) = &self.origin else { return Ok(None) };
        let Ok(bytes) = self.exporter.store.get_blob(&origin.manifest, MANIFEST_LIMIT_BYTES) else {
            return Ok(None);
        };
        let Ok(Document::Manifest(manifest)) = Document::parse(None, &bytes) else { return Ok(None) };
        if manifest.config.digest != image.manifest.config.digest {
            return Ok(None);
        }
        let size_bytes = bytes.len() as u64;
        let media_type = manifest.media_type.clone().unwrap_or_else(|| media_type::MANIFEST.to_owned());
        for blob in &manifest.layers {
            let repository = Some(origin.repository.clone());
            if !self.pusher.provide(&PulledBlob { blob: blob.clone(), repository })? {
                return Ok(None);
            }
        }
        let mut descriptor = Descriptor::new(&media_type, origin.manifest, size_bytes);
        descriptor.platform = Some(image.config.platform.clone());
        Ok(Some(Assembled { descriptor, manifest, own_layers: Vec::new() }))
    }

    /// Returns the blob of a layer: the one that the store's manifest names if it is compressed, the one that the layer was
    /// pulled as, or a new one.
    fn blob(&self, kept: &Descriptor, layer: &DiffId, docker_types: bool) -> Result<Descriptor, ExportError> {
        let Exporter { store, vertex, cancel, .. } = self.exporter;
        if kept.digest != layer.0 && store.stat_blob(&kept.digest)?.is_some() {
            return Ok(kept.clone());
        }
        if let Some(pulled) = self.pusher.blob(layer, None, docker_types)? {
            return Ok(pulled);
        }
        let compression = LayerCompression::GZIP;
        Compressor { store, compression, docker_types, vertex, cancel }.blob(layer)
    }

    /// Makes the index that the registry gets, with the annotations of the one in the store.
    fn index(
        &self,
        root: &Descriptor,
        images: &[Image],
        sent: &[Assembled],
        attested: &[PushedAttestation],
    ) -> Result<Descriptor, ExportError> {
        let bytes = self.exporter.store.get_blob(&root.digest, MANIFEST_LIMIT_BYTES)?;
        let bad = |source| ImageError::Document { kind: "image index", digest: root.digest, source };
        let Document::Index(mut index) = Document::parse(Some(&root.media_type), &bytes).map_err(bad)? else {
            return Err(ImageError::NotFound { name: format!("an index under {}", root.digest) }.into());
        };
        let count = index.manifests.len();
        index.manifests.retain_mut(|entry| {
            if let Some(pushed) = attested.iter().find(|pushed| pushed.kept.digest == entry.digest) {
                *entry = pushed.attested.descriptor.clone();
                return true;
            }
            let position = images.iter().position(|image| image.descriptor.digest == entry.digest);
            let Some(sent) = position.and_then(|position| sent.get(position)) else { return false };
            let Descriptor { media_type, digest, size_bytes, .. } = sent.descriptor.clone();
            (entry.media_type, entry.digest, entry.size_bytes) = (media_type, digest, size_bytes);
            true
        });
        if index.manifests.len() < count {
            let left = count - index.manifests.len();
            let name = self.name.familiar();
            self.exporter
                .vertex
                .warning(&format!("{left} entries of {name} are no images here and are not pushed"));
        }
        self.document(&index, &root.media_type)
    }

    pub fn document(
        &self,
        document: &impl serde::Serialize,
        media_type: &str,
    ) -> Result<Descriptor, ExportError> {
        let bytes = serde_json::to_vec(document).expect("documents have string keys only");
        let digest = self.exporter.store.put_blob(&bytes)?;
        Ok(Descriptor::new(media_type, digest, bytes.len() as u64))
    }
}
