//! The obvious way to match a glob: short and slow, to compare with.

/// A part of a glob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Atom<A> {
    /// Takes one character.
    One(A),
    /// Takes any number of characters.
    Many(A),
    /// Takes what these take, or nothing.
    Maybe(Vec<Atom<A>>),
    /// Takes nothing, and only at the start.
    Start,
}

/// For each length, whether `glob` matches a prefix of `text` of this length.
///
/// `takes` says whether an atom takes a character. One row of the table for each atom.
pub fn prefixes<A, C: Copy>(glob: &[Atom<A>], text: &[C], takes: &dyn Fn(&A, C) -> bool) -> Vec<bool> {
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    rows(reached, glob, text, takes)
}

/// Whether `glob` matches all of `text`.
pub fn matches<A, C: Copy>(glob: &[Atom<A>], text: &[C], takes: &dyn Fn(&A, C) -> bool) -> bool {
    prefixes(glob, text, takes)[text.len()]
}

fn rows<A, C: Copy>(
    reached: Vec<bool>,
    glob: &[Atom<A>],
    text: &[C],
    takes: &dyn Fn(&A, C) -> bool,
) -> Vec<bool> {
    glob.iter().fold(reached, |reached, atom| row(reached, atom, text, takes))
}

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
    fn one_and_many() {
        let glob = [Atom::One('a'), Atom::Many('b'), Atom::One('b')];
        check(&glob, "ab", true);
        check(&glob, "abbb", true);
        check(&glob, "a", false);
        check(&glob, "", false);
        check(&glob, "abcb", false);
        check(&glob, "abba", false);
        let lengths = prefixes(&glob, &['a', 'b', 'b'], &|atom, c| *atom == c);
        assert_eq!(lengths, [false, false, true, true]);
    }

    #[test]
    fn groups_and_starts() {
        let glob = [Atom::Maybe(vec![Atom::Many('a'), Atom::One('/')]), Atom::One('b')];
        check(&glob, "b", true);
        check(&glob, "/b", true);
        check(&glob, "aa/b", true);
        check(&glob, "aab", false);
        check(&[Atom::Start, Atom::One('a')], "a", true);
        check(&[Atom::Many('a'), Atom::Start, Atom::One('a')], "aa", false);
    }
}
