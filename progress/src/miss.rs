//! Reasons why a step had to run: the first thing that changed since its stage was last built with this store.

use std::fmt;

/// Reason why a step was not cached.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissReason {
    /// This step of this Dockerfile was never built with this store.
    New,
    /// The user asked for it with `--no-cache` or `--no-cache-filter`.
    Forced,
    /// An environment variable (ENV, ARG) has another value.
    EnvChanged {
        /// Name of the variable.
        name: String,
        /// Value at the last build, or `None` if it was not set.
        old: Option<String>,
        /// Value now, or `None` if it is no longer set.
        new: Option<String>,
    },
    /// The files that the step takes have changed.
    FilesChanged {
        /// Input that they come from: `copy 0`, `mount /src`.
        input: String,
    },
    /// The layers below are different.
    BaseChanged,
    /// The instruction itself has changed.
    InstructionChanged {
        /// Part of the instruction, such as `args`.
        field: String,
        /// Value at the last build, or `None` if the part is new.
        old: Option<String>,
        /// Value now, or `None` if the part is gone.
        new: Option<String>,
    },
    /// The result is recorded, but its layer was removed from the store.
    ResultGone,
}

/// Longest value that a message shows, in bytes.
const MAX_SHOWN_BYTES: usize = 80;

/// One line for people, such as `variable A changed from "1" to "2"` or `app.py changed`.
impl fmt::Display for MissReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("never built here"),
            Self::Forced => f.write_str("the cache is off for this step"),
            Self::EnvChanged { name, old, new } => changed(f, &format!("variable {name}"), old, new),
            Self::FilesChanged { input } => write!(f, "{input} changed"),
            Self::BaseChanged => f.write_str("the layers below changed"),
            Self::InstructionChanged { field, old, new } => changed(f, field, old, new),
            Self::ResultGone => f.write_str("its result was removed from the store"),
        }
    }
}

/// Writes what changed, and the values if both are short enough to compare at a glance.
fn changed(
    f: &mut fmt::Formatter<'_>,
    noun: &str,
    old: &Option<String>,
    new: &Option<String>,
) -> fmt::Result {
    match (old, new) {
        (Some(old), Some(new)) if old.len().max(new.len()) <= MAX_SHOWN_BYTES && old != new => {
            write!(f, "{noun} changed from {old:?} to {new:?}")
        }
        (None, Some(new)) if new.len() <= MAX_SHOWN_BYTES => write!(f, "{noun} is new: {new:?}"),
        (Some(_), None) => write!(f, "{noun} is gone"),
        _ => write!(f, "{noun} changed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(old: Option<&str>, new: Option<&str>, expected: &str) {
        let reason = MissReason::InstructionChanged {
            field: "the command".to_owned(),
            old: old.map(str::to_owned),
            new: new.map(str::to_owned),
        };
        assert_eq!(reason.to_string(), expected);
    }

    #[test]
    fn short_values_are_shown_and_long_ones_are_not() {
        check(Some("make"), Some("make all"), "the command changed from \"make\" to \"make all\"");
        check(Some(&"x".repeat(81)), Some("make"), "the command changed");
        check(Some("same"), Some("same"), "the command changed");
        check(None, Some("make"), "the command is new: \"make\"");
        check(Some("make"), None, "the command is gone");
    }
}
