//! Everything that decides what is built and exported.

use attest::AttestRequest;
use builder::RunOptions;
use export::ExportRequest;
use frontend::Options;
use frontend::options::{Context, NamedContext};

use crate::input::Pending;

/// A build as the user asks for it.
#[derive(Debug, Default)]
pub struct BuildRequest {
    /// Text of the Dockerfile; empty while the context is [pending](BuildRequest::pending).
    pub dockerfile: Vec<u8>,
    /// Options that decide what is built.
    pub options: Options,
    /// Settings of the steps, which no key contains. [`BuildRequest::finish`] fills in what follows from the options.
    pub run: RunOptions,
    /// Outputs, in the order in which they are written.
    pub exports: Vec<ExportRequest>,
    /// Attestations of the images.
    pub attest: AttestRequest,
    /// Context that has to be fetched before the build, with the Dockerfile in it.
    pub pending: Option<Pending>,
}

impl BuildRequest {
    /// Fills in those settings of the steps that follow from the options.
    pub(crate) fn finish(&mut self) {
        let options = &self.options;
        self.run.devices = options.allow.devices.clone();
        self.run.project = project(options);
        self.run.ignore_files = options
            .named_contexts
            .iter()
            .filter_map(|(name, context)| match context {
                NamedContext::Local { ignore, .. } => Some((name.clone(), ignore.clone())),
                _ => None,
            })
            .collect();
        if let Context::Local { ignore, .. } = &options.context {
            self.run.ignore_files.insert("context".to_owned(), ignore.clone());
        }
    }
}

/// Identifies a Dockerfile among those built with a store: by its context and its name.
fn project(options: &Options) -> String {
    let context = match &options.context {
        Context::Stored { origin, .. } => origin.clone(),
        other => format!("{other:?}"),
    };
    format!("{context}\0{}", options.dockerfile_name)
}
