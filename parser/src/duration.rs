//! Durations in Go's format, such as `1h15m30.918s`.
//!
//! ```text
//! duration = [ "+" | "-" ] ( "0" | part { part } )
//! part     = ( digits [ "." [ digits ] ] | "." digits ) unit
//! unit     = "ns" | "us" | "µs" | "μs" | "ms" | "s" | "m" | "h"
//! ```
//!
//! Source: Go, package time, ParseDuration.

use nom::{
    IResult, Parser,
    bytes::complete::take_while1,
    character::complete::{char, digit0, one_of},
    combinator::{opt, verify},
    sequence::preceded,
};

use crate::error::Fault;

/// Parses a duration and returns it in nanoseconds.
pub(crate) fn nanoseconds(text: &str) -> Result<i64, Fault> {
    let signed: IResult<&str, Option<char>> = opt(one_of("+-")).parse(text);
    let (mut rest, sign) = signed.unwrap_or((text, None));
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid(text));
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let (after, part) = part(rest, text)?;
        total = total.checked_add(part).ok_or_else(|| invalid(text))?;
        rest = after;
    }
    let total = if sign == Some('-') { -total } else { total };
    i64::try_from(total).map_err(|_| invalid(text))
}

/// Parses one number with its unit; `whole` is the duration for the error message.
fn part<'a>(input: &'a str, whole: &str) -> Result<(&'a str, i128), Fault> {
    let (rest, (integer, fraction)) = number(input).map_err(|_| invalid(whole))?;
    let name: IResult<&str, &str> = take_while1(|c: char| c != '.' && !c.is_ascii_digit()).parse(rest);
    let Ok((rest, name)) = name else {
        return Err(Fault::new(format!("time: missing unit in duration {whole:?}")));
    };
    let unit =
        unit(name).ok_or_else(|| Fault::new(format!("time: unknown unit {name:?} in duration {whole:?}")))?;
    let value = nanoseconds_of(integer, fraction, unit).ok_or_else(|| invalid(whole))?;
    Ok((rest, value))
}

/// Parses the digits before and after the decimal point, at least one in total.
fn number(input: &str) -> IResult<&str, (&str, &str)> {
    let fraction = opt(preceded(char('.'), digit0)).map(Option::unwrap_or_default);
    verify((digit0, fraction), |(integer, fraction): &(&str, &str)| {
        !integer.is_empty() || !fraction.is_empty()
    })
    .parse(input)
}

/// Returns the length of a unit in nanoseconds.
fn unit(name: &str) -> Option<i128> {
    Some(match name {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

fn nanoseconds_of(integer: &str, fraction: &str, unit: i128) -> Option<i128> {
    let integer: i128 = if integer.is_empty() { 0 } else { integer.parse().ok()? };
    // Further digits are fractions of a nanosecond even if the unit is the hour.
    let digits = &fraction[..fraction.len().min(18)];
    let numerator: i128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    let part = numerator.checked_mul(unit)? / 10_i128.pow(digits.len() as u32);
    integer.checked_mul(unit)?.checked_add(part)
}

fn invalid(text: &str) -> Fault {
    Fault::new(format!("time: invalid duration {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: i64) {
        assert_eq!(nanoseconds(text), Ok(expected), "{text}");
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        assert_eq!(nanoseconds(text).expect_err("malformed").message, expected);
    }

    #[test]
    fn parts_with_units_are_added_up() {
        check("0", 0);
        check("5s", 5_000_000_000);
        check("1h2m", 3_720_000_000_000);
        check("1ms", 1_000_000);
        check("10us3ns", 10_003);
        check("3µs", 3_000);
    }

    #[test]
    fn numbers_can_have_a_fraction() {
        check("1.5s", 1_500_000_000);
        check(".5m", 30_000_000_000);
        check("2.h", 7_200_000_000_000);
    }

    #[test]
    fn fractions_of_a_nanosecond_are_dropped() {
        check("0.000000000000000000000000001s", 0);
    }

    #[test]
    fn a_duration_can_have_a_sign() {
        check("-1s", -1_000_000_000);
        check("+1s", 1_000_000_000);
    }

    #[test]
    fn a_missing_or_unknown_unit_is_an_error() {
        check_error("5", "time: missing unit in duration \"5\"");
        check_error("5x", "time: unknown unit \"x\" in duration \"5x\"");
        check_error(&"9".repeat(60), &format!("time: missing unit in duration \"{}\"", "9".repeat(60)));
    }

    #[test]
    fn text_without_a_number_is_an_error() {
        check_error("soon", "time: invalid duration \"soon\"");
        check_error("", "time: invalid duration \"\"");
        check_error("-", "time: invalid duration \"-\"");
        check_error(".s", "time: invalid duration \".s\"");
    }

    #[test]
    fn a_duration_beyond_64_bits_is_an_error() {
        check_error("10000000000h", "time: invalid duration \"10000000000h\"");
    }
}
