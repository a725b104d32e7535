//! Splitting of the text after a keyword into words.
//!
//! ```text
//! words        = word { blanks word }            FROM, EXPOSE, COPY, ADD, VOLUME
//! raw_words    = raw_word { space raw_word }     ENV, LABEL, ARG
//! raw_word     = { escape any | "'" ... "'" | '"' ... '"' | other }
//! ```
//!
//! Raw words keep their quotes and escapes, which expansion removes later. A quote that is not closed extends to the
//! end of the text.

use nom::{
    IResult, Parser,
    branch::alt,
    bytes::complete::{take_while, take_while1},
    character::complete::{anychar, char},
    combinator::{opt, recognize, rest},
    multi::{many0, many0_count, many1_count},
    sequence::{pair, preceded},
};

/// Reports whether `c` separates words; other blanks of Unicode do not.
pub(crate) fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\x0b' | '\x0c' | '\r' | ' ')
}

fn blanks(input: &str) -> IResult<&str, &str> {
    take_while1(is_blank)(input)
}

/// Splits at blanks; quotes have no meaning.
pub(crate) fn words(text: &str) -> Vec<String> {
    // A line can have tens of thousands of words, so nothing but the words themselves is allocated.
    text.split(is_blank).filter(|word| !word.is_empty()).map(String::from).collect()
}

/// Returns the first word and the text after the blanks that follow it; `None` if no blank follows the word.
pub(crate) fn first(text: &str) -> (&str, Option<&str>) {
    let word = take_while(|c| !is_blank(c));
    let parsed: IResult<&str, (&str, Option<&str>)> = pair(word, opt(preceded(blanks, rest))).parse(text);
    parsed.map_or((text, None), |(_, parts)| parts)
}

/// Splits at white space outside of quotes and keeps quotes and escapes in the words.
///
/// An escape character at the end of the text is dropped.
pub(crate) fn raw_words(text: &str, escape: char) -> Vec<&str> {
    let spaces = |input| take_while(char::is_whitespace)(input);
    let mut words = many0(preceded(spaces, |input| raw_word(escape, input)));
    let parsed: IResult<&str, Vec<&str>> = words.parse(text);
    parsed.map(|(_, words)| words).unwrap_or_default()
}

fn raw_word(escape: char, input: &str) -> IResult<&str, &str> {
    let part = alt((
        take_while1(|c: char| !c.is_whitespace() && c != escape && c != '\'' && c != '"'),
        |input| escaped(escape, input),
        |input| single_quoted(input),
        |input| double_quoted(escape, input),
    ));
    recognize(many1_count(part)).parse(input)
}

fn escaped(escape: char, input: &str) -> IResult<&str, &str> {
    recognize(pair(char(escape), anychar)).parse(input)
}

fn single_quoted(input: &str) -> IResult<&str, &str> {
    recognize((char('\''), take_while(|c| c != '\''), opt(char('\'')))).parse(input)
}

fn double_quoted(escape: char, input: &str) -> IResult<&str, &str> {
    let plain = take_while1(|c| c != '"' && c != escape);
    let inside = alt((plain, |input| escaped(escape, input)));
    recognize((char('"'), many0_count(inside), opt(char('"')))).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(words(text), expected, "{text:?}");
    }

    #[test]
    fn words_are_split_at_blanks_even_in_quotes() {
        check("a b\t c", &["a", "b", "c"]);
        check("a\x0bAS b", &["a", "AS", "b"]);
        check("\"a b\"", &["\"a", "b\""]);
        check("", &[]);
    }

    #[test]
    fn other_white_space_does_not_separate_words() {
        check("a\u{a0}b", &["a\u{a0}b"]);
    }

    #[track_caller]
    fn check_raw(text: &str, expected: &[&str]) {
        assert_eq!(raw_words(text, '\\'), expected, "{text:?}");
    }

    #[test]
    fn raw_words_keep_quotes_and_escapes() {
        check_raw("a=1 b=2", &["a=1", "b=2"]);
        check_raw("  a=1\t\tb=2  ", &["a=1", "b=2"]);
        check_raw("a=\"x y\" b='x y'", &["a=\"x y\"", "b='x y'"]);
        check_raw("a=x\\ y", &["a=x\\ y"]);
        check_raw("a=\\\"x y", &["a=\\\"x", "y"]);
        check_raw("a=\"x\\\" y\" b", &["a=\"x\\\" y\"", "b"]);
        check_raw("a='x\\' b", &["a='x\\'", "b"]);
        check_raw("\"\" ''", &["\"\"", "''"]);
        check_raw("a\u{a0}b", &["a", "b"]);
    }

    #[test]
    fn an_open_quote_extends_to_the_end_of_the_text() {
        check_raw("a=\"x y", &["a=\"x y"]);
        check_raw("a='x y", &["a='x y"]);
    }

    #[test]
    fn an_escape_at_the_end_of_the_text_is_dropped() {
        check_raw("a=x\\", &["a=x"]);
        check_raw("a=\"x\\", &["a=\"x"]);
        check_raw("\\", &[]);
    }

    #[test]
    fn a_backtick_can_be_the_escape_character() {
        assert_eq!(raw_words("a=C:\\ b=x` y", '`'), ["a=C:\\", "b=x` y"]);
    }

    #[test]
    fn the_first_word_is_separated_from_the_rest() {
        assert_eq!(first("a  b c"), ("a", Some("b c")));
        assert_eq!(first("a"), ("a", None));
        assert_eq!(first(""), ("", None));
    }
}
