//! The socket of a monitor, in the directory of its container.
//!
//! The path of a store can be longer than the address of a socket. So both sides reach the directory through a descriptor.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Name of the socket in the directory of its container.
const NAME: &str = "socket";

/// Makes the socket of the container in `dir`, in place of one that a killed monitor left.
pub(crate) fn bind(dir: &Path) -> io::Result<UnixListener> {
    let (_dir, path) = address(dir)?;
    remove_at(&path)?;
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Removes the socket at the end of a monitor.
pub(crate) fn remove(dir: &Path) -> io::Result<()> {
    remove_at(&dir.join(NAME))
}

/// Connects to the monitor of the container in `dir`.
pub(crate) fn connect(dir: &Path) -> io::Result<UnixStream> {
    let (_dir, path) = address(dir)?;
    UnixStream::connect(path)
}

fn remove_at(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Returns a short path of the socket, which is valid as long as the descriptor is open.
fn address(dir: &Path) -> io::Result<(File, PathBuf)> {
    let dir = File::open(dir)?;
    let path = format!("/proc/self/fd/{}/{NAME}", dir.as_raw_fd()).into();
    Ok((dir, path))
}
