//! Signals that cancel a build: SIGINT (Ctrl-C), SIGTERM and SIGHUP.

use nix::sys::signal::{SigSet, Signal};
use progress::Cancel;

use crate::exit;
use crate::failure::Failure;

/// From now on the first signal cancels, and the second ends the process at once. Mounts and processes of the build end
/// with it in either case.
///
/// Must run before any other thread exists: threads inherit the signal mask.
pub fn cancel_on_signals(cancel: &Cancel) -> Result<(), Failure> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    signals.thread_block()?;
    let cancel = cancel.clone();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        while let Ok(signal) = signals.wait() {
            if cancel.is_canceled() {
                std::process::exit(128 + signal as i32);
            }
            exit::remember_signal(signal as i32);
            cancel.cancel();
        }
    })?;
    Ok(())
}
