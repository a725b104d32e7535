//! Lists of patterns, compared with a simple matcher and with the cases of moby/patternmatcher.

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
fn a_single_pattern_matches_as_in_docker() {
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
fn the_last_matching_pattern_decides() {
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
fn patterns_with_errors_are_refused() {
    let refused = |pattern: &str| Patterns::new(&[pattern]).expect_err(pattern).to_string();
    assert_eq!(refused("!"), "illegal exclusion pattern: \"!\"");
    assert_eq!(refused("[a-"), "[a-: syntax error in pattern");
    for pattern in ["[", "[^", "[^]", "a\\", "[x-]", "[-x]", "[a-b-c]", "!\\", "\\q"] {
        assert!(Patterns::new(&[pattern]).is_err(), "{pattern}");
    }
}

#[test]
fn the_deciding_pattern_is_known() {
    let patterns = Patterns::new(&["vendor", "*.md", "!vendor/good", "!README.md"]).expect("good patterns");
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
fn a_walk_enters_directories_with_possible_matches_only() {
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

/// Found by fuzzing: the walk looked for the three bytes of U+FFFD itself.
#[test]
fn a_byte_that_is_not_utf8_is_matched_by_any_such_byte() {
    let lines = crate::parse_lines(b"\xc2,/]*\n?/x\xc2").expect("short lines");
    let patterns: Vec<&str> = lines.iter().map(|line| line.pattern.as_str()).collect();
    let patterns = Patterns::new(&patterns).expect("good patterns");
    assert!(patterns.matches(b"\xc2,/]x", &Matched::default()).0);
    assert!(patterns.may_match_below(b"\xc2,", false));
    assert!(patterns.matches(b"y/x\xc2", &Matched::default()).0);
}

#[test]
fn long_patterns_are_matched_quickly() {
    let pattern = "a*".repeat(200) + "b?";
    let list = Patterns::new(&[pattern.as_str(), &("**/a".repeat(100) + "?")]).expect("good patterns");
    assert!(!list.matches("a".repeat(2000).as_bytes(), &Matched::default()).0);
}

/// Matches by trying everything, which is slow but easy to verify.
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

/// Backtracking would not end: there are 40 choose 15 ways to match each of these names.
#[test]
fn many_stars_take_no_more_than_linear_time() {
    let stars = "*a".repeat(15);
    for (pattern, matches) in [(format!("{stars}*"), true), (format!("**/**/**/{stars}*b"), false)] {
        let patterns = Patterns::new(&[&pattern]).expect("good patterns");
        for number in 0..500 {
            let name = format!("{}{number}b.txt", "a".repeat(40));
            assert_eq!(patterns.matches(name.as_bytes(), &Matched::default()).0, matches, "{pattern}");
            assert_eq!(glob::matches(&format!("{stars}*b"), name.as_bytes()), Ok(false));
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
    fn lists_match_as_a_simple_matcher_does(pattern in "[ab]{0,2}(\\*{1,2}|\\?|/|[ab]){1,6}", path in "[ab]{1,3}(/[ab]{1,3}){0,3}") {
        // The simple matcher does not know prefixes and suffixes, which begin with stars.
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
