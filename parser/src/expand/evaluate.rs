//! Pieces to text: looks up variables and applies their substitutions.

use std::collections::HashSet;

use super::{
    ExpandError, Expanded, Grammar, MAX_EXPANDED_BYTES, Variables,
    grammar::{Piece, Substitution, Variable},
    pattern::{Extent, Pattern, Steps},
};

/// What an unset variable becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unset {
    /// Nothing.
    Empty,
    /// What is written.
    Keep,
}

/// Expands to one text.
pub(super) fn text(
    pieces: &[Piece],
    variables: &dyn Variables,
    unset: Unset,
) -> Result<Expanded, ExpandError> {
    let mut evaluation = Evaluation::new(variables, unset);
    let text = evaluation.text(pieces)?;
    Ok(Expanded { text, ..evaluation.names })
}

/// Expands to words as well.
pub(super) fn words(
    pieces: &[Piece],
    variables: &dyn Variables,
    unset: Unset,
) -> Result<(Vec<String>, Expanded), ExpandError> {
    let mut evaluation = Evaluation::new(variables, unset);
    let mut words = Words::default();
    let mut text = String::new();
    for piece in pieces {
        let part = evaluation.piece(piece)?;
        match piece {
            Piece::Plain(_) | Piece::Variable(_) => words.split(&part),
            Piece::Raw(_) | Piece::Quoted(_) => words.last.push_str(&part),
        }
        evaluation.append(&mut text, &part)?;
    }
    words.end();
    Ok((words.done, Expanded { text, ..evaluation.names }))
}

/// Splits a text that has no variables to look up.
pub(crate) fn split(grammar: Grammar, text: &str, unset: Unset) -> Result<Vec<String>, ExpandError> {
    words(&grammar.parse(text)?, &NoVariables, unset).map(|(words, _)| words)
}

struct NoVariables;

impl Variables for NoVariables {
    fn value(&self, _name: &str) -> Option<&str> {
        None
    }
}

#[derive(Default)]
struct Words {
    done: Vec<String>,
    last: String,
}

impl Words {
    fn split(&mut self, text: &str) {
        for c in text.chars() {
            if c.is_whitespace() { self.end() } else { self.last.push(c) }
        }
    }

    /// Ends the word; an empty one is none.
    fn end(&mut self) {
        if !self.last.is_empty() {
            self.done.push(std::mem::take(&mut self.last));
        }
    }
}

struct Evaluation<'v> {
    variables: &'v dyn Variables,
    unset: Unset,
    /// Its text stays empty.
    names: Expanded,
    /// All of them, for a quick look.
    seen: HashSet<String>,
    /// Bytes copied, also those that come to nothing (`${set+...}`).
    copied_bytes: usize,
    /// Steps of pattern matching.
    steps: Steps,
}

/// Bytes that one expansion may copy.
const MAX_COPIED_BYTES: usize = 16 * MAX_EXPANDED_BYTES;

impl<'v> Evaluation<'v> {
    fn new(variables: &'v dyn Variables, unset: Unset) -> Self {
        let (names, seen, steps) = Default::default();
        Self { variables, unset, names, seen, copied_bytes: 0, steps }
    }

    fn text(&mut self, pieces: &[Piece]) -> Result<String, ExpandError> {
        let mut text = String::new();
        for piece in pieces {
            let part = self.piece(piece)?;
            self.append(&mut text, &part)?;
        }
        Ok(text)
    }

    fn piece(&mut self, piece: &Piece) -> Result<String, ExpandError> {
        match piece {
            Piece::Plain(text) | Piece::Raw(text) => Ok(text.clone()),
            Piece::Quoted(pieces) => self.text(pieces),
            Piece::Variable(variable) => self.variable(variable),
        }
    }

    fn variable(&mut self, variable: &Variable) -> Result<String, ExpandError> {
        let Variable { name, in_braces, substitution } = variable;
        match substitution {
            Substitution::None => Ok(match (self.value(name), self.unset) {
                (Some(value), _) => value.to_string(),
                (None, Unset::Empty) => String::new(),
                (None, Unset::Keep) if *in_braces => format!("${{{name}}}"),
                (None, Unset::Keep) => format!("${name}"),
            }),
            Substitution::Test { operator, empty_is_unset, word } => {
                let word = self.text(word)?;
                self.test(name, *operator, *empty_is_unset, word)
            }
            Substitution::Trim { operator, pattern } => {
                let pattern = self.text(pattern)?;
                self.trim(name, *operator, pattern)
            }
            Substitution::Replace { all, pattern, replacement } => {
                let pattern = self.text(pattern)?;
                let replacement = self.text(replacement)?;
                self.replace(name, *all, &pattern, &replacement)
            }
        }
    }

    /// `${name-word}`, `${name+word}`, `${name?word}`.
    fn test(&mut self, name: &str, operator: char, colon: bool, word: String) -> Result<String, ExpandError> {
        let value = self.value(name);
        if value.is_none() && self.unset == Unset::Keep {
            let colon = if colon { ":" } else { "" };
            return Ok(format!("${{{name}{colon}{operator}{word}}}"));
        }
        let present = value.filter(|value| !(colon && value.is_empty()));
        match (operator, present) {
            ('+', Some(_)) => Ok(word),
            ('+', None) => Ok(String::new()),
            ('-', None) => Ok(word),
            (_, Some(present)) => Ok(present.to_string()),
            (_, None) => Err(required(name, value.is_some(), &word)),
        }
    }

    /// `${name#pattern}`, `${name%pattern}`; a doubled operator asks for the longest match.
    fn trim(&mut self, name: &str, operator: char, pattern: String) -> Result<String, ExpandError> {
        let Some(value) = self.value(name) else {
            return Ok(self.unset_text(|| format!("${{{name}{operator}{pattern}}}")));
        };
        let (extent, pattern) = match pattern.strip_prefix(operator) {
            Some(pattern) => (Extent::Longest, pattern),
            None => (Extent::Shortest, pattern.as_str()),
        };
        let matcher = Pattern::parse(pattern)?;
        match operator {
            '#' => matcher.without_prefix(value, extent, &mut self.steps),
            _ => matcher.without_suffix(value, extent, &mut self.steps),
        }
    }

    /// `${name/pattern/replacement}`.
    fn replace(
        &mut self,
        name: &str,
        all: bool,
        pattern: &str,
        replacement: &str,
    ) -> Result<String, ExpandError> {
        let Some(value) = self.value(name) else {
            return Ok(self.unset_text(|| format!("${{{name}/{pattern}/{replacement}}}")));
        };
        Pattern::parse(pattern)?.replace(value, replacement, all, &mut self.steps)
    }

    fn unset_text(&self, written: impl Fn() -> String) -> String {
        if self.unset == Unset::Keep { written() } else { String::new() }
    }

    /// Looks a name up and remembers that it was.
    fn value(&mut self, name: &str) -> Option<&'v str> {
        let value = self.variables.value(name);
        if self.seen.insert(name.to_string()) {
            let names = if value.is_some() { &mut self.names.used } else { &mut self.names.unset };
            names.push(name.to_string());
        }
        value
    }

    fn append(&mut self, text: &mut String, part: &str) -> Result<(), ExpandError> {
        self.copied_bytes += part.len();
        if self.copied_bytes > MAX_COPIED_BYTES {
            return Err(ExpandError::new(format!("copies more than {MAX_COPIED_BYTES} bytes")));
        }
        append(text, part)
    }
}

fn required(name: &str, is_set: bool, word: &str) -> ExpandError {
    let reason = match (word, is_set) {
        ("", true) => "is not allowed to be empty",
        ("", false) => "is not allowed to be unset",
        (word, _) => word,
    };
    ExpandError::new(format!("{name}: {reason}"))
}

/// Appends within the limit.
pub(super) fn append(text: &mut String, part: &str) -> Result<(), ExpandError> {
    if text.len() + part.len() > MAX_EXPANDED_BYTES {
        let message = format!("expands to more than {MAX_EXPANDED_BYTES} bytes");
        return Err(ExpandError::new(message));
    }
    text.push_str(part);
    Ok(())
}
