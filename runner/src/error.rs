//! What can go wrong with containers.

use std::io;
use std::path::PathBuf;

/// A container that cannot be made, found, started or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunnerError {
    /// No such image.
    #[error("no image {name}")]
    NoImage {
        /// As asked for.
        name: String,
    },
    /// The image is for another platform only.
    #[error("image {name} has nothing for {platform}")]
    NoPlatform {
        /// As asked for.
        name: String,
        /// What is needed.
        platform: String,
    },
    /// A document of the image cannot be read.
    #[error("image {name} has a bad {document}: {reason}")]
    BadImage {
        /// As asked for.
        name: String,
        /// Which document.
        document: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// No such container.
    #[error("no container {name}")]
    NoContainer {
        /// As asked for.
        name: String,
    },
    /// Several containers have an id that begins so.
    #[error("{name} is the beginning of several ids")]
    Ambiguous {
        /// As asked for.
        name: String,
    },
    /// The name is taken.
    #[error("the name {name} is in use by container {id}")]
    NameTaken {
        /// The name.
        name: String,
        /// By whom.
        id: String,
    },
    /// The name is none.
    #[error("{name:?} is no container name: letters, digits, '_', '.' and '-', the first a letter or digit")]
    BadName {
        /// As asked for.
        name: String,
    },
    /// It runs, and must not.
    #[error("container {id} is running")]
    Running {
        /// Which.
        id: String,
    },
    /// Neither the image nor the user says what to run.
    #[error("no command: the image has neither ENTRYPOINT nor CMD")]
    NoCommand,
    /// A mount that cannot be.
    #[error("volume {text:?}: {reason}")]
    BadVolume {
        /// As asked for.
        text: String,
        /// What is wrong.
        reason: String,
    },
    /// Who it runs as.
    #[error(transparent)]
    User(#[from] rootfs::users::UserError),
    /// Layers and snapshots.
    #[error(transparent)]
    Rootfs(#[from] rootfs::RootfsError),
    /// The sandbox.
    #[error(transparent)]
    Sandbox(#[from] sandbox::SandboxError),
    /// The store.
    #[error(transparent)]
    Store(#[from] cache::StoreError),
    /// The file system refused. `action` is a verb phrase.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Names the action and path of an I/O error.
pub(crate) fn io_error(
    action: &'static str,
    path: &std::path::Path,
) -> impl FnOnce(io::Error) -> RunnerError {
    let path = path.to_owned();
    move |source| RunnerError::Io { action, path, source }
}
