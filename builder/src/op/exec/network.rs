//! The network of a process that asks for none: one for all such processes of a build, away from the host's own.
//!
//! It is connected when the first of them runs, so that a build out of the cache starts nothing. Where it cannot be had
//! the host's is used, and the user told so once.
//!
//! Concurrency: shared by all steps; those that come while it is being connected wait for it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use sandbox::network::{Connecting, SharedNetwork};
use sandbox::{Network, SandboxError};

use progress::Vertex;

/// What the user can do about it is in the reason.
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
    /// Begins to connect it, so that it is ready when [`BuildNetwork::get`] is called. Does not wait.
    pub fn begin(&self) {
        if let Ok(mut state) = self.0.try_lock()
            && matches!(*state, State::Idle)
        {
            *state = State::Begun(SharedNetwork::start());
        }
    }

    /// The network; a warning for `vertex` if it is the host's.
    pub fn get(&self, vertex: &Vertex) -> Network {
        let mut state = self.lock();
        let begun = match std::mem::take(&mut *state) {
            State::Idle => SharedNetwork::start(),
            State::Begun(begun) => begun,
            State::Ready(network) => return kept(&mut state, network),
        };
        let network = match begun.and_then(Connecting::finish) {
            Ok(network) => Network::Shared(network),
            Err(error) => {
                vertex.warning(&format!("{FALLBACK}: {}", told(&error)));
                Network::Host
            }
        };
        kept(&mut state, network)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whatever a thread was doing that panicked, the state is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kept(state: &mut State, network: Network) -> Network {
    *state = State::Ready(network.clone());
    network
}

/// With what is behind it.
fn told(error: &SandboxError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error} ({source})"),
        None => error.to_string(),
    }
}
