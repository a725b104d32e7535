//! Signals by number, real-time signals included: images ask for them with `STOPSIGNAL SIGRTMIN+3`, as systemd does.

use std::io;
use std::os::fd::BorrowedFd;

use crate::sys;

/// Ignores SIGXFSZ, so that a write beyond the limit on the size of files fails with `EFBIG` instead of ending this
/// process. Processes in sandboxes get the default again.
pub fn ignore_file_size_signal() -> io::Result<()> {
    sys::ignore_signal(libc::SIGXFSZ)
}

/// Sends the signal `number` (1 to 64) to the process that `pidfd` refers to.
///
/// A process that has ended is `ESRCH`, a number that is no signal `EINVAL`.
pub fn send(pidfd: BorrowedFd<'_>, number: i32) -> io::Result<()> {
    sys::pidfd_send_signal(pidfd, number)
}
