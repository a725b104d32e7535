//! The situations in which lowering fails, in BuildKit's words.

use graph::git_url::GitUrlError;
use graph::mode::ModeError;
use graph::paths::WindowsPathError;
use parser::expand::ExpandError;
use parser::mount::MountError;

use crate::plan::Warning;

/// A situation in which lowering fails. Fields hold names as the user wrote them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A variable, quote or modifier cannot be expanded.
    #[error("{0}")]
    Expand(ExpandError),
    /// An option of `RUN --mount` is invalid.
    #[error("{0}")]
    Mount(MountError),
    /// The base of a FROM is empty after expansion.
    #[error("base name ({written}) should not be blank")]
    BlankBase {
        /// Base of the FROM before expansion.
        written: String,
    },
    /// The value of `FROM --platform` is empty after expansion.
    #[error("empty platform value from expression {written}")]
    EmptyPlatform {
        /// Value of the flag before expansion.
        written: String,
    },
    /// The value of `FROM --platform` is not a platform.
    #[error("failed to parse platform {written}: {reason}")]
    BadPlatform {
        /// Value of the flag before expansion.
        written: String,
        /// Reason, with the expanded value.
        reason: String,
    },
    /// A name is not a valid image name.
    #[error("failed to parse stage name {name:?}: invalid reference format: {reason}")]
    BadReference {
        /// Name of the image after expansion.
        name: String,
        /// Rule that the name breaks.
        reason: String,
    },
    /// An image is unavailable.
    #[error("failed to resolve source metadata for {name}: {reason}")]
    Resolve {
        /// Full name of the image that was looked up.
        name: String,
        /// Name in the Dockerfile after expansion.
        written: String,
        /// Reason in one line, with the chain of causes.
        reason: String,
        /// Way out, if there is one.
        hint: Option<String>,
    },
    /// The Dockerfile has no FROM.
    #[error("dockerfile contains no stages to build")]
    NoStages,
    /// `# syntax=` or `BUILDKIT_SYNTAX` asks for a frontend other than docker/dockerfile.
    #[error("the Dockerfile is written for the frontend {image}, which is not docker/dockerfile")]
    OtherSyntax {
        /// Image of the frontend.
        image: String,
    },
    /// `--target` does not name a stage.
    #[error("target stage {name:?} could not be found")]
    UnknownTarget {
        /// Value of the option `--target`.
        name: String,
        /// Names of the stages that have one.
        stages: Vec<String>,
    },
    /// Stages depend on each other.
    #[error("circular dependency detected on stage: {stage}")]
    Circular {
        /// Name of a stage from which the cycle was found.
        stage: String,
    },
    /// The number in `COPY --from=N` is not the index of a stage.
    #[error("invalid stage index {index}")]
    BadStageIndex {
        /// Number N of the flag.
        index: i64,
        /// Number as it is written, such as `007`.
        written: String,
    },
    /// `COPY --from` contains a variable.
    #[error(
        "variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround"
    )]
    VariableInFrom,
    /// `RUN --mount=from=` contains a variable.
    #[error("'from' doesn't support variable expansion, define alias stage instead")]
    VariableInMountFrom,
    /// `COPY --from` names a stage further down.
    #[error("cannot copy from stage {from:?}, it needs to be defined before current stage {stage:?}")]
    CopyFromLater {
        /// Name of the stage further down.
        from: String,
        /// Name of the stage with the COPY.
        stage: String,
    },
    /// `RUN --mount=from=` names a stage further down.
    #[error(
        "cannot mount from stage {from:?} to {target:?}, stage needs to be defined before current command"
    )]
    MountFromLater {
        /// Name of the stage further down.
        from: String,
        /// Mount point as it is written.
        target: String,
    },
    /// A mount point is empty or the root.
    #[error("invalid mount target {target:?}")]
    BadMountTarget {
        /// Mount point after expansion.
        target: String,
    },
    /// An instruction needs an entitlement that the user did not grant.
    #[error("{entitlement} is not allowed")]
    NotAllowed {
        /// Name of the entitlement: `network.host`, `security.insecure` or `device`.
        entitlement: &'static str,
        /// Way to grant it.
        hint: String,
    },
    /// A RUN needs devices that the user did not allow.
    #[error("{names} is requested by the build but not allowed")]
    DevicesNotAllowed {
        /// Names of the devices, separated by commas.
        names: String,
    },
    /// The value of `RUN --device` is not the name of a device.
    #[error("{reason}")]
    BadDevice {
        /// Name as it is written.
        name: String,
        /// Rule that the name breaks.
        reason: String,
    },
    /// The value of `RUN --network` or `RUN --security` is unknown.
    #[error("{kind} mode {value:?} is not supported, expected one of {expected}")]
    BadMode {
        /// Name of the flag, `network` or `security`.
        kind: &'static str,
        /// Value of the flag.
        value: String,
        /// Known values, separated by commas.
        expected: &'static str,
    },
    /// A RUN in exec form has a heredoc.
    #[error("parsing produced an invalid run command: {command}")]
    HeredocInExecForm {
        /// Words of the command, joined by blanks.
        command: String,
    },
    /// A source of COPY is a URL: `COPY https://...`.
    #[error("source can't be a URL for COPY")]
    UrlForCopy,
    /// A source of COPY is a repository: `COPY git@...`.
    #[error("source can't be a git ref for COPY")]
    GitForCopy,
    /// An ADD with `--checksum` has several sources.
    #[error("checksum can't be specified for multiple sources")]
    ChecksumOfSeveral,
    /// An ADD with `--checksum` has a source in the build context.
    #[error("checksum requires HTTP(S) or Git sources")]
    ChecksumOfLocal,
    /// The value of `--checksum` is not a digest.
    #[error("invalid checksum digest format: {checksum:?}")]
    BadChecksum {
        /// Value of the flag after expansion.
        checksum: String,
    },
    /// The value of `--checksum` is a digest of an unsupported algorithm.
    #[error("unsupported digest algorithm {algorithm:?}")]
    ChecksumAlgorithm {
        /// Name of the algorithm, such as `sha512`.
        algorithm: String,
    },
    /// A git URL contradicts itself or its flags.
    #[error("{0}")]
    Git(String),
    /// The value of `--chmod` is not a mode.
    #[error("invalid chmod parameter: '{mode}'. it should be octal string and between 0 and 07777")]
    BadChmod {
        /// Value of the flag after expansion.
        mode: String,
    },
    /// A word of EXPOSE is not a port.
    #[error("{reason}")]
    Expose {
        /// Word of the EXPOSE after expansion.
        word: String,
        /// Rule that the word breaks.
        reason: String,
    },
    /// A path of VOLUME is empty after expansion.
    #[error("VOLUME specified can not be an empty string")]
    EmptyVolume,
    /// The value of STOPSIGNAL is not a signal.
    #[error("invalid signal: {signal}")]
    BadSignal {
        /// Value of the instruction after expansion.
        signal: String,
    },
    /// A name of ENV or ARG is empty after expansion.
    #[error("{keyword} names can not be blank")]
    BlankName {
        /// Keyword of the instruction.
        keyword: &'static str,
    },
    /// A variable is longer than Linux passes to a process.
    #[error(
        "variable {name} takes {size_bytes} bytes, and Linux hands no more than {limit_bytes} to a process"
    )]
    LongVariable {
        /// First 80 characters of the name.
        name: String,
        /// Size in bytes of name and value.
        size_bytes: usize,
        /// Maximum size in bytes.
        limit_bytes: usize,
    },
    /// The variables of a stage are together longer than Linux passes to a process.
    #[error("the variables take more than the {limit_bytes} bytes that Linux hands to a process")]
    LargeEnvironment {
        /// Maximum size in bytes.
        limit_bytes: usize,
    },
    /// Long variables are used so often that the expanded Dockerfile exceeds a limit.
    #[error("with its variables expanded, the Dockerfile makes more than {limit_bytes} bytes of text")]
    TooMuchText {
        /// Maximum size in bytes.
        limit_bytes: usize,
    },
    /// An image has too many ONBUILD triggers.
    #[error("more than {limit} ONBUILD triggers")]
    TooManyTriggers {
        /// Maximum number of triggers.
        limit: usize,
    },
    /// `SOURCE_DATE_EPOCH` is not a number, and not a context or stage that has a time.
    #[error("invalid SOURCE_DATE_EPOCH: {value}")]
    BadEpoch {
        /// Value of the instruction after expansion.
        value: String,
    },
    /// `SOURCE_DATE_EPOCH` names a stage that has no time.
    #[error("SOURCE_DATE_EPOCH stage does not meet source-only requirements: {reason}")]
    EpochStage {
        /// Part of the stage that breaks the requirements.
        reason: String,
    },
    /// A build argument turns off something that can no longer be turned off: `BUILDKIT_DISABLE_FILEOP`.
    #[error("support for {name:?} build-arg was removed in BuildKit 0.11")]
    RemovedBuildArg {
        /// Name of the build argument.
        name: &'static str,
    },
    /// A build argument such as `BUILDKIT_MULTI_PLATFORM` is not a boolean.
    #[error("invalid boolean value for {name}: {value:?}")]
    BadBoolean {
        /// Name of the build argument.
        name: &'static str,
        /// Value of the build argument.
        value: String,
    },
    /// The options of the build checks are malformed.
    #[error("failed to parse check options: {reason}")]
    CheckOptions {
        /// Error in BuildKit's words.
        reason: String,
    },
    /// The build checks found something, and `error=true` turns warnings into errors.
    #[error("lint violation found for rules: {rules}")]
    Checks {
        /// Names of the rules, separated by commas.
        rules: String,
        /// All warnings in the order of their lines.
        warnings: Vec<Warning>,
    },
    /// Several platforms are requested, and an option forbids that.
    #[error("conflicting config: returning multiple target platforms is not allowed")]
    SeveralPlatforms,
    /// A trigger of the base image does not parse.
    #[error("onbuild trigger {trigger:?}: {message}")]
    Trigger {
        /// Text of the trigger.
        trigger: String,
        /// Error of the parser.
        message: String,
        /// Way out, if there is one.
        hint: Option<String>,
    },
    /// A path of a Windows image leads out of the image.
    #[error(transparent)]
    WindowsPath(#[from] WindowsPathError),
    /// dsbuild does not implement a feature.
    #[error("{feature} is not supported yet")]
    Unsupported {
        /// Description of the feature, such as `STOPSIGNAL on Windows`.
        feature: String,
    },
}

impl From<ExpandError> for Problem {
    fn from(error: ExpandError) -> Self {
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
