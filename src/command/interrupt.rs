//! Ctrl-C and friends.

use std::sync::atomic::{AtomicI32, Ordering};

use nix::sys::signal::{SigSet, Signal};
use progress::Cancel;

use crate::output;
use crate::report::Failure;

/// The signal that canceled; 0 while none did.
static SIGNAL: AtomicI32 = AtomicI32::new(0);

/// The exit code of what a signal ended, as shells have it: 130 for Ctrl-C.
pub fn exit_code() -> u8 {
    let signal = match SIGNAL.load(Ordering::Relaxed) {
        0 => Signal::SIGINT as i32,
        signal => signal,
    };
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}

/// From now on the first SIGINT, SIGTERM or SIGHUP cancels, the second ends the process at once: whatever it has
/// mounted and started goes with it. Call before any other thread exists: they inherit the mask.
pub fn cancel_on_signals(cancel: &Cancel) -> Result<(), Failure> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    // A blocked SIGXFSZ ends nothing: a write beyond a limit on the size of files fails with EFBIG.
    let mut blocked = signals;
    blocked.add(Signal::SIGXFSZ);
    blocked.thread_block()?;
    let cancel = cancel.clone();
    let listen = move || {
        while let Ok(signal) = signals.wait() {
            if cancel.is_canceled() {
                std::process::exit(128 + signal as i32);
            }
            SIGNAL.store(signal as i32, Ordering::Relaxed);
            output::note("stopping; again to leave at once");
            cancel.cancel();
        }
    };
    std::thread::Builder::new().spawn(listen)?;
    Ok(())
}
