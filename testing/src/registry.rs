//! A registry that serves one layout, and counts the requests.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use oci::Digest;

use crate::http::{Server, answer};
use crate::layout::MemoryLayout;

/// A registry with one layout, whose first entry stands under every tag but `missing`.
pub struct FakeRegistry {
    /// Host and port, as in the name of an image.
    pub host: String,
    hidden: Arc<Mutex<BTreeSet<Digest>>>,
    server: Mutex<Option<Server>>,
    /// Paths of the requests before the registry was stopped.
    seen: Mutex<Vec<String>>,
}

impl FakeRegistry {
    /// Starts a registry that runs until it is dropped.
    pub fn start(layout: MemoryLayout) -> Self {
        let hidden = Arc::<Mutex<BTreeSet<Digest>>>::default();
        let lacks = Arc::clone(&hidden);
        let server = Server::start(move |request| {
            let last = request.target.rsplit('/').next().unwrap_or_default();
            let named = || layout.entries.first().filter(|_| last != "missing").map(|entry| entry.digest);
            let digest = last.parse().ok().or_else(named);
            let is_hidden = |digest: &Digest| lacks.lock().expect("not poisoned").contains(digest);
            match digest.filter(|digest| !is_hidden(digest)).and_then(|digest| layout.blobs.get(&digest)) {
                Some(bytes) => answer(200, &[], bytes),
                None => answer(404, &[], b"{}"),
            }
        });
        let host = server.host();
        Self { host, hidden, server: Mutex::new(Some(server)), seen: Mutex::default() }
    }

    /// Lets the registry lose a blob or manifest.
    pub fn hide(&self, digest: &Digest) {
        self.hidden.lock().expect("not poisoned").insert(*digest);
    }

    /// Gives back what [`Self::hide`] took.
    pub fn show(&self, digest: &Digest) {
        self.hidden.lock().expect("not poisoned").remove(digest);
    }

    /// Stops the registry: connections are refused from now on.
    pub fn stop(&self) {
        let paths = self.paths();
        self.server.lock().expect("not poisoned").take();
        *self.seen.lock().expect("not poisoned") = paths;
    }

    /// Returns the number of requests that had `part` in their path.
    pub fn count(&self, part: &str) -> usize {
        self.paths().iter().filter(|path| path.contains(part)).count()
    }

    fn paths(&self) -> Vec<String> {
        match &*self.server.lock().expect("not poisoned") {
            Some(server) => server.requests().into_iter().map(|request| request.target).collect(),
            None => self.seen.lock().expect("not poisoned").clone(),
        }
    }
}
