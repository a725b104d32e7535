//! HEALTHCHECK: `HEALTHCHECK NONE` or `HEALTHCHECK [flags] CMD command`.

use crate::{
    ast::{Command, Healthcheck},
    duration,
    error::Fault,
    flags::{FlagType, Flags, KnownFlags},
    keyword::Keyword,
    syntax::{Arguments, Node},
};

const HEALTHCHECK: &KnownFlags = &[
    ("interval", FlagType::Text),
    ("timeout", FlagType::Text),
    ("start-period", FlagType::Text),
    ("start-interval", FlagType::Text),
    ("retries", FlagType::Text),
];

/// Minimum interval between two checks: 1 ms, as in Docker.
const MIN_INTERVAL_NS: i64 = 1_000_000;

pub(super) fn healthcheck(node: &mut Node) -> Result<Healthcheck, Fault> {
    let Arguments::Typed(kind, arguments) = std::mem::take(&mut node.arguments) else {
        return Err(super::at_least_one(Keyword::Healthcheck));
    };
    let command = super::command(*arguments);
    let has_command = !matches!(&command, Command::Shell(text) if text.is_empty())
        && !matches!(&command, Command::Exec(words) if words.is_empty());
    match kind.to_uppercase().as_str() {
        "NONE" if has_command => Err(Fault::new("HEALTHCHECK NONE takes no arguments")),
        "NONE" => Ok(Healthcheck::None),
        "CMD" if has_command => with_command(command, &Flags::check(&node.flags, HEALTHCHECK)?),
        "CMD" => Err(Keyword::Healthcheck.misused("Missing command after HEALTHCHECK CMD")),
        unknown => {
            let message = format!("Unknown type {unknown:?} in HEALTHCHECK (try CMD)");
            Err(Keyword::Healthcheck.misused(message).blaming(kind))
        }
    }
}

fn with_command(command: Command, flags: &Flags) -> Result<Healthcheck, Fault> {
    Ok(Healthcheck::Cmd {
        command,
        interval_ns: interval(flags, "interval")?,
        timeout_ns: interval(flags, "timeout")?,
        start_period_ns: interval(flags, "start-period")?,
        start_interval_ns: interval(flags, "start-interval")?,
        retries: retries(&flags.text("retries").unwrap_or_default())?,
    })
}

/// Returns the value of a flag that takes a duration, in nanoseconds; 0 if it is absent.
fn interval(flags: &Flags, name: &str) -> Result<i64, Fault> {
    let text = flags.text(name).unwrap_or_default();
    if text.is_empty() {
        return Ok(0);
    }
    let explain = |fault: Fault| fault.blaming(&text).hint("write a duration like 30s or 1m30s");
    let nanoseconds = duration::nanoseconds(&text).map_err(explain)?;
    if nanoseconds != 0 && nanoseconds < MIN_INTERVAL_NS {
        return Err(Fault::new(format!("Interval {name:?} cannot be less than 1ms")).blaming(&text));
    }
    Ok(nanoseconds)
}

fn retries(text: &str) -> Result<i64, Fault> {
    if text.is_empty() {
        return Ok(0);
    }
    let number: i64 = text.parse().map_err(|_| invalid_number(text, "invalid syntax"))?;
    if i32::try_from(number).is_err() {
        return Err(invalid_number(text, "value out of range"));
    }
    if number < 0 {
        return Err(Fault::new(format!("--retries cannot be negative ({number})")).blaming(text));
    }
    Ok(number)
}

/// Returns the error in the words of Go's `strconv`, as BuildKit does.
fn invalid_number(text: &str, reason: &str) -> Fault {
    let fault = Fault::new(format!("strconv.ParseInt: parsing {text:?}: {reason}"));
    fault.blaming(text).hint("--retries takes a whole number")
}
