//! Data of templates, from JSON and to JSON.
//!
//! Docker's documents are structs of Go. A list or map that is nil prints as `[]` or `map[]`, and is `null` in JSON; one that
//! is empty prints the same and is `[]` or `{}` in JSON. Here a nil one is known by its address.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use gotmpl::Value;
use serde_json::Map;

/// Fields whose `null` is a list without a value.
const LISTS: &[&str] = &["Cmd", "Entrypoint", "Env", "OnBuild", "Shell", "RepoTags", "RepoDigests", "Layers"];

/// Fields whose `null` is a map without a value.
const MAPS: &[&str] = &["Labels", "Volumes", "ExposedPorts"];

static NIL_LIST: LazyLock<Arc<[Value]>> = LazyLock::new(|| Arc::from(Vec::new()));
static NIL_MAP: LazyLock<Arc<BTreeMap<Arc<str>, Value>>> = LazyLock::new(Arc::default);

/// Returns the value of a field of a document.
pub(super) fn from_json(json: &serde_json::Value, field: &str) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null if LISTS.contains(&field) => Value::List(Arc::clone(&NIL_LIST)),
        Json::Null if MAPS.contains(&field) => Value::Map(Arc::clone(&NIL_MAP)),
        Json::Null => Value::Nil,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Value::Int(value),
            (None, Some(value)) => Value::Uint(value),
            _ => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::String(text.as_str().into()),
        Json::Array(items) => Value::List(items.iter().map(|item| from_json(item, "")).collect()),
        Json::Object(fields) => {
            let value = |(key, value): (&String, _)| (Arc::from(key.as_str()), from_json(value, key));
            Value::Map(Arc::new(with_absent(fields, fields.iter().map(value).collect())))
        }
    }
}

/// Reports whether docker's JSON leaves a field out.
fn is_left_out(field: &str, value: &Value) -> bool {
    matches!(field, "ExposedPorts" | "Shell" | "StopSignal" | "Healthcheck") && !value.is_truthy()
}

/// Adds fields that docker's config always has, though its JSON leaves them out.
fn with_absent(
    fields: &Map<String, serde_json::Value>,
    mut values: BTreeMap<Arc<str>, Value>,
) -> BTreeMap<Arc<str>, Value> {
    if fields.contains_key("WorkingDir") && fields.contains_key("Env") {
        let mut add = |name: &str, value: Value| {
            values.entry(Arc::from(name)).or_insert(value);
        };
        add("ExposedPorts", Value::Map(Arc::clone(&NIL_MAP)));
        add("Shell", Value::List(Arc::clone(&NIL_LIST)));
        add("StopSignal", Value::String("".into()));
        add("Healthcheck", Value::Nil);
    }
    values
}

/// Returns a value as JSON. A nil list or map is `null`, and so is a number that JSON cannot express.
pub(super) fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Uint(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::String(value) => value.to_string().into(),
        Value::List(items) if Arc::ptr_eq(items, &NIL_LIST) => serde_json::Value::Null,
        Value::Map(fields) if Arc::ptr_eq(fields, &NIL_MAP) => serde_json::Value::Null,
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(fields) => {
            let shown = fields.iter().filter(|(key, value)| !is_left_out(key, value));
            let fields = shown.map(|(key, value)| (key.to_string(), to_json(value)));
            fields.collect::<Map<_, _>>().into()
        }
        _ => serde_json::Value::Null,
    }
}
