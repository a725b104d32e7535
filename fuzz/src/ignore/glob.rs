//! What a pattern means, as far as that is plain: read from moby's documentation rather than from our translation to
//! a regular expression. `None` for what is an accident of regular expressions (`[*]`, `\d`), and for U+FFFD, which
//! matches bytes that are no UTF-8 in some forms of patterns and in others does not.

use std::{iter::Peekable, str::Chars};

use crate::plain::{self, Atom};

/// A pattern, as the globs any of which may match.
#[derive(Debug)]
pub struct Glob(Vec<Vec<Atom<Set>>>);

/// A set of characters.
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

/// Any text but a newline, which a regular expression's dot does not match.
fn line() -> Atom<Set> {
    Atom::Many(Set::new(true, &['\n']))
}

fn no_slash() -> Set {
    Set::new(true, &['/'])
}

impl Glob {
    /// A pattern of an ignore file, cleaned and without an exclamation mark.
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

    /// A pattern of Go's `filepath.Match`, which is known to be good.
    ///
    /// `None` also for what that matches by accident: what stands behind a star is put where it fits first, from byte
    /// to byte, and stays there. That is all the same unless a class takes a slash, or something takes half a character.
    pub fn of_match(text: &str, path: &[u8]) -> Option<Self> {
        let may_split = text.contains('*') && text.contains(['?', '[']);
        if text.contains(char::REPLACEMENT_CHARACTER) || (may_split && !path.is_ascii()) {
            return None;
        }
        let mut chars = text.chars().peekable();
        let mut atoms = Vec::new();
        let mut behind_star = false;
        while let Some(c) = chars.next() {
            behind_star |= c == '*';
            atoms.push(match c {
                '*' => Atom::Many(no_slash()),
                '?' => Atom::One(no_slash()),
                '[' => Atom::One(class(&mut chars).filter(|set| !(behind_star && set.contains('/')))?),
                '\\' => literal(chars.next()?),
                other => literal(other),
            });
        }
        Some(Self(vec![atoms]))
    }

    /// Whether it matches all of `path`.
    pub fn matches(&self, path: &[u8]) -> bool {
        let chars = chars(path);
        self.0.iter().any(|glob| plain::matches(glob, &chars, &|set, c| set.contains(c)))
    }
}

/// What has more than a double star at one of its ends.
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

/// What follows `[`, up to `]`, if that is simple: characters and ranges that mean the same to Go's `filepath.Match`
/// and to its regular expressions.
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

/// As Go reads bytes: one that is no UTF-8 is one U+FFFD.
fn chars(bytes: &[u8]) -> Vec<char> {
    let chunks = bytes.utf8_chunks();
    let read = |chunk: std::str::Utf8Chunk<'_>| {
        let invalid = chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER);
        chunk.valid().chars().chain(invalid).collect::<Vec<_>>()
    };
    chunks.flat_map(read).collect()
}
