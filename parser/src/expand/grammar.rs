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
//! Patterns and replacements (after `#`, `%` and `/`) keep their escapes, which [`super::pattern`] interprets.

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

use super::{ExpandError, limits::MAX_DEPTH};

/// Treatment of the quotes in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quotes {
    /// Quotes protect the text between them and are removed.
    Remove,
    /// Quotes protect the text between them and stay.
    Keep,
    /// Quotes are ordinary characters.
    Ignore,
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text that is split into words at its blanks.
    Plain(String),
    /// Text that is never split, because it is quoted or escaped.
    Raw(String),
    /// Content of double quotes, which is not split but can hold variables.
    Quoted(Vec<Piece>),
    /// Reference to a variable, whose value is split unless the reference is in quotes.
    Variable(Variable),
}

/// A reference to a variable: `$name` or `${name...}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) in_braces: bool,
    pub(crate) substitution: Substitution,
}

/// The operator after the name in `${name...}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Substitution {
    /// No operator: the value itself is inserted.
    None,
    /// `-`, `+` or `?`; after a colon, an empty value counts as unset.
    Test { operator: char, empty_is_unset: bool, word: Vec<Piece> },
    /// `#` or `%`; a doubled operator is the first character of the pattern.
    Trim { operator: char, pattern: Vec<Piece> },
    /// `/`, or `//` to replace all matches.
    Replace { all: bool, pattern: Vec<Piece>, replacement: Vec<Piece> },
}

/// The settings with which a text is parsed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grammar {
    pub(crate) escape: char,
    pub(crate) quotes: Quotes,
    /// Whether escape characters stay in the text.
    pub(crate) raw_escapes: bool,
    /// Number of `${` that surround the text.
    pub(crate) depth: usize,
}

/// A syntax error: the message, and the rest of the text when it occurred.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SyntaxError<'a> {
    rest: &'a str,
    message: String,
}

impl<'a> nom::error::ParseError<&'a str> for SyntaxError<'a> {
    fn from_error_kind(rest: &'a str, _kind: ErrorKind) -> Self {
        Self { rest, message: String::new() }
    }

    fn append(_rest: &'a str, _kind: ErrorKind, other: Self) -> Self {
        other
    }
}

type Parsed<'a, T> = IResult<&'a str, T, SyntaxError<'a>>;

fn fail<'a, T>(rest: &'a str, message: impl Into<String>) -> Parsed<'a, T> {
    Err(Err::Failure(SyntaxError { rest, message: message.into() }))
}

/// Replaces the message of an error at the end of the text, where some character is missing.
fn or_missing<'a, T>(parsed: Parsed<'a, T>, message: &str) -> Parsed<'a, T> {
    match parsed {
        Err(Err::Failure(error)) if error.rest.is_empty() => fail(error.rest, message),
        other => other,
    }
}

impl Grammar {
    /// Parses all of `text`.
    pub(crate) fn parse(self, text: &str) -> Result<Vec<Piece>, ExpandError> {
        match self.pieces(None, text) {
            Ok(("", pieces)) => Ok(pieces),
            Ok((rest, _)) => Err(ExpandError::new(format!("unexpected {rest:?}"))),
            Err(Err::Failure(error) | Err::Error(error)) => Err(ExpandError::new(error.message)),
            Err(Err::Incomplete(_)) => Err(ExpandError::new("unexpected end of statement")),
        }
    }

    fn pieces(self, stop: Option<char>, input: &str) -> Parsed<'_, Vec<Piece>> {
        many0(|input| self.piece(stop, input)).parse(input)
    }

    /// Parses one piece, whose kind follows from its first character.
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

    /// Parses pieces up to `stop`, which is consumed.
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

    /// Parses an escape character and the character it protects; at the end of the text it is dropped.
    fn escaped(self, input: &str) -> Parsed<'_, Piece> {
        let next = alt((map(anychar, String::from), success(String::new())));
        let (rest, (escape, next)) = pair(char(self.escape), next).parse(input)?;
        Ok((rest, Piece::Raw(self.written(escape) + &next)))
    }

    /// Returns the text that an escape character leaves in a piece.
    fn written(self, escape: char) -> String {
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
        Ok((rest, Piece::Raw(self.written(escape) + next.unwrap_or(escape).encode_utf8(&mut [0; 4]))))
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

    fn deeper(self, rest: &str) -> Result<Self, Err<SyntaxError<'_>>> {
        if self.depth >= MAX_DEPTH {
            let message = format!("substitutions are nested deeper than {MAX_DEPTH}");
            return Err(Err::Failure(SyntaxError { rest, message }));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    /// Parses the text after `${`, including the closing brace.
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
            // With an empty rest, the caller would report a missing brace instead.
            Err(Err::Failure(error)) if error.rest.is_empty() => return fail(input, error.message),
            other => other?,
        };
        let (rest, replacement) = raw.until('}', rest)?;
        Ok((rest, Substitution::Replace { all: second.is_some(), pattern, replacement }))
    }
}

/// Parses `<` or `<<`, the latter with the blanks after it, so that `<< EOF` is one word.
fn less_than(input: &str) -> Parsed<'_, Piece> {
    let blanks = take_while(|c| matches!(c, ' ' | '\t' | '\r'));
    recognize(pair(char('<'), opt(pair(char('<'), blanks))))
        .map(|text: &str| Piece::Raw(text.into()))
        .parse(input)
}

fn reject<T>(input: &str) -> Parsed<'_, T> {
    Err(Err::Error(SyntaxError { rest: input, message: String::new() }))
}

fn name(input: &str) -> Parsed<'_, &str> {
    let digits = take_while1(char::is_numeric);
    let special = recognize(one_of("@*#?-$!0"));
    let word = take_while1(|c: char| c.is_alphanumeric() || c == '_');
    alt((digits, special, word)).parse(input)
}
