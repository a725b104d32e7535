//! Steps of a build, and their positions in the Dockerfile.

use serde_json::{Map, Value, json};

use super::facts::{BuildStep, Provenance};

/// Returns the steps as `buildConfig`.
pub(super) fn definition(steps: &[BuildStep]) -> Value {
    let steps = steps.iter().enumerate().map(|(number, step)| {
        let mut op = Map::from_iter([("Op".to_owned(), step.operation.clone())]);
        if !step.platform.is_null() {
            op.insert("platform".to_owned(), step.platform.clone());
        }
        let mut shown = Map::from_iter([("id".to_owned(), id(number).into()), ("op".to_owned(), op.into())]);
        if !step.inputs.is_empty() {
            let inputs: Vec<String> = step.inputs.iter().map(|input| format!("{}:0", id(*input))).collect();
            shown.insert("inputs".to_owned(), inputs.into());
        }
        Value::Object(shown)
    });
    json!({ "llbDefinition": steps.collect::<Vec<_>>() })
}

/// Returns BuildKit's own part of the metadata: the Dockerfile and the lines of each step, and the commit.
pub(super) fn metadata(provenance: &Provenance) -> Value {
    let mut metadata = Map::new();
    if provenance.is_detailed()
        && let Some(file) = &provenance.source
    {
        let info = json!({ "filename": file.name, "language": "Dockerfile", "data": file.data_base64 });
        let source = json!({ "locations": locations(&provenance.steps), "infos": [info] });
        metadata.insert("source".to_owned(), source);
    }
    if let Some(vcs) = &provenance.vcs {
        metadata.insert("vcs".to_owned(), json!({ "revision": vcs.revision }));
    }
    metadata.into()
}

fn locations(steps: &[BuildStep]) -> Value {
    let located = steps.iter().enumerate().filter_map(|(number, step)| {
        let (first, last) = step.lines?;
        let range = json!({ "start": { "line": first }, "end": { "line": last } });
        Some((id(number), json!({ "locations": [{ "ranges": [range] }] })))
    });
    Value::Object(located.collect())
}

fn id(number: usize) -> String {
    format!("step{number}")
}
