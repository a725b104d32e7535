//! Starting, waiting for and ending a sandbox: the caller's side.
//!
//! ```text
//! caller ── control ── supervisor     pid 1 of an outer pid namespace; our own program, executed again
//!    └───── report ─────── guest      pid 1 of the inner pid namespace; sets up, then becomes the program
//! ```
//!
//! The supervisor gets the plan through `control` and sends the end of the guest back. It ends, and with it the kernel
//! ends all in both namespaces, when the guest ends, when `control` is closed (we died, of whatever) or when it is
//! killed. No process of the sandbox can see the supervisor, so none can prevent this; `PR_SET_PDEATHSIG` on the guest
//! would be undone by the first set-uid program.
//!
//! `report` carries created mount points, the terminal and errors; the guest's end is close-on-exec, so its end means that the
//! program runs.
//!
//! Concurrency: any thread may spawn, and wait; threads may come and go.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use rustix::time::Timespec;

use crate::channel::{Channel, Message};
use crate::error::os;
use crate::message::{FromGuest, FromSupervisor, ToSupervisor};
use crate::plan::{Output, prepare};
use crate::report::{CreatedMountPoint, Exit};
use crate::spec::Spec;
use crate::wire::{decode, encode};
use crate::{SandboxError, Usage, exe, init, sys};

/// A process in its sandbox. Killed, with all its children, when dropped before it was waited for.
#[derive(Debug)]
pub struct Running {
    supervisor: Supervisor,
    guest: OwnedFd,
    pid: u32,
    output: Option<Output>,
    terminal: Option<File>,
    created_mount_points: Vec<CreatedMountPoint>,
    ended: Option<Exit>,
    usage: Option<Usage>,
}

impl Running {
    /// The pid on the host of the sandbox's first process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The output pipes of [`crate::Stdio::Piped`], once.
    pub fn take_output(&mut self) -> Option<(File, File)> {
        self.output.take()
    }

    /// Our end of [`crate::Stdio::Terminal`], once.
    pub fn take_terminal(&mut self) -> Option<File> {
        self.terminal.take()
    }

    /// Waits for the end: of the first process; then the whole sandbox is gone.
    pub fn wait(&mut self) -> Result<Exit, SandboxError> {
        if let Some(exit) = self.ended {
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
            // Somebody killed the supervisor, and so all.
            Some(FromSupervisor::Started) | None => Exit::Signal(libc::SIGKILL),
        };
        self.ended = Some(exit);
        Ok(exit)
    }

    /// The same, for at most `timeout`; `None` if it still runs.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<Option<Exit>, SandboxError> {
        if self.ended.is_none() && !self.supervisor.answers_within(timeout)? {
            return Ok(None);
        }
        self.wait().map(Some)
    }

    /// Sends a signal to the first process. One that has ended is no error.
    pub fn signal(&self, signal: i32) -> Result<(), SandboxError> {
        let invalid = || SandboxError::Invalid { what: "signal".into(), value: signal.to_string() };
        let signal = Signal::from_named_raw(signal).ok_or_else(invalid)?;
        match pidfd_send_signal(&self.guest, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(os("signal the process")(error)),
        }
    }

    /// What its processes took of the machine; known once it was waited for, unless its supervisor was killed.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Mount points that had to be created in the root file system, parents before their children.
    pub fn created_mount_points(&self) -> &[CreatedMountPoint] {
        &self.created_mount_points
    }
}

/// The process that stands for a sandbox (or a network); killed, and all with it, when dropped before its end.
#[derive(Debug)]
pub(crate) struct Supervisor {
    control: Channel,
    pidfd: OwnedFd,
    reaped: bool,
}

impl Supervisor {
    /// Starts one; gives its end of the control channel too, which must be closed here once the plan is sent.
    pub(crate) fn start() -> Result<(Self, Channel), SandboxError> {
        let (control, theirs) = Channel::pair().map_err(os("make a channel"))?;
        let pidfd = sys::start_init(exe::protected()?, theirs.as_fd()).map_err(no_namespace)?;
        Ok((Self { control, pidfd, reaped: false }, theirs))
    }

    /// Tells it what to do.
    pub(crate) fn send(&self, what: &ToSupervisor, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.control.send(&encode(what), fds)
    }

    /// True once there is something to receive.
    pub(crate) fn answers_within(&self, timeout: Duration) -> Result<bool, SandboxError> {
        readable_within(&self.control, timeout).map_err(os("wait for the sandbox"))
    }

    fn receive(&self) -> Result<Option<FromSupervisor>, SandboxError> {
        let message = self.control.receive().map_err(os("hear of the sandbox's init"))?;
        Ok(message.and_then(|message| decode(&message.payload)))
    }

    /// Waits for the word that the guest exists, or the network; gives its descriptor.
    pub(crate) fn started(&self) -> Result<OwnedFd, SandboxError> {
        let message = self.control.receive().map_err(os("hear of the sandbox's init"))?;
        let Some(Message { payload, mut fds }) = message else { return Err(died()) };
        match (decode(&payload), fds.pop()) {
            (Some(FromSupervisor::Started), Some(fd)) => Ok(fd),
            (Some(FromSupervisor::Failed(error)), _) => Err(error),
            _ => Err(died()),
        }
    }

    /// Why the guest went without a word: the supervisor knows, or it was killed.
    fn why_not(&self) -> SandboxError {
        match self.receive() {
            Ok(Some(FromSupervisor::Failed(error))) | Err(error) => error,
            Ok(_) => died(),
        }
    }

    /// Waits for its end, before which the kernel has ended all in its pid namespace. That it was reaped already (in a
    /// caller that ignores SIGCHLD) is fine too.
    fn reap(&mut self) {
        while waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED).err()
            == Some(rustix::io::Errno::INTR)
        {}
        self.reaped = true;
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        if !self.reaped {
            let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
            self.reap();
        }
    }
}

fn readable_within(control: &Channel, timeout: Duration) -> io::Result<bool> {
    // A timeout beyond what the clock can say is none.
    let deadline = Instant::now().checked_add(timeout);
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let left = left.map(Timespec::try_from).transpose().map_err(|_| io::ErrorKind::InvalidInput)?;
        match poll(&mut [PollFd::new(control, PollFlags::IN)], left.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            ready => return Ok(ready? > 0),
        }
    }
}

/// Builds the sandbox and starts the process; returns once it has been executed (or could not be).
pub fn spawn(spec: Spec) -> Result<Running, SandboxError> {
    let (plan, fds, output) = prepare(spec)?;
    let (supervisor, theirs) = Supervisor::start()?;
    let (report, guests) = Channel::pair().map_err(os("make a channel"))?;
    let mut sent = vec![guests.as_fd()];
    sent.extend(fds.borrowed());
    let delivered = supervisor.send(&ToSupervisor::Run(Box::new(plan)), &sent);
    drop((sent, theirs));
    drop((guests, fds));
    delivered.map_err(os("hand over the plan"))?;
    let guest = supervisor.started()?;
    let progress = until_executed(&report)?;
    if !progress.executed {
        return Err(supervisor.why_not());
    }
    let pid = pid_of(&guest).map_err(os("find the pid of the process"))?;
    let Progress { created_mount_points, terminal, .. } = progress;
    Ok(Running { supervisor, guest, pid, output, terminal, created_mount_points, ended: None, usage: None })
}

fn no_namespace(error: io::Error) -> SandboxError {
    match error.raw_os_error() {
        Some(libc::EPERM) => SandboxError::Unavailable {
            what: "this process may not make namespaces".into(),
            hint:
                "run it as root, or where user namespaces are allowed; in a container it needs CAP_SYS_ADMIN"
                    .into(),
        },
        _ => os("start the sandbox's init")(error),
    }
}

/// What the guest has told before its program ran.
#[derive(Default)]
struct Progress {
    created_mount_points: Vec<CreatedMountPoint>,
    terminal: Option<File>,
    executed: bool,
}

/// Listens to the guest until its end of the channel closes.
fn until_executed(report: &Channel) -> Result<Progress, SandboxError> {
    let mut progress = Progress::default();
    while let Some(Message { payload, mut fds }) = report.receive().map_err(os("hear of the sandbox"))? {
        match decode(&payload).ok_or_else(died)? {
            FromGuest::MountPoint(created) => progress.created_mount_points.push(created),
            FromGuest::Terminal => progress.terminal = fds.pop().map(File::from),
            FromGuest::Ready => progress.executed = true,
            FromGuest::Failed(error) => return Err(error),
        }
    }
    Ok(progress)
}

fn died() -> SandboxError {
    os("start the process: the sandbox's init died")(io::Error::from_raw_os_error(libc::ECHILD))
}

/// The pid in our pid namespace of the process behind `pidfd`; 0 if it has ended already.
fn pid_of(pidfd: &OwnedFd) -> io::Result<u32> {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd()))?;
    let pid: Option<i32> = info.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok());
    let pid = pid.ok_or(io::ErrorKind::InvalidData)?;
    Ok(u32::try_from(pid).unwrap_or(0))
}

/// Must be the first call of `main`: where this process was started to be a sandbox's init, becomes it and never returns.
pub fn init_if_asked() {
    let asked =
        std::env::args_os().next().is_some_and(|name| name.as_encoded_bytes() == sys::INIT_NAME.to_bytes());
    if asked {
        init::run()
    }
}
