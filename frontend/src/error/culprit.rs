//! The word that a problem is about, so that a report can point at it.

use super::Problem;

impl Problem {
    /// Returns the word at fault, as written or as expanded, or `None` if no single word is at fault.
    pub(super) fn culprit(&self) -> Option<&str> {
        match self {
            Self::Mount(error) => error.culprit(),
            Self::Expand(error) => Some(&error.word),
            Self::BlankBase { written }
            | Self::EmptyPlatform { written }
            | Self::BadPlatform { written, .. }
            | Self::BadStageIndex { written, .. }
            | Self::Resolve { written, .. } => Some(written),
            Self::BadReference { name, .. } | Self::BadDevice { name, .. } => Some(name),
            Self::VariableInFrom => Some("--from"),
            Self::VariableInMountFrom => Some("from"),
            Self::CopyFromLater { from, .. } | Self::MountFromLater { from, .. } => Some(from),
            Self::BadMode { value, .. } | Self::BadEpoch { value } => Some(value),
            Self::BadChecksum { checksum } => Some(checksum),
            Self::BadChmod { mode } => Some(mode),
            Self::Expose { word, .. } => Some(word),
            Self::BadSignal { signal } => Some(signal),
            Self::OtherSyntax { image } => Some(image),
            _ => None,
        }
    }

    /// Reports whether an unknown base image could be the cause: it could set a variable or the working directory.
    pub(crate) fn may_be_due_to_base(&self, uses_placeholders: bool) -> bool {
        uses_placeholders || matches!(self, Self::Expand(_) | Self::BadMountTarget { .. })
    }
}
