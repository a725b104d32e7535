//! A private network that several sandboxes share, one after another or at once: the caller's side.
//!
//! ```text
//! caller ── control ── keeper          pid 1 of a pid namespace: our own program, executed again
//!                         └── pasta    in the caller's network namespace, connects the shared one
//! ```
//!
//! Connecting a network takes longer than a trivial process runs, so a build does it once. The keeper ends when the
//! caller's end of `control` is closed, even by the caller's death. pasta, which is in the keeper's pid namespace, ends
//! with the keeper.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pasta;
use crate::SandboxError;
use crate::error::os;
use crate::message::ToSupervisor;
use crate::supervisor_handle::SupervisorHandle;

/// Time after which a network that is not connected is given up. Usually it takes a tenth of a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Interval at which a cancellation is looked for.
const CANCEL_POLL: Duration = Duration::from_millis(50);

/// A connected network namespace; clones stand for the same network.
///
/// The connection to the outside ends with the last clone. The namespace is closed when the last clone and the last
/// sandbox in it are gone.
#[derive(Debug, Clone)]
pub struct SharedNetwork(Arc<Connected>);

#[derive(Debug)]
struct Connected {
    netns: OwnedFd,
    _keeper: SupervisorHandle,
}

/// A network that is being connected; dropping it gives the network up.
#[derive(Debug)]
pub struct Connecting(SupervisorHandle);

impl SharedNetwork {
    /// Begins to connect a network, and returns before it works.
    pub fn start() -> Result<Connecting, SandboxError> {
        let command = pasta::command(&[])?;
        let (keeper, theirs) = SupervisorHandle::start()?;
        drop(theirs);
        keeper.send(&ToSupervisor::KeepNetwork(command), &[]).map_err(os("ask for a network"))?;
        Ok(Connecting(keeper))
    }

    /// Returns the network namespace.
    pub(crate) fn netns(&self) -> BorrowedFd<'_> {
        self.0.netns.as_fd()
    }
}

/// Two values are equal if they stand for the same network.
impl PartialEq for SharedNetwork {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SharedNetwork {}

impl Connecting {
    /// Waits until the network works, for at most ten seconds. Gives up as soon as `is_canceled` returns true.
    pub fn finish(self, is_canceled: &dyn Fn() -> bool) -> Result<SharedNetwork, SandboxError> {
        let begun = Instant::now();
        while !self.0.answers_within(CANCEL_POLL)? {
            let reason = if is_canceled() {
                "canceled".to_owned()
            } else if begun.elapsed() > CONNECT_TIMEOUT {
                format!("pasta could not connect it within {} s", CONNECT_TIMEOUT.as_secs())
            } else {
                continue;
            };
            return Err(SandboxError::Network { reason });
        }
        let netns = self.0.started()?;
        Ok(SharedNetwork(Arc::new(Connected { netns, _keeper: self.0 })))
    }
}
