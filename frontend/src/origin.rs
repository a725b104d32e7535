//! Origins of values: the instruction, option or image that set a variable.
//!
//! Each variable keeps its [`ValueOrigin`] beside its value while a Dockerfile is lowered. An [`Origin`] is the answer to
//! "where does this come from" in a report about an error.

use std::sync::Arc;

use graph::Lines;

/// What set a variable to its value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueOrigin {
    /// An ENV instruction of the Dockerfile.
    Env {
        /// Lines of the ENV.
        lines: Lines,
    },
    /// The default of an ARG in the stage, or of an ARG above the first FROM that the stage declares again.
    ArgDefault {
        /// Lines of the ARG with the default.
        lines: Lines,
    },
    /// The option `--build-arg` of the build.
    BuildArg {
        /// Lines of the ARG that takes the build argument.
        lines: Lines,
    },
    /// The builder: platforms, the target stage, and PATH if the base image has none.
    Predefined,
    /// The config of the base image.
    BaseImage {
        /// Name of the image as FROM has it, with variables expanded.
        name: Arc<str>,
    },
}

/// Explanation of a variable in an instruction that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Name of the variable.
    pub name: String,
    /// Value of the variable; `None` if it is not set.
    pub value: Option<String>,
    /// Where the value comes from, or why there is none.
    pub kind: OriginKind,
}

/// Source of a value, or the reason for its absence.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OriginKind {
    /// The variable is set.
    Value(ValueOrigin),
    /// The word is the user in force, set by a USER instruction.
    User {
        /// Lines of the USER.
        lines: Lines,
    },
    /// The variable is not set.
    Unset {
        /// Lines of an ARG that declares the variable without a default; `None` if nothing declares it.
        declared: Option<Lines>,
        /// ARG that sets the variable where the instruction does not see it; `None` if there is no such ARG.
        out_of_reach: Option<OutOfReach>,
        /// Name of a variable that the user may have meant; `None` if no name is close.
        meant: Option<String>,
    },
}

/// An ARG on the wrong side of a FROM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutOfReach {
    /// An ARG above the first FROM. Stages see it only if they declare it again.
    Global(Lines),
    /// An ARG of a stage. FROM does not see it.
    InStage(Lines),
}
