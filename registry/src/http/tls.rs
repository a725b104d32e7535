//! TLS on top of a TCP connection or a proxy's tunnel.
//!
//! ureq's own TLS can neither ask a verifier of ours nor have a configuration for each server: this one asks
//! [`Trust`] for the configuration of the server at hand. The handshake has what is left of the time for connecting.

use std::io::{Read, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConnection, StreamOwned};
use ureq::unversioned::transport::time::Instant;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

use super::failure::Failure;
use super::interim;
use super::trust::Trust;

/// Adds TLS to the connections of an agent whose URL asks for it.
#[derive(Debug)]
pub(crate) struct TlsConnector {
    trust: Arc<Trust>,
}

impl TlsConnector {
    /// A connector that trusts as `trust` says.
    pub fn new(trust: Arc<Trust>) -> Self {
        Self { trust }
    }

    /// Begins a TLS session with the server that `details` name.
    fn session(&self, details: &ConnectionDetails<'_>) -> Result<ClientConnection, Failure> {
        let fatal = |reason: String| Failure::NoAnswer { reason, is_temporary: false };
        let host = details.uri.host().unwrap_or_default();
        let port = details.uri.port_u16().unwrap_or(443);
        let config = self.trust.config(host, port).map_err(fatal)?;
        let name =
            server_name(host).ok_or_else(|| fatal(format!("{host:?} is not a name that TLS can verify")))?;
        ClientConnection::new(config, name).map_err(|error| fatal(error.to_string()))
    }
}

fn server_name(host: &str) -> Option<ServerName<'static>> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(address) => Some(ServerName::from(address)),
        Err(_) => ServerName::try_from(host.to_owned()).ok(),
    }
}

/// Returns what is left of the time for connecting.
fn rest(details: &ConnectionDetails<'_>) -> NextTimeout {
    let elapsed = match details.now {
        Instant::Exact(began) => began.elapsed(),
        _ => Duration::ZERO,
    };
    NextTimeout { after: details.timeout.after.saturating_sub(elapsed).into(), ..details.timeout }
}

/// Turns an error of the handshake into the failure that it is.
fn handshake_failure(error: std::io::Error) -> Failure {
    let problem = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let reason = match problem {
        None => return ureq::Error::from(error).into(),
        Some(rustls::Error::InvalidMessage(_)) => "it does not speak TLS".to_owned(),
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "its certificate is not trusted: no known authority issued it".to_owned()
        }
        Some(problem) => problem.to_string(),
    };
    Failure::NoAnswer { reason, is_temporary: false }
}

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, TlsTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(transport) = chained else { return Ok(None) };
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let mut session = self.session(details).map_err(Failure::into_ureq)?;
        let mut inner = TransportAdapter::new(transport.boxed(), Arc::clone(&details.current_time));
        inner.set_timeout(rest(details));
        session.complete_io(&mut inner).map_err(|error| handshake_failure(error).into_ureq())?;
        let (input, output) = (details.config.input_buffer_size(), details.config.output_buffer_size());
        let buffers = LazyBuffers::new(input, output);
        Ok(Some(Either::B(TlsTransport { stream: StreamOwned::new(session, inner), buffers })))
    }
}

/// A connection that is encrypted.
pub(crate) struct TlsTransport {
    stream: StreamOwned<ClientConnection, TransportAdapter>,
    buffers: LazyBuffers,
}

impl std::fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsTransport").field("inner", &self.stream.sock.inner()).finish_non_exhaustive()
    }
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        self.stream.write_all(&self.buffers.output()[..amount])?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let phase = timeout.reason;
        self.stream.get_mut().set_timeout(timeout);
        let count = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(count);
        interim::discard(&mut self.buffers, phase)?;
        Ok(count > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}
