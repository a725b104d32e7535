//! The claims that an image is attested with, as documents of one output.

use attest::{Predicate, Provenance, Sbom};

use crate::request::ExportRequest;
use crate::result::BuiltImage;
use crate::times::BuildTimes;

/// Program and version that documents name as their author.
const TOOL: &str = concat!("dsbuild-", env!("CARGO_PKG_VERSION"));

/// Returns the claims about an image: first its packages, then its build. Empty for an image without attestations.
pub(crate) fn predicates(built: &BuiltImage, request: &ExportRequest, times: &BuildTimes) -> Vec<Predicate> {
    let sbom = built.attestations.packages.as_ref().map(|inventory| {
        let sbom = Sbom {
            name: request.names.first(),
            platform: &built.platform,
            inventory,
            created_s: times.created_s(request.rewrite_timestamp),
            tool: TOOL,
        };
        sbom.predicate()
    });
    let provenance = built.attestations.provenance.as_ref().map(Provenance::predicate);
    sbom.into_iter().chain(provenance).collect()
}
