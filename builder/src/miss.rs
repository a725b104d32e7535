//! Why a step had to run: what changed since its stage was last built.

use std::collections::BTreeMap;
use std::fmt;

/// Why no record was used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissReason {
    /// This place of this Dockerfile was never built here.
    New,
    /// The user asked for it (`--no-cache`).
    Forced,
    /// A variable of the environment (ENV, ARG) is another.
    EnvChanged {
        /// Which.
        name: String,
        /// Before; `None` if it was not set.
        old: Option<String>,
        /// Now; `None` if it is no longer set.
        new: Option<String>,
    },
    /// The files that it takes are others.
    FilesChanged {
        /// From where: `copy 0`, `mount /src`.
        input: String,
    },
    /// What lies below is another.
    BaseChanged,
    /// The instruction is another.
    InstructionChanged {
        /// Which part of it.
        field: String,
        /// Before.
        old: Option<String>,
        /// Now.
        new: Option<String>,
    },
    /// The record is there, the layer it names is not.
    ResultGone,
}

impl fmt::Display for MissReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.as_deref().unwrap_or("(unset)").to_owned();
        match self {
            Self::New => f.write_str("never built here"),
            Self::Forced => f.write_str("cache not used, as asked for"),
            Self::EnvChanged { name, old, new } => {
                write!(f, "variable {name} changed from {:?} to {:?}", shown(old), shown(new))
            }
            Self::FilesChanged { input } => write!(f, "the files of {input} changed"),
            Self::BaseChanged => f.write_str("what it builds on changed"),
            Self::InstructionChanged { field, old, new } => {
                write!(f, "{field} changed from {} to {}", shown(old), shown(new))
            }
            Self::ResultGone => f.write_str("its result was removed from the store"),
        }
    }
}

/// Compares the parts of two keys and names the difference nearest to its cause.
pub fn reason(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> MissReason {
    let names = old.keys().chain(new.keys());
    let mut changed: Vec<&String> = names.filter(|name| old.get(*name) != new.get(*name)).collect();
    changed.sort_by_key(|name| rank(name));
    let Some(name) = changed.first() else { return MissReason::ResultGone };
    let (old, new) = (old.get(*name).cloned(), new.get(*name).cloned());
    match name.split_once(' ') {
        Some(("env", name)) => MissReason::EnvChanged { name: name.to_owned(), old, new },
        Some(("input", input)) => MissReason::FilesChanged { input: input.to_owned() },
        _ if name.as_str() == "base" || name.as_str() == "recipe" => MissReason::BaseChanged,
        _ => MissReason::InstructionChanged { field: (*name).clone(), old, new },
    }
}

/// The instruction itself first, then its files, then what lies below.
fn rank(name: &str) -> u8 {
    match name {
        "recipe" => 3,
        "base" => 2,
        _ if name.starts_with("input ") => 1,
        _ => 0,
    }
}
