//! Which part of a key changed since the step was last built.

use std::collections::BTreeMap;

use progress::MissReason;

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
