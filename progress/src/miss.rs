//! Why a step had to run: what changed since its stage was last built here.

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
