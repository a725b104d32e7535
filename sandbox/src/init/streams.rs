//! Descriptors 0, 1 and 2 of the program: pipes, files or a new terminal.

use std::os::fd::OwnedFd;

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fchown, fstat, fstatfs, openat, openat2};
use rustix::pty::OpenptFlags;

use super::dev;
use super::report::Report;
use super::system_mounts::Attached;
use crate::SandboxError;
use crate::error::{mount, os};
use crate::plan::{Fds, PlannedProcess, PlannedStdio};

/// Kind of the file system that holds terminals, as `statfs` reports it.
const DEVPTS_MAGIC: rustix::fs::FsWord = 0x1cd1;

/// Makes descriptors 0, 1 and 2 the streams of the first process.
pub(super) fn set(
    process: &PlannedProcess,
    fds: &mut Fds,
    report: &Report,
    attached: &Attached,
) -> Result<(), SandboxError> {
    let streams = match process.stdio {
        PlannedStdio::Piped(stdout, stderr) => [
            dev::empty_input(&attached.dev).map_err(mount("/dev/null"))?,
            fds.take(stdout)?,
            fds.take(stderr)?,
        ],
        PlannedStdio::Files(stdin, stdout, stderr) => {
            [fds.take(stdin)?, fds.take(stdout)?, fds.take(stderr)?]
        }
        PlannedStdio::Terminal => {
            let streams = terminal(&attached.pts, process.uid, report)?;
            dev::console(&attached.dev, &streams[0]).map_err(mount("/dev/console"))?;
            streams
        }
    };
    install(process, streams)
}

/// Makes descriptors 0, 1 and 2 the streams of a further process in the running sandbox.
pub(super) fn set_joined(
    process: &PlannedProcess,
    fds: &mut Fds,
    report: &Report,
) -> Result<(), SandboxError> {
    let streams = match process.stdio {
        PlannedStdio::Piped(stdout, stderr) => {
            // A pipe that nobody writes to is at its end at once.
            let (empty, _) =
                rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(os("make a pipe"))?;
            [empty, fds.take(stdout)?, fds.take(stderr)?]
        }
        PlannedStdio::Files(stdin, stdout, stderr) => {
            [fds.take(stdin)?, fds.take(stdout)?, fds.take(stderr)?]
        }
        PlannedStdio::Terminal => terminal(&own_terminals()?, process.uid, report)?,
    };
    install(process, streams)
}

/// Opens the directory of terminals of this mount namespace, which processes of the sandbox can have exchanged.
fn own_terminals() -> Result<OwnedFd, SandboxError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let opened = openat2(CWD, "/dev/pts", flags, Mode::empty(), resolve).map_err(os("find the terminals"))?;
    match fstatfs(&opened).map_err(os("find the terminals"))?.f_type {
        DEVPTS_MAGIC => Ok(opened),
        _ => Err(os("make a terminal: /dev/pts holds no terminals")(rustix::io::Errno::NODEV)),
    }
}

fn install(process: &PlannedProcess, streams: [OwnedFd; 3]) -> Result<(), SandboxError> {
    streams.iter().for_each(|stream| give_pipe_to(process.uid, stream));
    let [stdin, stdout, stderr] = streams;
    rustix::stdio::dup2_stdin(stdin).map_err(os("set standard input"))?;
    rustix::stdio::dup2_stdout(stdout).map_err(os("set standard output"))?;
    rustix::stdio::dup2_stderr(stderr).map_err(os("set standard error"))
}

/// Makes the program's user the owner of `stream` if it is a pipe: other users cannot open it as `/dev/stdout`.
fn give_pipe_to(uid: u32, stream: &OwnedFd) {
    let is_pipe = fstat(stream).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Fifo);
    if is_pipe {
        give_to(uid, stream);
    }
}

fn give_to(uid: u32, stream: &OwnedFd) {
    // A user that has no id in this user namespace is refused later, with a better message.
    let _ = fchown(stream, Some(rustix::fs::Uid::from_raw(uid)), None);
}

/// Makes a terminal that controls this session, sends the other end to the caller, and returns three descriptors of it.
fn terminal(pts: &OwnedFd, uid: u32, report: &Report) -> Result<[OwnedFd; 3], SandboxError> {
    let failed = || os("make a terminal");
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let controller = openat(pts, "ptmx", flags, Mode::empty()).map_err(os("make a terminal"))?;
    rustix::pty::unlockpt(&controller).map_err(failed())?;
    let peer_flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let terminal = rustix::pty::ioctl_tiocgptpeer(&controller, peer_flags).map_err(failed())?;
    give_to(uid, &terminal);
    rustix::process::ioctl_tiocsctty(&terminal).map_err(failed())?;
    report.send_terminal(&controller)?;
    let copy = || rustix::io::fcntl_dupfd_cloexec(&terminal, 3).map_err(failed());
    Ok([copy()?, copy()?, copy()?])
}
