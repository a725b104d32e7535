//! The files of a container, whether or not it runs: to copy, to list, to export.
//!
//! ```text
//! copy       between a container and this machine; replace: what is there already; unpack: a tar from stdin
//! one_mount  the files without what is mounted on them
//! ```
//!
//! A container that runs is looked at through its first process, so that its mounts are there. One that does not run is
//! mounted for this process alone; volumes are then reached through their paths.
//!
//! Invariants: no path of a container is resolved outside of its root. Nobody else mounts the files meanwhile.

pub mod copy;
mod one_mount;
mod replace;
mod unpack;

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache::Store;
use rootfs::layers::{Layers, export};
use rootfs::snapshot::PathChange;
use rustix::fs::{Mode, OFlags};
use trees::safe_path::open_in_root;
use trees::tree::Tree;

use self::one_mount::OneMount;
use crate::RunnerError;
use crate::container::{Container, Status, Volume};
use crate::error::io_error;
use crate::launch::Files;

/// Root directory of a container.
pub struct Root {
    fd: OwnedFd,
    /// Volumes that are not mounted, because the container does not run.
    volumes: Vec<Volume>,
    // Dropped last.
    _files: Option<Files>,
}

impl Root {
    /// Opens the root of a container. This process has one thread, and enters the user namespace of the container.
    pub fn open(
        container: &Container,
        open_store: &dyn Fn() -> Result<Store, RunnerError>,
    ) -> Result<Self, RunnerError> {
        let state = container.state();
        if let (Status::Running | Status::Paused, Some(pid), Some(monitor)) =
            (container.status(), state.pid, state.monitor_pid)
        {
            sandbox::privilege::join(monitor)?;
            let fd = crate::process::root(pid)?;
            return Ok(Self { fd, volumes: Vec::new(), _files: None });
        }
        sandbox::privilege::enter()?;
        let layers = Layers::new(Arc::new(open_store()?));
        let files = Files::open(container, &layers)?;
        let mounted = files.snapshot().mount()?;
        let fd = rustix::fs::openat(
            &mounted,
            ".",
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        );
        let fd = fd.map_err(|error| io_error("open", container.dir())(error.into()))?;
        Ok(Self { fd, volumes: container.config.volumes.clone(), _files: Some(files) })
    }

    /// Returns the directory in which a path is to be resolved, and the path in it: the root, or a volume that is not mounted.
    fn place(&self, path: &Path) -> Result<(OwnedFd, PathBuf), RunnerError> {
        let absolute = Path::new("/").join(path);
        let below = |volume: &Volume| absolute.strip_prefix(&volume.target).ok().map(Path::to_owned);
        let hidden = self.volumes.iter().filter_map(|volume| Some((volume, below(volume)?)));
        match hidden.min_by_key(|(_, rest)| rest.components().count()) {
            Some((volume, rest)) => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
                let dir = rustix::fs::open(&volume.source, flags, Mode::empty());
                Ok((dir.map_err(|error| io_error("open", &volume.source)(error.into()))?, rest))
            }
            None => {
                let root = self.fd.try_clone().map_err(io_error("open", path))?;
                Ok((root, absolute.strip_prefix("/").unwrap_or(&absolute).to_owned()))
            }
        }
    }

    /// Opens the directory `path` of the container, symlinks resolved inside of it.
    fn directory(&self, path: &Path) -> Result<OwnedFd, RunnerError> {
        let (dir, rest) = self.place(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        open_in_root(dir.as_fd(), &rest, flags).map_err(|error| io_error("open", path)(error.into()))
    }

    /// Writes all files as a tar, without what is mounted on them.
    pub fn export(&self, out: &mut dyn std::io::Write) -> Result<(), RunnerError> {
        let tree = self.fd.try_clone().and_then(OneMount::new).map_err(io_error("open", Path::new("/")))?;
        let tree: Arc<dyn Tree> = Arc::new(tree);
        Ok(export::write_tree(&tree, Path::new(""), Path::new(""), out)?)
    }
}

/// Lists the paths that a container has changed, sorted. This process has one thread.
pub fn changes(
    container: &Container,
    open_store: &dyn Fn() -> Result<Store, RunnerError>,
) -> Result<Vec<PathChange>, RunnerError> {
    sandbox::privilege::enter()?;
    if !container.snapshot_dir().exists() {
        return Ok(Vec::new());
    }
    let layers = Layers::new(Arc::new(open_store()?));
    let snapshot = layers.keep(&container.config.layers, &container.snapshot_dir())?;
    let stubs = container.state().mount_points.into_iter().collect();
    Ok(layers.differences(&snapshot, &container.config.layers, &stubs)?)
}
