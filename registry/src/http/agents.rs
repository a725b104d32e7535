//! The agents that make requests: one for each way to ask, made when it is first gone.

use std::sync::Arc;
use std::sync::OnceLock;

use ureq::config::Config;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Proxy};

use crate::http::proxy::Proxies;
use crate::http::request::{Failure, Patience};
use crate::http::resolver::{Guard, Reach};
use crate::http::url::{Origin, Scheme};

/// How to ask.
#[derive(Debug, Default)]
pub(crate) struct Agents {
    pub patience: Patience,
    pub proxies: Proxies,
    /// The system's certificates are loaded for the first TLS connection only.
    tls: OnceLock<TlsConfig>,
    /// By scheme, and directly with each reach or by a proxy.
    agents: [OnceLock<Agent>; 6],
}

impl Agents {
    pub fn new(patience: Patience, proxies: Proxies) -> Self {
        Self { patience, proxies, ..Self::default() }
    }

    /// The agent for `origin`. A proxy looks names up itself, and is where the user says: it has no use for `reach`.
    pub fn get(&self, origin: &Origin, reach: Reach) -> Result<&Agent, Failure> {
        let proxy = self.proxies.of(origin)?;
        let (way, reach) = match (&proxy, reach) {
            (Some(_), _) => (0, Reach::Wide),
            (None, Reach::Wide) => (1, reach),
            (None, Reach::Public) => (2, reach),
        };
        let index = way * 2 + usize::from(origin.scheme == Scheme::Https);
        Ok(self.agents[index].get_or_init(|| self.new_agent(origin.scheme, proxy, reach)))
    }

    fn new_agent(&self, scheme: Scheme, proxy: Option<Proxy>, reach: Reach) -> Agent {
        let tls =
            (scheme == Scheme::Https || proxy.is_some()).then(|| self.tls.get_or_init(tls_config).clone());
        Agent::with_parts(config(self.patience, proxy, tls), DefaultConnector::default(), Guard::new(reach))
    }
}

fn config(patience: Patience, proxy: Option<Proxy>, tls: Option<TlsConfig>) -> Config {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .accept_encoding("identity")
        .user_agent(concat!("dsbuild/", env!("CARGO_PKG_VERSION")))
        .max_response_header_size(64 << 10)
        .timeout_connect(Some(patience.connect))
        .timeout_recv_response(Some(patience.stall * 2))
        .timeout_per_read(Some(patience.stall))
        .timeout_per_write(Some(patience.stall))
        .proxy(proxy);
    if let Some(tls) = tls {
        config = config.tls_config(tls);
    }
    config.build()
}

fn tls_config() -> TlsConfig {
    // Certificates that cannot be read are left out, as with other programs; none at all shows in the handshake.
    let native = rustls_native_certs::load_native_certs().certs;
    let certificates: Vec<Certificate<'static>> =
        native.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::new_with_certs(&certificates))
        .build()
}
