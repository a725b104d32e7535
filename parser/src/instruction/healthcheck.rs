//! `HEALTHCHECK NONE`, `HEALTHCHECK [flags] CMD command`

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

/// Docker checks no more often.
const SHORTEST_NS: i64 = 1_000_000;

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

fn interval(flags: &Flags, name: &str) -> Result<i64, Fault> {
    let text = flags.text(name).unwrap_or_default();
    if text.is_empty() {
        return Ok(0);
    }
    let no_duration = |fault: Fault| fault.blaming(&text).hint("write a duration like 30s or 1m30s");
    match duration::nanoseconds(&text).map_err(no_duration)? {
        nanoseconds if nanoseconds == 0 || nanoseconds >= SHORTEST_NS => Ok(nanoseconds),
        _ => Err(Fault::new(format!("Interval {name:?} cannot be less than 1ms")).blaming(&text)),
    }
}

fn retries(text: &str) -> Result<i64, Fault> {
    if text.is_empty() {
        return Ok(0);
    }
    let number: i64 = text.parse().map_err(|_| no_number(text, "invalid syntax"))?;
    if i32::try_from(number).is_err() {
        return Err(no_number(text, "value out of range"));
    }
    if number < 0 {
        return Err(Fault::new(format!("--retries cannot be negative ({number})")).blaming(text));
    }
    Ok(number)
}

fn no_number(text: &str, reason: &str) -> Fault {
    let fault = Fault::new(format!("strconv.ParseInt: parsing {text:?}: {reason}"));
    fault.blaming(text).hint("--retries takes a whole number")
}
