//! A client for image registries: the part of the OCI distribution specification that pulls (and later pushes).
//!
//! Blocking, on ureq and rustls. Credentials are bound to the host that they are for. Every body has a limit.

use std::io::Read;

use oci::{Descriptor, Digest, Reference};

mod error;
mod verify;

pub use error::RegistryError;
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
    /// Where to connect instead, by registry name (`docker.io` -> `http://127.0.0.1:5000`): mirrors.
    pub mirrors: std::collections::BTreeMap<String, String>,
}

/// A client; keeps tokens and connections. Shared between threads.
#[derive(Debug)]
pub struct Client {}

impl Client {
    /// A client with the credentials of docker's and podman's login files.
    pub fn new(_options: Options) -> Self {
        unimplemented!()
    }

    /// Asks for the manifest of a name (its digest where pinned, else its tag).
    pub fn manifest(&self, _name: &Reference) -> Result<RawManifest, RegistryError> {
        unimplemented!()
    }

    /// Opens a blob; the bytes come verified: the last read fails if size or digest is not `descriptor`'s.
    pub fn blob(
        &self,
        _name: &Reference,
        _descriptor: &Descriptor,
    ) -> Result<Box<dyn Read + Send>, RegistryError> {
        unimplemented!()
    }
}
