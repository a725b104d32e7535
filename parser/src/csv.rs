//! Values of flags that consist of comma-separated fields: `--mount` and `--device`.
//!
//! ```text
//! line  = field { "," field }
//! field = '"' { not '"' | '""' } '"' | { neither ',' nor '"' }
//! ```

use nom::{
    IResult, Parser,
    branch::alt,
    bytes::complete::{tag, take_while, take_while1},
    character::complete::char,
    combinator::{all_consuming, not, value as becomes},
    multi::{many0, separated_list1},
    sequence::{delimited, terminated},
};

/// Splits a line into its fields, at least one, without their quotes. The error is that of Go's `encoding/csv`.
pub(crate) fn fields(line: &str) -> Result<Vec<String>, &'static str> {
    if line.is_empty() {
        return Err("EOF");
    }
    match all_consuming(separated_list1(char(','), field)).parse(line) {
        Ok((_, fields)) => Ok(fields),
        Err(_) if line.starts_with('"') || line.contains(",\"") => {
            Err("extraneous or missing \" in quoted-field")
        }
        Err(_) => Err("bare \" in non-quoted-field"),
    }
}

fn field(input: &str) -> IResult<&str, String> {
    let quote = becomes("\"", tag("\"\""));
    let quoted = many0(alt((take_while1(|c| c != '"'), quote))).map(|parts| parts.concat());
    let bare = terminated(take_while(|c| c != ',' && c != '"'), not(char('"'))).map(String::from);
    alt((delimited(char('"'), quoted, char('"')), bare)).parse(input)
}

/// Parses a boolean as Go's `strconv.ParseBool` does.
pub(crate) fn boolean(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
