//! Why a step has no result.

use graph::StepId;
use patterns::PatternError;
use rootfs::RootfsError;
use sources::{FetchError, SourceError};
use trees::tree::FileChanged;
use users::UserError;

use crate::key::KeyError;
use crate::not_found::NotFound;
use crate::op::exec::ExecError;
use crate::op::file::FileOpError;
use crate::result::InputError;

/// A step that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The build was canceled.
    #[error("canceled")]
    Canceled,
    /// The process of a RUN failed or could not be started.
    #[error(transparent)]
    Exec(ExecError),
    /// COPY, ADD or WORKDIR failed.
    #[error(transparent)]
    File(#[from] FileOpError),
    /// A file that COPY, ADD or a mount takes does not exist.
    #[error("{cause}")]
    NotFound {
        /// Error in BuildKit's words.
        cause: FileOpError,
        /// Facts about the file that may explain it.
        diagnosis: NotFound,
    },
    /// Another step cannot succeed, which was found before this step ran.
    #[error("{}", failure.error)]
    Preflight {
        /// That step and its error.
        failure: PreflightFailure,
    },
    /// A process would have more layers below it than can be mounted.
    #[error("max depth exceeded: {count} layers lie below this step, more than the limit of {limit}")]
    TooManyLayers {
        /// Number of layers below the process.
        count: usize,
        /// Largest number that can be mounted.
        limit: usize,
    },
    /// A download or a repository failed.
    #[error(transparent)]
    Fetch(FetchError),
    /// An image cannot be brought here.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// An input cannot be used as the step needs it.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The layer store refused.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
    /// The store reported an error.
    #[error(transparent)]
    Store(#[from] cache::StoreError),
    /// The ignore file of a context has a bad pattern.
    #[error("failed parsing .dockerignore")]
    Ignore(#[from] PatternError),
    /// Our own code panicked, or could not start the threads that it needs.
    #[error("internal error: {message}")]
    Internal {
        /// Message of the panic.
        message: String,
    },
    /// The build context cannot be opened.
    #[error("cannot open the build context")]
    Context {
        /// Error of the operating system.
        source: std::io::Error,
    },
}

impl StepError {
    /// Returns the word of the instruction that is to blame, after expansion. `None` if it is not a single word.
    pub fn culprit(&self) -> Option<&str> {
        match self {
            Self::NotFound { cause: FileOpError::NotFound { path }, .. } => {
                Some(path.trim_start_matches('/'))
            }
            Self::File(FileOpError::Owner(error)) | Self::Exec(ExecError::User(error)) => match error {
                UserError::UnknownUser { name } | UserError::UnknownGroup { name } => Some(name),
                UserError::OutOfRange { text } => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    /// Reports whether a source file changed while it was hashed or copied.
    pub(crate) fn is_changed_source(&self) -> bool {
        match self {
            Self::Rootfs(error) | Self::File(FileOpError::Rootfs(error)) => {
                matches!(error, RootfsError::Tree(trees::TreeError::Changed { .. }))
            }
            Self::File(FileOpError::Read { source, .. }) => FileChanged::is_in(source),
            _ => false,
        }
    }

    /// Reports whether the user of a RUN is to blame, which an earlier USER names.
    pub fn is_about_user(&self) -> bool {
        matches!(self, Self::Exec(ExecError::User(_)))
    }
}

impl From<ExecError> for StepError {
    fn from(error: ExecError) -> Self {
        match error {
            ExecError::Canceled => Self::Canceled,
            error => Self::Exec(error),
        }
    }
}

impl From<FetchError> for StepError {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Canceled => Self::Canceled,
            error => Self::Fetch(error),
        }
    }
}

impl From<KeyError> for StepError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Input(error) => Self::Input(error),
            KeyError::File(error) => Self::File(error),
        }
    }
}

/// A step that cannot succeed.
#[derive(Debug)]
pub struct PreflightFailure {
    /// Step that would fail.
    pub step: StepId,
    /// Error that the step would fail with.
    pub error: Box<StepError>,
}
