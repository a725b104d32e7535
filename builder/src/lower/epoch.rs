//! `SOURCE_DATE_EPOCH`: the time that reproducible results carry.
//!
//! A build argument wins over the default of a global ARG; an empty one takes it away. What it is resolved
//! to is what `ARG SOURCE_DATE_EPOCH` shows in a stage.

use std::collections::BTreeMap;

use parser::ast::{Instruction, Kind, Span};
use parser::expand::Expander;

use super::args::Env;
use super::error::{LowerError, Problem, lines};
use crate::options::{BuildOptions, Context, NamedContext};

/// The name.
pub(super) const NAME: &str = "SOURCE_DATE_EPOCH";

/// Resolves it: the time in seconds, and the build arguments and global ARGs as they then are.
#[derive(Debug)]
pub(super) struct Epoch {
    /// Seconds since 1970.
    pub seconds: Option<i64>,
    /// The build arguments, with the resolved value or without any.
    pub build_args: BTreeMap<String, String>,
    /// True if defaults of global ARGs must not count.
    pub masked: bool,
}

/// Resolves `SOURCE_DATE_EPOCH` of a build.
pub(super) fn resolve(
    globals: &[Instruction],
    predefined: &Env,
    options: &BuildOptions,
    expander: Expander,
) -> Result<Epoch, LowerError> {
    let mut build_args = options.build_args.clone();
    let (value, place) = match build_args.remove(NAME) {
        Some(value) => (value, None),
        None => match global_default(globals, predefined, &build_args, expander)? {
            Some((value, span)) => (value, Some(span)),
            None => return Ok(Epoch { seconds: None, build_args, masked: false }),
        },
    };
    let at = |problem: Problem| match place {
        Some(span) => problem.at(lines(span)),
        None => problem.in_options(),
    };
    let seconds = seconds(&value, options).map_err(at)?;
    if let Some(seconds) = seconds {
        build_args.insert(NAME.to_owned(), seconds.to_string());
    }
    Ok(Epoch { seconds, build_args, masked: true })
}

/// The expanded default of the last global ARG of that name.
fn global_default(
    globals: &[Instruction],
    predefined: &Env,
    build_args: &BTreeMap<String, String>,
    expander: Expander,
) -> Result<Option<(String, Span)>, LowerError> {
    let defines = |instruction: &Instruction| match &instruction.kind {
        Kind::Arg(definitions) => definitions.iter().any(|definition| definition.name == NAME),
        _ => false,
    };
    let Some(at) = globals.iter().rposition(defines) else { return Ok(None) };
    let scope = super::args::globals(&globals[..=at], predefined.clone(), build_args, expander)?;
    let value = parser::expand::Variables::value(&scope, NAME);
    Ok(value.map(|value| (value.to_owned(), globals[at].span)))
}

/// Makes a time of a value: a number, nothing, or the name of a context.
fn seconds(value: &str, options: &BuildOptions) -> Result<Option<i64>, Problem> {
    if value.is_empty() {
        return Ok(None);
    }
    if let Ok(seconds) = value.parse::<i64>() {
        return Ok(Some(seconds));
    }
    let bad = || Problem::BadEpoch { value: value.to_owned() };
    // A folder has no time of its own; BuildKit leaves the epoch unset for it.
    if value == "context" && matches!(options.context, Context::Local { .. } | Context::Empty) {
        return Ok(None);
    }
    match options.named_contexts.get(value) {
        Some(NamedContext::Local { .. }) => Ok(None),
        Some(_) => Err(Problem::Unsupported { what: format!("SOURCE_DATE_EPOCH of the context {value:?}") }),
        None => Err(bad()),
    }
}

/// A time in seconds since 1970 as RFC 3339; `None` outside the years 1 to 9999.
pub(super) fn rfc3339(seconds: i64) -> Option<String> {
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    Some(time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let options = BuildOptions {
            named_contexts: BTreeMap::from([
                ("dir".to_owned(), NamedContext::Local { path: "/x".into(), ignore: Vec::new() }),
                ("repo".to_owned(), NamedContext::Git("https://host/r.git".to_owned())),
            ]),
            ..BuildOptions::default()
        };
        assert_eq!(seconds("", &options), Ok(None));
        assert_eq!(seconds("0", &options), Ok(Some(0)));
        assert_eq!(seconds("1700000000", &options), Ok(Some(1_700_000_000)));
        assert_eq!(seconds("context", &options), Ok(None));
        assert_eq!(seconds("dir", &options), Ok(None));
        assert!(matches!(seconds("repo", &options), Err(Problem::Unsupported { .. })));
        assert_eq!(seconds("x", &options), Err(Problem::BadEpoch { value: "x".to_owned() }));
    }

    #[test]
    fn times() {
        assert_eq!(rfc3339(0).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(rfc3339(1_500_000_000).as_deref(), Some("2017-07-14T02:40:00Z"));
        assert_eq!(rfc3339(i64::MAX), None);
    }
}
