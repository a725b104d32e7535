//! Regular expressions behind ignore patterns, matched in linear time.
//!
//! moby/patternmatcher translates each pattern to a Go regular expression, and parts of the meaning of patterns are accidents
//! of that (`[*]`, `\d`). Therefore [`super::pattern_form`] makes the same text, and this module reads it as Go does, as far as such
//! texts go: literals, escapes, classes, `.`, a postfix `*`, and the group `(.*/)?`; anchored at both ends.
//!
//! Invariant: matching takes at most (length of the pattern) × (length of the name) steps, because all paths through the
//! automaton are followed at once (Thompson). The module knows nothing of files.

use super::glob::{BadPattern, split_rune};

/// Group that matches nothing, or a path that ends in a slash.
const ANY_DIRECTORIES: &str = "(.*/)?";

/// A regular expression, compiled to a program.
#[derive(Debug, Clone)]
pub(super) struct Automaton {
    program: Vec<Step>,
}

/// An instruction of the program.
#[derive(Debug, Clone)]
enum Step {
    /// Consumes one character of the class.
    Take(Class),
    /// Continues at both of these steps.
    Split(usize, usize),
    Jump(usize),
    /// Passes at the start of the name only: a `^` in the pattern.
    Start,
    /// Passes at the start or end of a word (`\b`) if true, and anywhere else (`\B`) if false.
    Boundary(bool),
    Done,
}

/// A set of characters.
#[derive(Debug, Clone)]
struct Class {
    negated: bool,
    ranges: Vec<(u32, u32)>,
}

impl Class {
    fn one(rune: char) -> Self {
        Self { negated: false, ranges: vec![(rune.into(), rune.into())] }
    }

    /// Returns the class of Go's `.`: any character but a line feed.
    fn dot() -> Self {
        Self { negated: true, ranges: vec![(u32::from(b'\n'), u32::from(b'\n'))] }
    }

    fn contains(&self, rune: u32) -> bool {
        self.ranges.iter().any(|&(low, high)| low <= rune && rune <= high) != self.negated
    }
}

impl Automaton {
    /// Compiles an expression, which is anchored at both ends implicitly.
    pub(super) fn new(expression: &str) -> Result<Self, BadPattern> {
        let mut program = Vec::new();
        let mut rest = expression;
        while let Some(first) = rest.chars().next() {
            rest = match rest.strip_prefix(ANY_DIRECTORIES) {
                Some(after) => {
                    any_directories(&mut program);
                    // Several in a row match what one does, since `.` matches slashes, too, but cost more.
                    after.trim_start_matches(ANY_DIRECTORIES)
                }
                None => piece(first, &rest[first.len_utf8()..], &mut program)?,
            };
        }
        program.push(Step::Done);
        Ok(Self { program })
    }

    /// Reports whether the expression matches all of `name`.
    pub(super) fn matches(&self, name: &[u8]) -> bool {
        let mut now = States::new(self.program.len());
        let mut next = States::new(self.program.len());
        let first = |bytes| split_rune(bytes).map(|(rune, _)| rune);
        self.follow(0, Position { before: None, after: first(name) }, &mut now);
        let mut rest = name;
        while let Some((rune, after)) = split_rune(rest) {
            let position = Position { before: Some(rune), after: first(after) };
            for &at in &now.list {
                if matches!(&self.program[at], Step::Take(class) if class.contains(rune)) {
                    self.follow(at + 1, position, &mut next);
                }
            }
            std::mem::swap(&mut now, &mut next);
            next.clear();
            if now.list.is_empty() {
                return false;
            }
            rest = after;
        }
        now.list.iter().any(|&at| matches!(self.program[at], Step::Done))
    }

    /// Adds the steps that are reached from `at` without consuming a character.
    fn follow(&self, at: usize, position: Position, states: &mut States) {
        states.pending.push(at);
        while let Some(at) = states.pending.pop() {
            match self.program[at] {
                _ if states.seen[at] => {}
                Step::Take(_) | Step::Done => states.list.push(at),
                Step::Jump(to) => states.pending.push(to),
                Step::Split(one, other) => states.pending.extend([one, other]),
                Step::Start if position.before.is_none() => states.pending.push(at + 1),
                Step::Boundary(expected) if position.is_boundary() == expected => states.pending.push(at + 1),
                Step::Start | Step::Boundary(_) => {}
            }
            states.seen[at] = true;
        }
    }
}

/// Position in the name, between two characters.
#[derive(Clone, Copy)]
struct Position {
    before: Option<u32>,
    after: Option<u32>,
}

impl Position {
    fn is_boundary(self) -> bool {
        let is_word = |rune: Option<u32>| {
            rune.and_then(char::from_u32).is_some_and(|rune| rune.is_ascii_alphanumeric() || rune == '_')
        };
        is_word(self.before) != is_word(self.after)
    }
}

/// Steps of the program that have been reached, each once.
struct States {
    list: Vec<usize>,
    seen: Vec<bool>,
    /// Buffer of [`Automaton::follow`], which is called for every character.
    pending: Vec<usize>,
}

impl States {
    fn new(steps: usize) -> Self {
        Self { list: Vec::new(), seen: vec![false; steps], pending: Vec::new() }
    }

    fn clear(&mut self) {
        self.list.clear();
        self.seen.fill(false);
    }
}

/// Adds the steps of [`ANY_DIRECTORIES`] to the program.
fn any_directories(program: &mut Vec<Step>) {
    let at = program.len();
    program.push(Step::Split(at + 1, at + 5));
    program.push(Step::Split(at + 2, at + 4));
    program.push(Step::Take(Class::dot()));
    program.push(Step::Jump(at + 1));
    program.push(Step::Take(Class::one('/')));
}

/// Compiles one atom and the star behind it; returns the rest of the expression.
fn piece<'a>(first: char, rest: &'a str, program: &mut Vec<Step>) -> Result<&'a str, BadPattern> {
    let (class, rest) = match first {
        '^' => {
            program.push(Step::Start);
            return Ok(rest);
        }
        '\\' if rest.starts_with(['b', 'B']) => {
            program.push(Step::Boundary(rest.starts_with('b')));
            return Ok(&rest[1..]);
        }
        '.' => (Class::dot(), rest),
        '[' => class(rest)?,
        '\\' => escape(rest)?,
        '*' | '?' | '(' | ')' | '+' | '|' | '{' | '$' => return Err(BadPattern),
        literal => (Class::one(literal), rest),
    };
    match rest.strip_prefix('*') {
        Some(rest) => {
            let at = program.len();
            program.push(Step::Split(at + 1, at + 3));
            program.push(Step::Take(class));
            program.push(Step::Jump(at));
            Ok(rest)
        }
        None => {
            program.push(Step::Take(class));
            Ok(rest)
        }
    }
}

/// Parses the rest of an escape, behind its backslash, inside or outside a class.
fn escape(rest: &str) -> Result<(Class, &str), BadPattern> {
    let escaped = rest.chars().next().ok_or(BadPattern)?;
    let after = &rest[escaped.len_utf8()..];
    let (negated, ranges) = match escaped {
        'd' | 'D' => (escaped == 'D', vec![('0', '9')]),
        's' | 'S' => (escaped == 'S', vec![('\t', '\n'), ('\x0c', '\r'), (' ', ' ')]),
        'w' | 'W' => (escaped == 'W', vec![('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]),
        'a' => (false, vec![('\x07', '\x07')]),
        'f' => (false, vec![('\x0c', '\x0c')]),
        'n' => (false, vec![('\n', '\n')]),
        'r' => (false, vec![('\r', '\r')]),
        't' => (false, vec![('\t', '\t')]),
        'v' => (false, vec![('\x0b', '\x0b')]),
        other if other.is_ascii() && !other.is_ascii_alphanumeric() => (false, vec![(other, other)]),
        // Go has more escapes (\pL, \x41, \Q...\E), which do not occur in ignore files.
        _ => return Err(BadPattern),
    };
    let ranges = ranges.into_iter().map(|(low, high)| (u32::from(low), u32::from(high))).collect();
    Ok((Class { negated, ranges }, after))
}

/// Parses a class, behind its `[`.
fn class(text: &str) -> Result<(Class, &str), BadPattern> {
    let negated = text.starts_with('^');
    let mut rest = if negated { &text[1..] } else { text };
    let mut ranges = Vec::new();
    let mut first = true;
    while first || !rest.starts_with(']') {
        first = false;
        if let Some((named, after)) = named_class(rest)? {
            add_class(&mut ranges, named);
            rest = after;
            continue;
        }
        rest = class_range(rest, &mut ranges)?;
    }
    Ok((Class { negated, ranges }, &rest[1..]))
}

/// Parses one character, one range or one escape such as `\d` of a class.
fn class_range<'a>(text: &'a str, ranges: &mut Vec<(u32, u32)>) -> Result<&'a str, BadPattern> {
    let (low, rest) = class_atom(text)?;
    let single = (!low.negated && low.ranges.len() == 1 && low.ranges[0].0 == low.ranges[0].1)
        .then(|| low.ranges[0].0);
    let range_follows = rest.strip_prefix('-').filter(|after| !after.starts_with(']') && !after.is_empty());
    let (Some(low_rune), Some(after)) = (single, range_follows) else {
        add_class(ranges, low);
        return Ok(rest);
    };
    let (high, rest) = class_atom(after)?;
    match high.ranges[..] {
        [(high_rune, same)] if !high.negated && high_rune == same && low_rune <= high_rune => {
            ranges.push((low_rune, high_rune));
            Ok(rest)
        }
        _ => Err(BadPattern),
    }
}

fn class_atom(text: &str) -> Result<(Class, &str), BadPattern> {
    match text.strip_prefix('\\') {
        Some(rest) => escape(rest),
        None => {
            let rune = text.chars().next().ok_or(BadPattern)?;
            Ok((Class::one(rune), &text[rune.len_utf8()..]))
        }
    }
}

/// Parses a named class such as `[:alpha:]`, which stands inside a class; returns `None` for anything else.
fn named_class(text: &str) -> Result<Option<(Class, &str)>, BadPattern> {
    let Some((name, rest)) = text.strip_prefix("[:").and_then(|text| text.split_once(":]")) else {
        return Ok(None);
    };
    let (negated, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
    let ranges: &[(u8, u8)] = match name {
        "alnum" => &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')],
        "alpha" => &[(b'A', b'Z'), (b'a', b'z')],
        "ascii" => &[(0, 0x7f)],
        "blank" => &[(b'\t', b'\t'), (b' ', b' ')],
        "cntrl" => &[(0, 0x1f), (0x7f, 0x7f)],
        "digit" => &[(b'0', b'9')],
        "graph" => &[(b'!', b'~')],
        "lower" => &[(b'a', b'z')],
        "print" => &[(b' ', b'~')],
        "punct" => &[(b'!', b'/'), (b':', b'@'), (b'[', b'`'), (b'{', b'~')],
        "space" => &[(b'\t', b'\r'), (b' ', b' ')],
        "upper" => &[(b'A', b'Z')],
        "word" => &[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')],
        "xdigit" => &[(b'0', b'9'), (b'A', b'F'), (b'a', b'f')],
        _ => return Err(BadPattern),
    };
    let ranges = ranges.iter().map(|&(low, high)| (low.into(), high.into())).collect();
    Ok(Some((Class { negated, ranges }, rest)))
}

/// Adds a class to the ranges of another; of a negated class, the complement.
fn add_class(ranges: &mut Vec<(u32, u32)>, mut class: Class) {
    if !class.negated {
        return ranges.extend(class.ranges);
    }
    class.ranges.sort_unstable();
    let mut from = 0;
    for (low, high) in class.ranges {
        if from < low {
            ranges.push((from, low - 1));
        }
        from = from.max(high + 1);
    }
    ranges.push((from, u32::from(char::MAX)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expression: &str, name: &str, expected: bool) {
        let automaton = Automaton::new(expression).expect(expression);
        assert_eq!(automaton.matches(name.as_bytes()), expected, "{expression:?} on {name:?}");
    }

    #[test]
    fn expressions_match_as_in_go() {
        check("a[^/]*b", "axxb", true);
        check("a[^/]*b", "ax/b", false);
        check("(.*/)?x", "x", true);
        check("(.*/)?x", "a/b/x", true);
        check("(.*/)?x", "ax", false);
        check("(.*/)?x", "a\nb/x", false);
        check("a/.*", "a/", true);
        check("a/.*", "a/b/c", true);
        check("[[:digit:]_]", "_", true);
        check("[[:^digit:]]", "4", false);
        check("[\\d-]", "-", true);
        check("[\\D]", "7", false);
        check("[]x]", "]", true);
        check("[a-c]]", "b]", true);
        check("x]", "x]", true);
        check("^a", "a", true);
        check("a^b", "ab", false);
        check("\\d\\.\\w", "4._", true);
        check("a\\b", "a", true);
        check("a\\bb", "ab", false);
        check("a\\Bb", "ab", true);
        check("[^é]", "è", true);
    }

    #[test]
    fn repeated_directory_groups_match_as_one() {
        for name in ["x", "a/x", "a/b/x", "/x", "//x", "ax", "a/bx", "x/"] {
            let matches = |expression| Automaton::new(expression).expect("good").matches(name.as_bytes());
            assert_eq!(matches("(.*/)?(.*/)?(.*/)?x"), matches("(.*/)?x"), "{name}");
        }
        let steps = |expression| Automaton::new(expression).expect("good").program.len();
        assert_eq!(steps("a(.*/)?(.*/)?x"), steps("a(.*/)?x"));
    }

    #[test]
    fn expressions_with_errors_are_refused() {
        for expression in ["[a", "\\", "\\1", "\\q", "[z-a]", "[[:nope:]]", "\\é", "*", "[a-\\d]"] {
            assert!(Automaton::new(expression).is_err(), "{expression}");
        }
    }
}
