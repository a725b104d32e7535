//! The default network: shared by the RUNs of a build, and separate from the host's.
//!
//! It is connected when the first RUN starts, so that a fully cached build starts nothing. Where it is unavailable, RUNs
//! fail, unless the user allowed the host's network as a substitute (`--network-fallback=host`): then they are warned
//! once, and get a restricted form of it, see [`Network::HostRestricted`].
//!
//! Concurrency: shared by all steps. A step that needs the network while it is being connected waits for it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use sandbox::network::{Connecting, SharedNetwork};
use sandbox::{Network, SandboxError};

use progress::{Cancel, Vertex};

/// Warning about the fallback; the reason that follows says what the user can do.
const FALLBACK: &str = "RUN uses this machine's network, and can reach what listens on its loopback";

/// The default network of one build.
#[derive(Default)]
pub struct BuildNetwork(Mutex<State>);

#[derive(Default)]
enum State {
    #[default]
    Idle,
    Begun(Result<Connecting, SandboxError>),
    Ready(Network),
}

impl BuildNetwork {
    /// Begins to connect the network, so that it is ready when [`BuildNetwork::get`] is called. Does not wait.
    pub fn begin(&self) {
        if let Ok(mut state) = self.0.try_lock()
            && matches!(*state, State::Idle)
        {
            *state = State::Begun(SharedNetwork::start());
        }
    }

    /// Waits for the network and returns it. Without one, returns the host's if `allow_host`, with a warning on
    /// `vertex`; otherwise the error, for this RUN and for every later one.
    pub fn get(&self, allow_host: bool, cancel: &Cancel, vertex: &Vertex) -> Result<Network, SandboxError> {
        let mut state = self.lock();
        let begun = match std::mem::take(&mut *state) {
            State::Idle => SharedNetwork::start(),
            State::Begun(begun) => begun,
            State::Ready(network) => return Ok(kept(&mut state, network)),
        };
        match begun.and_then(|connecting| connecting.finish(&|| cancel.is_canceled())) {
            Ok(network) => Ok(kept(&mut state, Network::Shared(network))),
            Err(error) if allow_host && !cancel.is_canceled() => {
                vertex.warning(&format!("{FALLBACK}: {}", with_cause(&error)));
                Ok(kept(&mut state, Network::HostRestricted))
            }
            Err(error) => Err(error),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent even if a thread panicked while it held the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kept(state: &mut State, network: Network) -> Network {
    *state = State::Ready(network.clone());
    network
}

/// Formats the error with its immediate cause.
fn with_cause(error: &SandboxError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error} ({source})"),
        None => error.to_string(),
    }
}
