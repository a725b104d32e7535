//! A client for image registries: the parts of the OCI distribution specification that pull and push.
//!
//! ```text
//! client       asks servers, shows them who one is, checks manifests
//! blob         a blob as a stream that goes on where it broke off; verify: that vouches for its bytes
//! push         blobs and manifests to a registry
//! endpoint     which servers stand for a registry: itself, mirrors
//! http         redirects, retries, limits;  url: who may lead a client where
//! agents       how a server is connected to;  proxy: by way of whom;  reach: to which addresses
//! web          files by HTTP that are no part of an image
//! credentials  the user's logins;  challenge: what servers ask for
//! ```
//!
//! Blocking, on ureq and rustls. Invariants: credentials are sent to the server they are for and to no other; plain
//! HTTP is spoken to this machine and to registries that the user named only; every body has a limit; bytes are
//! handed out under a digest only if they have it; nothing is pushed to a mirror.
//!
//! Reads no environment: whoever makes a [`Client`] says where logins and helpers are. Knows nothing of stores.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use client::Access;
use oci::{Descriptor, Digest, Reference};

mod auth;

mod client;

mod endpoint;
mod error;
mod http;
mod pull;
mod push;

mod verify;
pub mod web;

pub use error::RegistryError;
pub use http::proxy::Proxies;
pub use http::request::Patience;
pub use push::{OpenBlob, Pushed};
pub use verify::VerifiedReader;

/// A manifest or index as the registry sent it: identity is the sha256 of these bytes.
#[derive(Debug, Clone)]
pub struct RawManifest {
    /// What it is, by its own `mediaType` (which must agree with the header).
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// How to reach registries.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Registries (`host[:port]`) that are spoken to over plain HTTP. Loopback addresses always may be.
    pub insecure: Vec<String>,
    /// Where to ask first, by registry name (`docker.io` -> `http://127.0.0.1:5000`): mirrors.
    pub mirrors: BTreeMap<String, String>,
    /// Files of logins, the first that has one counts: podman's `auth.json`, docker's `config.json`. May be missing.
    pub credential_files: Vec<PathBuf>,
    /// Where credential helpers may be: the folders of PATH. Relative ones are left out.
    pub helper_folders: Vec<PathBuf>,
    /// What is asked by way of others.
    pub proxies: Proxies,
    /// How often and how long to try.
    pub patience: Patience,
}

/// A client; keeps tokens and connections. Shared between threads.
#[derive(Clone)]
pub struct Client {
    inner: Arc<client::Inner>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

impl Client {
    /// A client; nothing is read or connected to before it is needed.
    pub fn new(options: Options) -> Self {
        Self { inner: Arc::new(client::Inner::new(options)) }
    }

    /// Asks for the manifest of a name (its digest where pinned, else its tag).
    pub fn manifest(&self, name: &Reference) -> Result<RawManifest, RegistryError> {
        self.inner.at_any(name, Access::Pull, |endpoint| self.inner.manifest(endpoint, name))
    }

    /// Gets files by HTTP in the same way: certificates, proxies, patience. It has no logins.
    pub fn web(&self) -> web::Web {
        let options = &self.inner.options;
        web::Web::new(http::agents::Agents::new(options.patience, options.proxies.clone()))
    }

    /// Opens a blob; the bytes come verified: the last read fails if size or digest is not `descriptor`'s.
    pub fn blob(
        &self,
        name: &Reference,
        descriptor: &Descriptor,
    ) -> Result<Box<dyn Read + Send>, RegistryError> {
        let stream = self.inner.at_any(name, Access::Pull, |endpoint| {
            pull::blob::BlobStream::open(Arc::clone(&self.inner), endpoint, name, descriptor)
        })?;
        Ok(Box::new(VerifiedReader::new(stream, descriptor.digest, descriptor.size_bytes)))
    }

    /// Brings a blob to the repository of a name, unless it is there. `open` is called once for each attempt.
    pub fn push_blob(
        &self,
        name: &Reference,
        blob: &Descriptor,
        open: OpenBlob<'_>,
    ) -> Result<Pushed, RegistryError> {
        self.inner.at_any(name, Access::Push, |endpoint| self.inner.push_blob(endpoint, name, blob, open))
    }

    /// Puts a manifest or index, whose parts are all there, under a tag, or by its digest where the name has none.
    pub fn push_manifest(&self, name: &Reference, manifest: &RawManifest) -> Result<(), RegistryError> {
        self.inner.at_any(name, Access::Push, |endpoint| self.inner.push_manifest(endpoint, name, manifest))
    }

    /// A client that speaks plain HTTP to one more registry.
    pub fn with_insecure(&self, registry: &str) -> Self {
        let mut options = self.inner.options.clone();
        options.insecure.push(registry.to_owned());
        Self::new(options)
    }
}
