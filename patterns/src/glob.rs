//! Go's `filepath.Match`: the wildcards of COPY and ADD, and the syntax check of ignore patterns.
//!
//! `*` and `?` do not match a slash, `[a-z]` and `[^a-z]` match one character, `\` makes the next one literal. `[^a]` does
//! match a slash, as in Go. Names are bytes; a byte that is not UTF-8 counts as U+FFFD.
//!
//! Invariant: matching takes at most (length of the pattern) × (length of the name) steps. A chunk between two stars is
//! matched as early as possible and never moved again. That is enough because stars match anything but slashes. Where a
//! class matches a slash it is not enough: `*[^0]*` does not match `ab/c`, here as in Go.
//!
//! Source: go1.25, `path/filepath/match.go`.

/// The pattern has a syntax error: an unclosed class or a trailing backslash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("syntax error in pattern")]
pub struct BadPattern;

/// Reports whether `pattern` matches all of `name`.
pub fn matches(pattern: &str, name: &[u8]) -> Result<bool, BadPattern> {
    let mut pattern = pattern.as_bytes();
    let mut name = name;
    while !pattern.is_empty() {
        let (star, chunk, rest) = next_chunk(pattern);
        pattern = rest;
        if star && chunk.is_empty() {
            return Ok(!name.contains(&b'/'));
        }
        match place_chunk(star, chunk, name, pattern.is_empty())? {
            Some(after) => name = after,
            None => return check_rest(pattern).map(|()| false),
        }
    }
    Ok(name.is_empty())
}

/// Checks the syntax of a pattern without matching anything.
pub fn check(pattern: &str) -> Result<(), BadPattern> {
    matches(pattern, b"").map(|_| ())
}

/// Reports whether a path element has wildcards, so that it must be matched rather than looked up.
pub fn has_wildcards(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'*' | b'?' | b'[' => return true,
            _ => {}
        }
    }
    false
}

/// Splits off the leading stars and the chunk up to the next star. Returns whether there were stars, the chunk, and the rest.
fn next_chunk(pattern: &[u8]) -> (bool, &[u8], &[u8]) {
    let stars = pattern.iter().take_while(|&&byte| byte == b'*').count();
    let pattern = &pattern[stars..];
    let mut in_class = false;
    let mut end = 0;
    while end < pattern.len() {
        match pattern[end] {
            b'\\' if end + 1 < pattern.len() => end += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'*' if !in_class => break,
            _ => {}
        }
        end += 1;
    }
    (stars > 0, &pattern[..end], &pattern[end..])
}

/// Matches a chunk at the start of `name` or, after a star, at the first place in the same path element.
/// The last chunk must reach the end of the name. Returns the rest of the name.
fn place_chunk<'a>(
    star: bool,
    chunk: &[u8],
    name: &'a [u8],
    last: bool,
) -> Result<Option<&'a [u8]>, BadPattern> {
    let fits = |after: &[u8]| after.is_empty() || !last;
    if let Some(after) = match_chunk(chunk, name)?
        && fits(after)
    {
        return Ok(Some(after));
    }
    if star {
        for skip in 0..name.iter().take_while(|&&byte| byte != b'/').count() {
            if let Some(after) = match_chunk(chunk, &name[skip + 1..])?
                && fits(after)
            {
                return Ok(Some(after));
            }
        }
    }
    Ok(None)
}

/// Checks the rest of a pattern: Go reports a syntax error even if the name differs before it.
fn check_rest(mut pattern: &[u8]) -> Result<(), BadPattern> {
    while !pattern.is_empty() {
        let (_, chunk, rest) = next_chunk(pattern);
        match_chunk(chunk, b"")?;
        pattern = rest;
    }
    Ok(())
}

/// Matches a chunk without stars at the start of `name`; returns the rest of the name.
fn match_chunk<'a>(mut chunk: &[u8], name: &'a [u8]) -> Result<Option<&'a [u8]>, BadPattern> {
    // The name becomes `None` once it differs; the syntax of the rest of the chunk is still checked.
    let mut name = Some(name);
    while let Some(&first) = chunk.first() {
        match first {
            b'[' => {
                let found = name.and_then(split_rune);
                let (inside, rest) = match_class(&chunk[1..], found.map_or(0, |(rune, _)| rune))?;
                chunk = rest;
                name = found.filter(|_| inside).map(|(_, after)| after);
            }
            b'?' => {
                chunk = &chunk[1..];
                name = name
                    .and_then(split_rune)
                    .filter(|&(rune, _)| rune != u32::from(b'/'))
                    .map(|(_, after)| after);
            }
            _ => {
                let literal = if first == b'\\' { &chunk[1..] } else { chunk };
                let (&byte, rest) = literal.split_first().ok_or(BadPattern)?;
                chunk = rest;
                name = name.and_then(|name| name.strip_prefix(&[byte]));
            }
        }
    }
    Ok(name)
}

/// Matches `rune` with the class that starts behind its `[`; returns the pattern behind the class.
fn match_class(chunk: &[u8], rune: u32) -> Result<(bool, &[u8]), BadPattern> {
    let negated = chunk.first() == Some(&b'^');
    let mut chunk = if negated { &chunk[1..] } else { chunk };
    let mut inside = false;
    let mut ranges = 0;
    loop {
        if ranges > 0
            && let Some(rest) = chunk.strip_prefix(b"]")
        {
            return Ok((inside != negated, rest));
        }
        let (low, rest) = class_rune(chunk)?;
        chunk = rest;
        let mut high = low;
        if let Some(rest) = chunk.strip_prefix(b"-") {
            (high, chunk) = class_rune(rest)?;
        }
        inside |= low <= rune && rune <= high;
        ranges += 1;
    }
}

/// Returns one character of a class, escaped or not, and the rest, which must not be empty.
fn class_rune(chunk: &[u8]) -> Result<(u32, &[u8]), BadPattern> {
    if matches!(chunk.first(), None | Some(b'-' | b']')) {
        return Err(BadPattern);
    }
    let chunk = chunk.strip_prefix(b"\\").unwrap_or(chunk);
    let (rune, rest) = split_rune(chunk).ok_or(BadPattern)?;
    if rest.is_empty() { Err(BadPattern) } else { Ok((rune, rest)) }
}

/// Splits off the first character; a byte that is not UTF-8 counts as U+FFFD. Returns `None` at the end.
pub(super) fn split_rune(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        return Some((u32::from(first), rest));
    }
    let window = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(window) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&window[..error.valid_up_to()]).expect("checked to this length"),
    };
    match valid.chars().next() {
        Some(rune) => Some((u32::from(rune), &bytes[rune.len_utf8()..])),
        None => Some((u32::from(char::REPLACEMENT_CHARACTER), rest)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check_match(pattern: &str, name: &str, expected: Result<bool, BadPattern>) {
        assert_eq!(matches(pattern, name.as_bytes()), expected, "{pattern:?} on {name:?}");
    }

    #[test]
    fn patterns_match_as_in_go() {
        const BAD: Result<bool, BadPattern> = Err(BadPattern);
        for (pattern, name, expected) in [
            ("abc", "abc", Ok(true)),
            ("*", "abc", Ok(true)),
            ("*c", "abc", Ok(true)),
            ("a*", "a", Ok(true)),
            ("a*", "abc", Ok(true)),
            ("a*", "ab/c", Ok(false)),
            ("a*/b", "abc/b", Ok(true)),
            ("a*/b", "a/c/b", Ok(false)),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", Ok(true)),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/f", Ok(true)),
            ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", Ok(false)),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", Ok(false)),
            ("a*b?c*x", "abxbbxdbxebxczzx", Ok(true)),
            ("a*b?c*x", "abxbbxdbxebxczzy", Ok(false)),
            ("ab[c]", "abc", Ok(true)),
            ("ab[b-d]", "abc", Ok(true)),
            ("ab[e-g]", "abc", Ok(false)),
            ("ab[^c]", "abc", Ok(false)),
            ("ab[^b-d]", "abc", Ok(false)),
            ("ab[^e-g]", "abc", Ok(true)),
            ("a\\*b", "a*b", Ok(true)),
            ("a\\*b", "ab", Ok(false)),
            ("a?b", "a☺b", Ok(true)),
            ("a[^a]b", "a☺b", Ok(true)),
            ("a???b", "a☺b", Ok(false)),
            ("a[^a][^a][^a]b", "a☺b", Ok(false)),
            ("[a-ζ]*", "α", Ok(true)),
            ("*[a-ζ]", "A", Ok(false)),
            ("a?b", "a/b", Ok(false)),
            ("a*b", "a/b", Ok(false)),
            ("a[^x]b", "a/b", Ok(true)),
            ("[\\]a]", "]", Ok(true)),
            ("[\\-]", "-", Ok(true)),
            ("[x\\-]", "x", Ok(true)),
            ("[x\\-]", "-", Ok(true)),
            ("[x\\-]", "z", Ok(false)),
            ("[\\-x]", "x", Ok(true)),
            ("[\\-x]", "a", Ok(false)),
            ("[]a]", "]", BAD),
            ("[-]", "-", BAD),
            ("[x-]", "x", BAD),
            ("[x-]", "-", BAD),
            ("[-x]", "x", BAD),
            ("\\", "a", BAD),
            ("[a-b-c]", "a", BAD),
            ("[", "a", BAD),
            ("[^", "a", BAD),
            ("[^bc", "a", BAD),
            ("a[", "a", BAD),
            ("a[", "ab", BAD),
            ("a[", "x", BAD),
            ("a/b[", "x", BAD),
            ("*x", "xxx", Ok(true)),
            ("", "", Ok(true)),
            ("", "a", Ok(false)),
            ("**", "abc", Ok(true)),
            ("**/x", "a/x", Ok(true)),
            ("**/x", "a/b/x", Ok(false)),
            ("**/x", "x", Ok(false)),
            ("[[]x", "[x", Ok(true)),
            ("[!a]", "!", Ok(true)),
            ("[!a]", "b", Ok(false)),
            (".*", ".rc", Ok(true)),
            ("*", ".rc", Ok(true)),
            ("*", "", Ok(true)),
            ("?", "", Ok(false)),
            ("{a,b}", "a", Ok(false)),
            ("{a,b}", "{a,b}", Ok(true)),
        ] {
            check_match(pattern, name, expected);
        }
    }

    #[test]
    fn a_byte_that_is_not_utf8_counts_as_one_character() {
        assert_eq!(matches("a?c", b"a\xffc"), Ok(true));
        assert_eq!(matches("a?c", b"a\xff\xfec"), Ok(false));
        assert_eq!(matches("a*c", b"a\xff\xfec"), Ok(true));
        assert_eq!(matches("[\u{fffd}]", b"\xe2\x98"), Ok(false));
    }

    #[test]
    fn escaped_wildcards_do_not_count() {
        for (text, expected) in
            [("a*", true), ("a?", true), ("a[b]", true), ("a\\*", false), ("a", false), ("a\\", false)]
        {
            assert_eq!(has_wildcards(text), expected, "{text}");
        }
    }

    #[test]
    fn hostile_patterns_take_no_more_than_quadratic_time() {
        let pattern = "a*".repeat(2000) + "b";
        let name = "a".repeat(4000);
        assert_eq!(matches(&pattern, name.as_bytes()), Ok(false));
    }

    proptest! {
        #[test]
        fn never_panics(pattern in "[a-c*?\\[\\]^\\\\/é-]{0,12}", name in proptest::collection::vec(any::<u8>(), 0..12)) {
            let _ = matches(&pattern, &name);
        }

        #[test]
        fn a_literal_matches_itself_only(name in "[a-c./]{0,8}", other in "[a-c./]{0,8}") {
            prop_assert_eq!(matches(&name, other.as_bytes()), Ok(name == other));
        }
    }
}
