//! An image to the registries of its names.
//!
//! First the blobs, several at once, then the manifests of an index, then the root: a registry never has a name for an
//! image that is not complete. Blobs of the base image go first of all, since the manifest depends on whether the registry
//! has them, mounts them from the repository of the base, or gets them from there.

use std::cell::RefCell;
use std::io::{self, Read};

use oci::{Descriptor, DiffId, Digest, Manifest, Reference};
use progress::{Cancel, Vertex};
use registry::transfer::{self, Counted};
use registry::{Client, Pushed, RawManifest, RegistryError};

use crate::assemble::{ARTIFACT_TYPE, BaseBlobs, SUBJECT};
use crate::base::{PulledBlob, pulled_blob};
use crate::blob::BlobReader;
use crate::error::ExportCanceled;
use crate::error::ExportError;
use crate::request::{ExportRequest, Push};

/// Largest manifest or index that is pushed.
const MAX_MANIFEST_BYTES: u64 = 4 << 20;

/// Pushes one image to the repositories of its names.
pub(crate) struct Pusher<'a> {
    pub store: &'a cache::Store,
    pub vertex: &'a Vertex,
    pub cancel: &'a Cancel,
    pub push: Push,
    /// Each name, with the client for its registry.
    pub targets: Vec<(&'a Reference, Client)>,
    /// Blobs of the base image that all repositories have.
    pub delivered: RefCell<Vec<Digest>>,
}

/// Returns the names that an image is pushed to, each with the client for its registry.
pub(crate) fn targets<'a>(registry: &Client, request: &'a ExportRequest) -> Vec<(&'a Reference, Client)> {
    let client = |name: &'a Reference| {
        let shared = registry.clone();
        let client = if request.is_registry_insecure { shared.with_insecure(&name.registry) } else { shared };
        (name, client)
    };
    request.names.iter().map(client).collect()
}

impl<'a> Pusher<'a> {
    /// Sends the blobs, the manifests and the root.
    pub fn push(&self, root: &Descriptor, manifests: &[(&Descriptor, &Manifest)]) -> Result<(), ExportError> {
        for (name, client) in self.repositories() {
            self.push_parts(client, name, root, manifests)?;
        }
        for (name, client) in &self.targets {
            let name = match self.push {
                Push::Named => (*name).clone(),
                Push::ByDigest => Reference { tag: None, ..(*name).clone() },
            };
            self.canceled_or(client.push_manifest(&name, &self.manifest(root)?))?;
            let id = format!("pushing manifest for {name}@{}", root.digest);
            self.vertex.status(&id, root.size_bytes, Some(root.size_bytes), true);
        }
        Ok(())
    }

    /// Returns one target for each repository: a second tag needs no parts of its own.
    fn repositories(&self) -> Vec<&(&'a Reference, Client)> {
        let mut repositories: Vec<&(&Reference, Client)> = Vec::new();
        for target in &self.targets {
            if !repositories.iter().any(|known| known.0.name() == target.0.name()) {
                repositories.push(target);
            }
        }
        repositories
    }

    /// Sends everything that the root names.
    fn push_parts(
        &self,
        client: &Client,
        name: &Reference,
        root: &Descriptor,
        manifests: &[(&Descriptor, &Manifest)],
    ) -> Result<(), ExportError> {
        let (store, vertex, cancel) = (self.store, self.vertex, self.cancel);
        let delivered = self.delivered.borrow();
        let mut blobs: Vec<&Descriptor> = Vec::new();
        for blob in
            manifests.iter().flat_map(|(_, manifest)| manifest.layers.iter().chain([&manifest.config]))
        {
            if !delivered.contains(&blob.digest) && !blobs.iter().any(|known| known.digest == blob.digest) {
                blobs.push(blob);
            }
        }
        let send = |blob: &&Descriptor| push_blob(&BlobPush { store, vertex, cancel, client, name, blob });
        transfer::each(&blobs, send)?;
        let untagged = Reference { tag: None, ..name.clone() };
        for (descriptor, _) in manifests.iter().filter(|(descriptor, _)| descriptor.digest != root.digest) {
            self.canceled_or(client.push_manifest(&untagged, &self.manifest(descriptor)?))?;
        }
        manifests.iter().try_for_each(|(descriptor, manifest)| {
            self.list_referrer(client, &untagged, descriptor, manifest)
        })
    }

    /// Lets the registry list an attestation among the referrers of its image. The image is complete without that.
    fn list_referrer(
        &self,
        client: &Client,
        repository: &Reference,
        descriptor: &Descriptor,
        manifest: &Manifest,
    ) -> Result<(), ExportError> {
        let (Some(artifact_type), Some(subject)) = (manifest.extra.get(ARTIFACT_TYPE), subject_of(manifest))
        else {
            return Ok(());
        };
        let Descriptor { media_type, digest, size_bytes, .. } = descriptor;
        let mut artifact = Descriptor::new(media_type, *digest, *size_bytes);
        artifact.extra.insert(ARTIFACT_TYPE.to_owned(), artifact_type.clone());
        match client.add_referrer(repository, &subject, &artifact) {
            Err(_) if self.cancel.is_canceled() => Err(ExportError::Canceled),
            Err(error) => {
                let warning =
                    format!("the attestation {digest} is not listed as a referrer of {subject}: {error}");
                self.vertex.warning(&warning);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Brings a blob of the base image to all repositories.
    fn deliver(&self, pulled: &PulledBlob) -> Result<(), RegistryError> {
        let Descriptor { digest, size_bytes, .. } = pulled.blob;
        let id = format!("pushing {digest}");
        for (name, client) in self.repositories() {
            let from = pulled.repository.as_ref().filter(|from| from.registry == name.registry);
            let open = || pulled.open(client, self.vertex, self.cancel);
            let outcome = client.push_blob_from(name, &pulled.blob, from, &open)?;
            let shown = if outcome == Pushed::Mounted { format!("mounting {digest}") } else { id.clone() };
            self.vertex.status(&shown, size_bytes, Some(size_bytes), true);
        }
        self.delivered.borrow_mut().push(digest);
        Ok(())
    }

    /// Makes sure that a blob gets to all repositories: it is in the store, from where it is sent later, or it is delivered
    /// now. Returns false, after a warning, if it is unavailable where it was pulled from.
    pub fn provide(&self, pulled: &PulledBlob) -> Result<bool, ExportError> {
        let is_delivered = self.delivered.borrow().contains(&pulled.blob.digest);
        if is_delivered || pulled.is_in(self.store)? {
            return Ok(true);
        }
        match self.deliver(pulled) {
            Ok(()) => Ok(true),
            Err(_) if self.cancel.is_canceled() => Err(ExportError::Canceled),
            // The blob could not be read where it came from: the registry of the push is not at fault.
            Err(error @ RegistryError::Source { .. }) => {
                pulled.warn(&error, self.vertex);
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn manifest(&self, manifest: &Descriptor) -> Result<RawManifest, ExportError> {
        Ok(RawManifest {
            media_type: manifest.media_type.clone(),
            digest: manifest.digest,
            bytes: self.store.get_blob(&manifest.digest, MAX_MANIFEST_BYTES)?,
        })
    }

    fn canceled_or(&self, outcome: Result<(), RegistryError>) -> Result<(), ExportError> {
        if self.cancel.is_canceled() { Err(ExportError::Canceled) } else { Ok(outcome?) }
    }
}

impl BaseBlobs for Pusher<'_> {
    fn blob(
        &self,
        layer: &DiffId,
        base: Option<&Reference>,
        docker_types: bool,
    ) -> Result<Option<Descriptor>, ExportError> {
        let Some(pulled) = pulled_blob(self.store, layer, base, docker_types) else { return Ok(None) };
        Ok(self.provide(&pulled)?.then_some(pulled.blob))
    }
}

/// Returns the digest of the image that a manifest refers to; `None` for a manifest that refers to none.
fn subject_of(manifest: &Manifest) -> Option<Digest> {
    manifest.extra.get(SUBJECT)?.get("digest")?.as_str()?.parse().ok()
}

/// A blob of the store, and the repository that it goes to.
struct BlobPush<'a> {
    store: &'a cache::Store,
    vertex: &'a Vertex,
    cancel: &'a Cancel,
    client: &'a Client,
    name: &'a Reference,
    blob: &'a Descriptor,
}

fn push_blob(push: &BlobPush<'_>) -> Result<(), ExportError> {
    let BlobPush { store, vertex, cancel, client, name, blob } = *push;
    let id = format!("pushing {}", blob.digest);
    vertex.status(&id, 0, Some(blob.size_bytes), false);
    let pushed = client.push_blob(name, blob, &|| open(push, &id));
    if cancel.is_canceled() {
        return Err(ExportError::Canceled);
    }
    if let Err(RegistryError::Source { .. }) = &pushed {
        // The client passes on only the text of a read error; a damaged blob has an error of its own.
        store.verify_blob(&blob.digest)?;
    }
    pushed?;
    vertex.status(&id, blob.size_bytes, Some(blob.size_bytes), true);
    Ok(())
}

/// Opens a blob of the store that reports its progress, and ends early if the user cancels the build.
fn open(push: &BlobPush<'_>, id: &str) -> io::Result<Box<dyn Read + Send>> {
    let reader = BlobReader::open(push.store, push.blob, push.cancel).map_err(io::Error::other)?;
    let (vertex, cancel, id) = (push.vertex.clone(), push.cancel.clone(), id.to_owned());
    let size_bytes = push.blob.size_bytes;
    let report = move |sent_bytes| {
        vertex.status(&id, sent_bytes, Some(size_bytes), false);
        if cancel.is_canceled() { Err(io::Error::other(ExportCanceled)) } else { Ok(()) }
    };
    Ok(Box::new(Counted::new(reader, report)))
}
