//! Evaluation of pieces: looks up variables, applies their substitutions and joins the parts.

use std::collections::HashSet;

use super::{
    ExpandError, Expanded, Grammar, Variables,
    grammar::{Piece, Substitution, Variable},
    limits::{self, MAX_COPIED_BYTES, StepBudget},
    pattern::{Extent, Pattern},
};

/// Treatment of references to variables that are not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unset {
    /// The reference becomes the empty text.
    Empty,
    /// The reference stays as it is written.
    Keep,
}

/// Expands the pieces to a single text.
pub(super) fn text(
    pieces: &[Piece],
    variables: &dyn Variables,
    unset: Unset,
) -> Result<Expanded, ExpandError> {
    let mut evaluation = Evaluation::new(variables, unset);
    let text = evaluation.text(pieces)?;
    Ok(Expanded { text, ..evaluation.names })
}

/// Expands the pieces to a single text, and to that text split into words.
pub(super) fn words(
    pieces: &[Piece],
    variables: &dyn Variables,
    unset: Unset,
) -> Result<(Vec<String>, Expanded), ExpandError> {
    let mut evaluation = Evaluation::new(variables, unset);
    let mut splitter = WordSplitter::default();
    let mut text = String::new();
    for piece in pieces {
        let part = evaluation.piece(piece)?;
        match piece {
            Piece::Plain(_) | Piece::Variable(_) => splitter.add_splitting(&part),
            Piece::Raw(_) | Piece::Quoted(_) => splitter.add_whole(&part),
        }
        evaluation.append(&mut text, &part)?;
    }
    Ok((splitter.finish(), Expanded { text, ..evaluation.names }))
}

/// Splits `text` into words as `grammar` says, with all variables unset.
pub(crate) fn split(grammar: Grammar, text: &str, unset: Unset) -> Result<Vec<String>, ExpandError> {
    words(&grammar.parse(text)?, &NoVariables, unset).map(|(words, _)| words)
}

struct NoVariables;

impl Variables for NoVariables {
    fn value(&self, _name: &str) -> Option<&str> {
        None
    }
}

/// Joins parts of a text to words.
#[derive(Default)]
struct WordSplitter {
    /// Words that are complete; none is empty.
    words: Vec<String>,
    /// The word that the next part continues.
    current: String,
}

impl WordSplitter {
    fn add_splitting(&mut self, text: &str) {
        for c in text.chars() {
            if c.is_whitespace() { self.end_word() } else { self.current.push(c) }
        }
    }

    fn add_whole(&mut self, text: &str) {
        self.current.push_str(text);
    }

    fn end_word(&mut self) {
        if !self.current.is_empty() {
            self.words.push(std::mem::take(&mut self.current));
        }
    }

    fn finish(mut self) -> Vec<String> {
        self.end_word();
        self.words
    }
}

/// State of one expansion.
struct Evaluation<'v> {
    variables: &'v dyn Variables,
    unset: Unset,
    /// Names of the variables looked up so far. The text stays empty.
    names: Expanded,
    /// The same names, for a quick test of whether one is new.
    seen: HashSet<String>,
    /// Number of bytes copied so far, including text that was discarded (`${set+...}`).
    copied_bytes: usize,
    steps: StepBudget,
}

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

    /// Evaluates `${name-word}`, `${name+word}` or `${name?word}`, with or without a colon before the operator.
    fn test(
        &mut self,
        name: &str,
        operator: char,
        has_colon: bool,
        word: String,
    ) -> Result<String, ExpandError> {
        let value = self.value(name);
        if value.is_none() && self.unset == Unset::Keep {
            let colon = if has_colon { ":" } else { "" };
            return Ok(format!("${{{name}{colon}{operator}{word}}}"));
        }
        let present = value.filter(|value| !(has_colon && value.is_empty()));
        match (operator, present) {
            ('+', Some(_)) => Ok(word),
            ('+', None) => Ok(String::new()),
            ('-', None) => Ok(word),
            (_, Some(present)) => Ok(present.to_string()),
            (_, None) => Err(required(name, value.is_some(), &word)),
        }
    }

    /// Evaluates `${name#pattern}` or `${name%pattern}`; a doubled operator asks for the longest match.
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

    /// Evaluates `${name/pattern/replacement}` or, for `all` matches, `${name//pattern/replacement}`.
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

    /// Looks up a variable and records its name.
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
        limits::append(text, part)
    }
}

/// Creates the error about a variable that a `?` modifier requires.
fn required(name: &str, is_set: bool, word: &str) -> ExpandError {
    let reason = match (word, is_set) {
        ("", true) => "is not allowed to be empty",
        ("", false) => "is not allowed to be unset",
        (word, _) => word,
    };
    ExpandError { variable: Some(name.to_owned()), ..ExpandError::new(format!("{name}: {reason}")) }
}
