//! Errors of bake files: where a file is wrong, and why.

/// Reason why no targets can be made of a set of bake files.
#[derive(Debug, thiserror::Error)]
pub enum BakeError {
    /// Text that is neither HCL nor JSON.
    #[error("{file}: {reason}")]
    Syntax {
        /// Name of the file.
        file: String,
        /// Explanation of the parser, with line and column.
        reason: String,
    },
    /// Compose file that describes no project.
    #[error(transparent)]
    Compose(#[from] compose::ComposeError),
    /// Value that cannot be computed, or that has the wrong type.
    #[error("{place}: {reason}")]
    Value {
        /// Block and attribute: `target "app": args`.
        place: String,
        /// Explanation of the mistake.
        reason: String,
    },
    /// Name of a target or group that does not exist.
    #[error("there is no target or group {name:?}{}", similar.as_ref().map(|one| format!("; did you mean {one:?}?")).unwrap_or_default())]
    NoTarget {
        /// Name as the user or a file wrote it.
        name: String,
        /// Existing name that is similar, if there is one.
        similar: Option<String>,
    },
    /// Targets that inherit from each other, or use each other as contexts.
    #[error("{what} cycle: {}", members.join(" -> "))]
    Cycle {
        /// Relation that makes the cycle: `inherits`, `contexts` or `group`.
        what: &'static str,
        /// Names in order; the last is the first again.
        members: Vec<String>,
    },
    /// Value of `--set` or `--var` that has no effect as it is written.
    #[error("{flag} {value:?}: {reason}")]
    Flag {
        /// Name of the flag.
        flag: &'static str,
        /// Value as it was written.
        value: String,
        /// Explanation of the mistake.
        reason: String,
    },
}

impl BakeError {
    pub(crate) fn value(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Value { place: place.into(), reason: reason.into() }
    }
}
