//! Expansion of the words of an instruction: variables, quotes and escapes.
//!
//! ```text
//! word --grammar--> pieces --evaluate--> text, words, names of variables
//!                              \--pattern: `#`, `%` and `/` in `${name...}`
//! ```
//!
//! Nesting, output and work have limits, and patterns match in linear time, so no word is slow to expand. Values of
//! variables are inserted as they are and never expanded again.
//!
//! Source: BuildKit, `frontend/dockerfile/shell`; POSIX shell, parameter expansion.

mod evaluate;
mod grammar;
mod limits;
mod pattern;

pub(crate) use evaluate::{Unset, split};
pub(crate) use grammar::{Grammar, Quotes};
pub use limits::{MAX_DEPTH, MAX_EXPANDED_BYTES};

/// Result of an expansion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expanded {
    /// Text of the word after the expansion.
    pub text: String,
    /// Names of the variables that the word refers to and that are set, in order of first use.
    pub used: Vec<String>,
    /// Names of the variables that the word refers to and that are not set, in order of first use.
    ///
    /// Variables with a default (`${name:-x}`) are included.
    pub unset: Vec<String>,
}

/// The word cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpandError {
    /// Description in BuildKit's words; it begins with the word.
    pub message: String,
    /// The word, cut off after 200 characters.
    pub word: String,
    /// Name of the variable that `${name?message}` requires; `None` if the word itself is wrong.
    pub variable: Option<String>,
}

/// Maximum length of the word that an error repeats.
const MAX_SHOWN_CHARS: usize = 200;

impl ExpandError {
    /// An error whose word is not known yet; [`in_word`] adds it.
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), word: String::new(), variable: None }
    }
}

/// Lookup of the values that variables have.
pub trait Variables {
    /// Returns the value of the variable `name`, or `None` if it is not set.
    fn value(&self, name: &str) -> Option<&str>;
}

/// The settings with which words are expanded.
#[derive(Debug, Clone, Copy)]
pub struct Expander {
    /// The escape character, a backslash or a backtick.
    pub escape: char,
    /// Whether quotes are ordinary characters, as in the bodies of heredocs.
    pub keep_quotes: bool,
    /// Whether references to unset variables stay as they are (`$name`) instead of becoming empty.
    pub keep_unset: bool,
}

impl Expander {
    /// Creates an expander for the words of instructions.
    pub fn new(escape: char) -> Self {
        Self { escape, keep_quotes: false, keep_unset: false }
    }

    /// Creates an expander for the bodies of heredocs, where the escape character is always the backslash.
    pub fn for_heredocs() -> Self {
        Self { escape: '\\', keep_quotes: true, keep_unset: false }
    }

    /// Expands `word` to a single word, whatever blanks the values of its variables contain.
    pub fn word(&self, word: &str, variables: &dyn Variables) -> Result<Expanded, ExpandError> {
        let pieces = self.grammar().parse(word).map_err(|error| in_word(word, error))?;
        evaluate::text(&pieces, variables, self.unset()).map_err(|error| in_word(word, error))
    }

    /// Expands `word` and splits the result at blanks outside of quotes, as EXPOSE does.
    pub fn words(
        &self,
        word: &str,
        variables: &dyn Variables,
    ) -> Result<(Vec<String>, Expanded), ExpandError> {
        let pieces = self.grammar().parse(word).map_err(|error| in_word(word, error))?;
        evaluate::words(&pieces, variables, self.unset()).map_err(|error| in_word(word, error))
    }

    /// Expands `word` for display: quotes keep their meaning but are not removed, and unset variables stay.
    pub fn shown(&self, word: &str, variables: &dyn Variables) -> Result<String, ExpandError> {
        let grammar = Grammar { quotes: Quotes::Keep, ..self.grammar() };
        let pieces = grammar.parse(word).map_err(|error| in_word(word, error))?;
        let expanded =
            evaluate::text(&pieces, variables, Unset::Keep).map_err(|error| in_word(word, error))?;
        Ok(expanded.text)
    }

    fn grammar(&self) -> Grammar {
        let quotes = if self.keep_quotes { Quotes::Ignore } else { Quotes::Remove };
        Grammar { escape: self.escape, quotes, raw_escapes: false, depth: 0 }
    }

    fn unset(&self) -> Unset {
        if self.keep_unset { Unset::Keep } else { Unset::Empty }
    }
}

/// Adds the word to the error, cut off if it is long: the body of a heredoc can be as long as a file.
fn in_word(word: &str, error: ExpandError) -> ExpandError {
    let start: String = word.chars().take(MAX_SHOWN_CHARS).collect();
    let ellipsis = if start.len() < word.len() { "..." } else { "" };
    let message = format!("failed to process {:?}: {}", format!("{start}{ellipsis}"), error.message);
    ExpandError { message, word: start, ..error }
}

#[cfg(test)]
mod tests;
