//! Signals that cancel: Ctrl-C, and those of the system.
//!
//! The first signal cancels. Steps, downloads and waits that notice it end in order; whatever does not (a lock of another
//! process, the compression of a large layer, the removal of many files) has a short grace, after which the process
//! leaves. Leaving at any moment is safe: processes and mounts end with this one, and the store is made to survive
//! SIGKILL.

use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use progress::Cancel;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use crate::output;
use crate::report::Failure;

/// Time after the first signal in which the build can end by itself.
const GRACE: Duration = Duration::from_millis(700);

/// Number of the signal that canceled; 0 before one did.
static SIGNAL: AtomicI32 = AtomicI32::new(0);

/// Returns the exit code of a command that a signal ended, as shells have it: 130 for Ctrl-C.
pub fn exit_code() -> u8 {
    let signal = match SIGNAL.load(Ordering::Relaxed) {
        0 => Signal::SIGINT as i32,
        signal => signal,
    };
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}

/// From now on the first SIGINT, SIGTERM or SIGHUP cancels; the second, or the end of the grace, ends the process.
///
/// SIGXFSZ has no effect any more, so that a write beyond a limit on the size of files fails with EFBIG. No other thread
/// exists yet: threads inherit the mask.
pub fn cancel_on_signals(cancel: &Cancel) -> Result<(), Failure> {
    let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
    let mut blocked = signals;
    blocked.add(Signal::SIGXFSZ);
    blocked.thread_block()?;
    let cancel = cancel.clone();
    let listen = move || {
        if let Ok(signal) = signals.wait() {
            SIGNAL.store(signal as i32, Ordering::Relaxed);
            output::note("stopping; again to leave at once");
            cancel.cancel();
            wait_for_another(&signals);
            output::error(&Failure::canceled().report());
            std::process::exit(128 + signal as i32);
        }
    };
    std::thread::Builder::new().spawn(listen)?;
    Ok(())
}

/// Waits for one of `signals`, for at most the grace.
fn wait_for_another(signals: &SigSet) {
    let Ok(another) = SignalFd::with_flags(signals, SfdFlags::SFD_CLOEXEC) else {
        return std::thread::sleep(GRACE);
    };
    let timeout = Timespec::try_from(GRACE).expect("the grace is short");
    // Any result ends the wait.
    let _ = poll(&mut [PollFd::new(&another, PollFlags::IN)], Some(&timeout));
}
