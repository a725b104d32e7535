//! What can be wrong with a build before anything runs.
//!
//! A [`Problem`] is a situation, worded as BuildKit words it, since users search for those texts.
//! [`LowerError`] adds where it stands, what may have been meant, where its variables come from, and what else is wrong.
//! [`Errors`] gathers where one error does not stand in the way of finding the next.

use std::fmt;

use graph::Lines;
use graph::git_url::GitUrlError;
use graph::mode::ModeError;
use parser::ast::{Instruction, Span};
use parser::diagnose::MAX_ERRORS;
use parser::mount::MountError;

use super::origin::Origin;

/// A Dockerfile, or options, that cannot be lowered.
#[derive(Debug, thiserror::Error)]
pub struct LowerError {
    /// First and last line of the instruction, from 1; `None` where an option is at fault.
    pub lines: Option<Lines>,
    /// What is wrong.
    pub problem: Problem,
    /// What may have been meant.
    pub suggestion: Option<String>,
    /// Where the variables come from that led to it.
    pub origins: Vec<Origin>,
    /// What is wrong besides, in the order of the lines.
    pub further: Vec<LowerError>,
    /// How many more errors there are.
    pub left_out: usize,
}

/// Errors in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct Errors {
    found: Vec<LowerError>,
    left_out: usize,
}

impl Errors {
    /// Keeps an error, unless there are as many as anybody reads: then it is not even made.
    pub fn add(&mut self, error: impl FnOnce() -> LowerError) {
        match self.found.len() < MAX_ERRORS {
            true => self.found.push(error()),
            false => self.left_out += 1,
        }
    }

    /// Keeps the error of a result that is one.
    pub fn keep<T>(&mut self, result: Result<T, LowerError>) -> Option<T> {
        result.map_err(|error| self.add(|| error)).ok()
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Shows all that are kept to `explain`.
    pub fn each(&mut self, explain: impl FnMut(&mut LowerError)) {
        self.found.iter_mut().for_each(explain);
    }

    /// Fails if there was an error: with the first one, as BuildKit does, and the others in it.
    pub fn verdict(self) -> Result<(), LowerError> {
        let mut found = self.found.into_iter();
        let Some(first) = found.next() else { return Ok(()) };
        let mut further: Vec<LowerError> = found.collect();
        further.sort_by_key(|error| error.lines);
        Err(LowerError { further, left_out: self.left_out, ..first })
    }
}

impl LowerError {
    /// The error of a RUN at `lines` that asks for devices which the user has not allowed.
    pub fn devices_not_allowed(names: String, lines: Option<Lines>) -> Self {
        Problem::DevicesNotAllowed { names }.within(lines)
    }

    /// The word of the lines that is to blame, as written or as expanded; `None` if that is not one alone.
    pub fn culprit(&self) -> Option<&str> {
        self.problem.culprit()
    }

    /// What to do about it, where something useful can be said beyond the message.
    pub fn hint(&self) -> Option<String> {
        let hint = match &self.problem {
            Problem::Resolve { hint, .. } | Problem::Trigger { hint, .. } => return hint.clone(),
            Problem::NotAllowed { hint, .. } => return Some(hint.clone()),
            Problem::DevicesNotAllowed { .. } => {
                "allow all devices with --allow device, or one with --allow device=NAME"
            }
            Problem::UnknownTarget { .. } if self.suggestion.is_some() => return None,
            Problem::UnknownTarget { stages, .. } if stages.is_empty() => {
                "no stage has a name: write `FROM IMAGE AS NAME`"
            }
            Problem::UnknownTarget { stages, .. } => {
                return Some(format!("the stages are {}", stages.join(", ")));
            }
            Problem::Mount(error) => return error.hint(),
            Problem::Checks { .. } => "`dsbuild build --check` shows them and where they are explained",
            Problem::BadStageIndex { .. } => "stages count from 0; a name (FROM ... AS NAME) says more",
            Problem::VariableInFrom => "write `FROM $NAME AS source` above, and --from=source here",
            Problem::VariableInMountFrom => "write `FROM $NAME AS source` above, and from=source here",
            Problem::CopyFromLater { .. } | Problem::MountFromLater { .. } => "move that stage up",
            Problem::Circular { .. } => {
                "no stage can take files from itself, nor from one that takes files from it"
            }
            Problem::BadMountTarget { .. } => {
                "say where with target=PATH; the root itself cannot be mounted over"
            }
            Problem::LongVariable { .. } | Problem::LargeEnvironment { .. } => {
                "put what is long into a file: COPY, or RUN --mount=type=bind or secret"
            }
            Problem::TooMuchText { .. } => "use long variables less often: in RUN the shell can expand them",
            Problem::HeredocInExecForm { .. } => "leave the brackets out: a heredoc is for the shell",
            Problem::UrlForCopy | Problem::GitForCopy => "ADD can fetch it",
            Problem::BadChecksum { .. } => "write sha256: and 64 hexadecimal digits",
            Problem::ChecksumAlgorithm { .. } => "use sha256",
            Problem::BadChmod { .. } => "write a mode like 755 or u+x,g=r",
            Problem::Expose { .. } => {
                "write a port from 0 to 65535, a range like 8000-8010, with /tcp or /udp"
            }
            Problem::BadSignal { .. } => "write a name like SIGTERM or a number",
            Problem::BadEpoch { .. } => "write the seconds since 1970, as `date +%s` prints them",
            Problem::BadBoolean { .. } => "write true or false",
            Problem::NoStages => "a Dockerfile needs a FROM",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl fmt::Display for LowerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.problem)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, " (did you mean {suggestion}?)"),
            None => Ok(()),
        }
    }
}

/// What can be wrong. Names in the fields are as the user wrote them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A variable, quote or modifier that cannot be expanded.
    #[error("{0}")]
    Expand(parser::expand::ExpandError),
    /// A mount option that is not as it should be.
    #[error("{0}")]
    Mount(MountError),
    /// FROM's base is empty after expansion.
    #[error("base name ({written}) should not be blank")]
    BlankBase {
        /// Unexpanded.
        written: String,
    },
    /// `--platform` is empty after expansion.
    #[error("empty platform value from expression {written}")]
    EmptyPlatform {
        /// Unexpanded.
        written: String,
    },
    /// `--platform` names none.
    #[error("failed to parse platform {written}: {reason}")]
    BadPlatform {
        /// Unexpanded.
        written: String,
        /// Why, with the expanded value.
        reason: String,
    },
    /// No image can have this name.
    #[error("failed to parse stage name {name:?}: invalid reference format: {reason}")]
    BadReference {
        /// The name.
        name: String,
        /// Why.
        reason: String,
    },
    /// An image cannot be had.
    #[error("failed to resolve source metadata for {name}: {reason}")]
    Resolve {
        /// As asked for.
        name: String,
        /// As it stands in the Dockerfile, expanded.
        written: String,
        /// In one line, with the chain of causes.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A Dockerfile without FROM.
    #[error("dockerfile contains no stages to build")]
    NoStages,
    /// `--target` names no stage.
    #[error("target stage {name:?} could not be found")]
    UnknownTarget {
        /// The name.
        name: String,
        /// The stages that have one.
        stages: Vec<String>,
    },
    /// Stages that need each other.
    #[error("circular dependency detected on stage: {stage}")]
    Circular {
        /// One of them.
        stage: String,
    },
    /// `COPY --from=N` beyond the last stage.
    #[error("invalid stage index {index}")]
    BadStageIndex {
        /// N.
        index: i64,
        /// As it is written.
        written: String,
    },
    /// A variable in `COPY --from`.
    #[error(
        "variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround"
    )]
    VariableInFrom,
    /// A variable in `RUN --mount=from=`.
    #[error("'from' doesn't support variable expansion, define alias stage instead")]
    VariableInMountFrom,
    /// `COPY --from` a stage that comes later.
    #[error("cannot copy from stage {from:?}, it needs to be defined before current stage {stage:?}")]
    CopyFromLater {
        /// The later one.
        from: String,
        /// The one with the COPY.
        stage: String,
    },
    /// `RUN --mount=from=` a stage that comes later.
    #[error(
        "cannot mount from stage {from:?} to {target:?}, stage needs to be defined before current command"
    )]
    MountFromLater {
        /// The later one.
        from: String,
        /// Where it would be mounted.
        target: String,
    },
    /// Nothing, or the root, as a mount's place.
    #[error("invalid mount target {target:?}")]
    BadMountTarget {
        /// The place.
        target: String,
    },
    /// An entitlement that the user has not given.
    #[error("{entitlement} is not allowed")]
    NotAllowed {
        /// `network.host`, `security.insecure`, `device`.
        entitlement: &'static str,
        /// How to give it.
        hint: String,
    },
    /// Devices that the user has not allowed.
    #[error("{names} is requested by the build but not allowed")]
    DevicesNotAllowed {
        /// Their names, with commas.
        names: String,
    },
    /// `RUN --device` with what names no device.
    #[error("{reason}")]
    BadDevice {
        /// As written.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A value of `RUN --network` or `RUN --security`.
    #[error("{kind} mode {value:?} is not supported, expected one of {expected}")]
    BadMode {
        /// `network` or `security`.
        kind: &'static str,
        /// The value.
        value: String,
        /// What there is.
        expected: &'static str,
    },
    /// Heredocs with the exec form of RUN.
    #[error("parsing produced an invalid run command: {command}")]
    HeredocInExecForm {
        /// The command.
        command: String,
    },
    /// `COPY https://...`
    #[error("source can't be a URL for COPY")]
    UrlForCopy,
    /// `COPY git@...`
    #[error("source can't be a git ref for COPY")]
    GitForCopy,
    /// `--checksum` with several sources.
    #[error("checksum can't be specified for multiple sources")]
    ChecksumOfSeveral,
    /// `--checksum` of a local file.
    #[error("checksum requires HTTP(S) or Git sources")]
    ChecksumOfLocal,
    /// `--checksum` that is no digest.
    #[error("invalid checksum digest format: {checksum:?}")]
    BadChecksum {
        /// The value.
        checksum: String,
    },
    /// `--checksum` of another algorithm.
    #[error("unsupported digest algorithm {algorithm:?}")]
    ChecksumAlgorithm {
        /// The algorithm.
        algorithm: String,
    },
    /// A git URL that contradicts itself or its flags.
    #[error("{0}")]
    Git(String),
    /// `--chmod` that is no mode.
    #[error("invalid chmod parameter: '{mode}'. it should be octal string and between 0 and 07777")]
    BadChmod {
        /// The value.
        mode: String,
    },
    /// EXPOSE of what is no port.
    #[error("{reason}")]
    Expose {
        /// The word, expanded.
        word: String,
        /// What is wrong with it.
        reason: String,
    },
    /// VOLUME with an empty path.
    #[error("VOLUME specified can not be an empty string")]
    EmptyVolume,
    /// STOPSIGNAL that is none.
    #[error("invalid signal: {signal}")]
    BadSignal {
        /// The value.
        signal: String,
    },
    /// A name of ENV or ARG that is empty after expansion.
    #[error("{keyword} names can not be blank")]
    BlankName {
        /// The instruction.
        keyword: &'static str,
    },
    /// A variable that no process can be started with.
    #[error(
        "variable {name} takes {size_bytes} bytes, and Linux hands no more than {limit_bytes} to a process"
    )]
    LongVariable {
        /// Its name, or how that begins.
        name: String,
        /// With its name.
        size_bytes: usize,
        /// What there is room for.
        limit_bytes: usize,
    },
    /// Variables that no process can be started with.
    #[error("the variables take more than the {limit_bytes} bytes that Linux hands to a process")]
    LargeEnvironment {
        /// What there is room for.
        limit_bytes: usize,
    },
    /// Variables that are long, and used often.
    #[error("with its variables expanded, the Dockerfile makes more than {limit_bytes} bytes of text")]
    TooMuchText {
        /// What there is room for.
        limit_bytes: usize,
    },
    /// More ONBUILD instructions than anyone writes.
    #[error("more than {limit} ONBUILD triggers")]
    TooManyTriggers {
        /// How many there may be.
        limit: usize,
    },
    /// `SOURCE_DATE_EPOCH` that is no number.
    #[error("invalid SOURCE_DATE_EPOCH: {value}")]
    BadEpoch {
        /// The value.
        value: String,
    },
    /// `SOURCE_DATE_EPOCH` names a stage that has no time.
    #[error("SOURCE_DATE_EPOCH stage does not meet source-only requirements: {reason}")]
    EpochStage {
        /// What of it.
        reason: String,
    },
    /// `BUILDKIT_DISABLE_FILEOP`.
    #[error("support for {name:?} build-arg was removed in BuildKit 0.11")]
    RemovedBuildArg {
        /// The name.
        name: &'static str,
    },
    /// `BUILDKIT_MULTI_PLATFORM` that is no boolean.
    #[error("invalid boolean value for {name}: {value:?}")]
    BadBoolean {
        /// The build argument.
        name: &'static str,
        /// The value.
        value: String,
    },
    /// The options of the build checks.
    #[error("failed to parse check options: {reason}")]
    CheckOptions {
        /// Why.
        reason: String,
    },
    /// Warnings of the build checks, where `error=true` makes them errors.
    #[error("lint violation found for rules: {rules}")]
    Checks {
        /// Their names.
        rules: String,
        /// All of them, in the order of their lines.
        warnings: Vec<crate::plan::Warning>,
    },
    /// Several platforms, and an option that forbids them.
    #[error("conflicting config: returning multiple target platforms is not allowed")]
    SeveralPlatforms,
    /// A trigger of the base image does not parse.
    #[error("onbuild trigger {trigger:?}: {message}")]
    Trigger {
        /// Its text.
        trigger: String,
        /// Why.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// This version cannot do it.
    #[error("{what} is not supported yet")]
    Unsupported {
        /// What.
        what: String,
    },
}

impl Problem {
    /// The error of this problem at `lines`.
    pub(super) fn at(self, lines: Lines) -> LowerError {
        LowerError { lines: Some(lines), ..self.in_options() }
    }

    /// The error of this problem in a step, which may have no lines.
    pub(crate) fn within(self, lines: Option<Lines>) -> LowerError {
        LowerError { lines, ..self.in_options() }
    }

    /// The error of this problem in an option.
    pub(super) fn in_options(self) -> LowerError {
        let (lines, suggestion) = (None, None);
        LowerError { lines, problem: self, suggestion, origins: Vec::new(), further: Vec::new(), left_out: 0 }
    }

    /// Whether it may come from what is not known of the base: a variable, or the working directory.
    pub(super) fn may_lie_with_base(&self, uses_guesses: bool) -> bool {
        match self {
            Self::Expand(_) | Self::BadMountTarget { .. } => true,
            _ => uses_guesses,
        }
    }

    fn culprit(&self) -> Option<&str> {
        match self {
            Self::Mount(error) => error.culprit(),
            Self::Expand(error) => Some(&error.word),
            Self::BlankBase { written }
            | Self::EmptyPlatform { written }
            | Self::BadPlatform { written, .. } => Some(written),
            Self::BadReference { name, .. } => Some(name),
            Self::Resolve { written, .. } => Some(written),
            Self::BadStageIndex { written, .. } => Some(written),
            Self::VariableInFrom => Some("--from"),
            Self::VariableInMountFrom => Some("from"),
            Self::CopyFromLater { from, .. } | Self::MountFromLater { from, .. } => Some(from),
            Self::BadMode { value, .. } => Some(value),
            Self::BadDevice { name, .. } => Some(name),
            Self::BadChecksum { checksum } => Some(checksum),
            Self::BadChmod { mode } => Some(mode),
            Self::Expose { word, .. } => Some(word),
            Self::BadSignal { signal } => Some(signal),
            Self::BadEpoch { value } => Some(value),
            _ => None,
        }
    }
}

impl From<parser::expand::ExpandError> for Problem {
    fn from(error: parser::expand::ExpandError) -> Self {
        Self::Expand(error)
    }
}

impl From<ModeError> for Problem {
    fn from(ModeError { text }: ModeError) -> Self {
        Self::BadChmod { mode: text }
    }
}

impl From<GitUrlError> for Problem {
    fn from(error: GitUrlError) -> Self {
        Self::Git(error.0)
    }
}

/// The first and last line of a span.
pub(super) fn lines(span: Span) -> Lines {
    Lines { first: span.start_line, last: span.end_line }
}

/// The first and last line of an instruction.
pub(super) fn lines_of(instruction: &Instruction) -> Lines {
    lines(instruction.span)
}

/// Adds to `error` the candidate that `word` is closest to.
pub(crate) fn suggested(error: LowerError, word: &str, candidates: &[&str]) -> LowerError {
    let suggestion = parser::suggest::suggest(word, candidates).map(str::to_owned);
    LowerError { suggestion, ..error }
}
