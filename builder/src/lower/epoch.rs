//! `SOURCE_DATE_EPOCH`: the time that reproducible results carry.
//!
//! A build argument wins over the default of a global ARG; an empty one takes it away. What it is resolved
//! to is what `ARG SOURCE_DATE_EPOCH` shows in a stage.

use std::collections::BTreeMap;

use parser::ast::{Dockerfile, Instruction, Kind, Span, Stage};
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
    dockerfile: &Dockerfile,
    predefined: &Env,
    options: &BuildOptions,
    expander: Expander,
) -> Result<Epoch, LowerError> {
    let mut build_args = options.build_args.clone();
    let (value, place) = match build_args.remove(NAME) {
        Some(value) => (value, None),
        None => match global_default(&dockerfile.globals, predefined, &build_args, expander)? {
            Some((value, span)) => (value, Some(span)),
            None => return Ok(Epoch { seconds: None, build_args, masked: false }),
        },
    };
    let at = |problem: Problem| match place {
        Some(span) => problem.at(lines(span)),
        None => problem.in_options(),
    };
    let seconds = seconds(&value, options, dockerfile).map_err(at)?;
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
fn seconds(value: &str, options: &BuildOptions, dockerfile: &Dockerfile) -> Result<Option<i64>, Problem> {
    if value.is_empty() {
        return Ok(None);
    }
    if let Ok(seconds) = value.parse::<i64>() {
        return Ok(Some(seconds));
    }
    // A folder has no time of its own; BuildKit leaves the epoch unset for it.
    if value == "context" && matches!(options.context, Context::Local { .. } | Context::Empty) {
        return Ok(None);
    }
    if let ("context", Context::Stored { time_s, .. }) = (value, &options.context) {
        return Ok(*time_s);
    }
    match options.named_contexts.get(value) {
        Some(NamedContext::Local { .. }) => Ok(None),
        Some(_) => Err(Problem::Unsupported { what: format!("SOURCE_DATE_EPOCH of the context {value:?}") }),
        None => Err(of_stage(value, dockerfile)),
    }
}

/// A stage that is nothing but one remote file or repository would have a time; which one is known only
/// after it has been fetched.
fn of_stage(name: &str, dockerfile: &Dockerfile) -> Problem {
    let named = |stage: &&Stage| stage.name.as_deref().is_some_and(|other| other.eq_ignore_ascii_case(name));
    let Some(stage) = dockerfile.stages.iter().find(named) else {
        return Problem::BadEpoch { value: name.to_owned() };
    };
    let other = stage.instructions.iter().find(|instruction| !matches!(instruction.kind, Kind::Add(_)));
    match other {
        Some(other) => Problem::EpochStage {
            reason: format!("unsupported {} instruction", other.keyword.to_uppercase()),
        },
        None if stage.base != "scratch" => Problem::EpochStage { reason: format!("base {:?}", stage.base) },
        None => Problem::Unsupported { what: format!("SOURCE_DATE_EPOCH of the stage {name:?}") },
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
    use crate::context::IgnoreFile;

    #[test]
    fn values() {
        let options = BuildOptions {
            named_contexts: BTreeMap::from([
                ("dir".to_owned(), NamedContext::Local { path: "/x".into(), ignore: IgnoreFile::default() }),
                ("repo".to_owned(), NamedContext::Git("https://host/r.git".to_owned())),
            ]),
            ..BuildOptions::default()
        };
        let dockerfile =
            "FROM scratch AS one\nADD https://h/f /\nFROM scratch AS two\nCOPY a /\nFROM x AS three\n";
        let dockerfile = parser::parse(dockerfile.as_bytes()).expect("a Dockerfile");
        let of = |value: &str| seconds(value, &options, &dockerfile);
        assert_eq!(of(""), Ok(None));
        assert_eq!(of("0"), Ok(Some(0)));
        assert_eq!(of("1700000000"), Ok(Some(1_700_000_000)));
        assert_eq!(of("context"), Ok(None));
        assert_eq!(of("dir"), Ok(None));
        assert!(matches!(of("repo"), Err(Problem::Unsupported { .. })));
        assert!(matches!(of("one"), Err(Problem::Unsupported { .. })));
        assert!(
            matches!(of("TWO"), Err(Problem::EpochStage { reason }) if reason == "unsupported COPY instruction")
        );
        assert!(matches!(of("three"), Err(Problem::EpochStage { .. })));
        assert_eq!(of("x"), Err(Problem::BadEpoch { value: "x".to_owned() }));
    }

    #[test]
    fn times() {
        assert_eq!(rfc3339(0).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(rfc3339(1_500_000_000).as_deref(), Some("2017-07-14T02:40:00Z"));
        assert_eq!(rfc3339(i64::MAX), None);
    }
}
