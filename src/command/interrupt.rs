//! Ctrl-C and friends.

use builder::cancel::Cancel;
use nix::sys::signal::{SigSet, Signal};

use crate::report::Failure;

/// From now on the first SIGINT, SIGTERM or SIGHUP cancels, the second ends the process at once: whatever it has
/// mounted and started goes with it. Call before any other thread exists: they inherit the mask.
pub fn cancel_on_signals(cancel: &Cancel) -> Result<(), Failure> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    signals.thread_block()?;
    let cancel = cancel.clone();
    std::thread::spawn(move || {
        while let Ok(signal) = signals.wait() {
            if cancel.is_canceled() {
                std::process::exit(128 + signal as i32);
            }
            cancel.cancel();
        }
    });
    Ok(())
}
