//! The pipeline: the store, the connections and the number of jobs that all builds of a process share.

use std::sync::Arc;

use builder::LocalEngine;
use cache::Store;
use progress::{Cancel, Progress};
use registry::Client;
use rootfs::layers::Layers;
use sources::{FetchOptions, Fetcher, Sources};

/// Builds with one store on this machine.
pub struct Pipeline {
    pub(crate) engine: LocalEngine,
}

/// The observer of a build: receives its events, and can stop it.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Receives the events of the build.
    pub progress: &'a Progress,
    /// Ends the build early.
    pub cancel: &'a Cancel,
}

impl Pipeline {
    /// Creates a pipeline that runs at most `jobs` steps at once. With `pull`, registries are asked even for images that
    /// the store has.
    pub fn new(store: Store, client: Client, pull: bool, jobs: usize) -> Self {
        let store = Arc::new(store);
        let layers = Layers::new(Arc::clone(&store));
        let sources = Sources::new(Arc::clone(&store), layers.clone(), client, pull);
        Self { engine: LocalEngine { store, layers, sources, jobs } }
    }

    /// Returns the connections to registries and other servers.
    pub fn sources(&self) -> &Sources {
        &self.engine.sources
    }

    /// Returns the number of steps that run at once.
    pub fn jobs(&self) -> usize {
        self.engine.jobs
    }

    /// Returns a fetcher for contexts and source dates.
    pub(crate) fn fetcher<'a>(&'a self, options: &'a FetchOptions, cancel: &'a Cancel) -> Fetcher<'a> {
        let LocalEngine { store, layers, sources, .. } = &self.engine;
        Fetcher { store, layers, sources, options, cancel }
    }
}
