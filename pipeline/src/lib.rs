//! One build, from what the user asks for to what is exported.
//!
//! ```text
//! input     the context and the Dockerfile that the user names: a directory, a URL, standard input
//! request   everything that decides what is built, and what of it is exported
//! resolver  image names of the Dockerfile, looked up through `sources` and shown as progress
//! plan      Dockerfile to plan: parse, source date, lowering
//! build     plan to results, by an engine
//! export    results to images, archives, directories and registries
//! check     build checks without a build
//! ```
//!
//! The binary, Compose and an API drive builds through [`Pipeline`]. A build is handed on once from stage to stage:
//! input → request → plan → results → export. Never prints, reads no environment.

mod build;
mod check;
mod error;
mod export;
pub mod input;
mod plan;
mod request;
mod resolver;

use std::sync::Arc;

use builder::LocalEngine;
use cache::Store;
use progress::{Cancel, Progress};
use registry::Client;
use rootfs::layers::Layers;
use sources::{FetchOptions, Fetcher, Sources};

pub use build::Built;
pub use check::{check, find_ignore_habits};
pub use error::BuildError;
pub use export::ExportFailure;
pub use request::BuildRequest;
pub use resolver::ShownResolver;

/// Builds with one store on this machine.
pub struct Pipeline {
    engine: LocalEngine,
}

/// Who watches a build, and who may stop it.
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

    fn fetcher<'a>(&'a self, options: &'a FetchOptions, cancel: &'a Cancel) -> Fetcher<'a> {
        let LocalEngine { store, layers, sources, .. } = &self.engine;
        Fetcher { store, layers, sources, options, cancel }
    }
}
