//! Trust: whose certificates count in TLS, and which one this machine shows.
//!
//! A registry has a [`Trust`] of its own, which holds for every server that is asked on its behalf: the registry, its
//! token server, and the storage that it redirects to.
//!
//! - Servers are verified by the system's authorities and by those of the registry's `certs.d` folders, as with docker.
//! - The client certificate of such a folder is shown to the registry itself and to no other server.
//! - Nothing is verified of the servers listed as unverified: the user calls them insecure, or they are this machine.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;

use super::certificates::{ClientCertificate, RegistryCertificates};
use super::url::Origin;
use super::verifier::{AnyCertificate, PinningVerifier};

/// Authorities of this machine, read for the first TLS connection only.
///
/// `SSL_CERT_FILE` and `SSL_CERT_DIR` name others in their place, as with other programs.
#[derive(Debug, Default)]
pub(crate) struct SystemTrust {
    certificates: OnceLock<Vec<CertificateDer<'static>>>,
    verifier: OnceLock<Result<Arc<PinningVerifier>, String>>,
}

impl SystemTrust {
    fn certificates(&self) -> &[CertificateDer<'static>] {
        // Certificates that cannot be read are left out, as with other programs; none at all shows in the handshake.
        self.certificates.get_or_init(|| rustls_native_certs::load_native_certs().certs)
    }

    /// Returns a verifier that trusts the system's authorities and `more`.
    fn verifier(&self, more: &[CertificateDer<'static>]) -> Result<Arc<PinningVerifier>, String> {
        let new = || {
            let trusted = self.certificates().iter().chain(more).cloned().collect();
            PinningVerifier::new(trusted, provider()).map(Arc::new)
        };
        if more.is_empty() { self.verifier.get_or_init(new).clone() } else { new() }
    }
}

/// Settings by which the TLS of one registry differs from that of others.
#[derive(Debug, Default)]
pub(crate) struct TrustOptions {
    /// Name (`host[:port]`) under which `certs.d` folders keep certificates; `None` if there is no registry.
    pub registry: Option<String>,
    /// The registry's own server, which is shown the client certificate.
    pub origin: Option<Origin>,
    /// Folders with a folder for each registry.
    pub directories: Vec<PathBuf>,
    /// Servers of which nothing is verified.
    pub unverified: Vec<Origin>,
}

/// TLS configuration for the servers that are asked on behalf of one registry, or of none.
#[derive(Debug)]
pub(crate) struct Trust {
    system: Arc<SystemTrust>,
    options: TrustOptions,
    certificates: OnceLock<Result<RegistryCertificates, String>>,
    /// For the registry itself and for other servers, verified and not; made when first needed.
    configs: [OnceLock<Result<Arc<ClientConfig>, String>>; 4],
}

impl Trust {
    /// Trust that reads no file before the first TLS connection.
    pub fn new(system: Arc<SystemTrust>, options: TrustOptions) -> Self {
        Self { system, options, certificates: OnceLock::new(), configs: Default::default() }
    }

    /// Returns the configuration for connections to `host` (an IPv6 address in brackets) and `port`.
    ///
    /// The error says which file cannot be used.
    pub fn config(&self, host: &str, port: u16) -> Result<Arc<ClientConfig>, String> {
        let is_peer = |origin: &Origin| origin.port == port && origin.host.eq_ignore_ascii_case(host);
        let is_registry = self.options.origin.as_ref().is_some_and(is_peer);
        let is_unverified = self.options.unverified.iter().any(is_peer);
        let index = usize::from(is_registry) * 2 + usize::from(is_unverified);
        self.configs[index].get_or_init(|| self.new_config(is_registry, is_unverified)).clone()
    }

    fn new_config(&self, is_registry: bool, is_unverified: bool) -> Result<Arc<ClientConfig>, String> {
        let certificates = self.certificates()?;
        let verifier: Arc<dyn ServerCertVerifier> = if is_unverified {
            Arc::new(AnyCertificate::new(provider()))
        } else {
            self.system.verifier(&certificates.authorities)?
        };
        client_config(verifier, certificates.client.clone().filter(|_| is_registry))
    }

    fn certificates(&self) -> Result<&RegistryCertificates, String> {
        let read = || match &self.options.registry {
            Some(registry) => RegistryCertificates::read(&self.options.directories, registry),
            None => Ok(RegistryCertificates::default()),
        };
        self.certificates.get_or_init(read).as_ref().map_err(Clone::clone)
    }
}

fn client_config(
    verifier: Arc<dyn ServerCertVerifier>,
    client: Option<ClientCertificate>,
) -> Result<Arc<ClientConfig>, String> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match client {
        None => builder.with_no_client_auth(),
        Some(ClientCertificate { chain, key }) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|error| format!("the client certificate cannot be used: {error}"))?,
    };
    Ok(Arc::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())))
}
