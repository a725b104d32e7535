//! Our own program in a form that a sandbox can see but not change.
//!
//! A process reaches the program it runs through `/proc/self/exe`, and a script in an image with the interpreter
//! `#!/proc/self/exe` makes our init run once more inside the sandbox. Root could then overwrite our file on the host
//! (CVE-2019-5736). Therefore the init is executed from a detached read-only mount of our file, through which nobody can
//! open it for writing. If such a mount cannot be made (our file was replaced since we started, or mounting is not
//! allowed), the init is executed from a sealed copy in memory.
//!
//! Concurrency: the mount or copy is made once per process, by whichever thread needs it first.

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

/// Returns a descriptor from which our program can be executed.
pub(crate) fn protected() -> Result<BorrowedFd<'static>, SandboxError> {
    if let Some(exe) = PROTECTED.get() {
        return Ok(exe.as_fd());
    }
    let made = read_only_mount().or_else(|_| sealed_copy()).map_err(os("protect our own program"))?;
    // If another thread was faster, its descriptor is used.
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
    above_control_fd(tree)
}

fn sealed_copy() -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels before 6.3 do not know the flag EXEC; their memory files are always executable.
    let memory =
        memfd_create("dsbuild", flags | MemfdFlags::EXEC).or_else(|_| memfd_create("dsbuild", flags))?;
    let mut copy = File::from(memory);
    io::copy(&mut File::open(SELF)?, &mut copy)?;
    fcntl_add_seals(&copy, SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE)?;
    above_control_fd(copy.into())
}

/// Moves `fd` above the number at which the init expects its channel.
fn above_control_fd(fd: OwnedFd) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(&fd, sys::CONTROL_FD + 1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_has_the_size_of_our_program() {
        let copy = sealed_copy().unwrap();
        assert_eq!(fstat(&copy).unwrap().st_size, stat(SELF).unwrap().st_size);
    }

    #[test]
    fn the_copy_cannot_be_written() {
        let copy = sealed_copy().unwrap();
        assert!(rustix::io::write(&copy, b"x").is_err());
        assert!(rustix::fs::ftruncate(&copy, 0).is_err());
    }

    #[test]
    #[allow(clippy::print_stdout, reason = "a skipped test says so")]
    fn privileged_the_mount_cannot_be_written() {
        let tree = match read_only_mount() {
            Ok(tree) => tree,
            Err(error) => return println!("SKIP cannot mount our program: {error}"),
        };
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&tree));
        assert!(std::fs::OpenOptions::new().write(true).open(&path).is_err());
        // Opening fails for every running program. A change of mode fails only on a read-only mount.
        let mode = rustix::fs::Mode::from_raw_mode(0o755);
        assert_eq!(rustix::fs::chmod(path, mode), Err(rustix::io::Errno::ROFS));
    }
}
