//! The guest's end of the report channel, on which it reports its progress to the caller.

use std::os::fd::{AsFd, OwnedFd};

use crate::SandboxError;
use crate::channel::Channel;
use crate::error::os;
use crate::message::FromGuest;
use crate::wire::encode;

/// Channel to the caller. It is close-on-exec, so that the caller sees its end when the program is executed.
pub(super) struct Report(Channel);

impl From<OwnedFd> for Report {
    fn from(socket: OwnedFd) -> Self {
        Self(socket.into())
    }
}

impl Report {
    /// Sends a message without descriptors.
    pub(super) fn send(&self, message: &FromGuest) -> Result<(), SandboxError> {
        self.0.send(&encode(message), &[]).map_err(os("report to the caller"))
    }

    /// Sends the caller's end of the terminal.
    pub(super) fn send_terminal(&self, controller: &OwnedFd) -> Result<(), SandboxError> {
        let sent = self.0.send(&encode(&FromGuest::Terminal), &[controller.as_fd()]);
        sent.map_err(os("report to the caller"))
    }
}
