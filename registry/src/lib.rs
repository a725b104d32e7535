//! A client for image registries: pulls and pushes by the OCI distribution specification.
//!
//! ```text
//! client     requests to registries: the order of servers, retries, authentication
//! pull       manifests and blobs from a registry
//! tags       the list of a repository's tags
//! push       blobs and manifests to a registry;  referrers: the list of what refers to an image
//! auth       registry tokens, challenges, the user's logins
//! login      a login that is tried, and kept or forgotten
//! endpoint   the servers that are asked for an image: its registry, mirrors;  scheme: whether they speak HTTP or TLS
//! registries_conf   mirrors, places and blocked registries as podman's users configure them
//! web        files by HTTP that belong to no image
//! http       HTTP itself: redirects, limits in time, TLS, proxies
//! cancel     how a caller stops a client that waits
//! ```
//!
//! Blocking, on ureq and rustls. Invariants:
//!
//! - Credentials are sent to the server they are for and to no other.
//! - Plain HTTP is spoken to this machine, and to registries that the user calls insecure, only.
//! - Every body has a limit in bytes and in time, every retry one in time, and every wait can be canceled.
//! - Bytes are handed out under a digest only if they have it.
//! - Nothing is pushed to a mirror.
//!
//! The caller says where logins and certificates are: the only variables of the environment that count are
//! `SSL_CERT_FILE` and `SSL_CERT_DIR`, for the authorities of the system. The crate knows nothing of stores.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use auth::Access;
use oci::{Descriptor, Digest, Reference, VerifiedReader};
use pull::blob::BlobStream;

mod auth;
mod cancel;
mod client;
mod endpoint;
mod error;
mod http;
pub mod login;
mod pull;
mod push;
mod referrers;
mod registries_conf;
mod scheme;
mod tags;
#[cfg(feature = "testing")]
pub mod testing;
pub mod transfer;
pub mod web;

pub use cancel::Cancellation;
pub use error::RegistryError;
pub use http::patience::Patience;
pub use http::proxy::Proxies;
use push::BlobPush;
pub use push::{OpenBlob, Pushed};
pub use registries_conf::RegistriesFiles;

/// A manifest or index as the registry sent it. Its identity is the digest of these bytes.
#[derive(Debug, Clone)]
pub struct RawManifest {
    /// Media type that the document itself names; the `Content-Type` of the answer must agree.
    pub media_type: String,
    /// The sha256 of `bytes`, by which the manifest is named.
    pub digest: Digest,
    /// The document as it was sent, byte for byte.
    pub bytes: Vec<u8>,
}

/// How to reach registries.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Registries (`host[:port]`) that are asked by TLS without verification, or else by plain HTTP.
    ///
    /// Names and addresses of this machine need no entry: they are asked by plain HTTP, or else by TLS.
    pub insecure: Vec<String>,
    /// Mirrors, by the name of the registry that they stand for: `docker.io` -> `http://127.0.0.1:5000`.
    pub mirrors: BTreeMap<String, String>,
    /// Files of podman's configuration of registries.
    pub registries_files: RegistriesFiles,
    /// Files of logins (podman's `auth.json`, docker's `config.json`). The first that has one counts; any can be missing.
    pub credential_files: Vec<PathBuf>,
    /// File that gets and loses logins: docker's `config.json` or podman's `auth.json`. Without a path no login can be kept.
    pub login_file: PathBuf,
    /// Folders where credential helpers are looked for: those of PATH. Relative ones are left out.
    pub helper_folders: Vec<PathBuf>,
    /// Folders of certificates, with a folder `host[:port]` for each registry: `/etc/docker/certs.d`. Any can be missing.
    pub certificate_folders: Vec<PathBuf>,
    /// Size of the parts in which a large blob is sent; `None` means 16 MiB. Blobs of less than two parts are sent whole.
    pub upload_chunk_bytes: Option<u64>,
    /// Proxies by which servers are asked.
    pub proxies: Proxies,
    /// Limits on attempts and on time.
    pub patience: Patience,
    /// Handle by which the caller cancels all requests of the client.
    pub cancel: Cancellation,
}

/// A client; it keeps tokens and connections, and can be shared between threads. Clones share them.
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
    /// Makes a client; nothing is read or connected to before it is needed.
    pub fn new(options: Options) -> Self {
        Self { inner: Arc::new(client::Inner::new(options)) }
    }

    /// Asks for the manifest of a name: by its digest where the name has one, else by its tag.
    pub fn manifest(&self, name: &Reference) -> Result<RawManifest, RegistryError> {
        self.inner.at_any(name, Access::Pull, |endpoint| self.inner.manifest(endpoint, name))
    }

    /// Returns a client for files by HTTP with the same proxies, limits and cancellation. It has no logins.
    pub fn web(&self) -> web::Web {
        web::Web::new(self.inner.web_agents())
    }

    /// Opens a blob. The bytes come verified: the last read fails if size or digest is not that of `descriptor`.
    pub fn blob(
        &self,
        name: &Reference,
        descriptor: &Descriptor,
    ) -> Result<Box<dyn Read + Send>, RegistryError> {
        let stream = self.blob_from(name, descriptor, 0)?;
        Ok(Box::new(VerifiedReader::new(stream, descriptor.digest, descriptor.size_bytes)))
    }

    /// Opens a blob behind its first `start_bytes` bytes, to go on with a transfer that broke off.
    ///
    /// The bytes are not verified: the caller has to check the digest of the whole blob. A server that does not know ranges
    /// sends the whole blob, whose beginning is dropped.
    pub fn blob_from(
        &self,
        name: &Reference,
        descriptor: &Descriptor,
        start_bytes: u64,
    ) -> Result<Box<dyn Read + Send>, RegistryError> {
        let stream = self.inner.at_any(name, Access::Pull, |endpoint| {
            BlobStream::open(Arc::clone(&self.inner), endpoint, name, descriptor, start_bytes)
        })?;
        Ok(Box::new(stream))
    }

    /// Pushes a blob to the repository of a name, unless it is there. `open` is called once for each attempt.
    pub fn push_blob(
        &self,
        name: &Reference,
        blob: &Descriptor,
        open: OpenBlob<'_>,
    ) -> Result<Pushed, RegistryError> {
        self.push_blob_from(name, blob, None, open)
    }

    /// Pushes a blob as [`Client::push_blob`] does. If the repository does not have it, the registry is asked to mount it
    /// from `repository`, which is another one of the same registry; only if it does not is the blob sent.
    pub fn push_blob_from(
        &self,
        name: &Reference,
        blob: &Descriptor,
        repository: Option<&Reference>,
        open: OpenBlob<'_>,
    ) -> Result<Pushed, RegistryError> {
        let push = BlobPush { reference: name, blob, mount_from: repository, open };
        self.inner.at_any(name, Access::Push, |endpoint| self.inner.push_blob(endpoint, &push))
    }

    /// Puts a manifest or index under the tag of a name, or by its digest if the name has no tag.
    ///
    /// The blobs and manifests that it names must be there.
    pub fn push_manifest(&self, name: &Reference, manifest: &RawManifest) -> Result<(), RegistryError> {
        self.inner.at_any(name, Access::Push, |endpoint| self.inner.push_manifest(endpoint, name, manifest))
    }

    /// Puts an artifact that was pushed into the list of referrers of the image `subject`, unless the registry keeps
    /// that list itself. `artifact` is its descriptor with its `artifactType`.
    pub fn add_referrer(
        &self,
        repository: &Reference,
        subject: &Digest,
        artifact: &Descriptor,
    ) -> Result<(), RegistryError> {
        let add = |endpoint: &_| self.inner.add_referrer(endpoint, repository, subject, artifact);
        self.inner.at_any(repository, Access::Push, add)
    }

    /// Returns a new client to which one more registry is insecure; see [`Options::insecure`].
    pub fn with_insecure(&self, registry: &str) -> Self {
        let mut options = self.inner.options.clone();
        options.insecure.push(registry.to_owned());
        Self::new(options)
    }
}
