//! Messages for the user about damage that the store has made good.
//!
//! A library prints nothing, and such a message is not an error. So the program says which function gets it. Each message is
//! sent once for a process.

use std::collections::BTreeSet;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Receiver of messages of one line each, and the messages that it has got.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    receiver: OnceLock<fn(&str)>,
    sent: Mutex<BTreeSet<String>>,
}

impl Notices {
    /// Has messages sent to `receiver`. The first call counts.
    pub(crate) fn send_to(&self, receiver: fn(&str)) {
        let _ = self.receiver.set(receiver);
    }

    /// Sends a message, unless it has been sent before. Without a receiver it is lost.
    pub(crate) fn send(&self, text: &str) {
        let Some(receiver) = self.receiver.get() else { return };
        if self.sent.lock().unwrap_or_else(PoisonError::into_inner).insert(text.to_owned()) {
            receiver(text);
        }
    }
}
