//! Variables, quotes and escapes in the words of an instruction.
//!
//! ```text
//! word --grammar--> pieces --evaluate--> text, words, names that were used
//!                              \--pattern: `#`, `%` and `/` of `${name...}`
//! ```
//!
//! Depth and size of what comes out are bounded, and patterns match in linear time, so no word is
//! slow to expand. What a value holds is never expanded again.
//!
//! Source: frontend/dockerfile/shell of BuildKit; POSIX shell, parameter expansion.

mod evaluate;
mod grammar;
mod pattern;

pub(crate) use evaluate::{Unset, split};
pub(crate) use grammar::{Grammar, Quotes};

/// How deep `${a:-${b:-...}}` may nest.
pub const MAX_DEPTH: usize = 100;

/// How many bytes one expansion may give, and each part of it.
pub const MAX_EXPANDED_BYTES: usize = 4 << 20;

/// What an expansion gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expanded {
    /// The text.
    pub text: String,
    /// The names that were used and are set, in order, without repetition.
    pub used: Vec<String>,
    /// The names that were used and are not set, in order, without repetition; also those that
    /// have a default (`${name:-x}`).
    pub unset: Vec<String>,
}

/// A word that cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpandError {
    /// BuildKit's wording.
    pub message: String,
    /// The word, or the first characters of a long one.
    pub word: String,
}

impl ExpandError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), word: String::new() }
    }
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
    /// Quotes stay as they are written and quote nothing (heredoc bodies).
    pub keep_quotes: bool,
    /// Unset variables stay as they are written (`$name`).
    pub keep_unset: bool,
}

impl Expander {
    /// An expander for the words of instructions.
    pub fn new(escape: char) -> Self {
        Self { escape, keep_quotes: false, keep_unset: false }
    }

    /// An expander for the bodies of heredocs, whose escape character is always the backslash.
    pub fn for_heredocs() -> Self {
        Self { escape: '\\', keep_quotes: true, keep_unset: false }
    }

    /// Expands `word` to one word.
    pub fn word(&self, word: &str, variables: &dyn Variables) -> Result<Expanded, ExpandError> {
        let pieces = self.grammar().parse(word).map_err(|error| in_word(word, error))?;
        evaluate::text(&pieces, variables, self.unset()).map_err(|error| in_word(word, error))
    }

    /// Expands `word` and splits the result at blanks outside quotes (EXPOSE).
    pub fn words(
        &self,
        word: &str,
        variables: &dyn Variables,
    ) -> Result<(Vec<String>, Expanded), ExpandError> {
        let pieces = self.grammar().parse(word).map_err(|error| in_word(word, error))?;
        evaluate::words(&pieces, variables, self.unset()).map_err(|error| in_word(word, error))
    }

    /// Expands `word` for people to read: quotes quote and stay, unset variables stay.
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

/// Says which word it was, unless that is a whole file.
fn in_word(word: &str, error: ExpandError) -> ExpandError {
    let shown: String = word.chars().take(200).collect();
    let more = if shown.len() < word.len() { "..." } else { "" };
    let message = format!("failed to process {:?}: {}", format!("{shown}{more}"), error.message);
    ExpandError { message, word: shown }
}

#[cfg(test)]
mod tests;
