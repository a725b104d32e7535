//! Errors of a build, from the text of the Dockerfile to the last step.

use builder::{SolveError, StepError};
use frontend::LowerError;
use frontend::origin::VariableOrigin;
use graph::{Graph, Lines};
use sources::FetchError;

/// A build that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The text is not a Dockerfile.
    #[error(transparent)]
    Parse(#[from] parser::ParseError),
    /// An instruction or an option cannot be carried out.
    #[error(transparent)]
    Lower(#[from] LowerError),
    /// A step of the build graph failed.
    #[error("{cause}")]
    Step {
        /// Name of the step, such as `[build 2/5] RUN make`.
        name: String,
        /// Lines of its instruction.
        lines: Option<Lines>,
        /// Origins of the variables in the word that is to blame.
        origins: Vec<VariableOrigin>,
        /// Reason of the failure.
        #[source]
        cause: Box<StepError>,
    },
    /// The source date or the context could not be fetched.
    #[error(transparent)]
    Fetch(FetchError),
    /// The user canceled the build.
    #[error("canceled")]
    Canceled,
    /// The files of the image cannot be read for its SBOM.
    #[error("cannot list the packages of the image")]
    Packages {
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// A layer of the image cannot be used.
    #[error(transparent)]
    Layers(#[from] rootfs::RootfsError),
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] cache::StoreError),
}

impl BuildError {
    /// Turns an engine's error into one about the Dockerfile.
    pub(crate) fn of_solve(error: SolveError, graph: &Graph) -> Self {
        match error {
            SolveError::Step { step, cause } => {
                let meta = &graph.steps[step.0].meta;
                Self::Step { name: meta.name.clone(), lines: meta.lines, origins: Vec::new(), cause }
            }
            SolveError::Devices(error) => {
                Self::Lower(LowerError::devices_not_allowed(error.names, error.lines))
            }
            SolveError::Store(error) => Self::Store(error),
            _ => Self::Canceled,
        }
    }
}

impl From<FetchError> for BuildError {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Canceled => Self::Canceled,
            error => Self::Fetch(error),
        }
    }
}
