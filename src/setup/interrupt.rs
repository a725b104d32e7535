//! Signals that cancel a build: SIGINT (Ctrl-C), SIGTERM and SIGHUP.
//!
//! The first signal cancels. Steps, downloads and waits that notice it end in order. All others (a lock of another
//! process, the compression of a large layer, the removal of many files) have a short grace, after which the process
//! leaves. Leaving at any moment is safe: processes and mounts end with this one, and the store survives SIGKILL.

use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use progress::Cancel;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use crate::exit;
use crate::failure::Failure;
use crate::output::{self, Stream};

/// Time after the first signal in which the build can end by itself.
const GRACE: Duration = Duration::from_millis(700);

/// From now on the first signal cancels, and the second, or the end of the grace, ends the process.
///
/// SIGXFSZ has no effect any more, so that a write beyond a limit on the size of files fails with EFBIG. Must run before
/// any other thread exists: threads inherit the signal mask.
pub fn cancel_on_signals(cancel: &Cancel) -> Result<(), Failure> {
    let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
    let mut blocked = signals;
    blocked.add(Signal::SIGXFSZ);
    blocked.thread_block()?;
    let cancel = cancel.clone();
    let listen = move || {
        if let Ok(signal) = signals.wait() {
            exit::remember_signal(signal as i32);
            output::note("stopping; again to leave at once");
            cancel.cancel();
            wait_for_another(&signals);
            let failure = Failure::canceled();
            output::colored(Stream::Stderr, &failure.report());
            std::process::exit(failure.fault().exit_code().into());
        }
    };
    let started = std::thread::Builder::new().name("signals".to_owned()).spawn(listen);
    started.map_err(|error| Failure::system("cannot start a thread for signals").caused_by(&error))?;
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
