//! `SOURCE_DATE_EPOCH`: the time that reproducible results carry.
//!
//! A build argument takes precedence over the default of a global ARG; an empty one removes it. The resolved time is what
//! `ARG SOURCE_DATE_EPOCH` shows in a stage.

use std::collections::BTreeMap;

use graph::Lines;
use graph::git_url::GitUrl;
use parser::ast::{Dockerfile, Instruction, Kind, Stage};
use parser::expand::{Expander, Variables};

use crate::args::{definitions, global_scope};
use crate::build_args::SOURCE_DATE_EPOCH;
use crate::env::Env;
use crate::error::{LowerError, Problem, lines_of};
use crate::options::{Context, NamedContext, Options};

/// The resolved time, and the build arguments as they are after resolving it.
#[derive(Debug)]
pub(crate) struct Epoch {
    /// Time in seconds since 1970; `None` if it is not set.
    pub time_s: Option<i64>,
    /// Build arguments of the options, with the resolved value or without any.
    pub build_args: BTreeMap<String, String>,
    /// Whether the time is decided, so that defaults of global ARGs for it do not count.
    pub is_decided: bool,
}

/// A source whose time `SOURCE_DATE_EPOCH` stands for, and which has to be fetched to learn it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EpochSource {
    /// URL of a repository: the time of the commit.
    Repository(String),
    /// URL of a context: the time of the newest file in an archive, else the server's `Last-Modified`.
    Context(String),
    /// URL of a file: the server's `Last-Modified`.
    File(String),
}

/// A value of `SOURCE_DATE_EPOCH` after interpretation.
#[derive(Debug, PartialEq, Eq)]
enum EpochValue {
    /// Time in seconds since 1970; `None` removes the time.
    Known(Option<i64>),
    /// The time of something that has to be fetched.
    TimeOf(EpochSource),
}

/// A value as it is written; `lines` is `None` if it is a build argument.
struct WrittenValue {
    value: String,
    lines: Option<Lines>,
}

/// Finds the source that has to be fetched to resolve `SOURCE_DATE_EPOCH`, or returns `None` if nothing has to be fetched.
///
/// The caller passes the time of the source as the build argument `SOURCE_DATE_EPOCH`.
pub(crate) fn source(
    dockerfile: &Dockerfile,
    predefined: &Env,
    options: &Options,
    expander: Expander,
) -> Result<Option<EpochSource>, LowerError> {
    let mut build_args = options.build_args.clone();
    let Some(written) = written_value(dockerfile, predefined, &mut build_args, expander)? else {
        return Ok(None);
    };
    match interpret(&written.value, options, dockerfile).map_err(|problem| problem.within(written.lines))? {
        EpochValue::TimeOf(source) => Ok(Some(source)),
        EpochValue::Known(_) => Ok(None),
    }
}

/// Resolves `SOURCE_DATE_EPOCH` of a build. A source that has to be fetched (see [`source`]) has no time here.
pub(crate) fn resolve(
    dockerfile: &Dockerfile,
    predefined: &Env,
    options: &Options,
    expander: Expander,
) -> Result<Epoch, LowerError> {
    let mut build_args = options.build_args.clone();
    let Some(written) = written_value(dockerfile, predefined, &mut build_args, expander)? else {
        return Ok(Epoch { time_s: None, build_args, is_decided: false });
    };
    let interpreted = interpret(&written.value, options, dockerfile);
    let time_s = match interpreted.map_err(|problem| problem.within(written.lines))? {
        EpochValue::Known(time_s) => time_s,
        EpochValue::TimeOf(_) => None,
    };
    if let Some(time_s) = time_s {
        build_args.insert(SOURCE_DATE_EPOCH.to_owned(), time_s.to_string());
    }
    Ok(Epoch { time_s, build_args, is_decided: true })
}

/// Returns the value as it is written, or `None` if there is none. Removes it from the build arguments.
fn written_value(
    dockerfile: &Dockerfile,
    predefined: &Env,
    build_args: &mut BTreeMap<String, String>,
    expander: Expander,
) -> Result<Option<WrittenValue>, LowerError> {
    if let Some(value) = build_args.remove(SOURCE_DATE_EPOCH) {
        return Ok(Some(WrittenValue { value, lines: None }));
    }
    global_default(&dockerfile.globals, predefined, build_args, expander)
}

/// Returns the expanded default of the last global ARG of that name.
fn global_default(
    globals: &[Instruction],
    predefined: &Env,
    build_args: &BTreeMap<String, String>,
    expander: Expander,
) -> Result<Option<WrittenValue>, LowerError> {
    let defines =
        |instruction: &Instruction| definitions(instruction).iter().any(|arg| arg.name == SOURCE_DATE_EPOCH);
    let Some(at) = globals.iter().rposition(defines) else { return Ok(None) };
    let scope = global_scope(&globals[..=at], predefined.clone(), build_args, expander)?;
    let lines = Some(lines_of(&globals[at]));
    Ok(scope.value(SOURCE_DATE_EPOCH).map(|value| WrittenValue { value: value.to_owned(), lines }))
}

/// Interprets a value: a number, nothing, or the name of a context or stage.
fn interpret(value: &str, options: &Options, dockerfile: &Dockerfile) -> Result<EpochValue, Problem> {
    if value.is_empty() {
        return Ok(EpochValue::Known(None));
    }
    if let Ok(time_s) = value.parse::<i64>() {
        return Ok(EpochValue::Known(Some(time_s)));
    }
    // A directory has no time of its own; BuildKit leaves the epoch unset for it.
    if value == "context" && matches!(options.context, Context::Local { .. } | Context::Empty) {
        return Ok(EpochValue::Known(None));
    }
    if let ("context", Context::Stored { time_s, .. }) = (value, &options.context) {
        return Ok(EpochValue::Known(*time_s));
    }
    match options.named_contexts.get(&value.to_lowercase()) {
        Some(NamedContext::Local { .. }) => Ok(EpochValue::Known(None)),
        Some(NamedContext::Git(url)) => Ok(EpochValue::TimeOf(EpochSource::Repository(url.clone()))),
        Some(NamedContext::Http(url)) => Ok(EpochValue::TimeOf(EpochSource::Context(url.clone()))),
        Some(_) => Err(Problem::Unsupported { feature: format!("SOURCE_DATE_EPOCH of the image {value:?}") }),
        None => stage_source(value, dockerfile).map(EpochValue::TimeOf),
    }
}

/// Returns the only source of a stage, which must be nothing but one ADD of a remote file or repository.
fn stage_source(name: &str, dockerfile: &Dockerfile) -> Result<EpochSource, Problem> {
    let has_name =
        |stage: &&Stage| stage.name.as_deref().is_some_and(|other| other.eq_ignore_ascii_case(name));
    let Some(stage) = dockerfile.stages.iter().find(has_name) else {
        return Err(Problem::BadEpoch { value: name.to_owned() });
    };
    let refuse = |reason: &str| Err(Problem::EpochStage { reason: reason.to_owned() });
    let other = stage.instructions.iter().find(|instruction| !matches!(instruction.kind, Kind::Add(_)));
    if let Some(other) = other {
        return refuse(&format!("unsupported {} instruction", other.keyword.to_uppercase()));
    }
    if stage.base != "scratch" {
        return refuse(&format!("base {:?}", stage.base));
    }
    let [Instruction { kind: Kind::Add(add), .. }] = &stage.instructions[..] else {
        return refuse("it needs exactly one ADD");
    };
    match &add.sources[..] {
        [source] if source.contains('$') => refuse("a variable in the source of ADD"),
        [source] if GitUrl::parse(source)?.is_some() => Ok(EpochSource::Repository(source.clone())),
        [source] if source.starts_with("http://") || source.starts_with("https://") => {
            Ok(EpochSource::File(source.clone()))
        }
        _ => refuse("ADD needs exactly one URL or repository"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use patterns::IgnoreFile;

    #[test]
    fn a_value_is_a_time_or_the_name_of_a_context_or_stage() {
        let options = Options {
            named_contexts: BTreeMap::from([
                ("dir".to_owned(), NamedContext::Local { path: "/x".into(), ignore: IgnoreFile::default() }),
                ("repo".to_owned(), NamedContext::Git("https://host/r.git".to_owned())),
            ]),
            ..Options::default()
        };
        let dockerfile = "FROM scratch AS one\nADD https://h/f /\nFROM scratch AS two\nCOPY a /\nFROM x AS three\nFROM scratch AS four\nADD https://h/r.git#v1 /\nFROM scratch AS five\nADD f /\nFROM scratch AS six\nADD https://h/f https://h/g /\n";
        let dockerfile = parser::parse(dockerfile.as_bytes()).expect("a Dockerfile");
        let of = |value: &str| interpret(value, &options, &dockerfile);
        assert_eq!(of(""), Ok(EpochValue::Known(None)));
        assert_eq!(of("0"), Ok(EpochValue::Known(Some(0))));
        assert_eq!(of("1700000000"), Ok(EpochValue::Known(Some(1_700_000_000))));
        assert_eq!(of("context"), Ok(EpochValue::Known(None)));
        assert_eq!(of("dir"), Ok(EpochValue::Known(None)));
        assert_eq!(
            of("Repo"),
            Ok(EpochValue::TimeOf(EpochSource::Repository("https://host/r.git".to_owned())))
        );
        assert_eq!(of("one"), Ok(EpochValue::TimeOf(EpochSource::File("https://h/f".to_owned()))));
        assert_eq!(
            of("four"),
            Ok(EpochValue::TimeOf(EpochSource::Repository("https://h/r.git#v1".to_owned())))
        );
        assert!(
            matches!(of("TWO"), Err(Problem::EpochStage { reason }) if reason == "unsupported COPY instruction")
        );
        for stage in ["three", "five", "six"] {
            assert!(matches!(of(stage), Err(Problem::EpochStage { .. })), "{stage}");
        }
        assert_eq!(of("x"), Err(Problem::BadEpoch { value: "x".to_owned() }));
    }
}
