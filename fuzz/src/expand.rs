//! Words with variables: `${a:-b}`, quotes, escapes, patterns.
//!
//! The input is options, a word, and the values of `a` and of `b`, which are not set if they are missing. The options
//! are letters: a backtick escapes, `q` keeps quotes, `u` keeps unset variables.

use std::collections::{BTreeMap, BTreeSet};

use parser::expand::{Expanded, Expander, MAX_EXPANDED_BYTES, Variables};

use crate::{
    SEPARATOR, parts,
    plain::{self, Atom},
};

struct Table(BTreeMap<&'static str, String>);

impl Variables for Table {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// - What comes out is within its bound, and names each variable once, as set or as unset.
/// - Splitting loses blanks only. What has nothing to expand stays. A value is never expanded again.
/// - Patterns match what the obvious way matches.
pub fn check(input: &[u8]) {
    let [options, word, a, b] = parts(input);
    let given = input.iter().filter(|byte| **byte == SEPARATOR as u8).count();
    let values = [("a", a, 2), ("b", b, 3)];
    let set = values.into_iter().filter(|(_, _, needed)| *needed <= given);
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

/// Dollars, quotes and escapes are all there is to expand.
fn check_unchanged(expander: Expander, word: &str, text: &str) {
    let is_quote = |c| !expander.keep_quotes && matches!(c, '"' | '\'');
    if !word.contains(|c| c == '$' || c == expander.escape || is_quote(c)) {
        assert_eq!(text, word);
    }
}

/// Once in quotes and once without, so that nothing in the value means anything in either.
fn check_values(expander: Expander, table: &Table) {
    let Some(value) = table.value("a").filter(|value| value.len() <= MAX_EXPANDED_BYTES / 4) else { return };
    let expanded = expander.word("$a\"${a}\"${a+$a}", table).expect("nothing is wrong with it").text;
    let quote = if expander.keep_quotes { "\"" } else { "" };
    assert_eq!(expanded, format!("{value}{quote}{value}{quote}{value}"));
}

/// Longer ones take the obvious way too long.
const LONGEST: usize = 64;

/// The value of `b` is a pattern here, that of `a` a text.
fn check_patterns(table: &Table) {
    let (Some(text), Some(pattern)) = (table.value("a"), table.value("b")) else { return };
    let text: Vec<char> = text.chars().collect();
    if text.len() > LONGEST || pattern.chars().count() > LONGEST {
        return;
    }
    let expand = |word| Expander::new('\\').word(word, table).map(|expanded| expanded.text);
    let Some(glob) = Glob::read(pattern) else {
        assert!(expand("${a/$b/_}").is_err(), "{pattern:?}");
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
        // A pattern that begins with the operator doubles it, also where that comes out of a variable.
        let is_doubled = pattern.starts_with(['#', '%']) && !word.contains('/');
        if !is_doubled {
            assert_eq!(
                expand(word).as_deref(),
                Ok(expected.as_str()),
                "{word} with {text:?} and {pattern:?}"
            );
        }
    }
}

/// A pattern; `None` takes anything but a newline.
struct Glob(Vec<Atom<Option<char>>>);

/// Which of the matches is taken away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Shortest,
    Longest,
}

impl Extent {
    /// How long the match is; 0 if there is none.
    fn of(self, is_matched: impl Fn(usize) -> bool, longest: usize) -> usize {
        let mut lengths = (0..=longest).filter(|length| is_matched(*length));
        let length = if self == Self::Shortest { lengths.next() } else { lengths.last() };
        length.unwrap_or(0)
    }
}

impl Glob {
    /// `None` if the pattern is wrong.
    fn read(pattern: &str) -> Option<Self> {
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

    /// As Go's `Regexp.ReplaceAllString` does it: from the left, the longest, and nothing right behind a match.
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
