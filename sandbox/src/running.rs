//! A process that runs in its sandbox: waiting for it, signaling it, taking its streams.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::process::{Signal, pidfd_send_signal};

use crate::cgroup::{Cgroup, ControlGroups};
use crate::error::os;
use crate::message::FromSupervisor;
use crate::outcome::{CreatedMountPoint, Exit};
use crate::prepare::{Output, SandboxRights};
use crate::supervisor_handle::SupervisorHandle;
use crate::{LimitsReached, SandboxError, Usage};

/// A process in its sandbox, the first one or a further one. If dropped before it was waited for, it is killed; with the
/// first one, the whole sandbox is.
#[derive(Debug)]
pub struct Running {
    supervisor: SupervisorHandle,
    // Fields are dropped in order: the groups after the end of all processes.
    cgroup: Cgroup,
    /// pidfd of the sandbox's first process.
    guest: OwnedFd,
    pid: u32,
    output: Option<Output>,
    terminal: Option<File>,
    created_mount_points: Vec<CreatedMountPoint>,
    /// How the process ended, once it was waited for.
    exit: Option<Exit>,
    usage: Option<Usage>,
    sandbox: Sandbox,
}

/// Facts about a sandbox that its further processes need.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sandbox {
    pub(crate) rights: SandboxRights,
    /// Namespaces that the sandbox has of its own, as flags of `setns`.
    pub(crate) namespaces: i32,
}

/// Streams and mount points of a process that has just been executed.
#[derive(Default)]
pub(crate) struct Started {
    pub(crate) output: Option<Output>,
    pub(crate) terminal: Option<File>,
    pub(crate) created_mount_points: Vec<CreatedMountPoint>,
}

impl Running {
    /// `guest` is the pidfd of the process.
    pub(crate) fn new(
        supervisor: SupervisorHandle,
        guest: OwnedFd,
        cgroup: Cgroup,
        started: Started,
        sandbox: Sandbox,
    ) -> Result<Self, SandboxError> {
        let pid = pid_of(&guest).map_err(os("find the pid of the process"))?;
        let Started { output, terminal, created_mount_points } = started;
        let (exit, usage) = (None, None);
        Ok(Self {
            supervisor,
            cgroup,
            guest,
            pid,
            output,
            terminal,
            created_mount_points,
            exit,
            usage,
            sandbox,
        })
    }

    /// Returns the facts about the sandbox.
    pub(crate) fn sandbox(&self) -> Sandbox {
        self.sandbox
    }

    /// Returns the pidfd of the first process.
    pub(crate) fn first_process(&self) -> BorrowedFd<'_> {
        self.guest.as_fd()
    }

    /// Opens the files through which a process enters the control groups of the sandbox.
    pub(crate) fn cgroup_entrances(&self) -> Result<Vec<OwnedFd>, SandboxError> {
        self.cgroup.entrances()
    }

    /// Returns the host's pid of the sandbox's first process, or 0 if the process ended before it could be read.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Takes the read ends of stdout and stderr of [`crate::Stdio::Piped`]; returns `None` the second time.
    pub fn take_output(&mut self) -> Option<(File, File)> {
        self.output.take()
    }

    /// Takes the caller's end of the terminal of [`crate::Stdio::Terminal`]; returns `None` the second time.
    pub fn take_terminal(&mut self) -> Option<File> {
        self.terminal.take()
    }

    /// Waits for the end of the first process, with which the whole sandbox ends. Can be called again.
    pub fn wait(&mut self) -> Result<Exit, SandboxError> {
        if let Some(exit) = self.exit {
            return Ok(exit);
        }
        let last = self.supervisor.receive();
        self.supervisor.reap();
        let exit = match last? {
            Some(FromSupervisor::Exited(exit, usage)) => {
                self.usage = Some(usage);
                exit
            }
            Some(FromSupervisor::Failed(error)) => return Err(error),
            // The supervisor was killed, and the process with it.
            Some(FromSupervisor::Started) | None => Exit::Signal(libc::SIGKILL),
        };
        self.exit = Some(exit);
        Ok(exit)
    }

    /// Waits as [`Running::wait`] does, but for at most `timeout`; returns `None` if the process still runs.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<Option<Exit>, SandboxError> {
        if self.exit.is_none() && !self.supervisor.answers_within(timeout)? {
            return Ok(None);
        }
        self.wait().map(Some)
    }

    /// Sends a signal to the first process. A process that has ended is not an error; an unknown signal is.
    pub fn signal(&self, signal: i32) -> Result<(), SandboxError> {
        let invalid = || SandboxError::Invalid { what: "signal".into(), value: signal.to_string() };
        let signal = Signal::from_named_raw(signal).ok_or_else(invalid)?;
        match pidfd_send_signal(&self.guest, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(os("signal the process")(error)),
        }
    }

    /// Returns a handle of the sandbox's control groups: for freezing, statistics, and new limits.
    pub fn control_groups(&self) -> ControlGroups {
        self.cgroup.handle()
    }

    /// Returns the resources used by the sandbox; `None` before [`Running::wait`], or if the supervisor was killed.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Returns the limits of [`crate::Spec::limits`] that the processes have run into so far.
    pub fn limits_reached(&self) -> LimitsReached {
        self.cgroup.reached()
    }

    /// Returns the mount points that had to be created in the root file system, parents before their children.
    pub fn created_mount_points(&self) -> &[CreatedMountPoint] {
        &self.created_mount_points
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.exit.is_none() {
            // The end of its supervisor does not end a further process. A process that has ended already is no failure.
            let _ = pidfd_send_signal(&self.guest, Signal::KILL);
            // Frozen processes end only once they go on.
            let _ = self.cgroup.handle().thaw();
        }
    }
}

/// Returns the pid, in the caller's pid namespace, of the process behind `pidfd`; 0 if it has ended already.
fn pid_of(pidfd: &OwnedFd) -> io::Result<u32> {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd()))?;
    let pid: Option<i32> = info.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok());
    let pid = pid.ok_or(io::ErrorKind::InvalidData)?;
    Ok(u32::try_from(pid).unwrap_or(0))
}
