//! Settings of an image that differ: variables and labels one by one, all else by its name in the config.

use std::collections::{BTreeMap, BTreeSet};

use oci::ImageConfig;
use serde::Serialize;
use serde_json::Value;

use crate::Change;

/// Setting that differs between two images.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Setting {
    /// Name of the setting: `Env PATH`, `Label org.example.key`, `Cmd`, `User`, `architecture`.
    pub name: String,
    /// Kind of the difference.
    pub change: Change,
    /// Value in the first image; text, or the JSON of a list or object. `None` if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Value in the second image; `None` if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Compares the settings of two images. Times, history and layers do not count.
pub(crate) fn compare_settings(before: &ImageConfig, after: &ImageConfig) -> Vec<Setting> {
    let (mut old, mut new) = (settings(before), settings(after));
    let names: BTreeSet<String> = old.keys().chain(new.keys()).cloned().collect();
    let changes = names.into_iter().filter_map(|name| {
        let (before, after) = (old.remove(&name), new.remove(&name));
        let change = match (&before, &after) {
            _ if before == after => return None,
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            _ => Change::Changed,
        };
        Some(Setting { name, change, before, after })
    });
    changes.collect()
}

/// Returns all settings of an image by name.
fn settings(image: &ImageConfig) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let document = serde_json::to_value(image).unwrap_or_default();
    for name in ["architecture", "os", "os.version", "variant", "author"] {
        all.extend(document.get(name).map(|value| (name.to_owned(), text(value))));
    }
    for (name, value) in document.get("config").and_then(Value::as_object).into_iter().flatten() {
        match (name.as_str(), value) {
            ("Env", Value::Array(entries)) => all.extend(entries.iter().filter_map(variable)),
            ("Labels", Value::Object(labels)) => {
                all.extend(labels.iter().map(|(key, value)| (format!("Label {key}"), text(value))));
            }
            ("ExposedPorts" | "Volumes", Value::Object(set)) => {
                all.extend(set.keys().map(|key| (format!("{} {key}", singular(name)), String::new())));
            }
            _ => drop(all.insert(name.clone(), text(value))),
        }
    }
    all
}

fn variable(entry: &Value) -> Option<(String, String)> {
    let (name, value) = entry.as_str()?.split_once('=')?;
    Some((format!("Env {name}"), value.to_owned()))
}

fn singular(name: &str) -> &'static str {
    if name == "Volumes" { "Volume" } else { "ExposedPort" }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
