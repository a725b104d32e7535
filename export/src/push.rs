//! An image to the registries of its names.
//!
//! First the blobs, several at once, then the manifests of an index, then what the names stand for: a registry never
//! has a name for an image that is not complete.

use std::io::{self, Read};

use oci::{Descriptor, Digest, Reference};
use registry::{Client, RawManifest};

use super::assemble::Assembled;
use super::request::Push;
use super::{ExportError, Exporter};
use registry::transfer::{self, Counted};

/// The largest manifest or index.
const MANIFEST_LIMIT_BYTES: u64 = 4 << 20;

/// What is pushed.
pub(super) struct Pushed<'a> {
    /// Names the manifest or index.
    pub root: &'a Descriptor,
    /// The images that it is, or that it names.
    pub images: &'a [Assembled],
    /// Where to.
    pub names: &'a [Reference],
    pub push: Push,
    pub is_registry_insecure: bool,
}

impl Exporter<'_> {
    /// Sends everything to everywhere that it is to be.
    pub(super) fn push(&self, pushed: &Pushed<'_>) -> Result<(), ExportError> {
        let mut done: Vec<String> = Vec::new();
        for name in pushed.names {
            let mut client = self.registry.clone();
            if pushed.is_registry_insecure {
                client = client.with_insecure(&name.registry);
            }
            // A second tag of the same repository needs no second look at its parts.
            if !done.contains(&name.name()) {
                self.push_parts(&client, name, pushed)?;
                done.push(name.name());
            }
            let name = match pushed.push {
                Push::Named => name.clone(),
                Push::ByDigest => Reference { tag: None, ..name.clone() },
            };
            client.push_manifest(&name, &self.manifest(pushed.root)?)?;
            let id = format!("pushing manifest for {name}@{}", pushed.root.digest);
            self.vertex.status(&id, pushed.root.size_bytes, Some(pushed.root.size_bytes), true);
        }
        Ok(())
    }

    /// Sends what the root names.
    fn push_parts(&self, client: &Client, name: &Reference, pushed: &Pushed<'_>) -> Result<(), ExportError> {
        let mut blobs: Vec<&Descriptor> = Vec::new();
        for Assembled { manifest, .. } in pushed.images {
            for blob in manifest.layers.iter().chain([&manifest.config]) {
                if !blobs.iter().any(|known| known.digest == blob.digest) {
                    blobs.push(blob);
                }
            }
        }
        transfer::each(&blobs, |blob| self.push_blob(client, name, blob))?;
        let untagged = Reference { tag: None, ..name.clone() };
        let parts = pushed.images.iter().filter(|image| image.descriptor.digest != pushed.root.digest);
        for image in parts {
            client.push_manifest(&untagged, &self.manifest(&image.descriptor)?)?;
        }
        Ok(())
    }

    fn push_blob(&self, client: &Client, name: &Reference, blob: &Descriptor) -> Result<(), ExportError> {
        let Descriptor { digest, size_bytes, .. } = *blob;
        let id = format!("pushing {digest}");
        self.vertex.status(&id, 0, Some(size_bytes), false);
        let pushed = client.push_blob(name, blob, &|| self.open(digest, size_bytes, &id));
        if self.cancel.is_canceled() {
            return Err(ExportError::Canceled);
        }
        pushed?;
        self.vertex.status(&id, size_bytes, Some(size_bytes), true);
        Ok(())
    }

    /// Opens a blob of the store that tells how far it is, and ends early if the user asks for it.
    fn open(&self, digest: Digest, size_bytes: u64, id: &str) -> io::Result<Box<dyn Read + Send>> {
        let file = self.store.open_verified_blob(&digest).map_err(io::Error::other)?;
        let (vertex, cancel, id) = (self.vertex.clone(), self.cancel.clone(), id.to_owned());
        let tell = move |sent| {
            vertex.status(&id, sent, Some(size_bytes), false);
            if cancel.is_canceled() { Err(io::Error::other("canceled")) } else { Ok(()) }
        };
        Ok(Box::new(Counted::new(file, tell)))
    }

    fn manifest(&self, manifest: &Descriptor) -> Result<RawManifest, ExportError> {
        Ok(RawManifest {
            media_type: manifest.media_type.clone(),
            digest: manifest.digest,
            bytes: self.store.get_blob(&manifest.digest, MANIFEST_LIMIT_BYTES)?,
        })
    }
}
