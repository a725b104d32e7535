//! `--device`: device nodes of this machine in a container.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use sandbox::{DetachedMount, Device, Mount, MountSource};

use crate::RunnerError;
use crate::error::io_error;

/// Returns the mount of the device at `host`, or of all devices in the directory `host`.
pub(crate) fn mounts(host: &Path, target: &Path) -> Result<Vec<Mount>, RunnerError> {
    let found = fs::metadata(host).map_err(io_error("find the device", host))?;
    if found.is_dir() {
        return of_directory(host, target);
    }
    let kind = found.file_type();
    if !kind.is_block_device() && !kind.is_char_device() {
        return Err(RunnerError::NoDevice { path: host.to_owned() });
    }
    let numbers = (rustix::fs::major(found.rdev()), rustix::fs::minor(found.rdev()));
    let device = Device {
        node: Some(DetachedMount::of_host_path(host).map_err(io_error("mount", host))?),
        is_block: kind.is_block_device(),
        numbers,
        mode: found.mode() & 0o777,
        uid: found.uid(),
        gid: found.gid(),
    };
    let source = MountSource::Device(device);
    Ok(vec![Mount { target: target.to_owned(), source, read_only: false }])
}

/// Returns the devices in a directory and below it; other files there are left out, as by docker.
fn of_directory(host: &Path, target: &Path) -> Result<Vec<Mount>, RunnerError> {
    let mut all = Vec::new();
    for entry in fs::read_dir(host).map_err(io_error("read", host))? {
        let entry = entry.map_err(io_error("read", host))?;
        let kind = entry.file_type().map_err(io_error("read", host))?;
        if kind.is_dir() || kind.is_block_device() || kind.is_char_device() {
            all.extend(mounts(&entry.path(), &target.join(entry.file_name()))?);
        }
    }
    Ok(all)
}
