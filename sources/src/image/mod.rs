//! Images: resolve, pull, import.
//!
//! ```text
//! blobs    where blobs come from: store, registry
//! layout   an OCI layout: a folder
//! image    descriptor -> the manifest and config of a platform
//! layer    blob -> layer store: verified, unpacked, bounded
//! fetch    the layers of an image, several at a time
//! archive  a tar whose members are read in place;  import: images from files into the store
//! pins     which manifest a name of a registry led to when it was last asked
//! ```
//!
//! A name is looked for in our own store, then among the pins, then at its registry; with `--pull` at its registry
//! only. Manifests and configs are kept in the store. A layer's compressed blob is not: its tar is.
//!
//! Concurrency: [`Sources`] is shared between threads; a name asked for by two at once may be resolved twice.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use cache::Store;
use oci::{Descriptor, DiffId, Digest, Document, Platform, Reference};
use registry::Client;
use registry::web::Web;
use rootfs::layers::Layers;

use graph::{ImageOrigin, ResolvedImage};

mod archive;
mod error;
mod fetch;
mod import;
mod layer;
mod layout;
mod registry_blobs;
#[cfg(test)]
mod tests;

pub use error::SourceError;
use images::{BlobSource, Image, ImageError, StoreBlobs, Through, choose, find, pins};
pub use import::{ImportFrom, Imported, import};
use layout::Layout;
use registry_blobs::RegistryBlobs;

/// Told how far the transfer of a blob is: its digest, bytes so far, of how many, whether it is through. Called from
/// several threads.
pub type Progress<'a> = &'a (dyn Fn(&str, u64, Option<u64>, bool) + Sync);

/// Finds images and brings their layers here.
pub struct Sources {
    store: Arc<Store>,
    layers: Layers,
    web: Web,
    client: Client,
    /// `--pull`: ask registries even for what is here.
    pull: bool,
    resolved: Mutex<HashMap<(Asked, Platform), ResolvedImage>>,
}

/// What was asked for, as far as it decides the answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Asked {
    Name(Reference),
    Layout { path: PathBuf, tag: Option<String>, digest: Option<Digest> },
}

impl Sources {
    /// Finds images in `store` and by `client`. `pull`: registries are asked even for names that are known here.
    pub fn new(store: Arc<Store>, layers: Layers, client: Client, pull: bool) -> Self {
        Self { store, layers, web: client.web(), client, pull, resolved: Mutex::default() }
    }

    /// Who talks to registries.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Files by HTTP, with what the registries' client knows of this machine.
    pub fn web(&self) -> &Web {
        &self.web
    }

    /// Makes every layer of an image present in the store and returns them, from the base up.
    pub fn fetch(
        &self,
        origin: &ImageOrigin,
        manifest: &Digest,
        progress: Progress<'_>,
    ) -> Result<Vec<DiffId>, SourceError> {
        match origin {
            ImageOrigin::Registry(name) => {
                self.fetch_from(&RegistryBlobs { client: &self.client, name }, manifest, progress)
            }
            ImageOrigin::Layout { path } => self.fetch_from(&Layout::open(path)?, manifest, progress),
            ImageOrigin::Store { .. } => self.fetch_from(&StoreBlobs(&self.store), manifest, progress),
        }
    }

    fn fetch_from(
        &self,
        source: &dyn BlobSource,
        digest: &Digest,
        progress: Progress<'_>,
    ) -> Result<Vec<DiffId>, SourceError> {
        let blobs = Through { store: &self.store, inner: source };
        let bytes = blobs.manifest(&blobs.describe(digest)?)?;
        let document = Document::parse(None, &bytes)
            .map_err(|source| ImageError::Document { digest: *digest, source })?;
        let Document::Manifest(manifest) = document else {
            return Err(ImageError::NotFound { name: format!("{digest} is an index: its image") }.into());
        };
        let diff_ids = choose::config(&blobs, *digest, &manifest)?.rootfs.diff_ids;
        let wanted: Vec<_> = manifest.layers.into_iter().zip(diff_ids.iter().copied()).collect();
        fetch::layers(&self.store, &self.layers, source, &wanted, progress)?;
        Ok(diff_ids)
    }

    /// Brings an image here and gives it its name in our own store, as `docker pull` does.
    pub fn pull(
        &self,
        name: &Reference,
        platform: &Platform,
        progress: Progress<'_>,
    ) -> Result<Descriptor, SourceError> {
        let found = self.find_named(name, platform)?;
        self.fetch(&found.origin, &found.manifest, progress)?;
        if let (ImageOrigin::Store { .. }, Some(known)) = (&found.origin, self.store.resolve(name)?) {
            return Ok(known);
        }
        let here = StoreBlobs(&self.store);
        let root = here.describe(&found.manifest)?;
        let image = choose::find(&Through { store: &self.store, inner: &here }, &root, platform)?;
        let stored = import::adopt(&self.store, &image)?;
        self.store.tag(name, stored.descriptor.clone())?;
        Ok(stored.descriptor)
    }

    /// Finds the image of a name. Unless `--pull` was given, the store and the pins are looked at first.
    pub fn image(&self, name: &Reference, platform: &Platform) -> Result<ResolvedImage, SourceError> {
        self.memoised(Asked::Name(name.clone()), platform, || self.find_named(name, platform))
    }

    /// Finds an image of an OCI layout: the one with that digest or tag, or the only one.
    pub fn image_of_layout(
        &self,
        path: &Path,
        tag: Option<&str>,
        digest: Option<&Digest>,
        platform: &Platform,
    ) -> Result<ResolvedImage, SourceError> {
        let asked =
            Asked::Layout { path: path.to_owned(), tag: tag.map(str::to_owned), digest: digest.copied() };
        self.memoised(asked, platform, || self.find_in_layout(path, tag, digest, platform))
    }

    /// Answers from memory, or by `find`.
    fn memoised(
        &self,
        asked: Asked,
        platform: &Platform,
        find: impl FnOnce() -> Result<ResolvedImage, SourceError>,
    ) -> Result<ResolvedImage, SourceError> {
        let key = (asked, platform.clone());
        let resolved = || self.resolved.lock().expect("no one panics while holding the lock");
        if let Some(image) = resolved().get(&key) {
            return Ok(image.clone());
        }
        let image = find()?;
        resolved().insert(key, image.clone());
        Ok(image)
    }

    fn find_named(&self, name: &Reference, platform: &Platform) -> Result<ResolvedImage, SourceError> {
        if !self.pull
            && let Some(known) = find::known(&self.store, name, platform)?
        {
            let origin = if known.is_pin {
                ImageOrigin::Registry(name.clone())
            } else {
                ImageOrigin::Store { name: name.clone() }
            };
            return Ok(resolved(origin, known.image));
        }
        let raw = self.client.manifest(name)?;
        self.store.put_blob(&raw.bytes)?;
        let root = Descriptor::new(&raw.media_type, raw.digest, raw.bytes.len() as u64);
        let source = RegistryBlobs { client: &self.client, name };
        let image = choose::find(&Through { store: &self.store, inner: &source }, &root, platform)?;
        pins::save(&self.store, name, platform, &image.descriptor.digest)?;
        Ok(resolved(ImageOrigin::Registry(name.clone()), image))
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
