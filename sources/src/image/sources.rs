//! The image sources of a build, and what they have found so far.
//!
//! Concurrency: [`Sources`] is shared between threads. A name that two threads ask for at once can be resolved twice.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use cache::Store;
use graph::ResolvedImage;
use oci::{Digest, Platform, Reference};
use registry::Client;
use registry::web::Web;
use rootfs::layers::Layers;

/// Finds images and brings their layers into the store.
pub struct Sources {
    pub(super) store: Arc<Store>,
    pub(super) layers: Layers,
    pub(super) client: Client,
    /// --pull: registries are asked even for names that are known here.
    pub(super) always_pull: bool,
    web: Web,
    resolved: Mutex<HashMap<(ImageRequest, Platform), Resolution>>,
}

/// An image that was asked for: everything but the platform that decides on the answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum ImageRequest {
    /// An image by its name.
    Name(Reference),
    /// An image of an OCI layout.
    Layout { path: PathBuf, tag: Option<String>, digest: Option<Digest> },
}

/// Answer to a request for an image.
#[derive(Debug, Clone)]
pub(super) struct Resolution {
    /// The image that was found.
    pub image: ResolvedImage,
    /// Digest of the manifest or index that a registry has just named; `None` if no registry was asked.
    pub root: Option<Digest>,
}

impl Sources {
    /// Creates sources that look images up in `store` and ask registries by `client`.
    ///
    /// With `always_pull` (`--pull`), registries are asked even for names that are known here.
    pub fn new(store: Arc<Store>, layers: Layers, client: Client, always_pull: bool) -> Self {
        Self { store, layers, web: client.web(), client, always_pull, resolved: Mutex::default() }
    }

    /// Returns the client for registries.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the client for files by HTTP, which shares proxies and certificates with that for registries.
    pub fn web(&self) -> &Web {
        &self.web
    }

    /// Returns the images that were resolved so far, by what was asked for.
    pub(super) fn resolved(&self) -> MutexGuard<'_, HashMap<(ImageRequest, Platform), Resolution>> {
        self.resolved.lock().expect("no one panics while holding the lock")
    }
}
