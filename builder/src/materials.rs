//! Identities of the sources that a build has fetched, for its provenance.

use std::sync::Mutex;

use graph::Source;
use oci::Digest;

/// Identity of a source whose name does not decide its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Material {
    /// Hash of a commit.
    Commit(String),
    /// Digest of a file.
    File(Digest),
}

/// Sources that were fetched, with their identities. Steps run on several threads, so that the order has no meaning.
#[derive(Debug, Default)]
pub struct Materials(Mutex<Vec<(Source, Material)>>);

impl Materials {
    pub(crate) fn add(&self, source: &Source, material: Material) {
        self.0.lock().expect("no thread panics while it holds the lock").push((source.clone(), material));
    }

    /// Returns the identity of a source; `None` if the build did not fetch it.
    pub fn find(&self, source: &Source) -> Option<Material> {
        let fetched = self.0.lock().expect("no thread panics while it holds the lock");
        fetched.iter().find(|(known, _)| known == source).map(|(_, material)| material.clone())
    }
}
