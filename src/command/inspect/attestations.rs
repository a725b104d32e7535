//! Attestations of an image: `inspect --sbom` and `--provenance`, and `{{json .SBOM.SPDX}}` in a template.

use cache::Store;
use images::attestations::{self, AttestationKind, Attestations};
use images::catalog::Found;
use images::{CachingBlobs, StoreBlobs};
use serde_json::Value;

use super::{parsed, to_json};
use crate::failure::Failure;
use cli::inspect::InspectOneKindArgs;

/// Field of a template with the SBOM, as `docker buildx imagetools inspect` calls it.
const SBOM: &str = "SBOM";

/// Field of a template with the provenance.
const PROVENANCE: &str = "Provenance";

/// Returns the attestations that the flags ask for; `None` if they ask for the image itself.
pub(super) fn asked_for(
    store: &Store,
    found: &Found,
    name: &str,
    args: &InspectOneKindArgs,
) -> Result<Option<String>, Failure> {
    let kind = match (args.sbom, args.provenance) {
        (false, false) => return Ok(None),
        (true, _) => AttestationKind::Sbom,
        (false, true) => AttestationKind::Provenance,
    };
    let view = read(store, found)?.view(kind);
    if view.is_null() {
        let (noun, flag) = match kind {
            AttestationKind::Sbom => ("SBOM", "--sbom"),
            AttestationKind::Provenance => ("provenance", "--provenance"),
        };
        return Err(Failure::input(format!("the image {name} has no {noun}"))
            .hint(format!("dsbuild build {flag}=true attaches it to a new image")));
    }
    Ok(Some(to_json(&view)))
}

/// Adds the attestations to the document of an image if a template uses them.
pub(super) fn with_fields(
    store: &Store,
    found: &Found,
    document: String,
    args: &InspectOneKindArgs,
) -> Result<String, Failure> {
    let uses = |field: &str| args.format.as_ref().is_some_and(|format| format.contains(&format!(".{field}")));
    if !uses(SBOM) && !uses(PROVENANCE) {
        return Ok(document);
    }
    let attestations = read(store, found)?;
    let mut fields = parsed(&document);
    for (field, kind) in [(SBOM, AttestationKind::Sbom), (PROVENANCE, AttestationKind::Provenance)] {
        let view = attestations.view(kind);
        fields[field] = if view.is_null() { Value::Object(serde_json::Map::new()) } else { view };
    }
    Ok(to_json(&fields))
}

fn read(store: &Store, found: &Found) -> Result<Attestations, Failure> {
    let inner = StoreBlobs(store);
    Ok(attestations::read(&CachingBlobs { store, inner: &inner }, found.root())?)
}
