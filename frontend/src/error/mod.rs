//! Errors of a build that are found before anything runs.
//!
//! ```text
//! problem   the situations, in BuildKit's words, since users search for those texts
//! hint      the way out of each situation
//! culprit   the word of the instruction that a situation is about
//! ```
//!
//! [`LowerError`] adds the lines, a suggestion, the origins of the variables, and further errors. [`Errors`] collects
//! errors where one of them does not prevent finding the next.

mod culprit;
mod hint;
mod problem;

use std::fmt;

use graph::Lines;
use parser::ast::{Instruction, Span};
use parser::diagnose::MAX_ERRORS;

pub use problem::Problem;

use crate::origin::Origin;

/// A Dockerfile, or options, that cannot be lowered.
#[derive(Debug, thiserror::Error)]
pub struct LowerError {
    /// Lines of the instruction; `None` if an option is at fault.
    pub lines: Option<Lines>,
    /// Situation in which lowering failed.
    pub problem: Problem,
    /// Word that the user may have meant; `None` if no known word is close.
    pub suggestion: Option<String>,
    /// Origins of the variables in the word at fault.
    pub origins: Vec<Origin>,
    /// Further errors in the order of their lines.
    pub further: Vec<LowerError>,
    /// Number of errors beyond the maximum, which are only counted.
    pub left_out: usize,
}

/// Errors in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    found: Vec<LowerError>,
    left_out: usize,
}

impl Errors {
    /// Adds an error, or only counts it if the maximum is reached.
    pub fn add(&mut self, error: impl FnOnce() -> LowerError) {
        if self.found.len() < MAX_ERRORS {
            self.found.push(error());
        } else {
            self.left_out += 1;
        }
    }

    /// Adds the error of a result, and returns its value if there is one.
    pub fn keep<T>(&mut self, result: Result<T, LowerError>) -> Option<T> {
        result.map_err(|error| self.add(|| error)).ok()
    }

    /// Reports whether no error was found.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Passes each error to `explain`, which can add to it.
    pub fn each(&mut self, explain: impl FnMut(&mut LowerError)) {
        self.found.iter_mut().for_each(explain);
    }

    /// Fails with the first error, as BuildKit does, and with the others in it.
    pub fn into_result(self) -> Result<(), LowerError> {
        let mut found = self.found.into_iter();
        let Some(first) = found.next() else { return Ok(()) };
        let mut further: Vec<LowerError> = found.collect();
        further.sort_by_key(|error| error.lines);
        Err(LowerError { further, left_out: self.left_out, ..first })
    }
}

impl LowerError {
    /// Creates the error of a RUN that needs devices which the user did not allow.
    pub fn devices_not_allowed(names: String, lines: Option<Lines>) -> Self {
        Problem::DevicesNotAllowed { names }.within(lines)
    }

    /// Returns the word at fault, as written or as expanded, or `None` if no single word is at fault.
    pub fn culprit(&self) -> Option<&str> {
        self.problem.culprit()
    }

    /// Returns the way out, or `None` if the message says everything.
    pub fn hint(&self) -> Option<String> {
        match &self.problem {
            // The suggestion in the message is the way out.
            Problem::UnknownTarget { .. } if self.suggestion.is_some() => None,
            problem => problem.hint(),
        }
    }

    /// Adds the candidate that is closest to `word` as the suggestion.
    pub(crate) fn suggest(self, word: &str, candidates: &[&str]) -> Self {
        let suggestion = parser::suggest(word, candidates).map(str::to_owned);
        Self { suggestion, ..self }
    }
}

impl fmt::Display for LowerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.problem)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, " (did you mean {suggestion}?)"),
            None => Ok(()),
        }
    }
}

impl Problem {
    /// Creates the error of this problem on these lines.
    pub(crate) fn at(self, lines: Lines) -> LowerError {
        self.within(Some(lines))
    }

    /// Creates the error of this problem in an option.
    pub(crate) fn in_options(self) -> LowerError {
        self.within(None)
    }

    /// Creates the error of this problem in a step, which can be without lines.
    pub(crate) fn within(self, lines: Option<Lines>) -> LowerError {
        let (problem, origins, further) = (self, Vec::new(), Vec::new());
        LowerError { lines, problem, suggestion: None, origins, further, left_out: 0 }
    }
}

/// Returns the lines of a span.
pub(crate) fn lines_in(span: Span) -> Lines {
    Lines { first: span.start_line, last: span.end_line }
}

/// Returns the lines of an instruction.
pub(crate) fn lines_of(instruction: &Instruction) -> Lines {
    lines_in(instruction.span)
}
