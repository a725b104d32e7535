//! Simple globs for the patterns of ignore files and of COPY, written from moby's documentation.
//!
//! dsbuild translates patterns to regular expressions instead. Patterns whose meaning is an accident of regular
//! expressions (`[*]`, `\d`) have no glob (`None`). The same goes for U+FFFD, which matches bytes that are not UTF-8 in
//! some forms of patterns only.

use std::{iter::Peekable, str::Chars};

use crate::plain::{self, Atom};

/// A pattern as a list of globs, one of which must match.
#[derive(Debug)]
pub struct Glob(Vec<Vec<Atom<Set>>>);

/// A set of characters, given by ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    is_negated: bool,
    ranges: Vec<(char, char)>,
}

impl Set {
    fn new(is_negated: bool, chars: &[char]) -> Self {
        Self { is_negated, ranges: chars.iter().map(|c| (*c, *c)).collect() }
    }

    fn contains(&self, c: char) -> bool {
        self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != self.is_negated
    }
}

fn literal(c: char) -> Atom<Set> {
    Atom::One(Set::new(false, &[c]))
}

fn literals(text: &str) -> Vec<Atom<Set>> {
    text.chars().map(literal).collect()
}

fn anything() -> Atom<Set> {
    Atom::Many(Set::new(true, &[]))
}

/// Matches any text without newlines, which the dot of a regular expression does not match.
fn line() -> Atom<Set> {
    Atom::Many(Set::new(true, &['\n']))
}

fn no_slash() -> Set {
    Set::new(true, &['/'])
}

impl Glob {
    /// Parses a pattern of an ignore file, which must be clean and without an exclamation mark.
    pub fn of_ignore(text: &str) -> Option<Self> {
        if text.contains(char::REPLACEMENT_CHARACTER) {
            return None;
        }
        let is_special = |text: &str| text.contains(['*', '?', '[', ']', '\\']);
        if let Some(end) = text.strip_prefix("**").filter(|end| !is_special(end)) {
            let anywhere = std::iter::once(anything()).chain(literals(end)).collect();
            let alone = end.strip_prefix('/').map(literals);
            return Some(Self([anywhere].into_iter().chain(alone).collect()));
        }
        if let Some(start) = text.strip_suffix("**").filter(|start| !is_special(start)) {
            return Some(Self(vec![literals(start).into_iter().chain([anything()]).collect()]));
        }
        if !is_special(text) {
            return Some(Self(vec![literals(text)]));
        }
        expression(text).map(|atoms| Self(vec![atoms]))
    }

    /// Parses a pattern of Go's `filepath.Match`, which must be valid.
    ///
    /// Returns `None` also for patterns that Go matches by accident. Go puts the text after a star at the first byte
    /// where it fits and does not try later ones. That makes a difference if a class contains a slash, or if part of
    /// the pattern matches half of a character.
    pub fn of_match(text: &str, path: &[u8]) -> Option<Self> {
        let can_split_chars = text.contains('*') && text.contains(['?', '[']);
        if text.contains(char::REPLACEMENT_CHARACTER) || (can_split_chars && !path.is_ascii()) {
            return None;
        }
        let mut chars = text.chars().peekable();
        let mut atoms = Vec::new();
        let mut is_after_star = false;
        while let Some(c) = chars.next() {
            is_after_star |= c == '*';
            atoms.push(match c {
                '*' => Atom::Many(no_slash()),
                '?' => Atom::One(no_slash()),
                '[' => Atom::One(class(&mut chars).filter(|set| !(is_after_star && set.contains('/')))?),
                '\\' => literal(chars.next()?),
                other => literal(other),
            });
        }
        Some(Self(vec![atoms]))
    }

    /// Reports whether the pattern matches all of `path`.
    pub fn matches(&self, path: &[u8]) -> bool {
        let chars = chars(path);
        self.0.iter().any(|glob| plain::matches(glob, &chars, &|set, c| set.contains(c)))
    }
}

/// Parses a pattern that is more than a literal text with a double star at one end.
fn expression(text: &str) -> Option<Vec<Atom<Set>>> {
    let mut chars = text.chars().peekable();
    let mut atoms = Vec::new();
    while let Some(c) = chars.next() {
        atoms.push(match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                chars.next_if_eq(&'/');
                let is_last = chars.peek().is_none();
                if is_last { line() } else { Atom::Maybe(vec![line(), literal('/')]) }
            }
            '*' => Atom::Many(no_slash()),
            '?' => Atom::One(no_slash()),
            '[' => Atom::One(class(&mut chars)?),
            '\\' => literal(chars.next().filter(char::is_ascii_punctuation)?),
            '^' => Atom::Start,
            other => literal(other),
        });
    }
    Some(atoms)
}

/// Parses the class after `[`, including the `]`.
///
/// Returns `None` unless it has only characters and ranges that mean the same in Go's `filepath.Match` and in regular
/// expressions.
fn class(chars: &mut Peekable<Chars<'_>>) -> Option<Set> {
    let is_negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    let simple = |c: &char| !"[]*?\\-".contains(*c);
    while chars.next_if_eq(&']').is_none() {
        let low = chars.next().filter(simple)?;
        let high = match chars.next_if_eq(&'-') {
            Some(_) => chars.next().filter(simple).filter(|high| low <= *high)?,
            None => low,
        };
        ranges.push((low, high));
    }
    (!ranges.is_empty()).then_some(Set { is_negated, ranges })
}

/// Decodes UTF-8 as Go does: each invalid byte becomes one U+FFFD.
fn chars(bytes: &[u8]) -> Vec<char> {
    let chunks = bytes.utf8_chunks();
    let read = |chunk: std::str::Utf8Chunk<'_>| {
        let invalid = chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER);
        chunk.valid().chars().chain(invalid).collect::<Vec<_>>()
    };
    chunks.flat_map(read).collect()
}
