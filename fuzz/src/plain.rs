//! A simple matcher for globs, with which the matchers of dsbuild are compared.
//!
//! It fills a table with a row for each part of the glob and a column for each position in the text.

/// A part of a glob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Atom<A> {
    /// Matches exactly one character of `A`.
    One(A),
    /// Matches any number of characters of `A`.
    Many(A),
    /// Matches the same as these atoms, or nothing.
    Maybe(Vec<Atom<A>>),
    /// Matches the empty text at the start.
    Start,
}

/// Returns for each length whether `glob` matches the prefix of `text` that has this length.
///
/// `takes` reports whether a character belongs to the `A` of an atom.
pub fn prefixes<A, C: Copy>(glob: &[Atom<A>], text: &[C], takes: &dyn Fn(&A, C) -> bool) -> Vec<bool> {
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    rows(reached, glob, text, takes)
}

/// Reports whether `glob` matches all of `text`.
pub fn matches<A, C: Copy>(glob: &[Atom<A>], text: &[C], takes: &dyn Fn(&A, C) -> bool) -> bool {
    prefixes(glob, text, takes)[text.len()]
}

/// Advances over several atoms: `reached` has the positions in `text` that a match of the atoms before has reached.
fn rows<A, C: Copy>(
    reached: Vec<bool>,
    glob: &[Atom<A>],
    text: &[C],
    takes: &dyn Fn(&A, C) -> bool,
) -> Vec<bool> {
    glob.iter().fold(reached, |reached, atom| row(reached, atom, text, takes))
}

/// Advances over one atom, from the positions in `reached`.
fn row<A, C: Copy>(
    mut reached: Vec<bool>,
    atom: &Atom<A>,
    text: &[C],
    takes: &dyn Fn(&A, C) -> bool,
) -> Vec<bool> {
    match atom {
        Atom::One(one) => {
            let took = |at: usize| reached[at] && takes(one, text[at]);
            std::iter::once(false).chain((0..text.len()).map(took)).collect()
        }
        Atom::Many(any) => {
            for at in 0..text.len() {
                reached[at + 1] |= reached[at] && takes(any, text[at]);
            }
            reached
        }
        Atom::Maybe(atoms) => {
            let inside = rows(reached.clone(), atoms, text, takes);
            reached.iter().zip(inside).map(|(without, with)| *without || with).collect()
        }
        Atom::Start => {
            reached[1..].fill(false);
            reached
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(glob: &[Atom<char>], text: &str, expected: bool) {
        let text: Vec<char> = text.chars().collect();
        assert_eq!(matches(glob, &text, &|atom, c| *atom == c), expected, "{text:?}");
    }

    #[test]
    fn many_matches_any_number_of_characters() {
        let glob = [Atom::One('a'), Atom::Many('b'), Atom::One('b')];
        check(&glob, "ab", true);
        check(&glob, "abbb", true);
        check(&glob, "a", false);
        check(&glob, "", false);
        check(&glob, "abcb", false);
        check(&glob, "abba", false);
    }

    #[test]
    fn all_matching_prefixes_are_found() {
        let glob = [Atom::One('a'), Atom::Many('b'), Atom::One('b')];
        let lengths = prefixes(&glob, &['a', 'b', 'b'], &|atom, c| *atom == c);
        assert_eq!(lengths, [false, false, true, true]);
    }

    #[test]
    fn a_group_is_optional() {
        let glob = [Atom::Maybe(vec![Atom::Many('a'), Atom::One('/')]), Atom::One('b')];
        check(&glob, "b", true);
        check(&glob, "/b", true);
        check(&glob, "aa/b", true);
        check(&glob, "aab", false);
    }

    #[test]
    fn start_matches_only_at_the_start() {
        check(&[Atom::Start, Atom::One('a')], "a", true);
        check(&[Atom::Many('a'), Atom::Start, Atom::One('a')], "aa", false);
    }
}
