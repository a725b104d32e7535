//! Exit codes of dsbuild, and the faults that they stand for.
//!
//! | code    | fault                                                                                      |
//! |---------|--------------------------------------------------------------------------------------------|
//! | 0       | none                                                                                       |
//! | 1       | the user's Dockerfile, a command in it, an image, a registry or a container                |
//! | 2       | dsbuild, its store or this machine; or the command line is wrong                           |
//! | 128 + n | signal n canceled the command                                                              |
//! | 125     | `dsbuild run` could not start the container, also where the command line is wrong          |
//! | 126     | `dsbuild run`: the program cannot be executed                                              |
//! | 127     | `dsbuild run`: the program does not exist                                                  |
//!
//! `dsbuild run` passes on the exit code of its process. `dsbuild --help` prints the same table. The fault of each error
//! type is decided in `failure/blame.rs`.

use std::sync::atomic::{AtomicI32, Ordering};

/// Number of the signal that canceled the command; 0 while none has.
static SIGNAL: AtomicI32 = AtomicI32::new(0);

/// Number of SIGINT on Linux, which Ctrl-C sends.
const SIGINT: i32 = 2;

/// Cause of a failed command, as far as its exit code tells causes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The user's Dockerfile, a command in it, an image, a registry or a container.
    Input,
    /// The command line.
    Usage,
    /// dsbuild itself, its store or this machine.
    System,
    /// Number of the signal that canceled the command.
    Signal(i32),
    /// `dsbuild run` could not start its container.
    NotStarted,
    /// The program of `dsbuild run` cannot be executed.
    NotExecutable,
    /// The program of `dsbuild run` does not exist.
    ProgramNotFound,
}

impl Fault {
    /// Returns the exit code of a process that fails because of this.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Input => 1,
            Self::Usage | Self::System => 2,
            Self::Signal(number) => u8::try_from(128 + number).unwrap_or(u8::MAX),
            Self::NotStarted => 125,
            Self::NotExecutable => 126,
            Self::ProgramNotFound => 127,
        }
    }

    /// Returns the fault behind the exit code of a container that did not start: 125, 126 or 127.
    pub fn of_unstarted(code: i32) -> Self {
        match code {
            126 => Self::NotExecutable,
            127 => Self::ProgramNotFound,
            _ => Self::NotStarted,
        }
    }

    /// Returns the fault of a command that was canceled: the signal that did it, or else SIGINT.
    pub fn canceled() -> Self {
        match SIGNAL.load(Ordering::Relaxed) {
            0 => Self::Signal(SIGINT),
            number => Self::Signal(number),
        }
    }
}

/// Remembers which signal canceled the command.
pub fn remember_signal(number: i32) {
    SIGNAL.store(number, Ordering::Relaxed);
}

/// Returns the exit code of a container's process as a byte, as `wait` does.
pub fn of_process(code: i32) -> u8 {
    u8::try_from(code & 0xff).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_the_exit_code_of_the_table() {
        let check = |fault: Fault, expected: u8| assert_eq!(fault.exit_code(), expected, "{fault:?}");
        check(Fault::Input, 1);
        check(Fault::Usage, 2);
        check(Fault::System, 2);
        check(Fault::Signal(2), 130);
        check(Fault::Signal(15), 143);
        check(Fault::of_unstarted(125), 125);
        check(Fault::of_unstarted(126), 126);
        check(Fault::of_unstarted(127), 127);
        check(Fault::of_unstarted(1), 125);
    }
}
