//! The error of every operation on containers.

use std::io;
use std::path::PathBuf;

/// A container or image operation that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunnerError {
    /// The store has no image of this name or id.
    #[error("No such image: {name}")]
    NoImage {
        /// Name or id, as the user wrote it.
        name: String,
    },
    /// The image exists for other platforms only.
    #[error("image {name} has no variant for {platform}")]
    NoPlatform {
        /// Name or id of the image, as the user wrote it.
        name: String,
        /// Platform that is needed, for example `linux/arm64`.
        platform: String,
    },
    /// The ID of several images begins with the name, or the documents of the image are broken.
    #[error("image {name} cannot be used")]
    BadImage {
        /// Name or id of the image, as the user wrote it.
        name: String,
        /// Defect of the image.
        source: images::ImageError,
    },
    /// The store has no container of this name or id.
    #[error("No such container: {name}")]
    NoContainer {
        /// Name or id, as the user wrote it.
        name: String,
    },
    /// The ids of several containers begin with these digits.
    #[error("several containers have an id that begins with {name}")]
    Ambiguous {
        /// Beginning of an id, as the user wrote it.
        name: String,
    },
    /// Another container has the name already.
    #[error("the name {name} is in use by container {id}")]
    NameTaken {
        /// Name that was asked for.
        name: String,
        /// First digits of the other container's id.
        id: String,
    },
    /// The name contains characters that docker would not accept, or is too long.
    #[error(
        "invalid container name {name:?}: use letters, digits, '_', '.' and '-', a letter or digit first"
    )]
    BadName {
        /// Name that was asked for.
        name: String,
    },
    /// The operation needs a container that does not run.
    #[error("container {id} is running")]
    Running {
        /// First digits of the container's id.
        id: String,
    },
    /// The operation needs a container that runs.
    #[error("container {name} is not running")]
    NotRunning {
        /// Name of the container.
        name: String,
    },
    /// The operation needs a container that is not paused.
    #[error("container {name} is already paused")]
    Paused {
        /// Name of the container.
        name: String,
    },
    /// The operation needs a container that is paused.
    #[error("container {name} is not paused")]
    NotPaused {
        /// Name of the container.
        name: String,
    },
    /// The monitor refused a request, or failed to do it.
    #[error("{message}")]
    Refused {
        /// Message of the monitor.
        message: String,
        /// Exit code of docker for the failure.
        code: i32,
    },
    /// The monitor of a container cannot be reached although it runs, or has broken off.
    #[error("cannot talk to the monitor of container {name}")]
    Monitor {
        /// Name of the container.
        name: String,
        /// Reason that the system gave.
        source: io::Error,
    },
    /// Linux does not have the signal that the image names for stopping.
    #[error("invalid signal: {signal}, the STOPSIGNAL of the image")]
    BadSignal {
        /// Name or number, as the image has it.
        signal: String,
    },
    /// Neither the image nor the user says what to run.
    #[error("no command: the image has neither ENTRYPOINT nor CMD")]
    NoCommand,
    /// A volume cannot be mounted.
    #[error("volume {text:?}: {reason}")]
    BadVolume {
        /// Volume, as the user wrote it.
        text: String,
        /// Reason, as a clause.
        reason: String,
    },
    /// No volume has this name.
    #[error("get {name}: no such volume")]
    NoVolume {
        /// Name that the user wrote.
        name: String,
    },
    /// Files cannot be copied there.
    #[error("cannot copy to {}: {reason}", path.display())]
    BadCopy {
        /// Destination, as the user wrote it.
        path: PathBuf,
        /// Reason, as a clause.
        reason: String,
    },
    /// The image has no such user or group.
    #[error(transparent)]
    User(#[from] users::UserError),
    /// A layer or a snapshot cannot be made or mounted.
    #[error(transparent)]
    Rootfs(#[from] rootfs::RootfsError),
    /// The first content of a volume could not be written.
    #[error(transparent)]
    Tree(#[from] trees::TreeError),
    /// A tar cannot be read.
    #[error(transparent)]
    Tar(#[from] tarball::TarError),
    /// The process cannot be started in its sandbox.
    #[error(transparent)]
    Sandbox(#[from] sandbox::SandboxError),
    /// A device that was asked for cannot be given to the container.
    #[error(transparent)]
    Device(#[from] cdi::CdiError),
    /// A file that should be a device is something else.
    #[error("{} is not a device", path.display())]
    NoDevice {
        /// Path on this machine.
        path: PathBuf,
    },
    /// The store cannot do what it was asked.
    #[error(transparent)]
    Store(#[from] cache::StoreError),
    /// No thread can be started: mostly a limit on processes.
    #[error("cannot start a thread for the log of the container")]
    Thread {
        /// Reason that the system gave.
        source: io::Error,
    },
    /// The kernel gives no random bytes, for an id: a filter of system calls forbids it, for example.
    #[error("the kernel gives no random bytes for a new id")]
    Random {
        /// Reason that the system gave.
        source: io::Error,
    },
    /// The file system refused an operation.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// Verb phrase for the operation: "create", "send a signal to".
        action: &'static str,
        /// File or directory that it was about.
        path: PathBuf,
        /// Reason that the system gave.
        source: io::Error,
    },
}

impl RunnerError {
    /// Returns what the user can do about the error, if it is known here.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Store(error) | Self::Rootfs(rootfs::RootfsError::Store(error)) => error.hint(),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::ReadOnlyFilesystem => Some(
                "a container keeps its files, its state and its log in the store, which is read-only: set DSBUILD_ROOT \
                 to a directory that can be written, and bring the image there with `dsbuild save` and `dsbuild load`",
            ),
            _ => None,
        }
    }
}

/// Returns a function that turns an I/O error into a [`RunnerError::Io`] with this action and path.
pub(crate) fn io_error(
    action: &'static str,
    path: &std::path::Path,
) -> impl FnOnce(io::Error) -> RunnerError {
    let path = path.to_owned();
    move |source| RunnerError::Io { action, path, source }
}
