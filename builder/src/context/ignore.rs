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

use super::automaton::Automaton;
use super::pattern::{self, BadPattern};

/// The longest line of an ignore file: Go's scanner stops there too.
const LONGEST_LINE_BYTES: usize = 64 * 1024;

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

#[derive(Debug, Clone)]
enum Form {
    Exact(Vec<u8>),
    Prefix(Vec<u8>),
    Suffix(Vec<u8>),
    /// `ends_in`: what every match ends in, as text; looked at first, as it costs little.
    Expression {
        automaton: Automaton,
        ends_in: Vec<u8>,
    },
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
            pattern::check(text).map_err(syntax)?;
            list.has_exceptions |= exception;
            list.patterns.push(Pattern {
                exception,
                fixed: fixed_start(text),
                form: form(text).map_err(syntax)?,
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

impl Form {
    fn matches(&self, path: &[u8]) -> bool {
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

/// A line of an ignore file that has a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Which line, from 1.
    pub number: u32,
    /// As written, but for blanks around it.
    pub written: String,
    /// What it means: the path cleaned and relative to the root.
    pub pattern: String,
}

/// The lines of an ignore file, comments and blank ones left out.
///
/// Source: moby/patternmatcher, `ignorefile/ignorefile.go`.
pub fn parse(bytes: &[u8]) -> Result<Vec<Line>, LineTooLong> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut lines = Vec::new();
    for (line, number) in bytes.split(|&byte| byte == b'\n').zip(1..) {
        if line.len() >= LONGEST_LINE_BYTES {
            return Err(LineTooLong { line: number });
        }
        let text = String::from_utf8_lossy(line);
        let written = || text.trim().to_owned();
        lines.extend(parse_line(&text).map(|pattern| Line { number, written: written(), pattern }));
    }
    Ok(lines)
}

/// A line that no one wrote by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is too long")]
pub struct LineTooLong {
    /// Which line, from 1.
    pub line: u32,
}

fn parse_line(line: &str) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let line = line.trim();
    let (negation, rest) = line.strip_prefix('!').map_or(("", line), |rest| ("!", rest.trim()));
    if rest.is_empty() {
        return (!negation.is_empty()).then(|| negation.to_owned());
    }
    let clean = clean(rest);
    let relative = clean.strip_prefix('/').filter(|rest| !rest.is_empty()).unwrap_or(&clean);
    Some(format!("{negation}{relative}"))
}

/// Go's `path.Clean`: no `.`, no doubled or trailing slash, `..` takes its parent away. Never empty.
pub(crate) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut elements: Vec<&str> = Vec::new();
    for element in path.split('/') {
        match element {
            "" | "." => {}
            ".." if elements.last().is_some_and(|&last| last != "..") => drop(elements.pop()),
            ".." if rooted => {}
            other => elements.push(other),
        }
    }
    let joined = elements.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// The text before the first character that means something. U+FFFD does: it matches any byte that is no UTF-8.
fn fixed_start(pattern: &str) -> Vec<u8> {
    let end = pattern.find(['*', '?', '[', '\\', '^', char::REPLACEMENT_CHARACTER]);
    pattern[..end.unwrap_or(pattern.len())].into()
}

/// The text after the last character that means something.
fn fixed_end(pattern: &str) -> Vec<u8> {
    let special = |c| matches!(c, '*' | '?' | '[' | ']' | '\\' | '^' | char::REPLACEMENT_CHARACTER);
    let tail = pattern.rsplit(special).next().unwrap_or_default();
    let start = pattern.len() - tail.len();
    // A character after a backslash is part of an escape; a slash after "**" may match nothing.
    match pattern[..start].bytes().last() {
        Some(b'\\') => Vec::new(),
        Some(b'*') => tail.strip_prefix('/').unwrap_or(tail).into(),
        _ => tail.into(),
    }
}

/// Reads a pattern, as moby/patternmatcher's `compile` does.
fn form(pattern: &str) -> Result<Form, BadPattern> {
    let translated = translate(pattern);
    Ok(match translated.kind {
        TextKind::Exact => Form::Exact(pattern.into()),
        TextKind::Prefix => Form::Prefix(pattern[..pattern.len() - 2].into()),
        TextKind::Suffix => Form::Suffix(pattern[2..].into()),
        TextKind::Expression => Form::Expression {
            automaton: Automaton::new(&translated.expression)?,
            ends_in: fixed_end(pattern),
        },
    })
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

    /// `**`, with or without a slash behind it.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Matches a path the way a walk does: directory by directory.
    fn walk(patterns: &[&str], path: &str) -> bool {
        let patterns = Patterns::new(patterns).expect("good patterns");
        let mut parent = Matched::default();
        let mut matched = false;
        for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
            (matched, parent) = patterns.matches(&path.as_bytes()[..end], &parent);
        }
        matched
    }

    #[track_caller]
    fn check(pattern: &str, path: &str, expected: bool) {
        assert_eq!(walk(&[pattern], path), expected, "{pattern:?} on {path:?}");
    }

    #[test]
    fn one_pattern() {
        for (pattern, path, expected) in [
            ("**", "file", true),
            ("**", "file/", true),
            ("**/", "file", true),
            ("**", "/", true),
            ("**", "dir/file", true),
            ("**/", "dir/file", true),
            ("**/**", "dir/file", true),
            ("dir/**", "dir/file", true),
            ("dir/**", "dir/dir2/file", true),
            ("dir/**", "dir", false),
            ("**/dir", "dir", true),
            ("**/dir", "dir/file", true),
            ("**/dir2/*", "dir/dir2/file", true),
            ("**/dir2/**", "dir/dir2/dir2/file", true),
            ("**file", "file", true),
            ("**file", "dir/file", true),
            ("**file", "myfile", true),
            ("**/file", "dir/file", true),
            ("**/file", "dir/dir/file", true),
            ("**/file", "myfile", false),
            ("**/file*", "dir/dir/file", true),
            ("**/file*", "dir/dir/file.txt", true),
            ("**/file*txt", "dir/dir/file.txt", true),
            ("**/file*.txt", "dir/dir/file.txt", true),
            ("**/file*.txt*", "dir/dir/file.txt", true),
            ("**/**/*.txt", "dir/dir/file.txt", true),
            ("**/**/*.txt2", "dir/dir/file.txt", false),
            ("**/*.txt", "file.txt", true),
            ("**/**/*.txt", "file.txt", true),
            ("a**/*.txt", "a/file.txt", true),
            ("a**/*.txt", "a/dir/file.txt", true),
            ("a**/*.txt", "a/dir/dir/file.txt", true),
            ("a/*.txt", "a/dir/file.txt", false),
            ("a/*.txt", "a/file.txt", true),
            ("a[b-d]e", "ae", false),
            ("a[b-d]e", "ace", true),
            ("a[b-d]e", "aae", false),
            ("a[^b-d]e", "aze", true),
            (".*", ".foo", true),
            (".*", "foo", false),
            ("abc.def", "abcdef", false),
            ("abc.def", "abc.def", true),
            ("abc.def", "abcZdef", false),
            ("abc?def", "abcZdef", true),
            ("abc?def", "abcdef", false),
            ("a\\\\", "a\\", true),
            ("a\\b", "ab", false),
            ("a\\b", "ac", false),
            ("a\\b", "a", true),
            ("**/foo/bar", "foo/bar", true),
            ("**/foo/bar", "dir/foo/bar", true),
            ("**/foo/bar", "dir/dir2/foo/bar", true),
            ("abc/**", "abc", false),
            ("abc/**", "abc/def", true),
            ("abc/**", "abc/def/ghi", true),
            ("**/.foo", ".foo", true),
            ("**/.foo", "bar.foo", false),
            ("./bar.*", "bar.foo", true),
            ("a(b)c/def", "a(b)c/def", true),
            ("a(b)c/def", "a(b)c/xyz", false),
            ("a.|)$(}+{bc", "a.|)$(}+{bc", true),
            (
                "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
                "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
                true,
            ),
            ("dist/*.whl", "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl", true),
            // Forms that are prefixes and suffixes of the text.
            ("abc**", "abcdef", true),
            ("abc**", "abcdef/x", true),
            ("abc**", "xabc", false),
            ("**.o", "a.o", true),
            ("**.o", "d/a.o", true),
            ("**.o", "a.oo", false),
            ("**/x/y", "ax/y", false),
            // A double star in the middle ends at a slash.
            ("a**b", "ab", true),
            ("a**b", "a/b", true),
            ("a**b", "ax/b", true),
            ("a**b", "axb", false),
            ("a/**/z", "a/z", true),
            ("a/**/z", "a/b/c/z", true),
            ("a/**/z", "az", false),
            ("a*/**", "ab/c", true),
            ("a*/**", "ab", false),
            ("x/**/*.js", "x/a.js", true),
            ("x/**/*.js", "x/y/a.js", true),
            // Elements and letters.
            ("*", "a", true),
            ("*", "a/b", true),
            ("*/b", "a/b", true),
            ("*/b", "b", false),
            ("*/b", "a/c/b", false),
            ("?", "é", true),
            ("??", "é", false),
            ("[é]", "é", true),
            ("README", "readme", false),
            ("a b", "a b", true),
            ("/a", "a", false),
            ("../a", "a", false),
            (".", "a", false),
            ("a/", "a", true),
            ("a//b", "a/b", true),
            ("b/../a", "a", true),
            // Escapes reach Go's regular expressions.
            ("\\!bang", "!bang", true),
            ("lit\\*", "lit*", true),
            ("lit\\*", "literal", false),
            ("\\d", "7", true),
            ("\\d", "d", false),
            ("\\w\\w", "a_", true),
            ("x\\.y", "x.y", true),
            ("x\\.y", "xzy", false),
            ("[\\]]", "]", true),
            ("[!b]", "!", true),
            ("[!b]", "a", false),
            // Stars in a class are rewritten like others.
            ("[*]", "*", false),
            ("[*]", "[]", true),
            ("[*]", "]", true),
            ("a^b*", "a^b", false),
            ("a^b", "a^b", true),
            ("{a,b}", "a", false),
            ("{a,b}", "{a,b}", true),
        ] {
            check(pattern, path, expected);
        }
    }

    #[test]
    fn several_patterns() {
        for (patterns, path, expected) in [
            (&["**", "!util/docker/web"][..], "util/docker/web/foo", false),
            (&["**", "!util/docker/web", "util/docker/web/foo"], "util/docker/web/foo", true),
            (&["**", "!dist/proxy.py-2.4.0*"], "dist/proxy.py-2.4.0-any.whl", false),
            (&["**", "!dist/*.whl"], "dist/proxy.whl", false),
            (&["*.md", "!README*.md", "README-secret.md"], "README-secret.md", true),
            (&["*.md", "!README*.md", "README-secret.md"], "README.md", false),
            (&["!a.md", "*.md"], "a.md", true),
            (&["docs", "!docs/README.md"], "docs/README.md", false),
            (&["docs", "!docs/README.md"], "docs/x", true),
            (&["docs/**", "!docs/"], "docs/x", true),
            (&["docs", "!docs"], "docs/x", false),
            (&["**", "!**/keep.me"], "a/b/keep.me", false),
            (&["**", "!**/keep.me"], "a/b/other", true),
            (&["a", "!a/b", "a/b/c"], "a/b/c/d", true),
            (&["a", "!a/b", "a/b/c"], "a/b/d", false),
            (&["", "  "], "a", false),
        ] {
            assert_eq!(walk(patterns, path), expected, "{patterns:?} on {path:?}");
        }
    }

    #[test]
    fn refused() {
        let refused = |pattern: &str| Patterns::new(&[pattern]).expect_err(pattern).to_string();
        assert_eq!(refused("!"), "illegal exclusion pattern: \"!\"");
        assert_eq!(refused("[a-"), "[a-: syntax error in pattern");
        for pattern in ["[", "[^", "[^]", "a\\", "[x-]", "[-x]", "[a-b-c]", "!\\", "\\q"] {
            assert!(Patterns::new(&[pattern]).is_err(), "{pattern}");
        }
    }

    #[test]
    fn lines() {
        let text = "\u{feff}# comment\n\n  spaced  \r\n #not a comment\n!neg\n! neg2 \n/abs\n!/abs\n./x/../y/\n/\n.\n!\na//b\n\\#x";
        let expected =
            ["spaced", "#not a comment", "!neg", "!neg2", "abs", "!abs", "y", "/", ".", "!", "a/b", "\\#x"];
        let lines = parse(text.as_bytes()).expect("short lines");
        let patterns: Vec<&str> = lines.iter().map(|line| line.pattern.as_str()).collect();
        assert_eq!(patterns, expected);
        let places: Vec<(u32, &str)> =
            lines.iter().map(|line| (line.number, line.written.as_str())).collect();
        assert_eq!(places[..3], [(3, "spaced"), (4, "#not a comment"), (5, "!neg")]);
        assert_eq!(parse(&[b'a'; LONGEST_LINE_BYTES]), Err(LineTooLong { line: 1 }));
    }

    #[test]
    fn the_last_word_is_known() {
        let patterns =
            Patterns::new(&["vendor", "*.md", "!vendor/good", "!README.md"]).expect("good patterns");
        let decide = |path: &str, parent: &Matched| patterns.decide(path.as_bytes(), parent);
        let decided = |pattern, exception, inherited| Some(Decision { pattern, exception, inherited });
        let (vendor, below) = decide("vendor", &Matched::default());
        assert_eq!(vendor, decided(0, false, false));
        assert_eq!(decide("vendor/bad", &below).0, decided(0, false, true));
        let (good, below) = decide("vendor/good", &below);
        assert_eq!(good, decided(2, true, false));
        assert_eq!(decide("vendor/good/a", &below).0, decided(2, true, true));
        assert_eq!(decide("README.md", &Matched::default()).0, decided(3, true, false));
        assert_eq!(decide("a.md", &Matched::default()).0, decided(1, false, false));
        assert_eq!(decide("src", &Matched::default()).0, None);
    }

    #[test]
    fn where_a_walk_must_look() {
        let patterns = Patterns::new(&["vendor", "!vendor/good", "!deep/*/x"]).expect("good patterns");
        for (dir, expected) in
            [("vendor", true), ("vendor/good", true), ("vendor/good/x", true), ("vendor/bad", false)]
        {
            assert_eq!(patterns.may_match_below(dir.as_bytes(), true), expected, "{dir}");
        }
        for (dir, expected) in [("deep", true), ("deep/any", true), ("deeper", false), ("other", false)] {
            assert_eq!(patterns.may_match_below(dir.as_bytes(), true), expected, "{dir}");
        }
        let includes = Patterns::new(&["src/**/*.c"]).expect("good patterns");
        assert!(includes.may_match_below(b"src", false));
        assert!(!includes.may_match_below(b"doc", false));
        assert!(!includes.may_match_below(b"src", true));
    }

    /// Found by fuzzing: the walk was told to look for the three bytes of U+FFFD itself.
    #[test]
    fn what_is_not_utf8_is_matched_by_any_such_byte() {
        let lines = parse(b"\xc2,/]*\n?/x\xc2").expect("short lines");
        let patterns: Vec<&str> = lines.iter().map(|line| line.pattern.as_str()).collect();
        let patterns = Patterns::new(&patterns).expect("good patterns");
        assert!(patterns.matches(b"\xc2,/]x", &Matched::default()).0);
        assert!(patterns.may_match_below(b"\xc2,", false));
        assert!(patterns.matches(b"y/x\xc2", &Matched::default()).0);
    }

    #[test]
    fn cleaned() {
        for (path, expected) in [
            ("", "."),
            ("a/b/../c", "a/c"),
            ("/..", "/"),
            ("../a", "../a"),
            ("a/../..", ".."),
            ("//a//", "/a"),
            ("./", "."),
        ] {
            assert_eq!(clean(path), expected, "{path}");
        }
    }

    #[test]
    fn hostile_patterns_are_fast() {
        let pattern = "a*".repeat(200) + "b?";
        let list = Patterns::new(&[pattern.as_str(), &("**/a".repeat(100) + "?")]).expect("good patterns");
        assert!(!list.matches("a".repeat(2000).as_bytes(), &Matched::default()).0);
    }

    /// Matches by trying everything: slow, and plain to see.
    fn plain(pattern: &[u8], path: &[u8]) -> bool {
        let after_each = |rest: &[u8], may_stop: &dyn Fn(usize) -> bool| {
            (0..=path.len()).filter(|&taken| may_stop(taken)).any(|taken| plain(rest, &path[taken..]))
        };
        match pattern {
            [] => path.is_empty(),
            [b'*', b'*', b'/'] | [b'*', b'*'] => true,
            [b'*', b'*', b'/', rest @ ..] | [b'*', b'*', rest @ ..] => {
                after_each(rest, &|taken| taken == 0 || path[taken - 1] == b'/')
            }
            [b'*', rest @ ..] => after_each(rest, &|taken| !path[..taken].contains(&b'/')),
            [b'?', rest @ ..] => path.first().is_some_and(|&byte| byte != b'/') && plain(rest, &path[1..]),
            [literal, rest @ ..] => path.first() == Some(literal) && plain(rest, &path[1..]),
        }
    }

    /// Backtracking would not come to an end: it has 40 choose 15 ways through each of these names.
    #[test]
    fn many_stars_take_no_more_than_linear_time() {
        let stars = "*a".repeat(15);
        for (pattern, matches) in [(format!("{stars}*"), true), (format!("**/**/**/{stars}*b"), false)] {
            let patterns = Patterns::new(&[&pattern]).expect("good patterns");
            for number in 0..500 {
                let name = format!("{}{number}b.txt", "a".repeat(40));
                assert_eq!(patterns.matches(name.as_bytes(), &Matched::default()).0, matches, "{pattern}");
                assert_eq!(pattern::matches(&format!("{stars}*b"), name.as_bytes()), Ok(false));
            }
        }
    }

    proptest! {
        #[test]
        fn never_panics(pattern in "[!a-c*?\\[\\]^\\\\/.é:-]{0,14}", path in "[a-c./é]{0,12}") {
            if let Ok(patterns) = Patterns::new(&[&pattern]) {
                patterns.matches(path.as_bytes(), &Matched::default());
                patterns.may_match_below(path.as_bytes(), true);
            }
        }

        #[test]
        fn like_a_plain_matcher(pattern in "[ab]{0,2}(\\*{1,2}|\\?|/|[ab]){1,6}", path in "[ab]{1,3}(/[ab]{1,3}){0,3}") {
            // Without stars in front the forms that are no expressions agree with it too, but for prefixes and suffixes.
            let clean = clean(&pattern);
            prop_assume!(!clean.starts_with("**") && !clean.starts_with('/'));
            let patterns = Patterns::new(&[&clean]).expect("no classes");
            let plain = plain(clean.as_bytes(), path.as_bytes());
            prop_assert_eq!(patterns.matches(path.as_bytes(), &Matched::default()).0, plain, "{} on {}", clean, path);
        }

        #[test]
        fn a_walk_is_never_cut_too_early(pattern in "[ab*?/]{1,8}", path in "[ab]{1,2}(/[ab]{1,2}){1,3}") {
            let list = [format!("!{pattern}"), pattern];
            let patterns = Patterns::new(&list[1..]).expect("no classes");
            let mut parent = Matched::default();
            for (end, _) in path.match_indices('/') {
                let dir = &path.as_bytes()[..end];
                parent = patterns.matches(dir, &parent).1;
                if patterns.matches(path.as_bytes(), &parent).0 || patterns.matches(path.as_bytes(), &Matched::default()).0 {
                    prop_assert!(patterns.may_match_below(dir, false), "{:?} {}", dir, path);
                }
            }
        }
    }
}
