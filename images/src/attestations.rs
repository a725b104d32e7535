//! Attestations of an image, read from its index: SBOMs and provenance, whoever made them.
//!
//! [`Attestations::view`] has the form in which `docker buildx imagetools inspect` hands them to templates, as `.SBOM` and
//! `.Provenance`.

use std::collections::BTreeMap;

use oci::{Descriptor, Digest, Document, Manifest, PREDICATE_TYPE, Platform, media_type};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::choose::{self, is_image};
use crate::{BlobSource, CachingBlobs, ImageError, blobs};

/// Largest statement that is read, as in BuildKit.
const MAX_STATEMENT_BYTES: u64 = 40 << 20;

/// Largest number of statements of one image.
const MAX_STATEMENTS: usize = 64;

/// A claim about an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Attestation {
    /// Digest of the manifest of the image.
    pub image: Digest,
    /// Platform of the image; `None` if its index does not say it.
    pub platform: Option<Platform>,
    /// URI of the format of the claim: `https://spdx.dev/Document`.
    pub predicate_type: String,
    /// Claim in that format.
    pub predicate: Value,
}

/// Kind of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttestationKind {
    /// Packages of the image.
    Sbom,
    /// Build of the image.
    Provenance,
}

/// Attestations of the images of an index.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attestations {
    /// Platforms of the images in the index, in order.
    pub platforms: Vec<Platform>,
    /// Claims about the images, in the order of the index.
    pub claims: Vec<Attestation>,
}

/// Parts of an in-toto statement that are read. Its subject is known from the index.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(default)]
    predicate_type: String,
    #[serde(default)]
    predicate: Value,
}

/// An attestation manifest, and the image that it is about.
#[derive(Debug, Clone)]
pub struct AttestationManifest {
    /// Entry of the index for the attestation manifest.
    pub descriptor: Descriptor,
    /// Manifest, whose layers are statements.
    pub manifest: Manifest,
    /// Entry of the index for the image.
    pub image: Descriptor,
}

/// Returns the attestation manifests of the images in the index that `root` describes. A manifest of one image has none,
/// and manifests whose documents are absent are left out.
pub fn manifests(
    blobs: &CachingBlobs<'_>,
    root: &Descriptor,
) -> Result<Vec<AttestationManifest>, ImageError> {
    if !media_type::is_index(&root.media_type) {
        return Ok(Vec::new());
    }
    let Document::Index(index) = choose::document(blobs, root)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in &index.manifests {
        let Some(attested) = entry.attests_to() else { continue };
        let is_image = |image: &&Descriptor| is_image(image) && image.digest.to_string() == attested;
        let Some(image) = index.manifests.iter().find(is_image) else { continue };
        match choose::document(blobs, entry) {
            Ok(Document::Manifest(manifest)) => {
                found.push(AttestationManifest { descriptor: entry.clone(), manifest, image: image.clone() })
            }
            Ok(Document::Index(_)) => {}
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Reads the attestations in the index that `root` describes. A manifest of one image has none.
pub fn read(blobs: &CachingBlobs<'_>, root: &Descriptor) -> Result<Attestations, ImageError> {
    let Document::Index(index) = choose::document(blobs, root)? else { return Ok(Attestations::default()) };
    let mut claims = Vec::new();
    for attested in manifests(blobs, root)? {
        claims.extend(statements(blobs, &attested.manifest, &attested.image)?);
    }
    let images = index.manifests.iter().filter(|entry| is_image(entry));
    Ok(Attestations { platforms: images.filter_map(|image| image.platform.clone()).collect(), claims })
}

/// Reads the statements in an attestation manifest.
fn statements(
    blobs: &CachingBlobs<'_>,
    manifest: &Manifest,
    image: &Descriptor,
) -> Result<Vec<Attestation>, ImageError> {
    let layers = manifest.layers.iter().filter(|layer| layer.media_type == media_type::IN_TOTO);
    let read = |layer: &Descriptor| {
        let bytes = blobs::read(blobs as &dyn BlobSource, layer, MAX_STATEMENT_BYTES)?;
        let statement: Statement = serde_json::from_slice(&bytes)
            .map_err(|error| ImageError::Statement { digest: layer.digest, reason: error.to_string() })?;
        let announced = layer.annotations.get(PREDICATE_TYPE).cloned();
        Ok(Attestation {
            image: image.digest,
            platform: image.platform.clone(),
            predicate_type: announced.unwrap_or(statement.predicate_type),
            predicate: statement.predicate,
        })
    };
    layers.take(MAX_STATEMENTS).map(read).collect()
}

impl AttestationKind {
    /// Returns the name of the format that a claim of this kind has in templates; `None` for a claim of another kind.
    fn format(self, predicate_type: &str) -> Option<&'static str> {
        match self {
            Self::Sbom => predicate_type.starts_with("https://spdx.dev/Document").then_some("SPDX"),
            Self::Provenance => predicate_type.starts_with("https://slsa.dev/provenance/").then_some("SLSA"),
        }
    }
}

impl Attestations {
    /// Returns the claims of a kind: `{"SPDX": …}` or `{"SLSA": …}`, for an index of several platforms by platform.
    ///
    /// A second SBOM of an image is in the list `AdditionalSPDXs`. Null if there are no such claims.
    pub fn view(&self, kind: AttestationKind) -> Value {
        let mut views: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        for claim in &self.claims {
            let Some(format) = kind.format(&claim.predicate_type) else { continue };
            let platform = claim.platform.as_ref().map(Platform::to_string).unwrap_or_default();
            let view = views.entry(platform).or_default();
            if !view.contains_key(format) {
                view.insert(format.to_owned(), claim.predicate.clone());
            } else if let Value::Array(more) =
                view.entry(format!("Additional{format}s")).or_insert_with(|| json!([]))
            {
                more.push(claim.predicate.clone());
            }
        }
        if self.platforms.len() > 1 {
            return if views.is_empty() { Value::Null } else { json!(views) };
        }
        views.into_values().next().map_or(Value::Null, Value::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(platform: &str, predicate_type: &str, predicate: Value) -> Attestation {
        Attestation {
            image: Digest::of(b""),
            platform: Some(platform.parse().expect("a platform")),
            predicate_type: predicate_type.to_owned(),
            predicate,
        }
    }

    const SPDX: &str = "https://spdx.dev/Document";
    const SLSA: &str = "https://slsa.dev/provenance/v0.2";

    fn attestations(platforms: &[&str], claims: Vec<Attestation>) -> Attestations {
        let platforms = platforms.iter().map(|text| text.parse().expect("a platform")).collect();
        Attestations { platforms, claims }
    }

    #[test]
    fn one_platform_has_its_claims_by_format() {
        let claims = vec![
            claim("linux/amd64", SPDX, json!({"n": 1})),
            claim("linux/amd64", SLSA, json!({"n": 2})),
            claim("linux/amd64", SPDX, json!({"n": 3})),
            claim("linux/amd64", "https://example.com/other", json!({"n": 4})),
        ];
        let attestations = attestations(&["linux/amd64"], claims);
        let sbom = json!({"SPDX": {"n": 1}, "AdditionalSPDXs": [{"n": 3}]});
        assert_eq!(attestations.view(AttestationKind::Sbom), sbom);
        assert_eq!(attestations.view(AttestationKind::Provenance), json!({"SLSA": {"n": 2}}));
    }

    #[test]
    fn several_platforms_have_their_claims_by_platform() {
        let platforms = ["linux/amd64", "linux/arm64"];
        let claims = platforms.map(|platform| claim(platform, SPDX, json!(platform))).to_vec();
        let attestations = attestations(&platforms, claims);
        let expected =
            json!({"linux/amd64": {"SPDX": "linux/amd64"}, "linux/arm64": {"SPDX": "linux/arm64"}});
        assert_eq!(attestations.view(AttestationKind::Sbom), expected);
        assert_eq!(attestations.view(AttestationKind::Provenance), Value::Null);
    }
}
