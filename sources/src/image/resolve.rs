//! Resolution: from a name, or a place in an OCI layout, to the manifest and config for a platform.

use std::path::Path;

use graph::{ImageOrigin, ResolvedImage};
use images::{Image, Through, choose, find, pins};
use oci::{Descriptor, Digest, Platform, Reference};
use registry::RegistryError;

use super::error::SourceError;
use super::layout::{self, Layout};
use super::registry_blobs::RegistryBlobs;
use super::sources::{ImageRequest, Sources};

impl Sources {
    /// Finds the image of a name. Unless `--pull` was given, the store and the pins come before the registry.
    pub fn image(&self, name: &Reference, platform: &Platform) -> Result<ResolvedImage, SourceError> {
        self.remembered(ImageRequest::Name(name.clone()), platform, || self.find_named(name, platform))
    }

    /// Finds an image of an OCI layout: the one with that digest or tag, or the only one.
    pub fn image_of_layout(
        &self,
        path: &Path,
        tag: Option<&str>,
        digest: Option<&Digest>,
        platform: &Platform,
    ) -> Result<ResolvedImage, SourceError> {
        let request = ImageRequest::Layout {
            path: path.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.copied(),
        };
        self.remembered(request, platform, || self.find_in_layout(path, tag, digest, platform))
    }

    /// Forgets what was resolved to a manifest that turned out to be incomplete, so that its registry is asked again.
    pub(super) fn forget(&self, name: &Reference, manifest: &Digest) -> Result<(), SourceError> {
        let request = ImageRequest::Name(name.clone());
        let mut platforms = Vec::new();
        self.resolved().retain(|(known, platform), image| {
            let is_it = *known == request && image.manifest == *manifest;
            platforms.extend(is_it.then(|| platform.clone()));
            !is_it
        });
        for platform in platforms {
            pins::forget(&self.store, name, &platform, manifest)?;
        }
        Ok(())
    }

    /// Returns the answer to an earlier request, or else that of `find`.
    fn remembered(
        &self,
        request: ImageRequest,
        platform: &Platform,
        find: impl FnOnce() -> Result<ResolvedImage, SourceError>,
    ) -> Result<ResolvedImage, SourceError> {
        let key = (request, platform.clone());
        if let Some(image) = self.resolved().get(&key) {
            return Ok(image.clone());
        }
        let image = find()?;
        self.resolved().insert(key, image.clone());
        Ok(image)
    }

    fn find_named(&self, name: &Reference, platform: &Platform) -> Result<ResolvedImage, SourceError> {
        let from_registry = |image| resolved(ImageOrigin::Registry(name.clone()), image);
        if self.always_pull {
            return self.ask_registry(name, platform).map(from_registry);
        }
        if let Some(known) = find::known(&self.store, name, platform)? {
            if known.is_pin {
                return Ok(from_registry(known.image));
            }
            return Ok(resolved(ImageOrigin::Store { name: name.clone() }, known.image));
        }
        match self.ask_registry(name, platform) {
            Err(SourceError::Registry(error @ RegistryError::Unreachable { .. })) => {
                let known = find::known_offline(&self.store, name, platform)?;
                known.map(from_registry).ok_or(SourceError::Registry(error))
            }
            answer => answer.map(from_registry),
        }
    }

    /// Asks the registry for an image, and pins its answer.
    fn ask_registry(&self, name: &Reference, platform: &Platform) -> Result<Image, SourceError> {
        let raw = self.client.manifest(name)?;
        self.store.put_blob(&raw.bytes)?;
        let root = Descriptor::new(&raw.media_type, raw.digest, raw.bytes.len() as u64);
        let source = RegistryBlobs { client: &self.client, name };
        let image = choose::find(&Through { store: &self.store, inner: &source }, &root, platform)?;
        let pinned = pins::Pinned { platform, root: root.digest, manifest: image.descriptor.digest };
        pins::save(&self.store, name, &pinned)?;
        Ok(image)
    }

    fn find_in_layout(
        &self,
        path: &Path,
        tag: Option<&str>,
        digest: Option<&Digest>,
        platform: &Platform,
    ) -> Result<ResolvedImage, SourceError> {
        let layout = Layout::open(path)?;
        let blobs = Through { store: &self.store, inner: &layout };
        let image = layout::find(&layout, &blobs, tag, digest, platform)?;
        Ok(resolved(ImageOrigin::Layout { path: path.to_owned() }, image))
    }
}

fn resolved(origin: ImageOrigin, image: Image) -> ResolvedImage {
    ResolvedImage { origin, manifest: image.descriptor.digest, config: image.config }
}
