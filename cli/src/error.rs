//! The mistake in a command line.

use std::error::Error;
use std::fmt;

/// Command line that cannot be followed: a value that is wrong, or a flag that cannot be honored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageError {
    title: String,
    hint: Option<String>,
}

impl UsageError {
    /// Creates an error whose title names the flag and the mistake.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), hint: None }
    }

    /// Adds the way out, such as an example.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns the way out, if there is one besides the title.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title)
    }
}

impl Error for UsageError {}
