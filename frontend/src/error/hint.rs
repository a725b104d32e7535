//! The way out of each problem.

use super::Problem;

impl Problem {
    /// Returns an instruction that the user can follow, or `None` if the message says everything.
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::Resolve { hint, .. } | Self::Trigger { hint, .. } => hint.clone(),
            Self::NotAllowed { hint, .. } => Some(hint.clone()),
            Self::UnknownTarget { stages, .. } if !stages.is_empty() => {
                Some(format!("the stages are {}", stages.join(", ")))
            }
            Self::Mount(error) => error.hint(),
            _ => self.fixed_hint().map(str::to_owned),
        }
    }

    /// Returns the way out if it is the same for every value.
    fn fixed_hint(&self) -> Option<&'static str> {
        self.stage_hint().or_else(|| self.value_hint())
    }

    /// Returns the way out of problems with stages and what they take from each other.
    fn stage_hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoStages => "a Dockerfile needs a FROM",
            Self::UnknownTarget { .. } => "no stage has a name: write `FROM IMAGE AS NAME`",
            Self::OtherSyntax { .. } => {
                "dsbuild implements docker/dockerfile only: build this file with a BuildKit daemon, or delete the \
                 line if the file does not use the other language"
            }
            Self::BadStageIndex { .. } => "stages count from 0; a name (FROM ... AS NAME) is clearer",
            Self::VariableInFrom => "write `FROM $NAME AS source` above, and --from=source here",
            Self::VariableInMountFrom => "write `FROM $NAME AS source` above, and from=source here",
            Self::CopyFromLater { .. } | Self::MountFromLater { .. } => "move that stage up",
            Self::Circular { .. } => {
                "a stage cannot take files from itself, nor from a stage that takes files from it"
            }
            _ => return None,
        })
    }

    /// Returns the way out of problems with values of instructions and options.
    fn value_hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::DevicesNotAllowed { .. } => {
                "allow all devices with --allow device, or one device with --allow device=NAME"
            }
            Self::Checks { .. } => "`dsbuild build --check` shows the warnings and where they are explained",
            Self::BadMountTarget { .. } => {
                "name the mount point with target=PATH; it cannot be the root itself"
            }
            Self::LongVariable { .. } | Self::LargeEnvironment { .. } => {
                "put long text into a file: COPY it, or mount it with RUN --mount=type=bind or secret"
            }
            Self::TooMuchText { .. } => "use long variables less often: in RUN the shell can expand them",
            Self::HeredocInExecForm { .. } => "delete the brackets: a heredoc is for the shell",
            Self::UrlForCopy | Self::GitForCopy => "use ADD, which can fetch it",
            Self::BadChecksum { .. } => "write sha256: and 64 hexadecimal digits",
            Self::ChecksumAlgorithm { .. } => "use sha256",
            Self::BadChmod { .. } => "write a mode like 755 or u+x,g=r",
            Self::Expose { .. } => {
                "write a port from 0 to 65535, or a range like 8000-8010, with /tcp or /udp"
            }
            Self::BadSignal { .. } => "write a name like SIGTERM or a number",
            Self::BadEpoch { .. } => "write the seconds since 1970, as `date +%s` prints them",
            Self::BadBoolean { .. } => "write true or false",
            _ => return None,
        })
    }
}
