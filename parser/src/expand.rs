//! Variables, quotes and escapes in the words of an instruction.
//!
//! Source: frontend/dockerfile/shell of BuildKit; POSIX shell, parameter expansion.

/// What an expansion gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expanded {
    /// The text.
    pub text: String,
    /// The names that were used and are set, in order, without repetition.
    pub used: Vec<String>,
    /// The names that were used without a default and are not set, in order.
    pub unset: Vec<String>,
}

/// A word that cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpandError {
    /// BuildKit's wording.
    pub message: String,
}

/// Where values come from.
pub trait Variables {
    /// The value of `name`; `None` if it is not set.
    fn value(&self, name: &str) -> Option<&str>;
}

/// Expands words with one escape character.
#[derive(Debug, Clone, Copy)]
pub struct Expander {
    /// `\` or a backtick.
    pub escape: char,
    /// Quotes stay as they are written (heredoc bodies).
    pub keep_quotes: bool,
    /// Unset variables stay as they are written (`$name`).
    pub keep_unset: bool,
}

impl Expander {
    /// An expander for the words of instructions.
    pub fn new(escape: char) -> Self {
        Self { escape, keep_quotes: false, keep_unset: false }
    }

    /// Expands `word` to one word.
    pub fn word(&self, _word: &str, _variables: &dyn Variables) -> Result<Expanded, ExpandError> {
        unimplemented!()
    }

    /// Expands `word` and splits the result at blanks outside quotes (EXPOSE).
    pub fn words(
        &self,
        _word: &str,
        _variables: &dyn Variables,
    ) -> Result<(Vec<String>, Expanded), ExpandError> {
        unimplemented!()
    }
}
