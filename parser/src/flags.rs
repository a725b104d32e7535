//! Flags between a keyword and its arguments: `--from=build`, `--link`.
//!
//! ```text
//! flags = { spaces flag } [ spaces "--" ]
//! flag  = "--" { "\" any | "'" ... "'" | '"' ... '"' | other }
//! ```
//!
//! Quotes and backslashes are removed. As in BuildKit, the escape character in flags is always the backslash,
//! regardless of the escape directive. The first pass only splits flags from arguments ([`split`]); the second pass
//! compares them with the flags that the instruction knows ([`Flags::check`]).

use nom::{
    IResult, Parser,
    branch::alt,
    bytes::complete::{tag, take_while, take_while1},
    character::complete::{anychar, char},
    combinator::{map, opt, peek, rest, success},
    multi::{many0, many1},
    sequence::{delimited, preceded},
};

use crate::{error::Fault, suggest::suggest};

/// Splits the flags from the text after them. A lone `--` ends the flags and is dropped.
pub(crate) fn split(text: &str) -> (Vec<String>, &str) {
    let mut flags = Vec::new();
    let mut input = text;
    while let Ok((after, flag)) = flag(input) {
        input = after;
        if flag == "--" {
            break;
        }
        flags.push(flag);
    }
    (flags, input.trim_start())
}

fn flag(input: &str) -> IResult<&str, String> {
    let word = many1(alt((escaped, single_quoted, double_quoted, plain)));
    let spaces = take_while(char::is_whitespace);
    preceded((spaces, peek(tag("--"))), word).map(|parts| parts.concat()).parse(input)
}

fn plain(input: &str) -> IResult<&str, String> {
    take_while1(|c: char| !c.is_whitespace() && !matches!(c, '\\' | '\'' | '"'))
        .map(String::from)
        .parse(input)
}

/// Parses an escaped character. A backslash at the end of the text is dropped.
fn escaped(input: &str) -> IResult<&str, String> {
    let next = alt((map(anychar, String::from), success(String::new())));
    preceded(char('\\'), next).parse(input)
}

fn single_quoted(input: &str) -> IResult<&str, String> {
    quoted('\'', input)
}

fn double_quoted(input: &str) -> IResult<&str, String> {
    quoted('"', input)
}

fn quoted(quote: char, input: &str) -> IResult<&str, String> {
    let run = take_while1(move |c| c != quote && c != '\\').map(String::from);
    let inside = many0(alt((escaped, run))).map(|parts| parts.concat());
    delimited(char(quote), inside, opt(char(quote))).parse(input)
}

/// Type of the values that a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlagType {
    /// A boolean, true if the flag has no value: `--link`, `--link=false`.
    Bool,
    /// A text, at most once: `--from=build`.
    Text,
    /// A text, any number of times: `--mount=target=/a --mount=target=/b`.
    List,
}

/// Names and types of the flags that an instruction knows.
pub(crate) type KnownFlags = [(&'static str, FlagType)];

/// Flags that have been checked against the known ones.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    /// Names and values in the order of the flags.
    given: Vec<(&'static str, String)>,
}

impl Flags {
    /// Checks the names and values of flags; `written` has their texts without quotes and escapes.
    pub(crate) fn check(written: &[String], known: &KnownFlags) -> Result<Self, Fault> {
        let mut flags = Self::default();
        for flag in written {
            let (name, value) = name_and_value(flag);
            let (name, flag_type) =
                *known.iter().find(|(known, _)| *known == name).ok_or_else(|| unknown(name, known))?;
            if flag_type != FlagType::List && flags.text(name).is_some() {
                let fault = Fault::new(format!("duplicate flag specified: --{name}"));
                return Err(fault.blaming(format!("--{name}")));
            }
            let value = if flag_type == FlagType::Bool { boolean(name, value)? } else { text(name, value)? };
            flags.given.push((name, value));
        }
        Ok(flags)
    }

    /// Returns the value of a flag that can be given once, or `None` if it is absent.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.list(name).pop()
    }

    /// Returns the values of a flag in order.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        self.given.iter().filter(|(given, _)| *given == name).map(|(_, value)| value.clone()).collect()
    }

    /// Returns the value of a boolean flag, or `None` if it is absent.
    pub(crate) fn boolean(&self, name: &str) -> Option<bool> {
        self.text(name).map(|value| value == "true")
    }
}

fn name_and_value(flag: &str) -> (&str, Option<&str>) {
    let name_value = |input| -> IResult<&str, (&str, Option<&str>)> {
        let name = take_while(|c| c != '=');
        preceded(tag("--"), (name, opt(preceded(char('='), rest)))).parse(input)
    };
    name_value(flag).map_or((flag, None), |(_, parts)| parts)
}

fn unknown(name: &str, known: &KnownFlags) -> Fault {
    let names: Vec<&str> = known.iter().map(|(known, _)| *known).collect();
    let suggestion = suggest(name, &names).map(|known| format!("--{known}"));
    let list = match names.as_slice() {
        [] => "this instruction takes no flags".to_owned(),
        names => format!("the flags here are --{}", names.join(", --")),
    };
    let fault = Fault::new(format!("unknown flag: --{name}")).blaming(format!("--{name}"));
    fault.suggesting(suggestion).hint(list)
}

fn text(name: &str, value: Option<&str>) -> Result<String, Fault> {
    value.map(String::from).ok_or_else(|| missing(name))
}

fn boolean(name: &str, value: Option<&str>) -> Result<String, Fault> {
    let lower = value.map(str::to_lowercase);
    match lower.as_deref() {
        None => Ok("true".into()),
        Some("") => Err(missing(name)),
        Some("true" | "false") => Ok(lower.unwrap_or_default()),
        Some(_) => {
            let value = value.unwrap_or_default();
            let fault = Fault::new(format!("expecting boolean value for flag {name}, not: {value}"));
            Err(fault.blaming(value).hint(format!("use --{name}, --{name}=true or --{name}=false")))
        }
    }
}

fn missing(name: &str) -> Fault {
    let fault = Fault::new(format!("missing a value on flag: --{name}"));
    fault.blaming(format!("--{name}")).hint(format!("write --{name}=VALUE"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, flags: &[&str], rest: &str) {
        assert_eq!(split(text), (flags.iter().map(|flag| flag.to_string()).collect(), rest), "{text:?}");
    }

    #[test]
    fn flags_end_at_the_first_other_word() {
        check("a b", &[], "a b");
        check("--link a --b", &["--link"], "a --b");
        check("--from=x  --link  a", &["--from=x", "--link"], "a");
        check("- --a", &[], "- --a");
        check("--link", &["--link"], "");
        check("", &[], "");
    }

    #[test]
    fn two_dashes_end_the_flags() {
        check("--link -- --a b", &["--link"], "--a b");
        check("--", &[], "");
        check("-- a", &[], "a");
    }

    #[test]
    fn quotes_and_backslashes_are_removed() {
        check("--chown=\"a b\":c x", &["--chown=a b:c"], "x");
        check("--chmod='6'00 x", &["--chmod=600"], "x");
        check("--exclude=a\\ b x", &["--exclude=a b"], "x");
        check("--a=\"x\\\"y\" z", &["--a=x\"y"], "z");
        check("--a=\"open x", &["--a=open x"], "");
        check("--a=x\\", &["--a=x"], "");
        check("\"--a\" x", &[], "\"--a\" x");
    }

    const KNOWN: &KnownFlags = &[
        ("from", FlagType::Text),
        ("link", FlagType::Bool),
        ("mount", FlagType::List),
        ("chmod", FlagType::Text),
    ];

    #[track_caller]
    fn check_error(written: &[&str], message: &str, hint: Option<&str>) {
        let written: Vec<String> = written.iter().map(|flag| flag.to_string()).collect();
        let fault = Flags::check(&written, KNOWN).expect_err("these flags have an error");
        assert_eq!((fault.message.as_str(), fault.hint.as_deref()), (message, hint));
    }

    #[test]
    fn unknown_flags_are_errors() {
        check_error(&["--foo=x"], "unknown flag: --foo", Some("did you mean --from?"));
        let list = Some("the flags here are --from, --link, --mount, --chmod");
        check_error(&["--user"], "unknown flag: --user", list);
        check_error(&["--LINK"], "unknown flag: --LINK", list);
    }

    #[test]
    fn only_flags_of_type_list_can_be_repeated() {
        check_error(&["--link", "--link"], "duplicate flag specified: --link", None);
        check_error(&["--from=a", "--from=b"], "duplicate flag specified: --from", None);
        assert_eq!(known_flags(&["--mount=1", "--mount=2"]).list("mount"), ["1", "2"]);
    }

    #[test]
    fn a_missing_value_is_an_error() {
        check_error(&["--from"], "missing a value on flag: --from", Some("write --from=VALUE"));
        check_error(&["--mount"], "missing a value on flag: --mount", Some("write --mount=VALUE"));
        check_error(&["--link="], "missing a value on flag: --link", Some("write --link=VALUE"));
    }

    #[test]
    fn a_boolean_flag_takes_true_or_false() {
        assert_eq!(known_flags(&["--link"]).boolean("link"), Some(true));
        assert_eq!(known_flags(&["--link=FALSE"]).boolean("link"), Some(false));
        check_error(
            &["--link=yes"],
            "expecting boolean value for flag link, not: yes",
            Some("use --link, --link=true or --link=false"),
        );
    }

    #[test]
    fn the_value_is_the_text_after_the_first_equals_sign() {
        assert_eq!(known_flags(&["--from=a=b"]).text("from").as_deref(), Some("a=b"));
        assert_eq!(known_flags(&["--chmod="]).text("chmod").as_deref(), Some(""));
    }

    #[test]
    fn an_absent_flag_has_no_value() {
        assert_eq!(known_flags(&[]).text("checksum"), None);
    }

    #[track_caller]
    fn known_flags(written: &[&str]) -> Flags {
        let written: Vec<String> = written.iter().map(|flag| flag.to_string()).collect();
        Flags::check(&written, KNOWN).expect("these flags are known")
    }
}
