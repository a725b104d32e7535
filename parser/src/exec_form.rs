//! The exec form of arguments: a JSON array of strings.
//!
//! A JSON array with other elements is an error. All other text has the shell form, even if it begins with `[`.
//!
//! The module has a JSON grammar of its own because Go's decoder, unlike serde_json, reads a lone surrogate as U+FFFD.

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

/// Maximum nesting depth of arrays and objects. The strings of the exec form are at depth 1.
const MAX_DEPTH: usize = 64;

/// Parses the exec form, or returns `None` if `text` has the shell form.
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

/// Reports whether brackets outside of strings nest deeper than `limit`, even if `text` is not JSON.
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

/// Part of the content of a string.
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

/// Parses the `uXXXX` of an escape, and a second escape if the two form a surrogate pair.
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
    }

    #[test]
    fn escapes_of_json_are_decoded() {
        check(r#"["caf\u00e9", "\ud83d\ude00", "\/\\\"\t\n"]"#, Some(&["café", "😀", "/\\\"\t\n"]));
    }

    #[test]
    fn a_lone_surrogate_becomes_the_replacement_character() {
        check(r#"["\ud83d", "\ude00x", "\ud83dA"]"#, Some(&["\u{fffd}", "\u{fffd}x", "\u{fffd}A"]));
    }

    #[test]
    fn text_that_is_not_json_is_the_shell_form() {
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
    fn arrays_with_other_elements_are_errors() {
        for text in ["[1]", "[\"a\", null]", "[[\"a\"]]", "[{\"a\": \"b\"}]", "[true]"] {
            check_error(text, "when using JSON array syntax, arrays must be comprised of strings only");
        }
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        assert_eq!(parse(text).expect_err("not the exec form").message, expected, "{text:.20}");
    }

    fn nested(depth: usize) -> String {
        "[".repeat(depth) + &"]".repeat(depth)
    }

    #[test]
    fn json_within_the_maximum_depth_is_parsed() {
        check_error(&nested(64), "when using JSON array syntax, arrays must be comprised of strings only");
        check(&"[".repeat(64), None);
    }

    #[test]
    fn json_beyond_the_maximum_depth_is_an_error() {
        check_error(&nested(65), "JSON is nested deeper than 64");
        check_error(&"[".repeat(60_000), "JSON is nested deeper than 64");
        check_error(&"[{\"a\":".repeat(33), "JSON is nested deeper than 64");
    }

    #[test]
    fn brackets_in_strings_and_in_sequence_do_not_nest() {
        check(&format!("[\"{}\"", "[".repeat(100)), None);
        check(&"[]".repeat(100), None);
    }
}
