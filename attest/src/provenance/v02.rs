//! SLSA provenance, version 0.2.

use serde_json::{Map, Value, json};

use super::facts::{ConfigSource, Provenance};
use super::{steps, v1};

/// Type of the predicate.
pub(super) const PREDICATE: &str = "https://slsa.dev/provenance/v0.2";

/// Name of the format of the fields that are not SLSA's.
const BUILD_TYPE: &str = "https://mobyproject.org/buildkit@v1";

/// Key of BuildKit's own part of the metadata.
const METADATA: &str = "https://mobyproject.org/buildkit@v1#metadata";

/// Key that says whether a step could reach a network.
const HERMETIC: &str = "https://mobyproject.org/buildkit@v1#hermetic";

/// Returns the predicate of a provenance.
pub(super) fn body(provenance: &Provenance) -> Value {
    let mut fields = Map::new();
    fields.insert("builder".to_owned(), json!({ "id": provenance.request.builder_id }));
    fields.insert("buildType".to_owned(), BUILD_TYPE.into());
    fields.insert("materials".to_owned(), json!(provenance.dependencies));
    fields.insert("invocation".to_owned(), invocation(provenance));
    if provenance.is_detailed() {
        fields.insert("buildConfig".to_owned(), steps::definition(&provenance.steps));
    }
    fields.insert("metadata".to_owned(), metadata(provenance));
    fields.into()
}

fn invocation(provenance: &Provenance) -> Value {
    json!({
        "configSource": config_source(&provenance.config_source),
        "parameters": v1::request(provenance),
        "environment": { "platform": provenance.builder_platform },
    })
}

fn config_source(source: &ConfigSource) -> Value {
    let mut fields = Map::from_iter([("entryPoint".to_owned(), source.path.clone().into())]);
    if let Some(uri) = &source.uri {
        fields.insert("uri".to_owned(), uri.clone().into());
        fields.insert("digest".to_owned(), json!(source.digest));
    }
    fields.into()
}

fn metadata(provenance: &Provenance) -> Value {
    json!({
        "completeness": {
            "parameters": provenance.is_detailed(),
            "environment": true,
            "materials": provenance.has_all_dependencies(),
        },
        "reproducible": provenance.request.is_reproducible,
        HERMETIC: provenance.is_hermetic,
        METADATA: steps::metadata(provenance),
    })
}
