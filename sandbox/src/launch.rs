//! Starting, waiting for and ending a sandbox.

use std::fs::File;
use std::time::Duration;

use rootfs::snapshot::Stub;

use crate::SandboxError;
use crate::spec::Spec;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It exited.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
}

/// A process in its sandbox. Killed, with all its children, when dropped before it was waited for.
#[derive(Debug)]
pub struct Running {}

impl Running {
    /// The pid on the host of the sandbox's first process.
    pub fn pid(&self) -> u32 {
        unimplemented!()
    }

    /// The output pipes of [`crate::Stdio::Piped`], once.
    pub fn take_output(&mut self) -> Option<(File, File)> {
        unimplemented!()
    }

    /// Our end of [`crate::Stdio::Terminal`], once.
    pub fn take_terminal(&mut self) -> Option<File> {
        unimplemented!()
    }

    /// Waits for the end: of the first process; then the whole sandbox is gone.
    pub fn wait(&mut self) -> Result<Exit, SandboxError> {
        unimplemented!()
    }

    /// The same, for at most `timeout`; `None` if it still runs.
    pub fn wait_timeout(&mut self, _timeout: Duration) -> Result<Option<Exit>, SandboxError> {
        unimplemented!()
    }

    /// Sends a signal to the first process.
    pub fn signal(&self, _signal: i32) -> Result<(), SandboxError> {
        unimplemented!()
    }

    /// Mount points that had to be made in the root file system.
    pub fn stubs(&self) -> &[Stub] {
        unimplemented!()
    }
}

/// Builds the sandbox and starts the process; returns once it has been executed (or could not be).
/// The calling thread must live until the process has ended: its death is the sandbox's.
pub fn spawn(_spec: Spec) -> Result<Running, SandboxError> {
    unimplemented!()
}

/// Must be the first call of `main`: where this process was started to be a sandbox's init, becomes it and never returns.
pub fn init_if_asked() {}
