//! Ignore files: the paths that their patterns match, and the directories that a walk can skip.
//!
//! The input has two parts: a path, and the file.

mod glob;

use patterns::{Matched, Patterns, glob as wildcards, parse_lines};

use crate::SEPARATOR;
use glob::Glob;

/// Checks these properties:
///
/// - A list of patterns is valid if each pattern is valid.
/// - A pattern, and a source of COPY with wildcards, matches the same paths as a simple matcher.
/// - Without exceptions, a path is ignored if a pattern matches it or a directory above it.
/// - A walk that skips the directories it is allowed to skip finds all files.
pub fn check(input: &[u8]) {
    let mut parts = input.splitn(2, |byte| *byte == SEPARATOR as u8);
    let path = path(parts.next().unwrap_or_default());
    let text = parts.next().unwrap_or_default();
    let Ok(lines) = parse_lines(text) else {
        assert!(text.len() >= 64 << 10, "no line is too long");
        return;
    };
    assert!(lines.iter().all(|line| !line.pattern.is_empty() && !line.written.is_empty()));
    assert!(lines.is_sorted_by(|one, next| 0 < one.number && one.number < next.number));
    let lines: Vec<String> = lines.into_iter().map(|line| line.pattern).collect();
    let valid: Vec<String> = lines.iter().filter(|line| check_pattern(line, &path)).cloned().collect();
    let patterns = Patterns::new(&valid).expect("each pattern is valid");
    assert_eq!(Patterns::new(&lines).is_ok(), valid.len() == lines.len());
    check_list(&valid, &patterns, &path);
    check_walk(&patterns, &path);
}

/// Converts `bytes` to a relative path that is not empty and has single slashes between its elements.
fn path(bytes: &[u8]) -> Vec<u8> {
    let elements = bytes.split(|byte| *byte == b'/').filter(|element| !element.is_empty());
    let path = elements.collect::<Vec<_>>().join(&b'/');
    if path.is_empty() { b"a".to_vec() } else { path }
}

/// Returns the directories above `path`, from the root down, and `path` itself.
fn ancestors(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    let ends = (0..path.len()).filter(|at| path[*at] == b'/').chain([path.len()]);
    ends.map(|end| &path[..end]).collect::<Vec<_>>().into_iter()
}

/// Compares a pattern with a simple matcher, and reports whether the pattern is valid.
fn check_pattern(line: &str, path: &[u8]) -> bool {
    check_wildcards(line, path);
    if Patterns::new(&[line]).is_err() {
        return false;
    }
    let text = line.strip_prefix('!').unwrap_or(line);
    if is_plain(text)
        && let Some(glob) = Glob::of_ignore(text)
    {
        let patterns = Patterns::new(&[text]).expect("the exclamation mark is no part of the pattern");
        let (is_matched, _) = patterns.matches(path, &Matched::default());
        assert_eq!(is_matched, glob.matches(path), "{text:?} on \"{}\": {glob:?}", path.escape_ascii());
    }
    true
}

/// Reports whether a pattern is used as written: it needs no cleaning and has no further exclamation mark.
fn is_plain(text: &str) -> bool {
    let is_name = |element| !matches!(element, "" | "." | "..");
    !text.starts_with('!') && text.trim() == text && text.split('/').all(is_name)
}

/// Compares the wildcards of COPY, those of Go's `filepath.Match`, with a simple matcher.
fn check_wildcards(text: &str, path: &[u8]) {
    let result = wildcards::matches(text, path);
    assert_eq!(result.is_err(), wildcards::check(text).is_err(), "{text:?} is invalid for some paths only");
    let Ok(is_matched) = result else { return };
    if let Some(glob) = Glob::of_match(text, path) {
        assert_eq!(is_matched, glob.matches(path), "{text:?} on \"{}\": {glob:?}", path.escape_ascii());
    }
    if !text.contains('\\') && !wildcards::has_wildcards(text) {
        assert_eq!(is_matched, text.as_bytes() == path);
    }
}

fn check_list(lines: &[String], patterns: &Patterns, path: &[u8]) {
    assert_eq!(patterns.is_empty(), lines.iter().all(|line| line.trim().is_empty()));
    let is_ignored = is_ignored_by(patterns, path);
    let with = |last: &str| {
        let all: Vec<&str> = lines.iter().map(String::as_str).chain([last]).collect();
        is_ignored_by(&Patterns::new(&all).expect("all patterns are valid"), path)
    };
    assert!(with("**"), "the last matching pattern decides");
    assert!(!with("!**"), "the last matching pattern decides");
    if !patterns.has_exceptions() {
        let is_match = |line: &String| {
            let single = Patterns::new(&[line]).expect("the pattern is valid");
            ancestors(path).any(|above| single.matches(above, &Matched::default()).0)
        };
        assert_eq!(is_ignored, lines.iter().any(is_match), "{lines:?}");
    }
}

/// Reports whether `path` is ignored, as a walk does it that has matched each directory above before.
fn is_ignored_by(patterns: &Patterns, path: &[u8]) -> bool {
    let start = (false, Matched::default());
    ancestors(path).fold(start, |(_, parent), above| patterns.matches(above, &parent)).0
}

/// Checks that a walk does not skip a directory below which `path` is treated differently from the directory.
fn check_walk(patterns: &Patterns, path: &[u8]) {
    let is_ignored = is_ignored_by(patterns, path);
    for above in ancestors(path).filter(|above| *above != path) {
        if is_ignored_by(patterns, above) != is_ignored {
            let can_differ = patterns.may_match_below(above, !is_ignored);
            assert!(can_differ, "a walk skips \"{}\"", above.escape_ascii());
        }
    }
}
