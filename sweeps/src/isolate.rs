//! Namespaces of the sweep, so that no fault reaches the machine's own files and no process is left behind.
//!
//! The binary runs itself once more in a mount and a process namespace. There every mount is read-only except for the
//! work directory, so that not even a symlink from a damaged store to `/etc/passwd` can do harm. The kernel ends all
//! processes of the namespace together with its first process, which is a shell, because a shell reaps orphans.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change, mount_remount};

use crate::error::SweepError;

/// Flags of `unshare`: `setpriv` ends it with the sweep, and `--kill-child` ends the namespaces with it.
const UNSHARE: [&str; 9] =
    ["--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"];

/// Mounts whose files belong to the kernel and cannot be damaged by a write to a path.
const KERNEL_MOUNTS: [&str; 3] = ["/proc", "/sys", "/dev"];

/// Runs this binary with the same arguments in namespaces of its own, and removes the work directory afterwards unless
/// it is to be kept.
pub fn run(dsbuild: &Path, dir: Option<&Path>, is_kept: bool) -> Result<ExitCode, SweepError> {
    if !rustix::process::geteuid().is_root() {
        return Err(SweepError::NotRoot);
    }
    let own = std::env::current_exe().map_err(SweepError::at(Path::new("/proc/self/exe")))?;
    let work = fresh(&dir.map_or_else(|| default_dir(&own), Path::to_owned))?;
    fs::copy(dsbuild, work.join("dsbuild")).map_err(SweepError::at(dsbuild))?;
    let mut command = Command::new("setpriv");
    command.args(UNSHARE).args(["sh", "-c", "\"$@\"; exit $?", "sh"]);
    command.arg(&own).args(std::env::args_os().skip(1)).arg("--inside").arg(&work);
    let status = command.status().map_err(|_| SweepError::MissingProgram("setpriv"))?;
    if !is_kept {
        fs::remove_dir_all(&work).map_err(SweepError::at(&work))?;
    }
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(2)))
}

/// Returns `target/sweep`, beside the directory of the build profile.
fn default_dir(own: &Path) -> PathBuf {
    own.parent().and_then(Path::parent).unwrap_or(Path::new("/var/tmp")).join("sweep")
}

/// Empties and creates the work directory.
fn fresh(dir: &Path) -> Result<PathBuf, SweepError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(SweepError::at(dir)(error)),
        _ => {}
    }
    fs::create_dir_all(dir).map_err(SweepError::at(dir))?;
    dir.canonicalize().map_err(SweepError::at(dir))
}

/// Makes every mount read-only except for the work directory and a new `/run`. Runs inside the namespaces.
pub fn protect(work: &Path) -> Result<(), SweepError> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(|error| SweepError::at(Path::new("/"))(error.into()))?;
    let points = mount_points()?;
    mount_bind(work, work).map_err(|error| SweepError::at(work)(error.into()))?;
    for point in points.iter().filter(|point| !KERNEL_MOUNTS.iter().any(|kernel| point.starts_with(kernel))) {
        let flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOATIME;
        mount_remount(point, flags, c"").map_err(|error| SweepError::at(point)(error.into()))?;
    }
    mount("tmpfs", "/run", "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, c"size=16m")
        .map_err(|error| SweepError::at(Path::new("/run"))(error.into()))
}

/// Returns the mount points that `/proc/self/mountinfo` lists.
fn mount_points() -> Result<Vec<PathBuf>, SweepError> {
    let file = Path::new("/proc/self/mountinfo");
    let text = fs::read(file).map_err(SweepError::at(file))?;
    Ok(text.split(|byte| *byte == b'\n').filter_map(mount_point).collect())
}

/// Returns the fifth field of a line of mountinfo, in which a blank is written as `\040`.
fn mount_point(line: &[u8]) -> Option<PathBuf> {
    let field = line.split(|byte| *byte == b' ').nth(4)?;
    let text = String::from_utf8_lossy(field).replace("\\040", " ");
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_point_is_the_fifth_field() {
        let line = b"36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - ext3 /dev/root rw";
        assert_eq!(mount_point(line), Some(PathBuf::from("/mnt 2")));
        assert_eq!(mount_point(b""), None);
    }
}
