//! Namespaces of our own, so that nothing is left behind.
//!
//! As root, the binary runs itself once more in a mount and a process namespace with an empty `/run`. However that process
//! ends, Ctrl-C and SIGKILL included, the kernel kills every daemon and container in it and removes every mount; the outer
//! process then removes the files. Two benchmarks at once would disturb each other, so the second does not start.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;

/// Cgroup of the containers of our daemons, in each hierarchy.
pub const CGROUP: &str = "/dsbench";

/// Script that runs in the namespaces. The shell stays as process 1, so that killing it kills everything in it.
const SCRIPT: &str = r#"
set -e
resolver=$(cat /etc/resolv.conf 2> /dev/null || true)
mount -t tmpfs tmpfs /run
if [ ! -e /etc/resolv.conf ] && [ -L /etc/resolv.conf ]; then
    mkdir -p "$(dirname "$(readlink -m /etc/resolv.conf)")"
    printf '%s\n' "$resolver" > "$(readlink -m /etc/resolv.conf)"
fi
code=0
"$@" || code=$?
exit $code
"#;

/// A directory that belongs to this process until the value is dropped, and is emptied at both ends.
#[derive(Debug)]
pub struct WorkDir {
    path: PathBuf,
    _lock: File,
}

impl WorkDir {
    /// Locks the directory and empties it. Fails if another benchmark holds the lock.
    pub fn take(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let path = path.canonicalize()?;
        // Containers must reach their files, whatever the umask; the lock lies beside what is emptied.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        let lock = File::create(path.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::other("another benchmark runs there; wait for it or use --dir"));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let taken = Self { path, _lock: lock };
        taken.empty()?;
        Ok(taken)
    }

    /// Returns the directory that the inner process works in.
    pub fn inner(&self) -> PathBuf {
        self.path.join("work")
    }

    fn empty(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.inner()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        let _ = self.empty();
    }
}

/// Runs this binary with these arguments, isolated if this is root, and cleans up.
pub fn run(work: &WorkDir, arguments: &[OsString]) -> io::Result<ExitCode> {
    fs::create_dir_all(work.inner())?;
    let own = std::env::current_exe()?;
    let mut command = if nix::unistd::geteuid().is_root() {
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
        unshare.args(["sh", "-c", SCRIPT, "sh"]).arg(own);
        unshare
    } else {
        Command::new(own)
    };
    let mut child = command.args(arguments).spawn()?;
    end_on_signals(Pid::from_raw(child.id().cast_signed()))?;
    let status = child.wait()?;
    remove_cgroups();
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(2)))
}

/// Passes signals that would end this process on to `process` as SIGKILL, so that this one stays to clean up. Called after
/// `process` was started, which would inherit the mask otherwise.
fn end_on_signals(process: Pid) -> nix::Result<()> {
    let mut signals = SigSet::empty();
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().for_each(|signal| signals.add(signal));
    signals.thread_block()?;
    std::thread::spawn(move || {
        while signals.wait().is_ok() {
            let _ = kill(process, Signal::SIGKILL);
        }
    });
    Ok(())
}

/// Removes our cgroups: from each hierarchy of cgroup v1, or from the only one of v2.
fn remove_cgroups() {
    let root = Path::new("/sys/fs/cgroup");
    for hierarchy in std::iter::once(root.to_owned()).chain(folders(root)) {
        remove_cgroup(&hierarchy.join(&CGROUP[1..]));
    }
}

fn folders(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path())
}

/// Removes a cgroup and those below it. One that cannot be removed is harmless.
fn remove_cgroup(cgroup: &Path) {
    folders(cgroup).for_each(|child| remove_cgroup(&child));
    let _ = fs::remove_dir(cgroup);
}
