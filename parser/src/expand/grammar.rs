//! The grammar of words with variables.
//!
//! ```text
//! pieces       = { variable | "'" ... "'" | '"' { variable | escaped | other } '"' | escaped
//!              | "<<" blanks | other }
//! variable     = "$" ( name | "{" name substitution | nothing )
//! substitution = "}"
//!              | [ ":" ] ( "-" | "+" | "?" ) pieces "}"
//!              | ( "#" [ "#" ] | "%" [ "%" ] ) pieces "}"
//!              | "/" [ "/" ] pieces "/" pieces "}"
//! name         = digits | one of "@*#?-$!0" | letter-or-underscore { letter | digit | "_" }
//! ```
//!
//! In the patterns and replacements behind `#`, `%` and `/`, escapes stay for the pattern to read.

use nom::{
    Err, IResult, Parser,
    branch::alt,
    bytes::complete::{take_while, take_while1},
    character::complete::{anychar, char, one_of, satisfy},
    combinator::{map, opt, recognize, success},
    error::ErrorKind,
    multi::many0,
    sequence::pair,
};

use super::{ExpandError, MAX_DEPTH};

/// What quotes do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quotes {
    /// They quote, and are removed.
    Remove,
    /// They quote, and stay.
    Keep,
    /// They are ordinary characters.
    Ignore,
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text that is split at blanks where words are asked for.
    Plain(String),
    /// Text that is not.
    Raw(String),
    /// What stood in double quotes: it is not split.
    Quoted(Vec<Piece>),
    /// A variable; its value is split, unless in quotes.
    Variable(Variable),
}

/// `$name` or `${name...}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) in_braces: bool,
    pub(crate) substitution: Substitution,
}

/// What follows the name in `${name...}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Substitution {
    /// The value itself.
    None,
    /// `-`, `+`, `?`, with or without a colon before it.
    Test { operator: char, empty_is_unset: bool, word: Vec<Piece> },
    /// `#` and `%`; a second one is the first character of the pattern.
    Trim { operator: char, pattern: Vec<Piece> },
    /// `/` and `//`.
    Replace { all: bool, pattern: Vec<Piece>, replacement: Vec<Piece> },
}

/// How a text is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grammar {
    pub(crate) escape: char,
    pub(crate) quotes: Quotes,
    /// Escape characters stay in the text.
    pub(crate) raw_escapes: bool,
    /// How many `${` surround this.
    pub(crate) depth: usize,
}

/// Why a text is none: the message, and what was left to read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bad<'a> {
    rest: &'a str,
    message: String,
}

impl<'a> nom::error::ParseError<&'a str> for Bad<'a> {
    fn from_error_kind(rest: &'a str, _kind: ErrorKind) -> Self {
        Self { rest, message: String::new() }
    }

    fn append(_rest: &'a str, _kind: ErrorKind, other: Self) -> Self {
        other
    }
}

type Parsed<'a, T> = IResult<&'a str, T, Bad<'a>>;

fn fail<'a, T>(rest: &'a str, message: impl Into<String>) -> Parsed<'a, T> {
    Err(Err::Failure(Bad { rest, message: message.into() }))
}

/// Whatever goes wrong at the very end of the text is first of all a missing character.
fn or_missing<'a, T>(parsed: Parsed<'a, T>, message: &str) -> Parsed<'a, T> {
    match parsed {
        Err(Err::Failure(bad)) if bad.rest.is_empty() => fail(bad.rest, message),
        other => other,
    }
}

impl Grammar {
    /// Reads the whole of `text`.
    pub(crate) fn parse(self, text: &str) -> Result<Vec<Piece>, ExpandError> {
        match self.pieces(None, text) {
            Ok(("", pieces)) => Ok(pieces),
            Ok((rest, _)) => Err(ExpandError::new(format!("unexpected {rest:?}"))),
            Err(Err::Failure(bad) | Err::Error(bad)) => Err(ExpandError::new(bad.message)),
            Err(Err::Incomplete(_)) => Err(ExpandError::new("unexpected end of statement")),
        }
    }

    fn pieces(self, stop: Option<char>, input: &str) -> Parsed<'_, Vec<Piece>> {
        many0(|input| self.piece(stop, input)).parse(input)
    }

    /// The first character tells what it is.
    fn piece(self, stop: Option<char>, input: &str) -> Parsed<'_, Piece> {
        match input.chars().next() {
            Some(c) if Some(c) == stop => reject(input),
            Some('$') => self.variable(input),
            Some('\'') if self.quotes != Quotes::Ignore => self.single_quoted(input),
            Some('"') if self.quotes != Quotes::Ignore => self.double_quoted(input),
            Some('<') => less_than(input),
            Some(c) if c == self.escape => self.escaped(input),
            Some(_) => self.plain(stop, input),
            None => reject(input),
        }
    }

    /// Pieces up to `stop`, which is dropped.
    fn until(self, stop: char, input: &str) -> Parsed<'_, Vec<Piece>> {
        let (rest, pieces) = self.pieces(Some(stop), input)?;
        match rest.strip_prefix(stop) {
            Some(rest) => Ok((rest, pieces)),
            None => fail(rest, format!("unexpected end of statement while looking for matching {stop}")),
        }
    }

    fn plain(self, stop: Option<char>, input: &str) -> Parsed<'_, Piece> {
        let quote = |c| self.quotes != Quotes::Ignore && matches!(c, '\'' | '"');
        let special = |c| matches!(c, '$' | '<') || c == self.escape || Some(c) == stop || quote(c);
        take_while1(|c| !special(c)).map(|text: &str| Piece::Plain(text.into())).parse(input)
    }

    /// The escape character and the one it protects; at the very end it is dropped.
    fn escaped(self, input: &str) -> Parsed<'_, Piece> {
        let next = alt((map(anychar, String::from), success(String::new())));
        let (rest, (escape, next)) = pair(char(self.escape), next).parse(input)?;
        Ok((rest, Piece::Raw(self.kept(escape) + &next)))
    }

    fn kept(self, escape: char) -> String {
        if self.raw_escapes { escape.into() } else { String::new() }
    }

    fn single_quoted(self, input: &str) -> Parsed<'_, Piece> {
        let (rest, (_, text)) = pair(char('\''), take_while(|c| c != '\'')).parse(input)?;
        let Some(rest) = rest.strip_prefix('\'') else {
            return fail(rest, "unexpected end of statement while looking for matching single-quote");
        };
        let text = if self.quotes == Quotes::Keep { format!("'{text}'") } else { text.into() };
        Ok((rest, Piece::Raw(text)))
    }

    fn double_quoted(self, input: &str) -> Parsed<'_, Piece> {
        let (rest, _) = char('"').parse(input)?;
        let plain = take_while1(move |c| c != '$' && c != '"' && c != self.escape);
        let (rest, mut pieces) = many0(alt((
            |input| self.variable(input),
            |input| self.escaped_in_quotes(input),
            plain.map(|text: &str| Piece::Raw(text.into())),
        )))
        .parse(rest)?;
        let Some(rest) = rest.strip_prefix('"') else {
            return fail(rest, "unexpected end of statement while looking for matching double-quote");
        };
        if self.quotes == Quotes::Keep {
            pieces.insert(0, Piece::Raw("\"".into()));
            pieces.push(Piece::Raw("\"".into()));
        }
        Ok((rest, Piece::Quoted(pieces)))
    }

    /// In double quotes only `"`, `$` and the escape character itself can be escaped.
    fn escaped_in_quotes(self, input: &str) -> Parsed<'_, Piece> {
        let escapable = satisfy(|c| matches!(c, '"' | '$') || c == self.escape);
        let (rest, (escape, next)) = pair(char(self.escape), opt(escapable)).parse(input)?;
        Ok((rest, Piece::Raw(self.kept(escape) + next.unwrap_or(escape).encode_utf8(&mut [0; 4]))))
    }

    fn variable(self, input: &str) -> Parsed<'_, Piece> {
        let (rest, _) = char('$').parse(input)?;
        if let Some(rest) = rest.strip_prefix('{') {
            let (rest, variable) = self.deeper(rest)?.in_braces(rest)?;
            return Ok((rest, Piece::Variable(variable)));
        }
        let (rest, name) = opt(name).parse(rest)?;
        let Some(name) = name else { return Ok((rest, Piece::Plain("$".into()))) };
        let variable = Variable { name: name.into(), in_braces: false, substitution: Substitution::None };
        Ok((rest, Piece::Variable(variable)))
    }

    fn deeper(self, rest: &str) -> Result<Self, Err<Bad<'_>>> {
        if self.depth >= MAX_DEPTH {
            let message = format!("substitutions are nested deeper than {MAX_DEPTH}");
            return Err(Err::Failure(Bad { rest, message }));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    /// What follows `${`.
    fn in_braces(self, input: &str) -> Parsed<'_, Variable> {
        if input.starts_with(['{', '}', ':']) {
            return fail(input, "syntax error: bad substitution");
        }
        let (rest, name) = opt(name).parse(input)?;
        let (rest, substitution) = or_missing(self.substitution(rest), "syntax error: missing '}'")?;
        let name = name.unwrap_or_default().into();
        Ok((rest, Variable { name, in_braces: true, substitution }))
    }

    fn substitution(self, input: &str) -> Parsed<'_, Substitution> {
        let (rest, colon) = opt(char(':')).parse(input)?;
        let Some(operator) = rest.chars().next() else { return fail(rest, "") };
        let modifier = &input[..input.len() - rest.len() + operator.len_utf8()];
        let rest = &rest[operator.len_utf8()..];
        match operator {
            '}' if colon.is_none() => Ok((rest, Substitution::None)),
            '-' | '+' | '?' => self.test(operator, colon.is_some(), rest),
            '#' | '%' if colon.is_none() => self.trim(operator, rest),
            '/' if colon.is_none() => self.replace(rest),
            _ => fail(input, format!("unsupported modifier ({modifier}) in substitution")),
        }
    }

    fn test(self, operator: char, empty_is_unset: bool, input: &str) -> Parsed<'_, Substitution> {
        let (rest, word) = Self { raw_escapes: false, ..self }.until('}', input)?;
        Ok((rest, Substitution::Test { operator, empty_is_unset, word }))
    }

    fn trim(self, operator: char, input: &str) -> Parsed<'_, Substitution> {
        let (rest, pattern) = Self { raw_escapes: true, ..self }.until('}', input)?;
        Ok((rest, Substitution::Trim { operator, pattern }))
    }

    fn replace(self, input: &str) -> Parsed<'_, Substitution> {
        let raw = Self { raw_escapes: true, ..self };
        let (rest, second) = opt(char('/')).parse(input)?;
        let (rest, pattern) = match or_missing(raw.until('/', rest), "syntax error: missing '/' in ${}") {
            // The rest is what it is about, lest the caller take it for a missing brace.
            Err(Err::Failure(bad)) if bad.rest.is_empty() => return fail(input, bad.message),
            other => other?,
        };
        let (rest, replacement) = raw.until('}', rest)?;
        Ok((rest, Substitution::Replace { all: second.is_some(), pattern, replacement }))
    }
}

/// `<<` holds the blanks behind it, so that `<< EOF` is one word.
fn less_than(input: &str) -> Parsed<'_, Piece> {
    let blanks = take_while(|c| matches!(c, ' ' | '\t' | '\r'));
    recognize(pair(char('<'), opt(pair(char('<'), blanks))))
        .map(|text: &str| Piece::Raw(text.into()))
        .parse(input)
}

fn reject<T>(input: &str) -> Parsed<'_, T> {
    Err(Err::Error(Bad { rest: input, message: String::new() }))
}

fn name(input: &str) -> Parsed<'_, &str> {
    let digits = take_while1(char::is_numeric);
    let special = recognize(one_of("@*#?-$!0"));
    let word = take_while1(|c: char| c.is_alphanumeric() || c == '_');
    alt((digits, special, word)).parse(input)
}
