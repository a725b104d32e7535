//! A target: what is built, and how. Its fields have the names of bake files.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::BakeError;
use crate::values::{boolean, text};

/// Target of a build. Serialized, it has the form of `docker buildx bake --print`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Target {
    /// Text about the target for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Targets whose fields are taken over; empty once they were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inherits: Vec<String>,
    /// Annotations of the image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<String>,
    /// Attestations, each an object with its type.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attest: Vec<Value>,
    /// Directory or URL that the build can copy from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Contexts that the Dockerfile can name; `target:NAME` is the result of another target.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub contexts: BTreeMap<String, String>,
    /// Path of the Dockerfile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<String>,
    /// Text of the Dockerfile in place of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile_inline: Option<String>,
    /// Build arguments with their values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
    /// Labels of the image.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Names of the image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Caches from which results are taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache_from: Vec<Value>,
    /// Caches to which results are written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache_to: Vec<Value>,
    /// Stage to build; the last one if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Secrets of RUN instructions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secret: Vec<Value>,
    /// SSH agents and keys of RUN instructions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ssh: Vec<Value>,
    /// Platforms to build for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<String>,
    /// Forms in which the result is written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<Value>,
    /// Whether base images are pulled even if they are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull: Option<bool>,
    /// Whether no cached result is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_cache: Option<bool>,
    /// Network of RUN instructions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Stages for which no cached result is used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub no_cache_filter: Vec<String>,
    /// Size of /dev/shm for RUN instructions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_size: Option<String>,
    /// Resource limits of RUN instructions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ulimits: Vec<String>,
    /// Question about the Dockerfile in place of a build, such as `check`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// Rights that RUN instructions have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entitlements: Vec<String>,
    /// Further hosts for RUN instructions.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extra_hosts: BTreeMap<String, String>,
}

impl Target {
    /// Sets a field by its name in bake files.
    pub(crate) fn set(&mut self, field: &str, value: &Value) -> Result<(), String> {
        if value.is_null() {
            return Ok(());
        }
        match field {
            "description" => self.description = text(value)?,
            "inherits" => self.inherits = texts(value)?,
            "annotations" => self.annotations = texts(value)?,
            "attest" => self.attest = entries(value)?,
            "context" => self.context = Some(text(value)?),
            "contexts" => self.contexts = pairs(value)?,
            "dockerfile" => self.dockerfile = Some(text(value)?),
            "dockerfile-inline" => self.dockerfile_inline = Some(text(value)?),
            "args" => self.args = pairs(value)?,
            "labels" => self.labels = pairs(value)?,
            "tags" => self.tags = texts(value)?,
            "cache-from" => self.cache_from = entries(value)?,
            "cache-to" => self.cache_to = entries(value)?,
            "target" => self.target = Some(text(value)?),
            "secret" | "secrets" => self.secret = entries(value)?,
            "ssh" => self.ssh = entries(value)?,
            "platforms" | "platform" => self.platforms = texts(value)?,
            "output" => self.output = entries(value)?,
            "pull" => self.pull = Some(boolean(value)?),
            "no-cache" => self.no_cache = Some(boolean(value)?),
            "network" => self.network = Some(text(value)?),
            "no-cache-filter" => self.no_cache_filter = texts(value)?,
            "shm-size" => self.shm_size = Some(text(value)?),
            "ulimits" => self.ulimits = texts(value)?,
            "call" => self.call = Some(text(value)?),
            "entitlements" => self.entitlements = texts(value)?,
            "extra-hosts" => self.extra_hosts = pairs(value)?,
            _ => return Err("a target has no such attribute".to_owned()),
        }
        Ok(())
    }

    /// Takes over the fields of another target, which win. Lists are appended or replaced as buildx does.
    pub(crate) fn merge(&mut self, other: Self) {
        fn replace<T>(own: &mut Option<T>, other: Option<T>) {
            if other.is_some() {
                *own = other;
            }
        }
        fn replace_list<T>(own: &mut Vec<T>, other: Vec<T>) {
            if !other.is_empty() {
                *own = other;
            }
        }
        fn append<T: PartialEq>(own: &mut Vec<T>, other: Vec<T>) {
            for value in other {
                if !own.contains(&value) {
                    own.push(value);
                }
            }
        }
        if !other.description.is_empty() {
            self.description = other.description;
        }
        append(&mut self.inherits, other.inherits);
        append(&mut self.annotations, other.annotations);
        append(&mut self.attest, other.attest);
        append(&mut self.cache_from, other.cache_from);
        append(&mut self.secret, other.secret);
        append(&mut self.ssh, other.ssh);
        append(&mut self.no_cache_filter, other.no_cache_filter);
        append(&mut self.ulimits, other.ulimits);
        append(&mut self.entitlements, other.entitlements);
        replace_list(&mut self.tags, other.tags);
        replace_list(&mut self.cache_to, other.cache_to);
        replace_list(&mut self.platforms, other.platforms);
        replace_list(&mut self.output, other.output);
        replace(&mut self.context, other.context);
        replace(&mut self.dockerfile, other.dockerfile);
        replace(&mut self.dockerfile_inline, other.dockerfile_inline);
        replace(&mut self.target, other.target);
        replace(&mut self.pull, other.pull);
        replace(&mut self.no_cache, other.no_cache);
        replace(&mut self.network, other.network);
        replace(&mut self.shm_size, other.shm_size);
        replace(&mut self.call, other.call);
        self.contexts.extend(other.contexts);
        self.args.extend(other.args);
        self.labels.extend(other.labels);
        self.extra_hosts.extend(other.extra_hosts);
    }

    /// Sets a field from the text of `--set`: `args.NAME`, `tags`, `platform`, … `appends` adds to a list.
    pub(crate) fn override_with(&mut self, field: &str, value: &str, appends: bool) -> Result<(), String> {
        let (name, key) = field.split_once('.').map_or((field, None), |(name, key)| (name, Some(key)));
        let keyed =
            || key.map(ToOwned::to_owned).ok_or_else(|| format!("{name} needs a name: {name}.NAME=VALUE"));
        fn put<T>(list: &mut Vec<T>, value: T, appends: bool) {
            if !appends {
                list.clear();
            }
            list.push(value);
        }
        let owned = value.to_owned();
        match name {
            "args" => drop(self.args.insert(keyed()?, owned)),
            "labels" => drop(self.labels.insert(keyed()?, owned)),
            "contexts" => drop(self.contexts.insert(keyed()?, owned)),
            "extra-hosts" => drop(self.extra_hosts.insert(keyed()?, owned)),
            "tags" => put(&mut self.tags, owned, appends),
            "platform" | "platforms" => put(&mut self.platforms, owned, appends),
            "annotations" => put(&mut self.annotations, owned, appends),
            "entitlements" => put(&mut self.entitlements, owned, appends),
            "no-cache-filter" => put(&mut self.no_cache_filter, owned, appends),
            "ulimits" => put(&mut self.ulimits, owned, appends),
            "attest" => put(&mut self.attest, entry(value), appends),
            "cache-from" => put(&mut self.cache_from, entry(value), appends),
            "cache-to" => put(&mut self.cache_to, entry(value), appends),
            "output" => put(&mut self.output, entry(value), appends),
            "secret" | "secrets" => put(&mut self.secret, entry(value), appends),
            "ssh" => put(&mut self.ssh, entry(value), appends),
            "context" | "dockerfile" | "dockerfile-inline" | "target" | "pull" | "no-cache" | "network"
            | "shm-size" | "call" | "description" => self.set(name, &Value::from(value))?,
            _ => return Err("a target has no such attribute, or it cannot be set".to_owned()),
        }
        Ok(())
    }

    /// Returns an error for a target with a place.
    pub(crate) fn place(name: &str, field: &str) -> impl Fn(String) -> BakeError {
        let place = format!("target {name:?}: {field}");
        move |reason| BakeError::value(place.clone(), reason)
    }
}

fn texts(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::Array(items) => items.iter().filter(|item| !item.is_null()).map(text).collect(),
        one => Ok(vec![text(one)?]),
    }
}

/// Returns the entries of an object that have a value.
fn pairs(value: &Value) -> Result<BTreeMap<String, String>, String> {
    match value {
        Value::Object(map) => {
            let set = map.iter().filter(|(_, value)| !value.is_null());
            set.map(|(key, value)| Ok((key.clone(), text(value)?))).collect()
        }
        _ => Err("must be an object".to_owned()),
    }
}

/// Returns a list of objects; a text such as `type=local,dest=out` is one.
fn entries(value: &Value) -> Result<Vec<Value>, String> {
    let one = |value: &Value| match value {
        Value::Object(_) => Ok(value.clone()),
        Value::String(text) => Ok(entry(text)),
        other => Err(format!("{other} is neither a string nor an object")),
    };
    match value {
        Value::Array(items) => items.iter().map(one).collect(),
        other => Ok(vec![one(other)?]),
    }
}

/// Reads `KEY=VALUE,…`; a text of another form stays as it is.
fn entry(text: &str) -> Value {
    let pairs: Option<Vec<(&str, &str)>> = text.split(',').map(|pair| pair.split_once('=')).collect();
    match pairs {
        Some(pairs) => Value::Object(
            pairs
                .into_iter()
                .map(|(key, value)| (key.trim().to_owned(), Value::from(value)))
                .collect::<Map<_, _>>(),
        ),
        None => Value::from(text),
    }
}
