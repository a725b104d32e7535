//! Ignore files: which paths their patterns match, and where a walk need not look.
//!
//! The input is a path, then the file.

mod glob;

use patterns::{Matched, Patterns, glob as wildcards, parse_lines};

use crate::SEPARATOR;
use glob::Glob;

/// - A pattern is wrong by itself, not for what stands beside it.
/// - A pattern matches what the obvious way matches. So do the wildcards of COPY.
/// - Without exceptions, a path is ignored that a pattern matches, or a directory above it.
/// - A walk that looks where it is told to finds what a look at every path finds.
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
    let good: Vec<String> = lines.iter().filter(|line| check_pattern(line, &path)).cloned().collect();
    let patterns = Patterns::new(&good).expect("each is good by itself");
    assert_eq!(Patterns::new(&lines).is_ok(), good.len() == lines.len());
    check_list(&good, &patterns, &path);
    check_walk(&patterns, &path);
}

/// Relative, elements separated by single slashes; never empty.
fn path(bytes: &[u8]) -> Vec<u8> {
    let elements = bytes.split(|byte| *byte == b'/').filter(|element| !element.is_empty());
    let path = elements.collect::<Vec<_>>().join(&b'/');
    if path.is_empty() { b"a".to_vec() } else { path }
}

/// Each directory above `path`, from the root down, and `path` itself.
fn and_above(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    let ends = (0..path.len()).filter(|at| path[*at] == b'/').chain([path.len()]);
    ends.map(|end| &path[..end]).collect::<Vec<_>>().into_iter()
}

/// Whether an entry is a good pattern; if it is, it is compared with the obvious way.
fn check_pattern(line: &str, path: &[u8]) -> bool {
    check_wildcards(line, path);
    if Patterns::new(&[line]).is_err() {
        return false;
    }
    let text = line.strip_prefix('!').unwrap_or(line);
    if is_plain(text)
        && let Some(glob) = Glob::of_ignore(text)
    {
        let patterns = Patterns::new(&[text]).expect("it is as good as with an exclamation mark");
        let (is_matched, _) = patterns.matches(path, &Matched::default());
        assert_eq!(is_matched, glob.matches(path), "{text:?} on \"{}\": {glob:?}", path.escape_ascii());
    }
    true
}

/// Whether a pattern is read as it stands: nothing is cleaned away, and no exclamation mark is left.
fn is_plain(text: &str) -> bool {
    let is_name = |element| !matches!(element, "" | "." | "..");
    !text.starts_with('!') && text.trim() == text && text.split('/').all(is_name)
}

/// Go's `filepath.Match`.
fn check_wildcards(text: &str, path: &[u8]) {
    let result = wildcards::matches(text, path);
    assert_eq!(result.is_err(), wildcards::check(text).is_err(), "{text:?} is wrong on some names only");
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
    let is_ignored = walk(patterns, path);
    let with = |last: &str| {
        let all: Vec<&str> = lines.iter().map(String::as_str).chain([last]).collect();
        walk(&Patterns::new(&all).expect("one more good one"), path)
    };
    assert!(with("**"), "what comes last decides");
    assert!(!with("!**"), "what comes last decides");
    if !patterns.has_exceptions() {
        let is_hit = |line: &String| {
            let single = Patterns::new(&[line]).expect("it is good");
            and_above(path).any(|above| single.matches(above, &Matched::default()).0)
        };
        assert_eq!(is_ignored, lines.iter().any(is_hit), "{lines:?}");
    }
}

/// Whether `path` is ignored, looked at after each directory above it.
fn walk(patterns: &Patterns, path: &[u8]) -> bool {
    let start = (false, Matched::default());
    and_above(path).fold(start, |(_, parent), above| patterns.matches(above, &parent)).0
}

/// Below a directory that is ignored something may be taken back in, below another something may be ignored.
fn check_walk(patterns: &Patterns, path: &[u8]) {
    let is_ignored = walk(patterns, path);
    for above in and_above(path).filter(|above| *above != path) {
        if walk(patterns, above) != is_ignored {
            let may_change = patterns.may_match_below(above, !is_ignored);
            assert!(may_change, "\"{}\" is told to hold nothing", above.escape_ascii());
        }
    }
}
