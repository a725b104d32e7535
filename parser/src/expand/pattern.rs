//! The patterns of `${name#...}`, `${name%...}` and `${name/.../...}`.
//!
//! `*` matches any text and `?` any character, except for newlines. A backslash makes `*`, `?`, `/`, `}` and itself
//! ordinary characters. There are no character classes.
//!
//! A search reads the text once and tracks all positions in the pattern that any match has reached, each with the
//! start of its match. It takes (length of the text) × (length of the pattern) steps and never backtracks.

use std::ops::Range;

use super::{
    ExpandError,
    limits::{StepBudget, append},
};

/// Choice between the possible ends of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Shortest,
    Longest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Atom {
    Character(char),
    AnyCharacter,
    AnyText,
}

/// A pattern in parsed form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    atoms: Vec<Atom>,
}

impl Pattern {
    pub(super) fn parse(pattern: &str) -> Result<Self, ExpandError> {
        let mut atoms = Vec::new();
        let mut characters = pattern.chars();
        while let Some(c) = characters.next() {
            atoms.push(match c {
                '*' => Atom::AnyText,
                '?' => Atom::AnyCharacter,
                '\\' => Atom::Character(escaped(pattern, characters.next())?),
                c => Atom::Character(c),
            });
        }
        // "**" matches the same as "*", but takes more steps.
        atoms.dedup_by(|a, b| *a == Atom::AnyText && *b == Atom::AnyText);
        Ok(Self { atoms })
    }

    /// Returns `value` without its matching prefix, if there is one.
    pub(super) fn without_prefix(
        &self,
        value: &str,
        extent: Extent,
        steps: &mut StepBudget,
    ) -> Result<String, ExpandError> {
        let text: Vec<char> = value.chars().collect();
        let matched = self.at_start(&text, extent, steps)?.unwrap_or(0);
        Ok(text[matched..].iter().collect())
    }

    /// Returns `value` without its matching suffix, if there is one.
    pub(super) fn without_suffix(
        &self,
        value: &str,
        extent: Extent,
        steps: &mut StepBudget,
    ) -> Result<String, ExpandError> {
        // A suffix of the value is a prefix of the reversed value.
        let text: Vec<char> = value.chars().rev().collect();
        let reversed = Self { atoms: self.atoms.iter().rev().copied().collect() };
        let matched = reversed.at_start(&text, extent, steps)?.unwrap_or(0);
        Ok(text[matched..].iter().rev().collect())
    }

    /// Returns `value` with the first match, or all matches, replaced; each match is the longest possible.
    pub(super) fn replace(
        &self,
        value: &str,
        replacement: &str,
        all: bool,
        steps: &mut StepBudget,
    ) -> Result<String, ExpandError> {
        let text: Vec<char> = value.chars().collect();
        let mut search = Search::new(self, &text, Extent::Longest, steps);
        let mut replaced = String::new();
        let (mut copied, mut from) = (0, 0);
        while let Some(found) = search.find(from, false)? {
            append(&mut replaced, &String::from_iter(&text[copied..found.start]))?;
            // As in Go, an empty match directly after the previous match does not count.
            let repeats_match = found.is_empty() && found.start == copied && copied > 0;
            if !repeats_match {
                append(&mut replaced, replacement)?;
            }
            copied = found.end;
            if !all {
                break;
            }
            from = found.end + usize::from(found.is_empty());
            if from > text.len() {
                break;
            }
        }
        append(&mut replaced, &String::from_iter(&text[copied..]))?;
        Ok(replaced)
    }

    /// Returns the length of the match at the start of `text`.
    fn at_start(
        &self,
        text: &[char],
        extent: Extent,
        steps: &mut StepBudget,
    ) -> Result<Option<usize>, ExpandError> {
        Ok(Search::new(self, text, extent, steps).find(0, true)?.map(|found| found.end))
    }
}

fn escaped(pattern: &str, next: Option<char>) -> Result<char, ExpandError> {
    match next {
        Some(c @ ('*' | '?' | '\\' | '/' | '}')) => Ok(c),
        other => {
            let shown = other.map(String::from).unwrap_or_default();
            let message = format!("invalid pattern ({pattern}) in substitution: invalid escape '\\{shown}'");
            Err(ExpandError::new(message))
        }
    }
}

/// A search through one text.
struct Search<'a> {
    atoms: &'a [Atom],
    text: &'a [char],
    extent: Extent,
    steps: &'a mut StepBudget,
    /// For each position in the pattern, the earliest start of a match that has reached it; `None` if none has.
    states: Vec<Option<usize>>,
    /// The states after the next character; a field so that each step need not allocate.
    next: Vec<Option<usize>>,
}

impl<'a> Search<'a> {
    fn new(pattern: &'a Pattern, text: &'a [char], extent: Extent, steps: &'a mut StepBudget) -> Self {
        let states = vec![None; pattern.atoms.len() + 1];
        Self { atoms: &pattern.atoms, text, extent, steps, next: states.clone(), states }
    }

    /// Returns the leftmost match that starts at `from` or later; an anchored one starts at `from`.
    fn find(&mut self, from: usize, anchored: bool) -> Result<Option<Range<usize>>, ExpandError> {
        self.states.fill(None);
        let mut best: Option<Range<usize>> = None;
        for position in from..=self.text.len() {
            if best.is_none() && (position == from || !anchored) {
                reach(&mut self.states, self.atoms, 0, position);
            }
            if let Some(start) = self.states[self.atoms.len()] {
                let is_better = best.as_ref().is_none_or(|best| start <= best.start);
                best = if is_better { Some(start..position) } else { best };
                if self.extent == Extent::Shortest {
                    break;
                }
            }
            let Some(c) = self.text.get(position) else { break };
            self.step(*c)?;
            self.drop_later(&best);
            let is_exhausted = self.states.iter().all(Option::is_none);
            if is_exhausted && (best.is_some() || anchored) {
                break;
            }
        }
        Ok(best)
    }

    /// Advances all states over the character `c`.
    fn step(&mut self, c: char) -> Result<(), ExpandError> {
        self.steps.take(self.atoms.len() + 1)?;
        self.next.fill(None);
        for (state, atom) in self.atoms.iter().enumerate() {
            let Some(start) = self.states[state] else { continue };
            match atom {
                Atom::Character(want) if *want == c => reach(&mut self.next, self.atoms, state + 1, start),
                Atom::AnyCharacter if c != '\n' => reach(&mut self.next, self.atoms, state + 1, start),
                Atom::AnyText if c != '\n' => reach(&mut self.next, self.atoms, state, start),
                _ => {}
            }
        }
        std::mem::swap(&mut self.states, &mut self.next);
        Ok(())
    }

    /// Drops the states of matches that start after `best`, because they can no longer replace it.
    fn drop_later(&mut self, best: &Option<Range<usize>>) {
        let Some(best) = best else { return };
        for state in &mut self.states {
            *state = state.filter(|start| *start <= best.start);
        }
    }
}

/// Enters a state, and with it the states that are reached without a character, since `*` also matches nothing.
fn reach(states: &mut [Option<usize>], atoms: &[Atom], mut state: usize, start: usize) {
    loop {
        match states[state] {
            Some(earlier) if earlier <= start => return,
            _ => states[state] = Some(start),
        }
        if atoms.get(state) != Some(&Atom::AnyText) {
            return;
        }
        state += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(pattern: &str) -> Pattern {
        Pattern::parse(pattern).expect("these patterns are well formed")
    }

    #[track_caller]
    fn check_trim(value: &str, glob: &str, expected: [&str; 4]) {
        let glob = pattern(glob);
        let trimmed = [
            glob.without_prefix(value, Extent::Shortest, &mut StepBudget::default()),
            glob.without_prefix(value, Extent::Longest, &mut StepBudget::default()),
            glob.without_suffix(value, Extent::Shortest, &mut StepBudget::default()),
            glob.without_suffix(value, Extent::Longest, &mut StepBudget::default()),
        ];
        assert_eq!(trimmed.map(|text| text.expect("few steps")), expected, "{value} {glob:?}");
    }

    #[test]
    fn matching_prefixes_and_suffixes_are_removed() {
        check_trim("aXbXc", "*X", ["bXc", "c", "aXbXc", "aXbXc"]);
        check_trim("aXbXc", "X*", ["aXbXc", "aXbXc", "aXb", "a"]);
        check_trim("abc", "?", ["bc", "bc", "ab", "ab"]);
        check_trim("abc", "*", ["abc", "", "abc", ""]);
        check_trim("abc", "", ["abc"; 4]);
        check_trim("a*b*c", "a\\*", ["b*c", "b*c", "a*b*c", "a*b*c"]);
        check_trim("été", "?t", ["é", "é", "été", "été"]);
        check_trim("a\nb", "*b", ["a\nb", "a\nb", "a\n", "a\n"]);
    }

    #[track_caller]
    fn check_replace(value: &str, glob: &str, first: &str, all: &str) {
        let glob = pattern(glob);
        let replaced = [false, true].map(|all| glob.replace(value, "_", all, &mut StepBudget::default()));
        assert_eq!(replaced.map(|text| text.expect("few steps")), [first, all], "{value} {glob:?}");
    }

    #[test]
    fn matches_are_replaced() {
        check_replace("a-b-c", "-", "a_b-c", "a_b_c");
        check_replace("foo.bar.baz", ".b??", "foo_.baz", "foo__");
        check_replace("one-two", "t*", "one-_", "one-_");
        check_replace("abc", "*", "_", "_");
        check_replace("abc", "", "_abc", "_a_b_c_");
        check_replace("aab", "a*b", "_", "_");
        check_replace("aaa", "b", "aaa", "aaa");
        check_replace("", "x", "", "");
        check_replace("", "*", "_", "_");
        check_replace("a/b", "\\/", "a_b", "a_b");
        check_replace("abcabc", "b*", "a_", "a_");
    }

    #[test]
    fn a_backslash_before_an_ordinary_character_is_an_error() {
        assert!(Pattern::parse("\\a").is_err());
        assert!(Pattern::parse("a\\").is_err());
    }

    #[test]
    fn matching_takes_text_length_times_pattern_length_steps() {
        let text = "a".repeat(10_000);
        let glob = pattern(&("a*".repeat(20) + "b"));
        let mut steps = StepBudget::new(text.len() * (glob.atoms.len() + 1));
        assert_eq!(glob.replace(&text, "", true, &mut steps).as_deref(), Ok(text.as_str()));
        steps.take(1).expect_err("all steps are used");
    }

    #[test]
    fn an_exhausted_budget_is_an_error() {
        pattern("a*b").replace("aaa", "", true, &mut StepBudget::new(1)).expect_err("too few steps");
    }
}
