//! A provenance as a claim about an image, in the version that the user asks for.

use super::facts::Provenance;
use super::{v1, v02};
use crate::request::SlsaVersion;
use crate::statement::Predicate;

impl Provenance {
    /// Returns the provenance as a claim about the image.
    pub fn predicate(&self) -> Predicate {
        let (predicate_type, body) = match self.request.version {
            SlsaVersion::V1 => (v1::PREDICATE, v1::body(self)),
            SlsaVersion::V02 => (v02::PREDICATE, v02::body(self)),
        };
        let file_name = self.request.file_name.clone().unwrap_or_else(|| "provenance.json".to_owned());
        Predicate { predicate_type, body, file_name }
    }
}
