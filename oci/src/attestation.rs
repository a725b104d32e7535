//! Keys and values by which the documents of an image name its attestations.
//!
//! Source: BuildKit, `docs/attestations/attestation-storage.md`.

use crate::Descriptor;

/// Annotation of an entry of an index: the kind of a reference to another entry.
pub const REFERENCE_TYPE: &str = "vnd.docker.reference.type";

/// Annotation of an entry of an index: digest of the entry that it refers to.
pub const ATTESTED_DIGEST: &str = "vnd.docker.reference.digest";

/// Value of [`REFERENCE_TYPE`] for attestations.
pub const ATTESTATION_TYPE: &str = "attestation-manifest";

/// Annotation of a layer that is a statement: the type of its predicate.
pub const PREDICATE_TYPE: &str = "in-toto.io/predicate-type";

impl Descriptor {
    /// Returns the digest of the image that this entry of an index attests to; `None` for any other entry.
    pub fn attests_to(&self) -> Option<&str> {
        let kind = self.annotations.get(REFERENCE_TYPE)?;
        if kind == ATTESTATION_TYPE {
            self.annotations.get(ATTESTED_DIGEST).map(String::as_str)
        } else {
            None
        }
    }
}
