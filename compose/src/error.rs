//! Errors of this crate: where a Compose file is wrong, and why.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Position in a file, printed as `compose.yaml:12:5`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Name of the file, as the caller or another Compose file wrote it.
    pub file: Arc<str>,
    /// Number of the line, from 1.
    pub line: usize,
    /// Number of the character in the line, from 1.
    pub column: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Reason why no project can be made of a set of Compose files.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// Text that is no YAML, or YAML that Compose does not allow.
    #[error("{at}: {reason}")]
    Yaml {
        /// Position of the mistake.
        at: Location,
        /// Explanation of the YAML parser.
        reason: String,
    },
    /// Value that the Compose specification does not allow.
    #[error("{at}: {path}: {reason}")]
    Value {
        /// Position of the value's key, or of the item in a list.
        at: Location,
        /// Keys that lead to the value: `services.web.ports[0]`.
        path: String,
        /// Form that the specification asks for.
        reason: String,
    },
    /// Key that does not exist.
    #[error("{at}: {path}: unknown key {key:?}{}", similar.as_ref().map(|one| format!("; did you mean {one:?}?")).unwrap_or_default())]
    UnknownKey {
        /// Position of the key.
        at: Location,
        /// Keys that lead to the mapping with the key; `the file` at the top.
        path: String,
        /// The key as it is written.
        key: String,
        /// Known key with a similar name, if there is one.
        similar: Option<&'static str>,
    },
    /// Variable that is required by `${NAME:?reason}`.
    #[error("{at}: {path}: required variable {name} is missing a value{}", if reason.is_empty() { String::new() } else { format!(": {reason}") })]
    MissingVariable {
        /// Position of the value with the variable.
        at: Location,
        /// Keys that lead to the value.
        path: String,
        /// Name of the variable.
        name: String,
        /// Text after the question mark; can be empty.
        reason: String,
    },
    /// File that cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// Path of the file.
        file: PathBuf,
        /// Reason that the system gave.
        source: std::io::Error,
    },
    /// Line of a file with variables that is not `NAME=VALUE`.
    #[error("{}:{line}: {reason}", file.display())]
    EnvFile {
        /// Path of the file.
        file: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// Explanation of the mistake.
        reason: String,
    },
    /// Compose files or services that include, extend or depend on each other.
    #[error("{what} cycle: {}", members.join(" -> "))]
    Cycle {
        /// Key that makes the cycle: `include`, `extends` or `depends_on`.
        what: &'static str,
        /// Files or services in order; the last is the first again.
        members: Vec<String>,
    },
    /// Service that contradicts itself or names something that does not exist.
    #[error("service {service:?}: {reason}")]
    Service {
        /// Name of the service.
        service: String,
        /// Explanation of the contradiction.
        reason: String,
    },
    /// Contradiction between parts of a project, or a project without a usable name.
    #[error("{reason}")]
    Project {
        /// Explanation of the contradiction.
        reason: String,
    },
}

impl ComposeError {
    /// Returns an error about the value at `path`.
    pub(crate) fn value(at: &Location, path: impl ToString, reason: impl Into<String>) -> Self {
        Self::Value { at: at.clone(), path: path.to_string(), reason: reason.into() }
    }

    /// Returns an error about the project as a whole.
    pub(crate) fn project(reason: impl Into<String>) -> Self {
        Self::Project { reason: reason.into() }
    }
}
