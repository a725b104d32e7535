//! The mounts of a container: directories of this machine, volumes, file systems in memory.

use std::path::Path;

use rootfs::snapshot::bind_host;
use sandbox::{DetachedMount, Mount, MountSource, Propagation};

use crate::RunnerError;
use crate::container::{ContainerConfig, TmpfsMount, Volume};
use crate::error::io_error;

/// Makes the mounts of a container in an order in which none hides another.
pub(crate) fn of(config: &ContainerConfig) -> Result<Vec<Mount>, RunnerError> {
    let volumes = config.volumes.iter().map(volume);
    let mut mounts: Vec<Mount> = volumes.chain(config.tmpfs.iter().map(tmpfs)).collect::<Result<_, _>>()?;
    mounts.sort_by_key(|mount| mount.target.components().count());
    Ok(mounts)
}

fn volume(volume: &Volume) -> Result<Mount, RunnerError> {
    let options = &volume.options;
    let failed = io_error("mount", &volume.source);
    let mount = match &options.subpath {
        Some(path) => bind_host(&volume.source, Path::new(path))?.into(),
        None if options.is_alone => DetachedMount::of_host_path_alone(&volume.source).map_err(failed)?,
        None => DetachedMount::of_host_path(&volume.source).map_err(failed)?,
    };
    let text = options.propagation.as_deref().unwrap_or("rprivate");
    if let Some(propagation) = propagation(text.strip_prefix('r').unwrap_or(text)) {
        mount.set_propagation(propagation, text.starts_with('r'))?;
    }
    Ok(Mount {
        target: (&volume.target).into(),
        source: MountSource::Detached(mount),
        read_only: volume.read_only,
    })
}

/// Returns the propagation of a word; `None` for a word of no meaning, which the command line refuses.
fn propagation(text: &str) -> Option<Propagation> {
    Some(match text {
        "private" => Propagation::Private,
        "slave" => Propagation::Slave,
        "shared" => Propagation::Shared,
        _ => return None,
    })
}

fn tmpfs(tmpfs: &TmpfsMount) -> Result<Mount, RunnerError> {
    let options: Vec<(&str, &str)> =
        tmpfs.options.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mount =
        DetachedMount::tmpfs(&options).map_err(io_error("mount a tmpfs at", Path::new(&tmpfs.target)))?;
    mount.restrict(!tmpfs.allows_suid, !tmpfs.allows_exec)?;
    Ok(Mount {
        target: (&tmpfs.target).into(),
        source: MountSource::Detached(mount),
        read_only: tmpfs.read_only,
    })
}
