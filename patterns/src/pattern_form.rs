//! The form of one pattern: exact text, a prefix, a suffix, or a regular expression.

use crate::automaton::Automaton;
use crate::glob::BadPattern;

/// A pattern, compiled to the cheapest form that matches the same.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    Exact(Vec<u8>),
    Prefix(Vec<u8>),
    Suffix(Vec<u8>),
    /// A regular expression. Every match ends in the text `ends_in`, which is cheap to compare first.
    Expression {
        automaton: Automaton,
        ends_in: Vec<u8>,
    },
}

impl Form {
    /// Compiles a pattern as moby/patternmatcher's `compile` does.
    pub(crate) fn read(pattern: &str) -> Result<Self, BadPattern> {
        let translated = translate(pattern);
        Ok(match translated.kind {
            TextKind::Exact => Self::Exact(pattern.into()),
            TextKind::Prefix => Self::Prefix(pattern[..pattern.len() - 2].into()),
            TextKind::Suffix => Self::Suffix(pattern[2..].into()),
            TextKind::Expression => Self::Expression {
                automaton: Automaton::new(&translated.expression)?,
                ends_in: fixed_end(pattern),
            },
        })
    }

    pub(crate) fn matches(&self, path: &[u8]) -> bool {
        match self {
            Self::Exact(text) => path == text,
            Self::Prefix(text) => path.starts_with(text),
            Self::Suffix(text) => {
                path.ends_with(text) || text.strip_prefix(b"/").is_some_and(|name| path == name)
            }
            Self::Expression { automaton, ends_in } => path.ends_with(ends_in) && automaton.matches(path),
        }
    }
}

/// Returns the text before the first special character. U+FFFD is one: it matches any byte that is not UTF-8.
pub(crate) fn fixed_start(pattern: &str) -> Vec<u8> {
    let end = pattern.find(['*', '?', '[', '\\', '^', char::REPLACEMENT_CHARACTER]);
    pattern[..end.unwrap_or(pattern.len())].into()
}

/// Returns the text after the last special character.
fn fixed_end(pattern: &str) -> Vec<u8> {
    let special = |c| matches!(c, '*' | '?' | '[' | ']' | '\\' | '^' | char::REPLACEMENT_CHARACTER);
    let tail = pattern.rsplit(special).next().unwrap_or_default();
    let start = pattern.len() - tail.len();
    // A character after a backslash belongs to the escape, and a slash after "**" can match nothing.
    match pattern[..start].bytes().last() {
        Some(b'\\') => Vec::new(),
        Some(b'*') => tail.strip_prefix('/').unwrap_or(tail).into(),
        _ => tail.into(),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TextKind {
    Exact,
    Prefix,
    Suffix,
    Expression,
}

struct Translated {
    expression: String,
    kind: TextKind,
}

fn translate(pattern: &str) -> Translated {
    let mut out = Translated { expression: String::new(), kind: TextKind::Exact };
    let mut runes = pattern.chars().peekable();
    let mut is_first = true;
    while let Some(rune) = runes.next() {
        match rune {
            '*' if runes.next_if_eq(&'*').is_some() => {
                runes.next_if_eq(&'/');
                out.double_star(is_first, runes.peek().is_none());
            }
            '*' => out.special("[^/]*"),
            '?' => out.special("[^/]"),
            '.' | '+' | '(' | ')' | '|' | '{' | '}' | '$' => out.expression.extend(['\\', rune]),
            '\\' => match runes.next() {
                Some(escaped) => {
                    out.special("\\");
                    out.expression.push(escaped);
                }
                None => out.expression.push('\\'),
            },
            '[' | ']' => out.special(rune.encode_utf8(&mut [0; 4])),
            other => out.expression.push(other),
        }
        is_first = false;
    }
    out
}

impl Translated {
    fn special(&mut self, expression: &str) {
        self.expression.push_str(expression);
        self.kind = TextKind::Expression;
    }

    /// Adds `**`, with or without a slash behind it.
    fn double_star(&mut self, is_first: bool, is_last: bool) {
        if !is_last {
            self.special("(.*/)?");
        } else if self.kind == TextKind::Exact {
            self.kind = TextKind::Prefix;
        } else {
            self.special(".*");
        }
        if is_first {
            self.kind = TextKind::Suffix;
        }
    }
}
