//! Lower layers of an overlay: directories and mounts.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache::ScratchDir;

use super::attached::Attached;
use crate::RootfsError;
use crate::error::failed;
use trees::safe_path::open_store_dir;

/// Lower layer of an overlay.
#[derive(Debug, Clone)]
pub(crate) enum Lower {
    /// Directory of the store.
    Directory(PathBuf),
    /// Directory of this process, removed with its last clone.
    Scratch(Arc<ScratchDir>),
    /// Detached mount, such as a layer's EROFS image.
    Mount(Arc<LowerMount>),
}

/// Mount that serves as a lower layer; unmounted when dropped, as far as no overlay uses it.
#[derive(Debug)]
pub(crate) struct LowerMount {
    root: OwnedFd,
    image: PathBuf,
    #[expect(dead_code, reason = "held for its Drop, the mount's first")]
    attached: Option<(Attached, ScratchDir)>,
}

impl LowerMount {
    /// Wraps the mount whose root directory is `root`. `image` is the mounted file, for messages. `attached` is the
    /// directory that the mount is attached to, for kernels that require it; `None` if it is detached.
    pub(crate) fn new(root: OwnedFd, image: PathBuf, attached: Option<(Attached, ScratchDir)>) -> Self {
        Self { root, image, attached }
    }
}

impl Lower {
    /// Opens the root directory as `O_PATH`.
    pub(crate) fn open(&self) -> Result<OwnedFd, RootfsError> {
        match self {
            Self::Directory(path) => Ok(open_store_dir(path)?),
            Self::Scratch(scratch) => Ok(open_store_dir(scratch.path())?),
            Self::Mount(mount) => mount.root.try_clone().map_err(failed("open", self.path())),
        }
    }

    /// Returns a path that names the layer in messages.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Directory(path) => path,
            Self::Scratch(scratch) => scratch.path(),
            Self::Mount(mount) => &mount.image,
        }
    }
}
