//! The mounts of a process besides its root.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use cache::{CacheMount, ScratchDir, StoreError};
use rootfs::snapshot::{self, Keep, bind_host};
use sandbox::{Mount, MountSource};
use trees::materialize::materialize;

use super::{ExecContext, ExecError, read_secret};
use crate::result::Files;
use graph::{CacheSharing, Exec, ExecMount, MountKind};
use progress::{Phase, wait_for};

/// Status of a step that waits for a cache mount.
const WAITING: &str = "waiting for another step or build that uses the cache mount";

/// Resources behind mounts. They are dropped after the process has ended.
#[derive(Default)]
pub struct MountResources {
    scratches: Vec<ScratchDir>,
    caches: Vec<CacheMount>,
    binds: Vec<Keep>,
}

/// Prepares the mounts of `exec`, sorted by the depth of their targets so that none hides another.
pub fn prepare(
    exec: &Exec,
    inputs: &[Files],
    context: &ExecContext<'_>,
    held: &mut MountResources,
) -> Result<Vec<Mount>, ExecError> {
    let mut mounts = Vec::with_capacity(exec.mounts.len());
    for mount in &exec.mounts {
        if let Some(source) = source(mount, inputs, context, held)? {
            let target = PathBuf::from(&mount.target);
            mounts.push(Mount { target, source, read_only: mount.read_only });
        }
    }
    mounts.sort_by_key(|mount| mount.target.components().count());
    Ok(mounts)
}

/// Prepares one mount. Returns `None` for an optional secret or agent that was not given.
fn source(
    mount: &ExecMount,
    inputs: &[Files],
    context: &ExecContext<'_>,
    held: &mut MountResources,
) -> Result<Option<MountSource>, ExecError> {
    Ok(Some(match &mount.kind {
        MountKind::Bind { from, source } => {
            let files = from.map(|input| &inputs[input.0]);
            bind(files, source, !mount.read_only, context, held)?
        }
        MountKind::Cache { .. } => cache(&mount.kind, inputs, context, held)?,
        MountKind::Tmpfs { size_bytes } => MountSource::Tmpfs { size_bytes: *size_bytes, mode: 0o1777 },
        MountKind::Secret { id, mode, uid, gid, required } => {
            match read_secret(context.options, id, *required)? {
                Some(bytes) => MountSource::Secret { bytes, mode: *mode, uid: *uid, gid: *gid },
                None => return Ok(None),
            }
        }
        MountKind::Ssh { id, mode, uid, gid, required } => {
            match (context.options.fetch.ssh.get(id), required) {
                (Some(path), _) => {
                    MountSource::Socket { path: path.clone(), mode: *mode, uid: *uid, gid: *gid }
                }
                (None, false) => return Ok(None),
                (None, true) => return Err(ExecError::NoSshAgent { id: id.clone() }),
            }
        }
        MountKind::Script { content } => script(content, context, held)?,
    }))
}

/// Mounts files of another step or of the context, or an empty directory. Writes are discarded.
fn bind(
    files: Option<&Files>,
    source: &str,
    writable: bool,
    context: &ExecContext<'_>,
    held: &mut MountResources,
) -> Result<MountSource, ExecError> {
    let scratch = match files {
        Some(Files::Layers(layers)) => {
            let bind = snapshot::bind(context.layers, layers, Path::new(source), writable)?;
            held.binds.push(bind.keep);
            return Ok(MountSource::Detached(bind.mount.into()));
        }
        Some(Files::Tree(_)) | None => context.store.scratch()?,
    };
    let place = match files {
        Some(Files::Tree(tree)) => materialize(&**tree, Path::new(source), scratch.path())?.0,
        _ => scratch.path().to_owned(),
    };
    let place = place.strip_prefix(scratch.path()).expect("it was made below the scratch folder");
    let mount = bind_host(scratch.path(), place)?;
    held.scratches.push(scratch);
    Ok(MountSource::Detached(mount.into()))
}

/// Mounts a directory that survives the build. A new one is filled and given to its owner.
fn cache(
    kind: &MountKind,
    inputs: &[Files],
    context: &ExecContext<'_>,
    held: &mut MountResources,
) -> Result<MountSource, ExecError> {
    let MountKind::Cache { id, sharing, from, source, mode, uid, gid } = kind else {
        unreachable!("called for cache mounts only")
    };
    context.vertex.enter(Phase::Lock);
    let id = cache_id(kind, inputs, id);
    renew(&id, context)?;
    let take = || context.store.try_cache_mount(&id, sharing_of(*sharing));
    let mut mount = wait(context, take)?;
    context.vertex.enter(Phase::Mount);
    if mount.is_new() {
        if let Some(input) = from {
            let tree = inputs[input.0].tree(context.layers)?;
            materialize(&*tree, Path::new(source), mount.path())?;
        }
        let io = |action| move |source| ExecError::Io { action, source };
        if !context.options.has_single_id && (uid.is_some() || gid.is_some()) {
            chown(mount.path(), *uid, *gid).map_err(io("give the cache mount to its owner"))?;
        }
        let mode = fs::Permissions::from_mode(mode.unwrap_or(0o755));
        fs::set_permissions(mount.path(), mode).map_err(io("set the mode of the cache mount"))?;
        mount.set_ready()?;
    }
    let descriptor = bind_host(mount.path(), Path::new(""))?;
    held.caches.push(mount);
    Ok(MountSource::Detached(descriptor.into()))
}

/// Empties a cache mount for the first step with `--no-cache` that uses it in this build; the steps after it share the new
/// content. The next build finds that content, too.
///
/// Source: BuildKit since 2026 (measured at 73ed6825).
fn renew(id: &str, context: &ExecContext<'_>) -> Result<(), ExecError> {
    let Some(renewed) = context.renewed_caches else { return Ok(()) };
    // Held while the mount is emptied, so that no other step fills it in between.
    let mut renewed = renewed.lock().unwrap_or_else(PoisonError::into_inner);
    if !renewed.contains(id) {
        wait(context, || context.store.try_renew_cache_mount(id).map(|done| done.then_some(())))?;
        renewed.insert(id.to_owned());
    }
    Ok(())
}

/// Waits for the users of a cache mount, visibly and until the build is canceled.
fn wait<T>(
    context: &ExecContext<'_>,
    take: impl FnMut() -> Result<Option<T>, StoreError>,
) -> Result<T, ExecError> {
    let show = |begins: bool| context.vertex.waits(WAITING, begins);
    wait_for(&|| context.cancel.is_canceled(), &show, take)?.ok_or(ExecError::Canceled)
}

fn sharing_of(sharing: CacheSharing) -> cache::Sharing {
    match sharing {
        CacheSharing::Shared => cache::Sharing::Shared,
        CacheSharing::Private => cache::Sharing::Private,
        CacheSharing::Locked => cache::Sharing::Locked,
    }
}

/// Returns the id of the cache. As in BuildKit, the initial content is part of its identity.
fn cache_id(kind: &MountKind, inputs: &[Files], id: &str) -> String {
    let MountKind::Cache { from, source, mode, uid, gid, .. } = kind else { return id.to_owned() };
    if from.is_none() && mode.is_none() && uid.is_none() && gid.is_none() {
        return id.to_owned();
    }
    let from = from.map(|input| match &inputs[input.0] {
        Files::Layers(layers) => layers.to_string(),
        Files::Tree(_) => "tree".to_owned(),
    });
    format!("{id}\0{from:?}\0{source}\0{mode:?}\0{uid:?}\0{gid:?}")
}

/// Mounts the script of a heredoc RUN as an executable file.
fn script(
    content: &str,
    context: &ExecContext<'_>,
    held: &mut MountResources,
) -> Result<MountSource, ExecError> {
    let scratch = context.store.scratch()?;
    let path = scratch.path().join("script");
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o755).open(&path)?;
        file.write_all(content.as_bytes())?;
        file.set_permissions(fs::Permissions::from_mode(0o755))
    };
    write().map_err(|source| ExecError::Io { action: "write the script of the heredoc", source })?;
    let descriptor = bind_host(scratch.path(), Path::new("script"))?;
    held.scratches.push(scratch);
    Ok(MountSource::Detached(descriptor.into()))
}
