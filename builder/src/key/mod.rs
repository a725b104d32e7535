//! Cache keys: the name of a step's result before it is made.
//!
//! A step has two keys, made when its inputs have results. A record under either is a hit.
//!
//! - The **definition key** is free: what the step does, and which results it does it to.
//! - The **content key** has the digests of the very files that the step takes from its inputs, so that a
//!   stage that was run again and left the same files does not matter. It is computed when the first misses.
//!
//! | input | definition key | content key |
//! |---|---|---|
//! | fields of the op: args, each variable of the environment, cwd, user, mounts, names of devices, flags, patterns | yes | yes |
//! | layers below (chain ID) | yes | yes |
//! | the *recipe*: what the steps below do, from the base on (BuildKit: an edited RUN re-runs what follows it), and what those that copy take from the context | yes | yes |
//! | layers copied or bind-mounted from | chain ID | digest of the selected files |
//! | build context files | digest of the selected files | the same |
//! | names of the users of `--chown` | `/etc/passwd`, `/etc/group` of the base: by its chain ID | the same |
//! | platform | for processes | for processes |
//! | proxy variables, secret values, SSH agents, addresses of `--add-host`, cache mounts' ids, what devices stand for | no | no |
//! | stage names, lines, comments, mtime of sources, absolute paths, host, user, time | no | no |
//!
//! The *outline* of a copy from a context is its key without the digest of the files. A step whose outline no record
//! was ever saved under cannot hit; it need not be hashed to be looked up (`crate::step`).
//!
//! Early cutoff: the layers below count by what they *are*, so a step that was run again and left the same layer (a bind
//! mount changed without effect, `--no-cache`, a new base with the same files) does not re-run what follows.
//!
//! ```text
//! inputs    what a step takes from its inputs, as parts of a key
//! ```
//!
//! Source: BuildKit's rules in `solver/llbsolver/ops`.

mod inputs;
mod reason;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use cache::Key;
use serde_json::Value;

use graph::{Op, Step};

use crate::result::Recipe;
pub use inputs::{KeyError, KeyMaker, OUTLINE};
pub use reason::reason;

/// Changes whenever the meaning of a key does: older records are never found then.
const VERSION: &str = "dsbuild key 1";

/// Values longer than this stand in records as their hash.
const LONGEST_VALUE_BYTES: usize = 200;

/// What a key is made of, by name: kept so that a later miss can tell what changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts(BTreeMap<String, String>);

impl Parts {
    /// No part at all.
    pub fn of_nothing() -> Self {
        Self(BTreeMap::new())
    }

    /// The parts that come from the op itself.
    pub fn of(step: &Step) -> Self {
        let mut parts = Self(BTreeMap::new());
        match &step.op {
            Op::Exec(exec) => {
                parts.add("platform", step.platform.to_string());
                parts.add_fields(&serde_json::to_value(exec).expect("an op is plain data"));
            }
            op => {
                let mut op = serde_json::to_value(op).expect("an op is plain data");
                name_sources_by_their_last_component(&mut op);
                parts.add("op", op.to_string());
            }
        }
        parts
    }

    /// Adds one; a name stands for one value.
    pub fn add(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), value);
    }

    /// Takes over one part of another key.
    fn add_from(&mut self, other: &Self, name: &str) {
        if let Some(value) = other.0.get(name) {
            self.add(name, value.clone());
        }
    }

    /// The fields of a process: each variable by itself, mounts by their target.
    fn add_fields(&mut self, exec: &Value) {
        let Value::Object(fields) = exec else { return };
        for (name, value) in fields {
            match (name.as_str(), value) {
                ("root", _) => {}
                ("env", Value::Array(variables)) => variables.iter().for_each(|variable| {
                    let (name, value) = variable.as_str().and_then(|v| v.split_once('=')).unwrap_or_default();
                    self.add(&format!("env {name}"), value.to_owned());
                }),
                ("mounts", Value::Array(mounts)) => mounts.iter().for_each(|mount| {
                    let target = mount["target"].as_str().unwrap_or_default();
                    self.add(&format!("mount {target}"), without_inputs(mount).to_string());
                }),
                _ => self.add(name, value.to_string()),
            }
        }
    }

    /// The hash of all parts.
    pub fn key(&self) -> Key {
        let mut hasher = blake3::Hasher::new();
        hash_text(&mut hasher, VERSION);
        for (name, value) in &self.0 {
            hash_text(&mut hasher, name);
            hash_text(&mut hasher, value);
        }
        Key::from_bytes(*hasher.finalize().as_bytes())
    }

    /// For the record: long values by their hash.
    pub fn for_record(&self) -> BTreeMap<String, String> {
        let short = |value: &String| match value.len() {
            0..=LONGEST_VALUE_BYTES => value.clone(),
            _ => format!("b3:{}", Key::of(value.as_bytes())),
        };
        self.0.iter().map(|(name, value)| (name.clone(), short(value))).collect()
    }
}

/// BuildKit: which folder a source lies in says nothing, its own name does.
fn name_sources_by_their_last_component(op: &mut Value) {
    let actions = op.get_mut("file").and_then(|file| file.get_mut("actions")).and_then(Value::as_array_mut);
    for action in actions.into_iter().flatten() {
        let from = action
            .get_mut("copy")
            .and_then(|copy| copy.get_mut("from"))
            .and_then(|from| from.get_mut("input"));
        if let Some(Value::Object(from)) = from {
            from.remove("input");
            if let Some(Value::String(path)) = from.get_mut("path") {
                *path = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
            }
        }
    }
    // The position of the base among the inputs says nothing either: what it is stands in a part of its own.
    if let Some(Value::Object(file)) = op.get_mut("file") {
        let has_base = file.get("base").is_some_and(|base| !base.is_null());
        file.insert("base".to_owned(), Value::Bool(has_base));
    }
}

/// The position of an input says nothing: what the input is stands in a part of its own.
fn without_inputs(mount: &Value) -> Value {
    let mut mount = mount.clone();
    if let Some(kind) = mount.get_mut("kind").and_then(Value::as_object_mut) {
        kind.values_mut().filter_map(Value::as_object_mut).for_each(|fields| {
            fields.remove("from");
        });
    }
    mount
}

/// With its length, so that two texts never read as two others.
fn hash_text(hasher: &mut blake3::Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

impl Recipe {
    /// Of a source: what it is shows in its layers.
    pub const EMPTY: Self = Self(Key::ZERO);

    /// The recipe after `own` was done on top of `below`.
    pub fn then(below: &[Self], own: &Parts) -> Self {
        let mut hasher = blake3::Hasher::new();
        below.iter().for_each(|recipe| {
            hasher.update(recipe.0.as_bytes());
        });
        hasher.update(own.key().as_bytes());
        Self(Key::from_bytes(*hasher.finalize().as_bytes()))
    }

    /// How it reads in a part.
    pub fn text(&self) -> String {
        self.0.to_string()
    }
}
