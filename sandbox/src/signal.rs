//! Signals by number, real-time signals included: images ask for them with `STOPSIGNAL SIGRTMIN+3`, as systemd does.

use std::io;
use std::os::fd::BorrowedFd;

use crate::sys;

/// Sends the signal `number` (1 to 64) to the process that `pidfd` refers to.
///
/// A process that has ended is `ESRCH`, a number that is no signal `EINVAL`.
pub fn send(pidfd: BorrowedFd<'_>, number: i32) -> io::Result<()> {
    sys::pidfd_send_signal(pidfd, number)
}
