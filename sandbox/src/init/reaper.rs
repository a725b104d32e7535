//! The init of `--init`: first process of a sandbox, which forwards signals to the program and reaps orphans.
//!
//! It has the program's user, capabilities and filter by the time it starts, so that it can do no more than the program.

use std::convert::Infallible;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::SandboxError;
use crate::error::os;
use crate::sys::{self, Fork};

/// Base of the exit code for a program that a signal has killed, as in a shell.
const SIGNAL_BASE: i32 = 128;

/// Forks: returns in the child, which becomes the program. The parent never returns.
pub(super) fn become_init_of_child() -> Result<(), SandboxError> {
    let all = SigSet::all();
    all.thread_block().map_err(os("block signals"))?;
    match sys::fork().map_err(os("start a process beside the init"))? {
        Fork::Child => {
            lead_a_process_group();
            sys::reset_signals();
            Ok(())
        }
        Fork::Parent(child) => {
            // The program alone holds the streams and the channel to the caller.
            if sys::close_from(0).is_err() {
                sys::exit_now(1);
            }
            match forward_until_end(Pid::from_raw(child.as_raw_nonzero().get()), &all) {
                Err(_) => sys::exit_now(1),
            }
        }
    }
}

/// Puts the program into the foreground of its terminal, in a process group of its own: ^C reaches it once, and not
/// through the init a second time.
fn lead_a_process_group() {
    // Neither can fail for a process that has just been forked. A program without a terminal has no foreground.
    let _ = rustix::process::setpgid(None, None);
    let _ = rustix::termios::tcsetpgrp(rustix::stdio::stdin(), rustix::process::getpid());
}

/// Forwards signals until the program has ended, and exits with its exit code.
fn forward_until_end(program: Pid, signals: &SigSet) -> Result<Infallible, Errno> {
    loop {
        match signals.wait() {
            Ok(Signal::SIGCHLD) => {
                if let Some(code) = reap(program)? {
                    sys::exit_now(code);
                }
            }
            Ok(signal) => {
                // The program can have ended a moment ago.
                let _ = kill(program, signal);
            }
            // A real-time signal has no name here. It is meant for nobody.
            Err(Errno::EINTR | Errno::EINVAL) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Reaps all children that have ended. Returns the exit code of the program if it is among them.
fn reap(program: Pid) -> Result<Option<i32>, Errno> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == program => return Ok(Some(code)),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == program => {
                return Ok(Some(SIGNAL_BASE + signal as i32));
            }
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return Ok(None),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}
