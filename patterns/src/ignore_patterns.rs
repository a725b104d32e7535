//! Lists of patterns: those of ignore files, of `--exclude` and of `--parents`.
//!
//! The semantics are those of moby/patternmatcher, accidents included: the last pattern that matches decides, `!` takes
//! back in, and a pattern holds for everything below a directory that it matches. The meaning of a single pattern depends on
//! its form:
//!
//! ```text
//! a/b        exactly that            **x      every path that ends in x (also "max")
//! a/** a**   a prefix, as text       **/x     x anywhere
//! the rest   a regular expression    * and ? stay in one element, ** matches any number of elements
//! ```
//!
//! A walk hands the [`Matched`] of each directory to the paths below it, so that these need not be matched against the
//! patterns of the directory again. The module knows nothing of files.

use crate::glob::{self, BadPattern};
use crate::path::clean;
use crate::pattern_form::{Form, fixed_start};

/// A list of patterns cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// A pattern consists of an exclamation mark alone.
    #[error("illegal exclusion pattern: \"!\"")]
    LoneNegation,
    /// A pattern has an unclosed class or a trailing backslash.
    #[error("{pattern}: {source}")]
    Syntax {
        /// Pattern with the error, without its `!`.
        pattern: String,
        /// Description of the syntax error.
        source: BadPattern,
    },
}

/// An ordered list of patterns, some of which can be exceptions (`!`).
#[derive(Debug, Clone, Default)]
pub struct Patterns {
    patterns: Vec<Pattern>,
    has_exceptions: bool,
}

/// Patterns that a directory matches, by index; they hold for the paths below it. The default is for paths at the root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matched(Vec<bool>);

/// The pattern that decided about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Index of the pattern. It can be any pattern of several in a row that decide the same.
    pub pattern: usize,
    /// True if the pattern begins with `!`: it takes back in what others match.
    pub exception: bool,
    /// True if the pattern matches a directory above the path, rather than the path itself.
    pub inherited: bool,
}

impl Matched {
    /// Reports whether the pattern with this index matches.
    pub fn has(&self, index: usize) -> bool {
        self.0.get(index).copied().unwrap_or(false)
    }
}

#[derive(Debug, Clone)]
struct Pattern {
    exception: bool,
    /// Text that every match starts with, up to the first wildcard.
    fixed: Vec<u8>,
    form: Form,
}

impl Patterns {
    /// Compiles patterns: those of an ignore file, as [`parse_lines`](crate::parse_lines) returns them, or those of flags.
    pub fn new(patterns: &[impl AsRef<str>]) -> Result<Self, PatternError> {
        let mut list = Self::default();
        for text in patterns.iter().map(|pattern| pattern.as_ref().trim()).filter(|text| !text.is_empty()) {
            let clean = clean(text);
            let (exception, text) =
                clean.strip_prefix('!').map_or((false, clean.as_str()), |rest| (true, rest));
            if text.is_empty() {
                return Err(PatternError::LoneNegation);
            }
            let syntax = |source| PatternError::Syntax { pattern: text.to_owned(), source };
            glob::check(text).map_err(syntax)?;
            list.has_exceptions |= exception;
            list.patterns.push(Pattern {
                exception,
                fixed: fixed_start(text),
                form: Form::read(text).map_err(syntax)?,
            });
        }
        Ok(list)
    }

    /// Reports whether the list has no pattern.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Returns the number of patterns.
    pub fn len(&self) -> usize {
        self.patterns.len()
    }

    /// Reports whether the pattern with this index begins with `!`.
    pub fn is_exception(&self, index: usize) -> bool {
        self.patterns[index].exception
    }

    /// Reports whether the pattern with this index matches `path` itself, regardless of the other patterns.
    pub fn hits(&self, index: usize, path: &[u8]) -> bool {
        self.patterns[index].form.matches(path)
    }

    /// Reports whether any pattern begins with `!`.
    pub fn has_exceptions(&self) -> bool {
        self.has_exceptions
    }

    /// Reports whether the patterns match `path`, whose directory matches `parent`. Also returns the patterns that hold for
    /// the paths below it.
    ///
    /// `path` is relative, with single slashes between its elements.
    pub fn matches(&self, path: &[u8], parent: &Matched) -> (bool, Matched) {
        let (decision, matched) = self.decide(path, parent);
        (decision.is_some_and(|decision| !decision.exception), matched)
    }

    /// Like [`Patterns::matches`], but returns the pattern that decided, or `None` if no pattern matches.
    pub fn decide(&self, path: &[u8], parent: &Matched) -> (Option<Decision>, Matched) {
        let mut matched = false;
        let mut decision = None;
        let mut each = vec![false; self.patterns.len()];
        for (index, pattern) in self.patterns.iter().enumerate() {
            let mut hit = parent.has(index);
            let inherited = hit;
            if !hit {
                // A pattern that would change nothing is not matched, and does not hold for the paths below either.
                if pattern.exception != matched {
                    continue;
                }
                hit = pattern.form.matches(path);
            }
            each[index] = hit;
            if hit {
                matched = !pattern.exception;
                decision = Some(Decision { pattern: index, exception: pattern.exception, inherited });
            }
        }
        (decision, Matched(each))
    }

    /// Returns the pattern that decides about `path`, which is relative and clean, for a walk that begins at the root.
    pub fn decide_from_root(&self, path: &[u8]) -> Option<Decision> {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let (mut decision, mut above) = (None, Matched::default());
        for end in ends.chain([path.len()]) {
            (decision, above) = self.decide(&path[..end], &above);
        }
        decision
    }

    /// Reports whether the patterns exclude `path`, which is relative and clean.
    pub fn exclude(&self, path: &[u8]) -> bool {
        self.decide_from_root(path).is_some_and(|decision| !decision.exception)
    }

    /// Reports whether anything below the directory `path` can be matched or, with `exceptions`, taken back in. If not, a
    /// walk need not enter it.
    pub fn may_match_below(&self, path: &[u8], exceptions: bool) -> bool {
        if exceptions && !self.has_exceptions {
            return false;
        }
        let below = [path, b"/"].concat();
        self.patterns
            .iter()
            .filter(|pattern| pattern.exception == exceptions)
            .any(|pattern| pattern.fixed.starts_with(&below) || below.starts_with(&pattern.fixed))
    }
}

#[cfg(test)]
mod tests;
