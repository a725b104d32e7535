//! Agents that make the requests of one client, one for each route to a server.

use std::sync::{Arc, OnceLock};

use ureq::config::Config;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _};
use ureq::{Agent, Proxy};

use super::failure::Failure;
use super::patience::Patience;
use super::proxy::Proxies;
use super::resolver::{GuardedResolver, Reach};
use super::tcp::TcpConnector;
use super::tls::TlsConnector;
use super::trust::Trust;
use super::url::{Origin, Scheme};
use crate::cancel::Cancellation;

/// Largest head of an answer.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// Agents for the servers that share a [`Trust`], with what all of their requests have in common.
#[derive(Debug)]
pub(crate) struct Agents {
    pub patience: Patience,
    pub cancel: Cancellation,
    pub proxies: Proxies,
    trust: Arc<Trust>,
    /// By [`Route`]; made when first needed.
    agents: [OnceLock<Agent>; 4],
}

/// Way to a server: agents keep connections, so that each way needs its own.
#[derive(Debug, Clone, Copy)]
enum Route {
    HttpProxy,
    HttpsProxy,
    Direct(Reach),
}

impl Route {
    fn index(self) -> usize {
        match self {
            Self::HttpProxy => 0,
            Self::HttpsProxy => 1,
            Self::Direct(Reach::Wide) => 2,
            Self::Direct(Reach::Public) => 3,
        }
    }

    /// Returns the reach of lookups. A proxy looks names up itself, and is where the user says it is.
    fn reach(self) -> Reach {
        match self {
            Self::HttpProxy | Self::HttpsProxy => Reach::Wide,
            Self::Direct(reach) => reach,
        }
    }
}

impl Agents {
    /// Agents that connect to nothing before they are used.
    pub fn new(patience: Patience, cancel: Cancellation, proxies: Proxies, trust: Arc<Trust>) -> Self {
        Self { patience, cancel, proxies, trust, agents: Default::default() }
    }

    /// Returns the agent for `origin`, which is asked by its proxy, or directly within `reach`.
    pub fn get(&self, origin: &Origin, reach: Reach) -> Result<&Agent, Failure> {
        let proxy = self.proxies.of(origin)?;
        let route = match (&proxy, origin.scheme) {
            (None, _) => Route::Direct(reach),
            (Some(_), Scheme::Http) => Route::HttpProxy,
            (Some(_), Scheme::Https) => Route::HttpsProxy,
        };
        Ok(self.agents[route.index()].get_or_init(|| self.new_agent(route, proxy)))
    }

    fn new_agent(&self, route: Route, proxy: Option<Proxy>) -> Agent {
        let connector =
            ().chain(ConnectProxyConnector::default())
                .chain(TcpConnector::new(self.cancel.clone()))
                .chain(TlsConnector::new(Arc::clone(&self.trust)));
        let resolver = GuardedResolver::new(route.reach(), self.cancel.clone());
        Agent::with_parts(config(&self.patience, proxy), connector, resolver)
    }
}

fn config(patience: &Patience, proxy: Option<Proxy>) -> Config {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .accept_encoding("identity")
        .user_agent(concat!("dsbuild/", env!("CARGO_PKG_VERSION")))
        .max_response_header_size(MAX_HEAD_BYTES)
        .timeout_resolve(Some(patience.connect))
        .timeout_connect(Some(patience.connect))
        .timeout_send_body(Some(patience.body))
        .timeout_recv_response(Some(patience.stall))
        .timeout_per_read(Some(patience.stall))
        .timeout_per_write(Some(patience.stall))
        .proxy(proxy)
        .build()
}
