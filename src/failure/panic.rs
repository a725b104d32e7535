//! Panics of the thread that runs a command, as failures. Those of a build's steps never get here.
//!
//! Some libraries panic where no more threads can be started. That is a limit of this machine, and its error needs no
//! backtrace. Any other panic is a bug.

use std::any::Any;

use super::Failure;

impl Failure {
    /// Creates the failure of a command that panicked.
    pub fn of_panic(panic: &dyn Any) -> Self {
        let message = message_of(panic);
        Self::system(format!("internal error: {message}")).hint(hint(message))
    }
}

/// Keeps a panic about threads that cannot be started from printing a backtrace: its error follows.
pub fn install_hook() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !is_thread_limit(message_of(info.payload())) {
            default(info);
        }
    }));
}

/// Returns the way out of a panic.
pub fn hint(message: &str) -> &'static str {
    if is_thread_limit(message) {
        "no more threads can be started: raise the limit on processes (pids cgroup, ulimit -u)"
    } else {
        "this is a bug in dsbuild; please report it with the command and the Dockerfile"
    }
}

fn is_thread_limit(message: &str) -> bool {
    ["Resource temporarily unavailable", "WouldBlock", "thread pool"]
        .iter()
        .any(|sign| message.contains(sign))
}

fn message_of(panic: &dyn Any) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it has no message")
}
