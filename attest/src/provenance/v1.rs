//! SLSA provenance, version 1.

use serde_json::{Map, Value, json};

use super::facts::{ConfigSource, Provenance};
use super::steps;

/// Type of the predicate.
pub(super) const PREDICATE: &str = "https://slsa.dev/provenance/v1";

/// Definition of the fields that are not SLSA's.
const BUILD_TYPE: &str = "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md";

/// Returns the predicate of a provenance.
pub(super) fn body(provenance: &Provenance) -> Value {
    let (program, version) = provenance.builder_version;
    json!({
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "configSource": config_source(&provenance.config_source),
                "request": request(provenance),
            },
            "internalParameters": internal_parameters(provenance),
            "resolvedDependencies": provenance.dependencies,
        },
        "runDetails": {
            "builder": { "id": provenance.request.builder_id, "version": { program: version } },
            "metadata": {
                "buildkit_hermetic": provenance.is_hermetic,
                "buildkit_reproducible": provenance.request.is_reproducible,
                "buildkit_completeness": {
                    "request": provenance.is_detailed(),
                    "resolvedDependencies": provenance.has_all_dependencies(),
                },
                "buildkit_metadata": steps::metadata(provenance),
            },
        },
    })
}

fn config_source(source: &ConfigSource) -> Value {
    let mut fields = Map::from_iter([("path".to_owned(), source.path.clone().into())]);
    if let Some(uri) = &source.uri {
        fields.insert("uri".to_owned(), uri.clone().into());
        fields.insert("digest".to_owned(), json!(source.digest));
    }
    fields.into()
}

/// Returns the parameters of the build. Version 0.2 has the same.
pub(super) fn request(provenance: &Provenance) -> Value {
    let mut fields = Map::new();
    fields.insert("frontend".to_owned(), "dockerfile.v0".into());
    fields.insert("args".to_owned(), json!(provenance.shown_args()));
    if provenance.is_detailed() {
        fields.insert("secrets".to_owned(), json!(provenance.secrets));
        fields.insert("ssh".to_owned(), json!(provenance.ssh));
    }
    let locals: Vec<Value> = provenance.locals.iter().map(|name| json!({ "name": name })).collect();
    fields.insert("locals".to_owned(), locals.into());
    fields.into()
}

fn internal_parameters(provenance: &Provenance) -> Value {
    let mut fields =
        Map::from_iter([("builderPlatform".to_owned(), provenance.builder_platform.clone().into())]);
    if provenance.is_detailed() {
        fields.insert("buildConfig".to_owned(), steps::definition(&provenance.steps));
    }
    fields.into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::facts::{BuildStep, Dependency, OptionalId, SourceFile, Vcs};
    use super::*;
    use crate::request::{ProvenanceMode, ProvenanceRequest, SlsaVersion};

    fn provenance(mode: ProvenanceMode, version: SlsaVersion) -> Provenance {
        let arg = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let digest = |algorithm, value: &str| BTreeMap::from([(algorithm, value.to_owned())]);
        Provenance {
            request: ProvenanceRequest { mode, version, ..ProvenanceRequest::default() },
            builder_version: ("dsbuild", "0.1.0"),
            builder_platform: "linux/amd64".to_owned(),
            config_source: ConfigSource {
                uri: Some("https://h.example/r.git#main".to_owned()),
                digest: digest("sha1", "aa"),
                path: "Dockerfile".to_owned(),
            },
            args: BTreeMap::from([arg("build-arg:TOKEN", "s3cr3t"), arg("label:a", "b"), arg("target", "t")]),
            locals: Vec::new(),
            secrets: vec![OptionalId { id: "npm".to_owned(), optional: true }],
            ssh: Vec::new(),
            dependencies: vec![Dependency {
                uri: "pkg:docker/x@1".to_owned(),
                digest: digest("sha256", "bb"),
            }],
            is_hermetic: true,
            steps: vec![
                BuildStep {
                    operation: json!({"source": {}}),
                    platform: Value::Null,
                    inputs: vec![],
                    lines: None,
                },
                BuildStep {
                    operation: json!({"exec": {}}),
                    platform: json!({"OS": "linux"}),
                    inputs: vec![0],
                    lines: Some((2, 3)),
                },
            ],
            source: Some(SourceFile { name: "Dockerfile".to_owned(), data_base64: "RlJPTQ==".to_owned() }),
            vcs: Some(Vcs { revision: "cc".to_owned() }),
        }
    }

    #[test]
    fn the_small_form_has_sources_and_no_values() {
        let body = provenance(ProvenanceMode::Min, SlsaVersion::V1).predicate().body;
        let expected = json!({
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "configSource": {
                        "uri": "https://h.example/r.git#main", "digest": {"sha1": "aa"}, "path": "Dockerfile"
                    },
                    "request": {"frontend": "dockerfile.v0", "args": {"target": "t"}, "locals": []},
                },
                "internalParameters": {"builderPlatform": "linux/amd64"},
                "resolvedDependencies": [{"uri": "pkg:docker/x@1", "digest": {"sha256": "bb"}}],
            },
            "runDetails": {
                "builder": {"id": "", "version": {"dsbuild": "0.1.0"}},
                "metadata": {
                    "buildkit_hermetic": true,
                    "buildkit_reproducible": false,
                    "buildkit_completeness": {"request": false, "resolvedDependencies": true},
                    "buildkit_metadata": {"vcs": {"revision": "cc"}},
                },
            },
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn the_large_form_has_arguments_steps_and_the_dockerfile() {
        let body = provenance(ProvenanceMode::Max, SlsaVersion::V1).predicate().body;
        let request = &body["buildDefinition"]["externalParameters"]["request"];
        assert_eq!(request["args"], json!({"build-arg:TOKEN": "s3cr3t", "label:a": "b", "target": "t"}));
        assert_eq!(request["secrets"], json!([{"id": "npm", "optional": true}]));
        let steps = &body["buildDefinition"]["internalParameters"]["buildConfig"]["llbDefinition"];
        let expected = json!([
            {"id": "step0", "op": {"Op": {"source": {}}}},
            {"id": "step1", "op": {"Op": {"exec": {}}, "platform": {"OS": "linux"}}, "inputs": ["step0:0"]},
        ]);
        assert_eq!(*steps, expected);
        let source = &body["runDetails"]["metadata"]["buildkit_metadata"]["source"];
        let range = json!([{"start": {"line": 2}, "end": {"line": 3}}]);
        assert_eq!(source["locations"], json!({"step1": {"locations": [{"ranges": range}]}}));
        assert_eq!(source["infos"][0]["data"], "RlJPTQ==");
    }

    #[test]
    fn version_0_2_has_the_same_under_other_names() {
        let predicate = provenance(ProvenanceMode::Max, SlsaVersion::V02).predicate();
        assert_eq!(predicate.predicate_type, "https://slsa.dev/provenance/v0.2");
        let body = predicate.body;
        assert_eq!(body["buildType"], "https://mobyproject.org/buildkit@v1");
        assert_eq!(body["invocation"]["configSource"]["entryPoint"], "Dockerfile");
        assert_eq!(body["invocation"]["parameters"]["args"]["target"], "t");
        assert_eq!(body["invocation"]["environment"]["platform"], "linux/amd64");
        assert_eq!(body["materials"][0]["uri"], "pkg:docker/x@1");
        assert_eq!(body["buildConfig"]["llbDefinition"][1]["id"], "step1");
        let completeness = json!({"parameters": true, "environment": true, "materials": true});
        assert_eq!(body["metadata"]["completeness"], completeness);
    }
}
