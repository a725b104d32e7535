//! Attestations of an image, as entries of its index.
//!
//! ```text
//! index ── manifest of the image
//!       └─ attestation manifest, for the platform unknown/unknown, annotated with the digest of the image
//!            └─ one layer for each statement (in-toto)
//! ```
//!
//! An attestation manifest is an OCI artifact whose subject is the image, so that registries list it among the referrers
//! of the image. With `oci-artifact=false` it has the form of older versions of BuildKit: an image whose layers are the
//! statements. Runtimes skip both, because of the platform.
//!
//! Source: BuildKit, `docs/attestations/attestation-storage.md`; OCI image-spec v1.1, "Guidelines for Artifact Usage".

use attest::{Subject, image_purl, statement};
use oci::{
    ATTESTATION_TYPE, ATTESTED_DIGEST, Descriptor, DiffId, ImageConfig, Manifest, PREDICATE_TYPE, Platform,
    REFERENCE_TYPE, media_type,
};
use serde_json::{Value, json};

use crate::assemble::{ARTIFACT_TYPE, Assembled, Assembler, Attested, SUBJECT};
use crate::error::ExportError;
use crate::predicates::predicates;
use crate::result::BuiltImage;

/// Operating system and architecture of what is no image, so that no runtime chooses it.
const UNKNOWN: &str = "unknown";

/// Name of the subject of an image without a name, as with BuildKit.
const NAMELESS: &str = "_";

impl Assembler<'_> {
    /// Makes the attestation manifest of an image; `None` for an image without attestations.
    pub fn attestation(
        &self,
        built: &BuiltImage,
        image: &Assembled,
    ) -> Result<Option<Attested>, ExportError> {
        let predicates = predicates(built, self.request, self.times);
        if predicates.is_empty() {
            return Ok(None);
        }
        let subjects = self.subjects(&built.platform, &image.descriptor);
        let statements = predicates.iter().map(|predicate| {
            let bytes = statement(predicate, &subjects);
            let digest = self.store.put_blob(&bytes)?;
            let mut layer = Descriptor::new(media_type::IN_TOTO, digest, bytes.len() as u64);
            layer.annotations.insert(PREDICATE_TYPE.to_owned(), predicate.predicate_type.to_owned());
            Ok(layer)
        });
        let statements: Vec<Descriptor> = statements.collect::<Result<_, ExportError>>()?;
        let manifest = if self.request.oci_artifact {
            self.artifact(statements, &image.descriptor)?
        } else {
            self.legacy(statements)?
        };
        let mut descriptor = self.document(media_type::MANIFEST, &manifest)?;
        let (os, architecture) = (UNKNOWN.to_owned(), UNKNOWN.to_owned());
        descriptor.platform = Some(Platform { os, architecture, ..Platform::default() });
        let reference = [
            (ATTESTED_DIGEST, image.descriptor.digest.to_string()),
            (REFERENCE_TYPE, ATTESTATION_TYPE.to_owned()),
        ];
        descriptor.annotations = reference.map(|(key, value)| (key.to_owned(), value)).into();
        Ok(Some(Attested { descriptor, manifest }))
    }

    fn subjects(&self, platform: &Platform, image: &Descriptor) -> Vec<Subject> {
        let names = self.request.names.iter().map(|name| image_purl(name, platform));
        let names: Vec<String> = names.collect();
        let names = if names.is_empty() { vec![NAMELESS.to_owned()] } else { names };
        names.into_iter().map(|name| Subject::new(name, &image.digest)).collect()
    }

    fn artifact(&self, statements: Vec<Descriptor>, subject: &Descriptor) -> Result<Manifest, ExportError> {
        let mut manifest = Manifest::new(self.document(media_type::EMPTY, &json!({}))?, statements);
        let subject = Descriptor::new(&subject.media_type, subject.digest, subject.size_bytes);
        let subject = serde_json::to_value(subject).expect("a descriptor has string keys only");
        let artifact_type = Value::from(media_type::ATTESTATION);
        manifest.extra = [(ARTIFACT_TYPE.to_owned(), artifact_type), (SUBJECT.to_owned(), subject)].into();
        Ok(manifest)
    }

    fn legacy(&self, statements: Vec<Descriptor>) -> Result<Manifest, ExportError> {
        let (os, architecture) = (UNKNOWN.to_owned(), UNKNOWN.to_owned());
        let mut config = ImageConfig {
            platform: Platform { os, architecture, ..Platform::default() },
            ..ImageConfig::default()
        };
        config.rootfs.diff_ids = statements.iter().map(|layer| DiffId(layer.digest)).collect();
        Ok(Manifest::new(self.document(media_type::CONFIG, &config)?, statements))
    }
}
