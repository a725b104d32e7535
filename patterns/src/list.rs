//! Ignore files, and the patterns in them and in `--exclude` and `--parents`.
//!
//! The semantics are those of moby/patternmatcher, accidents included: the last pattern that matches decides, `!` takes
//! back in, a pattern holds for all that lies below what it matches. What a pattern means by itself depends on its form:
//!
//! ```text
//! a/b        exactly that            **x      every path that ends in x (also "max")
//! a/** a**   a prefix, as text       **/x     x anywhere
//! the rest   a regular expression    * and ? stay in one element, ** may be any number of them, none included
//! ```
//!
//! A walk hands each directory's [`Matched`] to what lies below it, so that "below what it matches" needs no second
//! look. Knows nothing of files.

use crate::form::{Form, fixed_start};
use crate::glob::{self, BadPattern};
use crate::path::clean;

/// Patterns that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// An exclamation mark alone.
    #[error("illegal exclusion pattern: \"!\"")]
    LoneNegation,
    /// An unclosed class, a trailing backslash.
    #[error("{pattern}: {source}")]
    Syntax {
        /// The pattern.
        pattern: String,
        /// Says so.
        source: BadPattern,
    },
}

/// A list of patterns.
#[derive(Debug, Clone, Default)]
pub struct Patterns {
    patterns: Vec<Pattern>,
    has_exceptions: bool,
}

/// Which patterns a directory matched: what is below it starts from there. The default is for what lies at the root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matched(Vec<bool>);

/// Why a path is matched, or is not although a pattern matches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The index of the pattern that had the last word. (Of several that say the same in a row it may be any.)
    pub pattern: usize,
    /// It takes back in what others match.
    pub exception: bool,
    /// It matches a directory that the path is in.
    pub inherited: bool,
}

impl Matched {
    /// True if the pattern of this index holds there.
    pub fn has(&self, index: usize) -> bool {
        self.0.get(index).copied().unwrap_or(false)
    }
}

#[derive(Debug, Clone)]
struct Pattern {
    exception: bool,
    /// What every match starts with (as text; wildcards follow).
    fixed: Vec<u8>,
    form: Form,
}

impl Patterns {
    /// Reads patterns: those of an ignore file, as [`parse`] gives them, or of flags.
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

    /// True if there is no pattern.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.patterns.len()
    }

    /// True if the pattern of this index begins with `!`.
    pub fn is_exception(&self, index: usize) -> bool {
        self.patterns[index].exception
    }

    /// True if the pattern of this index matches `path` itself, whatever the others say.
    pub fn hits(&self, index: usize, path: &[u8]) -> bool {
        self.patterns[index].form.matches(path)
    }

    /// True if a pattern begins with `!`.
    pub fn has_exceptions(&self) -> bool {
        self.has_exceptions
    }

    /// True if the patterns match `path`, whose directory matched `parent`; and what to tell those below.
    ///
    /// `path` is relative, its elements separated by single slashes.
    pub fn matches(&self, path: &[u8], parent: &Matched) -> (bool, Matched) {
        let (decision, matched) = self.decide(path, parent);
        (decision.is_some_and(|decision| !decision.exception), matched)
    }

    /// The same, and which pattern it is that decided; `None` if none matched.
    pub fn decide(&self, path: &[u8], parent: &Matched) -> (Option<Decision>, Matched) {
        let mut matched = false;
        let mut decision = None;
        let mut each = vec![false; self.patterns.len()];
        for (index, pattern) in self.patterns.iter().enumerate() {
            let mut hit = parent.has(index);
            let inherited = hit;
            if !hit {
                // A pattern that could change nothing is not looked at, and so does not hold below either.
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

    /// The pattern that decides about `path`, which is relative and clean, when it is asked for from the root down.
    pub fn decide_from_root(&self, path: &[u8]) -> Option<Decision> {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let (mut decision, mut above) = (None, Matched::default());
        for end in ends.chain([path.len()]) {
            (decision, above) = self.decide(&path[..end], &above);
        }
        decision
    }

    /// True if the patterns exclude `path`, which is relative and clean.
    pub fn exclude(&self, path: &[u8]) -> bool {
        self.decide_from_root(path).is_some_and(|decision| !decision.exception)
    }

    /// False if nothing below the directory `path` can be matched (or, for `exceptions`, taken back in): a walk need
    /// not look there.
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
