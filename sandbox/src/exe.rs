//! Our own program, as something that a sandbox may see but not change.
//!
//! A process can reach the program it runs through `/proc/self/exe`, and with `#!/proc/self/exe` as its interpreter an
//! image can make our init run once more inside the sandbox; root there could then write to our file on the host
//! (CVE-2019-5736). So the init is executed from a detached read-only mount of our file, through which nobody can open
//! it for writing; where that cannot be had (our file was replaced while we run, no mount rights) from a sealed copy
//! in memory. Both are made once per process.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

use rustix::fs::{CWD, MemfdFlags, SealFlags, fcntl_add_seals, fstat, memfd_create, readlink, stat};
use rustix::mount::{OpenTreeFlags, open_tree};

use crate::SandboxError;
use crate::error::os;
use crate::sys;

const SELF: &str = "/proc/self/exe";

static PROTECTED: OnceLock<OwnedFd> = OnceLock::new();

/// Our program, executable by descriptor.
pub(crate) fn protected() -> Result<BorrowedFd<'static>, SandboxError> {
    if let Some(exe) = PROTECTED.get() {
        return Ok(exe.as_fd());
    }
    let made = read_only_mount().or_else(|_| sealed_copy()).map_err(os("protect our own program"))?;
    // Another thread may have been faster; then its one is as good.
    Ok(PROTECTED.get_or_init(|| made).as_fd())
}

fn read_only_mount() -> io::Result<OwnedFd> {
    let path = readlink(SELF, Vec::new())?;
    let tree = open_tree(CWD, &path, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC)?;
    let (ours, found) = (stat(SELF)?, fstat(&tree)?);
    if (ours.st_dev, ours.st_ino) != (found.st_dev, found.st_ino) {
        return Err(io::ErrorKind::NotFound.into());
    }
    sys::mount_setattr(tree.as_fd(), sys::READ_ONLY, false)?;
    out_of_the_way(tree)
}

fn sealed_copy() -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels before 6.3 do not know the flag; there all are executable.
    let memory =
        memfd_create("dsbuild", flags | MemfdFlags::EXEC).or_else(|_| memfd_create("dsbuild", flags))?;
    let mut copy = File::from(memory);
    io::copy(&mut File::open(SELF)?, &mut copy)?;
    fcntl_add_seals(&copy, SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE)?;
    out_of_the_way(copy.into())
}

/// A descriptor that is not the one at which the init expects its channel.
fn out_of_the_way(fd: OwnedFd) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(&fd, sys::CONTROL_FD + 1)?)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_copy_is_ours_and_cannot_be_written() {
        let copy = sealed_copy().unwrap();
        let mut bytes = Vec::new();
        File::open(SELF).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(fstat(&copy).unwrap().st_size, i64::try_from(bytes.len()).unwrap());
        assert!(rustix::io::write(&copy, b"x").is_err());
        assert!(rustix::fs::ftruncate(&copy, 0).is_err());
    }

    #[test]
    fn privileged_the_mount_is_ours_and_cannot_be_written() {
        let Ok(tree) = read_only_mount() else { return };
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&tree));
        assert!(std::fs::OpenOptions::new().write(true).open(&path).is_err());
        // The above would fail for a running program anyway, this only on a read-only mount.
        let mode = rustix::fs::Mode::from_raw_mode(0o755);
        assert_eq!(rustix::fs::chmod(path, mode), Err(rustix::io::Errno::ROFS));
    }
}
