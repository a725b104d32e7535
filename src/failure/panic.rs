//! Panics of the thread that runs a command, as failures. Those of a build's steps never get here.
//!
//! Some libraries panic where no more threads can be started. That is a limit of this machine, and its error needs no
//! backtrace. Any other panic is a bug.

use std::any::Any;

use super::Failure;

impl Failure {
    /// Creates the failure of a command that panicked.
    pub fn of_panic(panic: &dyn Any) -> Self {
        Self::of_panic_with(message_of(panic))
    }

    /// Creates the failure of a panic with this message.
    pub(super) fn of_panic_with(message: &str) -> Self {
        if is_thread_limit(message) {
            return Self::system("no more threads can be started").hint(PROCESS_LIMIT_HINT);
        }
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
        PROCESS_LIMIT_HINT
    } else {
        "this is a bug in dsbuild; please report it with the command and the Dockerfile"
    }
}

/// Way out of a limit on processes, which counts threads as well.
const PROCESS_LIMIT_HINT: &str = "the limit on processes and threads is reached; raise it: --pids-limit of the container \
     around dsbuild, podPidsLimit in Kubernetes, TasksMax of a systemd unit, or ulimit -u";

/// Returns the way out of an error with this text, if the kernel refused a process or a thread.
pub(super) fn process_limit_hint(message: &str) -> Option<&'static str> {
    message.contains(REFUSED).then_some(PROCESS_LIMIT_HINT)
}

/// Text of the error with which the kernel refuses processes and threads (`EAGAIN`).
const REFUSED: &str = "Resource temporarily unavailable";

fn is_thread_limit(message: &str) -> bool {
    [REFUSED, "WouldBlock", "thread pool", "ThreadPoolBuildError"].iter().any(|sign| message.contains(sign))
}

fn message_of(panic: &dyn Any) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it has no message")
}
