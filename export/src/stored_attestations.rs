//! Attestations of an image of the store that is pushed: they are made anew for the manifest that the registry gets.
//!
//! The store keeps an image with plain layers, and its statements name that manifest. A registry gets a manifest with
//! compressed layers: the same files under another digest. The claims stay, and the subject becomes the pushed manifest.

use attest::{Subject, image_purl};
use images::attestations::{self, AttestationManifest};
use images::{CachingBlobs, Image, ImageError, StoreBlobs};
use oci::{ATTESTED_DIGEST, Descriptor, media_type};
use serde_json::Value;

use crate::assemble::{Assembled, Attested, SUBJECT};
use crate::error::ExportError;
use crate::stored::{PushedAttestation, StoredPush};

/// Largest statement that is read.
const MAX_STATEMENT_BYTES: u64 = 40 << 20;

impl StoredPush<'_> {
    /// Makes the attestations of the images that are pushed; `sent` has the manifest of each.
    pub fn attestations(
        &self,
        root: &Descriptor,
        images: &[Image],
        sent: &[Assembled],
    ) -> Result<Vec<PushedAttestation>, ExportError> {
        let store = self.exporter.store;
        let here = StoreBlobs(store);
        let manifests = attestations::manifests(&CachingBlobs { store, inner: &here }, root)?;
        let image_of = |kept: &AttestationManifest| {
            let position = images.iter().position(|image| image.descriptor.digest == kept.image.digest);
            position.and_then(|position| sent.get(position))
        };
        let pushed = manifests.into_iter().filter_map(|kept| Some((image_of(&kept)?, kept)));
        pushed.map(|(image, kept)| self.attestation(kept, image)).collect()
    }

    fn attestation(
        &self,
        kept: AttestationManifest,
        image: &Assembled,
    ) -> Result<PushedAttestation, ExportError> {
        let Descriptor { media_type, digest, size_bytes, .. } = &image.descriptor;
        let mut manifest = kept.manifest;
        for layer in &mut manifest.layers {
            if layer.media_type == media_type::IN_TOTO {
                self.rename(layer, image)?;
            }
        }
        if let Some(subject) = manifest.extra.get_mut(SUBJECT) {
            let descriptor = Descriptor::new(media_type, *digest, *size_bytes);
            *subject = serde_json::to_value(descriptor).expect("a descriptor has string keys only");
        }
        let document = self.document(&manifest, &kept.descriptor.media_type)?;
        let mut descriptor = kept.descriptor.clone();
        (descriptor.digest, descriptor.size_bytes) = (document.digest, document.size_bytes);
        descriptor.annotations.insert(ATTESTED_DIGEST.to_owned(), digest.to_string());
        Ok(PushedAttestation { kept: kept.descriptor, attested: Attested { descriptor, manifest } })
    }

    /// Makes a statement about the pushed image of one about the image in the store.
    fn rename(&self, layer: &mut Descriptor, image: &Assembled) -> Result<(), ExportError> {
        let store = self.exporter.store;
        let bytes = store.get_blob(&layer.digest, MAX_STATEMENT_BYTES)?;
        let mut statement: Value = serde_json::from_slice(&bytes)
            .map_err(|error| ImageError::Statement { digest: layer.digest, reason: error.to_string() })?;
        let platform = image.descriptor.platform.clone().unwrap_or_default();
        let subject = Subject::new(image_purl(self.name, &platform), &image.descriptor.digest);
        statement[SUBJECT] = serde_json::json!([subject]);
        let bytes = serde_json::to_vec(&statement).expect("a statement has string keys only");
        (layer.digest, layer.size_bytes) = (store.put_blob(&bytes)?, bytes.len() as u64);
        Ok(())
    }
}
