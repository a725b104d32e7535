//! The part of a key that changed since the step was last built.

use std::collections::BTreeMap;

use progress::MissReason;

use super::Part;
use super::parts::shown_value;

/// Compares the recorded parts of two keys and names the difference nearest to its cause: the instruction itself, then
/// the files that it takes, then what lies below.
pub fn reason(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> MissReason {
    let names = old.keys().chain(new.keys());
    let changed = names.filter(|name| old.get(*name) != new.get(*name));
    // A part that is unknown was written by another version.
    let parts = changed.map(|name| name.parse::<Part>().map_err(|_| name));
    let Some(first) = parts.min_by(|one, other| one.as_ref().ok().cmp(&other.as_ref().ok())) else {
        return MissReason::ResultGone;
    };
    let Ok(part) = first else { return MissReason::New };
    let name = part.to_string();
    let value =
        |parts: &BTreeMap<String, String>| parts.get(&name).map(|value| shown_value(value).to_owned());
    let (old, new) = (value(old), value(new));
    match part {
        Part::Env(name) => MissReason::EnvChanged { name, old, new },
        Part::CopiedFiles(_) | Part::MountedFiles(_) => {
            MissReason::FilesChanged { input: new.or(old).unwrap_or_default() }
        }
        Part::Base | Part::Recipe => MissReason::BaseChanged,
        Part::Args => MissReason::InstructionChanged { field: "the command".to_owned(), old, new },
        Part::Action(_) => MissReason::InstructionChanged { field: "the instruction".to_owned(), old, new },
        part => MissReason::InstructionChanged { field: part.to_string(), old, new },
    }
}
