//! `SOURCE_DATE_EPOCH`: the time that reproducible results carry.
//!
//! A build argument wins over the default of a global ARG; an empty one takes it away. What it is resolved
//! to is what `ARG SOURCE_DATE_EPOCH` shows in a stage.

use std::collections::BTreeMap;

use parser::ast::{Dockerfile, Instruction, Kind, Span, Stage};
use parser::expand::Expander;

use super::args::Env;
use super::error::{LowerError, Problem, lines};
use crate::options::{Context, NamedContext, Options};
use graph::git_url::GitUrl;

/// The name.
pub const NAME: &str = "SOURCE_DATE_EPOCH";

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

/// What has to be fetched before its time is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dated {
    /// A repository: the time of the commit.
    Repository(String),
    /// A context by HTTP: the newest file of an archive, else when the server says that it was changed.
    Context(String),
    /// A file by HTTP: when the server says that it was changed.
    File(String),
}

/// When.
#[derive(Debug, PartialEq, Eq)]
enum When {
    Known(Option<i64>),
    Of(Dated),
}

/// What has to be fetched for the `SOURCE_DATE_EPOCH` of a build: its time is the build argument to lower with.
pub(crate) fn dated(
    dockerfile: &Dockerfile,
    predefined: &Env,
    options: &Options,
    expander: Expander,
) -> Result<Option<Dated>, LowerError> {
    let mut build_args = options.build_args.clone();
    let Some((value, place)) = value(dockerfile, predefined, &mut build_args, expander)? else {
        return Ok(None);
    };
    match when(&value, options, dockerfile).map_err(at(place))? {
        When::Of(dated) => Ok(Some(dated)),
        When::Known(_) => Ok(None),
    }
}

/// Resolves `SOURCE_DATE_EPOCH` of a build. What would have to be fetched and was not (see [`dated`]) has no time.
pub(super) fn resolve(
    dockerfile: &Dockerfile,
    predefined: &Env,
    options: &Options,
    expander: Expander,
) -> Result<Epoch, LowerError> {
    let mut build_args = options.build_args.clone();
    let Some((value, place)) = value(dockerfile, predefined, &mut build_args, expander)? else {
        return Ok(Epoch { seconds: None, build_args, masked: false });
    };
    let seconds = match when(&value, options, dockerfile).map_err(at(place))? {
        When::Known(seconds) => seconds,
        When::Of(_) => None,
    };
    if let Some(seconds) = seconds {
        build_args.insert(NAME.to_owned(), seconds.to_string());
    }
    Ok(Epoch { seconds, build_args, masked: true })
}

/// What is written, and where if that is in the Dockerfile. Takes it out of the build arguments.
fn value(
    dockerfile: &Dockerfile,
    predefined: &Env,
    build_args: &mut BTreeMap<String, String>,
    expander: Expander,
) -> Result<Option<(String, Option<Span>)>, LowerError> {
    if let Some(value) = build_args.remove(NAME) {
        return Ok(Some((value, None)));
    }
    let default = global_default(&dockerfile.globals, predefined, build_args, expander)?;
    Ok(default.map(|(value, span)| (value, Some(span))))
}

fn at(place: Option<Span>) -> impl FnOnce(Problem) -> LowerError {
    move |problem| match place {
        Some(span) => problem.at(lines(span)),
        None => problem.in_options(),
    }
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

/// Makes a time of a value: a number, nothing, or the name of a context or stage.
fn when(value: &str, options: &Options, dockerfile: &Dockerfile) -> Result<When, Problem> {
    if value.is_empty() {
        return Ok(When::Known(None));
    }
    if let Ok(seconds) = value.parse::<i64>() {
        return Ok(When::Known(Some(seconds)));
    }
    // A folder has no time of its own; BuildKit leaves the epoch unset for it.
    if value == "context" && matches!(options.context, Context::Local { .. } | Context::Empty) {
        return Ok(When::Known(None));
    }
    if let ("context", Context::Stored { time_s, .. }) = (value, &options.context) {
        return Ok(When::Known(*time_s));
    }
    match options.named_contexts.get(&value.to_lowercase()) {
        Some(NamedContext::Local { .. }) => Ok(When::Known(None)),
        Some(NamedContext::Git(url)) => Ok(When::Of(Dated::Repository(url.clone()))),
        Some(NamedContext::Http(url)) => Ok(When::Of(Dated::Context(url.clone()))),
        Some(_) => Err(Problem::Unsupported { what: format!("SOURCE_DATE_EPOCH of the image {value:?}") }),
        None => of_stage(value, dockerfile).map(When::Of),
    }
}

/// A stage that is nothing but one remote file or repository has its time.
fn of_stage(name: &str, dockerfile: &Dockerfile) -> Result<Dated, Problem> {
    let named = |stage: &&Stage| stage.name.as_deref().is_some_and(|other| other.eq_ignore_ascii_case(name));
    let Some(stage) = dockerfile.stages.iter().find(named) else {
        return Err(Problem::BadEpoch { value: name.to_owned() });
    };
    let no = |reason: &str| Err(Problem::EpochStage { reason: reason.to_owned() });
    let other = stage.instructions.iter().find(|instruction| !matches!(instruction.kind, Kind::Add(_)));
    if let Some(other) = other {
        return no(&format!("unsupported {} instruction", other.keyword.to_uppercase()));
    }
    if stage.base != "scratch" {
        return no(&format!("base {:?}", stage.base));
    }
    let [Instruction { kind: Kind::Add(add), .. }] = &stage.instructions[..] else {
        return no("it needs exactly one ADD");
    };
    match &add.sources[..] {
        [source] if source.contains('$') => no("a variable in the source of ADD"),
        [source] if GitUrl::parse(source)?.is_some() => Ok(Dated::Repository(source.clone())),
        [source] if source.starts_with("http://") || source.starts_with("https://") => {
            Ok(Dated::File(source.clone()))
        }
        _ => no("ADD needs exactly one URL or repository"),
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
    use patterns::IgnoreFile;

    #[test]
    fn values() {
        let options = Options {
            named_contexts: BTreeMap::from([
                ("dir".to_owned(), NamedContext::Local { path: "/x".into(), ignore: IgnoreFile::default() }),
                ("repo".to_owned(), NamedContext::Git("https://host/r.git".to_owned())),
            ]),
            ..Options::default()
        };
        let dockerfile = "FROM scratch AS one\nADD https://h/f /\nFROM scratch AS two\nCOPY a /\nFROM x AS three\nFROM scratch AS four\nADD https://h/r.git#v1 /\nFROM scratch AS five\nADD f /\nFROM scratch AS six\nADD https://h/f https://h/g /\n";
        let dockerfile = parser::parse(dockerfile.as_bytes()).expect("a Dockerfile");
        let of = |value: &str| when(value, &options, &dockerfile);
        assert_eq!(of(""), Ok(When::Known(None)));
        assert_eq!(of("0"), Ok(When::Known(Some(0))));
        assert_eq!(of("1700000000"), Ok(When::Known(Some(1_700_000_000))));
        assert_eq!(of("context"), Ok(When::Known(None)));
        assert_eq!(of("dir"), Ok(When::Known(None)));
        assert_eq!(of("Repo"), Ok(When::Of(Dated::Repository("https://host/r.git".to_owned()))));
        assert_eq!(of("one"), Ok(When::Of(Dated::File("https://h/f".to_owned()))));
        assert_eq!(of("four"), Ok(When::Of(Dated::Repository("https://h/r.git#v1".to_owned()))));
        assert!(
            matches!(of("TWO"), Err(Problem::EpochStage { reason }) if reason == "unsupported COPY instruction")
        );
        for stage in ["three", "five", "six"] {
            assert!(matches!(of(stage), Err(Problem::EpochStage { .. })), "{stage}");
        }
        assert_eq!(of("x"), Err(Problem::BadEpoch { value: "x".to_owned() }));
    }

    #[test]
    fn times() {
        assert_eq!(rfc3339(0).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(rfc3339(1_500_000_000).as_deref(), Some("2017-07-14T02:40:00Z"));
        assert_eq!(rfc3339(i64::MAX), None);
    }
}
