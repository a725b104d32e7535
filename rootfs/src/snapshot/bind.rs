//! Mount sources of `RUN --mount=type=bind`: part of some layers, or of a directory of the host.
//!
//! The source is resolved inside its tree, symlinks included, on the mount itself. The result is cloned as a mount of
//! its own, and nothing else of the tree can be reached through it. A writable mount is on top of a snapshot that is
//! never committed.
//!
//! Source: CVE-2024-1753, CVE-2024-23651 (a source that was a symlink to the host).

use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use cache::ScratchDir;
use oci::DiffId;
use rustix::fs::{Mode, OFlags};

use super::Snapshot;
use crate::RootfsError;
use crate::error::failed;
use crate::layers::Layers;
use crate::layers::lower_layers::LowerLayer;
use crate::overlay::{Attached, Lower, Overlay};
use trees::clone_mount::{clone_in_root, clone_mount, clone_mount_recursively};
use trees::materialize::materialize;
use trees::xattr::Flavor;

/// Detached mount, with everything that must live as long as it is in use.
pub struct Bind {
    /// Descriptor of the mount; it can be handed to another process.
    pub mount: OwnedFd,
    /// Resources of the mount. Drop them when nothing uses the mount any more.
    pub keep: Keep,
}

/// Resources below a mount, released when dropped.
pub struct Keep(#[expect(dead_code, reason = "held for its Drop")] Resources);

enum Resources {
    Snapshot(#[expect(dead_code, reason = "held for its Drop")] Box<Snapshot>),
    Scratch(#[expect(dead_code, reason = "held for its Drop")] (ScratchDir, Vec<Lower>)),
}

/// Mounts what is at `source` in the merged tree of the layers `ids`: read-only, or with changes that are discarded.
pub fn bind(layers: &Layers, ids: &[DiffId], source: &Path, read_write: bool) -> Result<Bind, RootfsError> {
    if layers.is_copying()? {
        return bind_copy(layers, ids, source);
    }
    let (mounted, resources) =
        if read_write { mount_writable(layers, ids)? } else { mount_read_only(layers, ids)? };
    let mount = part_of(layers, mounted, source)?;
    Ok(Bind { mount, keep: Keep(resources) })
}

/// Copies what is at `source`. Nobody else uses the copy, so it is writable in any case; the caller restricts the mount.
fn bind_copy(layers: &Layers, ids: &[DiffId], source: &Path) -> Result<Bind, RootfsError> {
    let scratch = layers.store().scratch()?;
    let (made, _) = materialize(&*layers.process_view(ids)?, source, scratch.path())?;
    let name = made.strip_prefix(scratch.path()).expect("it is made in the scratch directory");
    Ok(Bind {
        mount: bind_host(scratch.path(), name)?,
        keep: Keep(Resources::Scratch((scratch, Vec::new()))),
    })
}

fn mount_writable(layers: &Layers, ids: &[DiffId]) -> Result<(OwnedFd, Resources), RootfsError> {
    let snapshot = layers.prepare(ids)?;
    Ok((snapshot.mount()?, Resources::Snapshot(Box::new(snapshot))))
}

fn mount_read_only(layers: &Layers, ids: &[DiffId]) -> Result<(OwnedFd, Resources), RootfsError> {
    let scratch = layers.store().scratch()?;
    let lowers: Vec<Lower> = layers.lower_layers(ids)?.iter().map(LowerLayer::lower).collect();
    let overlay = Overlay {
        lowers: &lowers,
        upper: None,
        volatile: false,
        scratch: scratch.path(),
        flavor: Flavor::current(),
    };
    Ok((overlay.mount()?, Resources::Scratch((scratch, lowers))))
}

/// Clones what is at `source` below `place` of the host, symlinks resolved inside `place`. An empty source is `place`
/// itself, which can be a file then. The mount is as writable as the original; the caller restricts it.
pub fn bind_host(place: &Path, source: &Path) -> Result<OwnedFd, RootfsError> {
    let found = rustix::fs::open(place, OFlags::CLOEXEC | OFlags::PATH, Mode::empty());
    let found = found.map_err(failed("open", place))?;
    Ok(if is_root(source) { clone_mount(&found, place) } else { clone_in_root(&found, source) }?)
}

/// Clones `place` of the host: a file, or a directory with everything that is mounted below it. The mount is as
/// writable as the original.
pub fn bind_host_all(place: &Path) -> Result<OwnedFd, RootfsError> {
    let found = rustix::fs::open(place, OFlags::CLOEXEC | OFlags::PATH, Mode::empty());
    Ok(clone_mount_recursively(&found.map_err(failed("open", place))?, place)?)
}

/// Reports whether a source names the whole of its tree.
fn is_root(source: &Path) -> bool {
    !source.components().any(|part| matches!(part, Component::Normal(_)))
}

/// Returns the part of a detached mount at `source`.
fn part_of(layers: &Layers, mount: OwnedFd, source: &Path) -> Result<OwnedFd, RootfsError> {
    if is_root(source) {
        return Ok(mount);
    }
    // Kernels before 6.15 clone a part of an attached mount only.
    let scratch = layers.store().scratch()?;
    let attached = Attached::new(&mount, scratch.path())?;
    attached.clone_tree(source)
}
