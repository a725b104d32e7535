//! The exec form: a JSON array of strings.
//!
//! Three outcomes: it is one; it is valid JSON but holds something else, which is an error; it is
//! anything else, which is silently the shell form.
//!
//! The grammar is our own because Go's decoder, unlike serde's, reads a lone surrogate as U+FFFD.

use nom::{
    IResult, Parser,
    branch::alt,
    bytes::complete::{tag, take_while_m_n, take_while1},
    character::complete::{anychar, char, multispace0},
    combinator::{all_consuming, map_opt, map_res, opt},
    multi::{fold_many0, separated_list0},
    sequence::{delimited, preceded},
};
use serde::de::IgnoredAny;

use crate::error::Fault;

/// How deep arrays and objects may nest. Strings of the exec form are at depth 1.
const MAX_DEPTH: usize = 64;

/// Reads `text` as the exec form; `None` says that it is none.
pub(crate) fn parse(text: &str) -> Result<Option<Vec<String>>, Fault> {
    let text = text.trim_start();
    if !text.starts_with('[') {
        return Ok(None);
    }
    if let Ok((_, strings)) = all_consuming(array).parse(text) {
        return Ok(Some(strings));
    }
    if is_deeper_than(MAX_DEPTH, text) {
        return Err(Fault::new(format!("JSON is nested deeper than {MAX_DEPTH}")));
    }
    if serde_json::from_str::<Vec<IgnoredAny>>(text).is_ok() {
        let message = "when using JSON array syntax, arrays must be comprised of strings only";
        return Err(Fault::new(message).blaming(text).hint("put every element in double quotes"));
    }
    Ok(None)
}

/// Counts what opens and closes outside of strings, whether it is JSON otherwise or not.
fn is_deeper_than(limit: usize, text: &str) -> bool {
    let (mut depth, mut is_quoted, mut is_escaped) = (0_usize, false, false);
    text.bytes().any(|byte| {
        match byte {
            b'"' if !is_escaped => is_quoted = !is_quoted,
            b'[' | b'{' if !is_quoted => depth += 1,
            b']' | b'}' if !is_quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        is_escaped = is_quoted && byte == b'\\' && !is_escaped;
        depth > limit
    })
}

fn array(input: &str) -> IResult<&str, Vec<String>> {
    let comma = delimited(multispace0, char(','), multispace0);
    let open = (char('['), multispace0);
    let close = (multispace0, char(']'), multispace0);
    delimited(open, separated_list0(comma, string), close).parse(input)
}

/// Part of a string.
enum Part<'a> {
    Plain(&'a str),
    Escaped(char),
}

fn string(input: &str) -> IResult<&str, String> {
    let plain = take_while1(|c| c >= ' ' && c != '"' && c != '\\').map(Part::Plain);
    let escape = preceded(char('\\'), alt((short_escape, unicode_escape))).map(Part::Escaped);
    let content = fold_many0(alt((plain, escape)), String::new, |mut text, part| {
        match part {
            Part::Plain(plain) => text.push_str(plain),
            Part::Escaped(c) => text.push(c),
        }
        text
    });
    delimited(char('"'), content, char('"')).parse(input)
}

fn short_escape(input: &str) -> IResult<&str, char> {
    map_opt(anychar, |c| {
        Some(match c {
            '"' | '\\' | '/' => c,
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            _ => return None,
        })
    })
    .parse(input)
}

/// `uXXXX`, and a second one if the two are a surrogate pair.
fn unicode_escape(input: &str) -> IResult<&str, char> {
    let (after_first, first) = preceded(char('u'), code_unit).parse(input)?;
    let (after_both, second) = opt(preceded(tag("\\u"), code_unit)).parse(after_first)?;
    let pair = [first, second.unwrap_or_default()];
    Ok(match char::decode_utf16(pair).next() {
        Some(Ok(c)) if c > '\u{ffff}' => (after_both, c),
        Some(Ok(c)) => (after_first, c),
        _ => (after_first, char::REPLACEMENT_CHARACTER),
    })
}

fn code_unit(input: &str) -> IResult<&str, u16> {
    let digits = take_while_m_n(4, 4, |c: char| c.is_ascii_hexdigit());
    map_res(digits, |digits| u16::from_str_radix(digits, 16)).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&[&str]>) {
        let expected = expected.map(|strings| strings.iter().map(|string| string.to_string()).collect());
        assert_eq!(parse(text), Ok(expected), "{text:?}");
    }

    #[test]
    fn arrays_of_strings_are_the_exec_form() {
        check("[]", Some(&[]));
        check("[ ]", Some(&[]));
        check("[\"a\"]", Some(&["a"]));
        check(" [ \"a\" , \"b c\" ] ", Some(&["a", "b c"]));
        check(r#"["caf\u00e9", "\ud83d\ude00", "\/\\\"\t\n"]"#, Some(&["café", "😀", "/\\\"\t\n"]));
        check(r#"["\ud83d", "\ude00x", "\ud83dA"]"#, Some(&["\u{fffd}", "\u{fffd}x", "\u{fffd}A"]));
    }

    #[test]
    fn everything_else_is_the_shell_form() {
        check("a", None);
        check("['a']", None);
        check("[\"a\",]", None);
        check("[\"a\"] x", None);
        check("[\"a\"", None);
        check("[a]", None);
        check("[\"\\d\"]", None);
        check("[\"a\tb\"]", None);
        check("[][]", None);
    }

    #[test]
    fn other_elements_are_an_error() {
        for text in ["[1]", "[\"a\", null]", "[[\"a\"]]", "[{\"a\": \"b\"}]", "[true]"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        let message = |text: &str| parse(text).expect_err("no exec form").message;
        assert!(message(&nested(64)).contains("strings only"));
        assert_eq!(message(&nested(65)), "JSON is nested deeper than 64");
        check(&"[".repeat(64), None);
        assert_eq!(message(&"[".repeat(60_000)), "JSON is nested deeper than 64");
        assert_eq!(message(&"[{\"a\":".repeat(33)), "JSON is nested deeper than 64");
        check(&format!("[\"{}\"", "[".repeat(100)), None);
        check(&"[]".repeat(100), None);
    }
}
