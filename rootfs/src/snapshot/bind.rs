//! What `RUN --mount=type=bind` shows: a part of some layers, or of a folder of the host.
//!
//! The source is resolved inside its tree, links included, on the mount itself; what it names is cloned and everything
//! else forgotten. A mount that may be written to is on top of a snapshot that nobody commits.
//!
//! Source: CVE-2024-1753, CVE-2024-23651 (a source that was a link to the host).

use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use cache::ScratchDir;
use oci::DiffId;
use rustix::fs::{Mode, OFlags};

use super::Snapshot;
use super::lowers::{Ground, Lower};
use crate::RootfsError;
use crate::error::failed;
use crate::layers::Layers;
use crate::overlay::{Attached, Overlay, clone_mount, clone_mounts, clone_tree};
use crate::xattr::Flavor;

/// A detached mount, and what must live as long as it is in use.
pub struct Bind {
    /// The mount; may be given away.
    pub mount: OwnedFd,
    /// Keep this until nobody uses the mount any more; then drop it.
    pub keep: Keep,
}

/// What is below a mount.
pub struct Keep(#[expect(dead_code, reason = "held for its Drop")] Below);

enum Below {
    Snapshot(#[expect(dead_code, reason = "held for its Drop")] Box<Snapshot>),
    Scratch(#[expect(dead_code, reason = "held for its Drop")] ScratchDir),
}

/// What is at `source` in the merged tree of `layers`; read-only, or with changes that are thrown away.
pub fn bind(layers: &Layers, ids: &[DiffId], source: &Path, read_write: bool) -> Result<Bind, RootfsError> {
    let (mounted, keep) = if read_write {
        let snapshot = layers.prepare(ids)?;
        (snapshot.mount()?, Below::Snapshot(Box::new(snapshot)))
    } else {
        let scratch = layers.store().scratch()?;
        let lowers: Vec<Lower> = layers.grounds(ids)?.iter().map(Ground::lower).collect();
        let overlay = Overlay {
            lowers: &lowers,
            upper: None,
            volatile: false,
            scratch: scratch.path(),
            flavor: Flavor::current(),
        };
        (overlay.mount()?, Below::Scratch(scratch))
    };
    let mount = part(layers, mounted, source)?;
    Ok(Bind { mount, keep: Keep(keep) })
}

/// What is at `source` below `place` of the host, links resolved inside it; `place` itself, which may be a file then, for
/// no source. As writable as it is there: whoever attaches it decides.
pub fn bind_host(place: &Path, source: &Path) -> Result<OwnedFd, RootfsError> {
    let found = rustix::fs::open(place, OFlags::CLOEXEC | OFlags::PATH, Mode::empty());
    let found = found.map_err(failed("open", place))?;
    if is_root(source) { clone_mount(&found, place) } else { clone_tree(&found, source) }
}

/// `place` of the host, a folder with all that is mounted below it, or a file. As writable as it is there.
pub fn bind_host_all(place: &Path) -> Result<OwnedFd, RootfsError> {
    let found = rustix::fs::open(place, OFlags::CLOEXEC | OFlags::PATH, Mode::empty());
    clone_mounts(&found.map_err(failed("open", place))?, place)
}

/// True for a source that names the whole of its tree.
fn is_root(source: &Path) -> bool {
    !source.components().any(|part| matches!(part, Component::Normal(_)))
}

/// The part of a detached mount at `source`.
fn part(layers: &Layers, mount: OwnedFd, source: &Path) -> Result<OwnedFd, RootfsError> {
    if is_root(source) {
        return Ok(mount);
    }
    // Only kernels from 6.15 on clone a part of what is attached nowhere.
    let scratch = layers.store().scratch()?;
    let attached = Attached::new(&mount, scratch.path())?;
    attached.clone_tree(source)
}
