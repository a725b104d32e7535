//! Expansion of words: `${a:-b}`, quotes, escapes and patterns.
//!
//! The input has four parts: options, a word, and the values of the variables `a` and `b`. A variable whose part is
//! missing is unset. The options are letters: a backtick makes it the escape character, `q` keeps quotes, `u` keeps
//! references to unset variables.

use std::collections::{BTreeMap, BTreeSet};

use parser::expand::{ExpandError, Expanded, Expander, MAX_EXPANDED_BYTES, Variables};

use crate::{
    SEPARATOR, parts,
    plain::{self, Atom},
};

/// The variables `a` and `b`, as far as they are set.
struct Table(BTreeMap<&'static str, String>);

impl Variables for Table {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// Checks these properties:
///
/// - The expanded text is within its limit, and each variable is reported once, as used or as unset.
/// - Splitting into words removes only blanks.
/// - A word without variables, quotes and escapes stays as it is, and values are not expanded again.
/// - Patterns match the same as a simple matcher.
pub fn check(input: &[u8]) {
    let [options, word, a, b] = parts(input);
    let separators = input.iter().filter(|byte| **byte == SEPARATOR as u8).count();
    let values = [("a", a, 2), ("b", b, 3)];
    let set = values.into_iter().filter(|(_, _, position)| *position <= separators);
    let table = Table(set.map(|(name, value, _)| (name, value)).collect());
    let has = |letter| options.contains(letter);
    let escape = if has('`') { '`' } else { '\\' };
    let expander = Expander { escape, keep_quotes: has('q'), keep_unset: has('u') };
    check_word(expander, &word, &table);
    check_values(expander, &table);
    check_patterns(&table);
}

fn check_word(expander: Expander, word: &str, table: &Table) {
    let expanded = expander.word(word, table);
    let words = expander.words(word, table);
    match (expanded, words) {
        (Ok(expanded), Ok((words, whole))) => {
            assert_eq!(expanded, whole);
            check_words(&words, &expanded.text);
            check_names(&expanded, table);
            check_unchanged(expander, word, &expanded.text);
        }
        (Err(one), Err(other)) => {
            assert_eq!(one, other);
            assert!(one.message.starts_with("failed to process \""), "{one}");
        }
        (one, other) => panic!("{one:?} is not {other:?}"),
    }
    if let Ok(shown) = expander.shown(word, table) {
        assert!(shown.len() <= MAX_EXPANDED_BYTES);
    }
}

fn check_words(words: &[String], text: &str) {
    assert!(text.len() <= MAX_EXPANDED_BYTES);
    assert!(words.iter().all(|word| !word.is_empty()));
    let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    assert_eq!(letters(&words.concat()), letters(text));
}

fn check_names(expanded: &Expanded, table: &Table) {
    let Expanded { used, unset, .. } = expanded;
    assert!(used.iter().all(|name| table.value(name).is_some()), "{used:?}");
    assert!(unset.iter().all(|name| table.value(name).is_none()), "{unset:?}");
    let names: BTreeSet<&String> = used.iter().chain(unset).collect();
    assert_eq!(names.len(), used.len() + unset.len(), "{used:?} {unset:?}");
}

/// Checks that a word without dollars, quotes and escapes stays as it is.
fn check_unchanged(expander: Expander, word: &str, text: &str) {
    let is_quote = |c| !expander.keep_quotes && matches!(c, '"' | '\'');
    if !word.contains(|c| c == '$' || c == expander.escape || is_quote(c)) {
        assert_eq!(text, word);
    }
}

/// Checks that the value of `a` is inserted as it is, with quotes around it and without.
fn check_values(expander: Expander, table: &Table) {
    let Some(value) = table.value("a").filter(|value| value.len() <= MAX_EXPANDED_BYTES / 4) else { return };
    let expanded = expander.word("$a\"${a}\"${a+$a}", table).expect("the word is well formed").text;
    let quote = if expander.keep_quotes { "\"" } else { "" };
    assert_eq!(expanded, format!("{value}{quote}{value}{quote}{value}"));
}

/// Maximum length of texts and patterns in characters; the simple matcher is slow.
const MAX_CHARS: usize = 64;

/// Compares substitutions with the pattern in `b` on the text in `a` with those of a simple matcher.
fn check_patterns(table: &Table) {
    let (Some(text), Some(pattern)) = (table.value("a"), table.value("b")) else { return };
    let text: Vec<char> = text.chars().collect();
    if text.len() > MAX_CHARS || pattern.chars().count() > MAX_CHARS {
        return;
    }
    let Some(glob) = Glob::parse(pattern) else {
        assert!(expanded("${a/$b/_}", table).is_err(), "{pattern:?}");
        return;
    };
    for (word, expected) in [
        ("${a/$b/_}", glob.replaced(&text, false)),
        ("${a//$b/_}", glob.replaced(&text, true)),
        ("${a#$b}", glob.without_prefix(&text, Extent::Shortest)),
        ("${a##$b}", glob.without_prefix(&text, Extent::Longest)),
        ("${a%$b}", glob.without_suffix(&text, Extent::Shortest)),
        ("${a%%$b}", glob.without_suffix(&text, Extent::Longest)),
    ] {
        // A pattern that begins with the operator doubles it, even if it comes from a variable.
        let is_doubled = pattern.starts_with(['#', '%']) && !word.contains('/');
        if !is_doubled {
            let actual = expanded(word, table);
            assert_eq!(actual.as_deref(), Ok(expected.as_str()), "{word} with {text:?} and {pattern:?}");
        }
    }
}

fn expanded(word: &str, table: &Table) -> Result<String, ExpandError> {
    Expander::new('\\').word(word, table).map(|expanded| expanded.text)
}

/// A pattern as a glob; `None` stands for any character but a newline.
struct Glob(Vec<Atom<Option<char>>>);

/// Choice between the possible lengths of a match.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Shortest,
    Longest,
}

impl Extent {
    /// Returns the length of the match, up to `max_length`; 0 if there is no match.
    fn of(self, is_matched: impl Fn(usize) -> bool, max_length: usize) -> usize {
        let mut lengths = (0..=max_length).filter(|length| is_matched(*length));
        let length = if self == Self::Shortest { lengths.next() } else { lengths.last() };
        length.unwrap_or(0)
    }
}

impl Glob {
    /// Parses a pattern, or returns `None` if it is malformed.
    fn parse(pattern: &str) -> Option<Self> {
        let mut chars = pattern.chars();
        let mut atoms = Vec::new();
        while let Some(c) = chars.next() {
            atoms.push(match c {
                '*' => Atom::Many(None),
                '?' => Atom::One(None),
                '\\' => Atom::One(Some(chars.next().filter(|c| "*?\\/}".contains(*c))?)),
                c => Atom::One(Some(c)),
            });
        }
        Some(Self(atoms))
    }

    fn prefixes(&self, text: &[char]) -> Vec<bool> {
        plain::prefixes(&self.0, text, &|atom, c| atom.map_or(c != '\n', |literal| literal == c))
    }

    fn without_prefix(&self, text: &[char], extent: Extent) -> String {
        let prefixes = self.prefixes(text);
        text[extent.of(|length| prefixes[length], text.len())..].iter().collect()
    }

    fn without_suffix(&self, text: &[char], extent: Extent) -> String {
        let is_matched = |length| self.prefixes(&text[text.len() - length..])[length];
        text[..text.len() - extent.of(is_matched, text.len())].iter().collect()
    }

    /// Replaces matches with `_` as Go's `Regexp.ReplaceAllString` does: from the left, the longest match at each
    /// position, and no empty match directly after another match.
    fn replaced(&self, text: &[char], all: bool) -> String {
        let (mut replaced, mut start, mut end_of_last) = (String::new(), 0, None);
        while start <= text.len() {
            let longest = self.prefixes(&text[start..]).into_iter().rposition(|is_matched| is_matched);
            let is_new = longest.is_some_and(|length| length > 0 || end_of_last != Some(start));
            if is_new && (all || end_of_last.is_none()) {
                replaced.push('_');
                start += longest.unwrap_or(0);
                end_of_last = Some(start);
                if longest > Some(0) {
                    continue;
                }
            }
            replaced.extend(text.get(start));
            start += 1;
        }
        replaced
    }
}
