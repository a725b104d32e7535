//! Reasons why a request has no usable answer.
//!
//! A [`Failure`] travels through ureq inside [`ureq::Error::Other`]: connectors and the resolver of this crate make one,
//! and [`From<ureq::Error>`] takes it out again. Everything else that ureq reports is classified here, in one place.

use std::io;
use std::time::Duration;

use ureq::Timeout;

use crate::cancel::Canceled;

/// Reason why a request has no usable answer, by how far it came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// The caller canceled the request.
    #[error("canceled")]
    Canceled,
    /// The security rules forbid connecting to the address.
    #[error("{reason}")]
    Forbidden { reason: String },
    /// The host name has no address. `is_temporary` if the name server could not say.
    #[error("{reason}")]
    NoAddress { reason: String, is_temporary: bool },
    /// No connection could be made, neither directly nor by the proxy.
    #[error("{reason}")]
    NoConnection { reason: String, is_temporary: bool },
    /// The connection broke, stayed silent or failed its TLS handshake before an HTTP answer came.
    #[error("{reason}")]
    NoAnswer { reason: String, is_temporary: bool },
    /// The server took the request, and sent nothing in time.
    #[error("the server sent nothing in time")]
    Silence,
    /// The server sent something that is not HTTP.
    #[error("{reason}")]
    NotHttp { reason: String },
    /// The server answered plain HTTP with status 400, which can mean that it speaks TLS. It is asked by TLS then.
    #[error("it speaks TLS")]
    WrongScheme,
    /// An answer came that can be another one the next time: a busy server, or a body that broke off.
    #[error("{reason}")]
    Transient { reason: String, retry_after: Option<Duration> },
    /// An answer came that breaks a rule: a forbidden redirect, a body beyond its limit.
    #[error("{reason}")]
    Bad { reason: String },
}

impl Failure {
    /// An answer that breaks a rule.
    pub fn bad(reason: impl Into<String>) -> Self {
        Self::Bad { reason: reason.into() }
    }

    /// Reports whether another attempt can fare better.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::NoAddress { is_temporary, .. }
            | Self::NoConnection { is_temporary, .. }
            | Self::NoAnswer { is_temporary, .. } => *is_temporary,
            Self::Transient { .. } | Self::Silence => true,
            Self::Canceled | Self::Forbidden { .. } | Self::NotHttp { .. } => false,
            Self::WrongScheme | Self::Bad { .. } => false,
        }
    }

    /// Wraps the failure for its way through ureq.
    pub fn into_ureq(self) -> ureq::Error {
        ureq::Error::Other(Box::new(self))
    }

    /// Classifies an error of reading a body: its answer came, so another attempt can get all of it.
    pub fn of_body(error: io::Error) -> Self {
        match ureq::Error::from(error) {
            ureq::Error::Other(other) if other.is::<Self>() => Self::from(ureq::Error::Other(other)),
            ureq::Error::Io(error) => Self::Transient { reason: error.to_string(), retry_after: None },
            error => Self::Transient { reason: error.to_string(), retry_after: None },
        }
    }
}

impl From<Canceled> for Failure {
    fn from(Canceled: Canceled) -> Self {
        Self::Canceled
    }
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Self {
        let reason = error.to_string();
        match error {
            ureq::Error::Other(other) => match other.downcast::<Self>() {
                Ok(failure) => *failure,
                Err(other) => Self::NoConnection { reason: other.to_string(), is_temporary: false },
            },
            ureq::Error::Io(error) => Self::NoAnswer {
                reason: error.to_string(),
                // Invalid data is the word for a broken TLS connection: an alert, a wrong record.
                is_temporary: error.kind() != io::ErrorKind::InvalidData,
            },
            ureq::Error::Timeout(Timeout::PerRead | Timeout::RecvResponse) => Self::Silence,
            ureq::Error::Timeout(phase) => Self::NoAnswer { reason: timed_out(phase), is_temporary: true },
            ureq::Error::ConnectionFailed => Self::NoConnection { reason, is_temporary: true },
            ureq::Error::ConnectProxyFailed(reason) => {
                let is_temporary = reason.starts_with("proxy server responded 5");
                Self::NoConnection { reason, is_temporary }
            }
            ureq::Error::Protocol(error) => Self::NotHttp { reason: format!("no HTTP: {error}") },
            ureq::Error::Http(_) | ureq::Error::LargeResponseHeader(..) => Self::Bad { reason },
            _ => Self::NoConnection { reason, is_temporary: false },
        }
    }
}

fn timed_out(phase: Timeout) -> String {
    match phase {
        Timeout::RecvBody => "the server sent nothing in time".into(),
        Timeout::PerWrite | Timeout::SendRequest | Timeout::SendBody => {
            "the server took nothing in time".into()
        }
        Timeout::Connect => "no connection came about in time".into(),
        phase => format!("no answer in time: {phase}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_survives_its_way_through_ureq() {
        let failure = Failure::NoAddress { reason: "no such host".to_owned(), is_temporary: false };
        assert_eq!(Failure::from(failure.clone().into_ureq()), failure);
        assert_eq!(Failure::of_body(Failure::Canceled.into_ureq().into_io()), Failure::Canceled);
    }

    #[test]
    fn a_busy_proxy_is_temporary() {
        #[track_caller]
        fn check(reason: &str, expected: bool) {
            let failure = Failure::from(ureq::Error::ConnectProxyFailed(reason.to_owned()));
            assert_eq!(failure, Failure::NoConnection { reason: reason.to_owned(), is_temporary: expected });
        }
        check("proxy server responded 503/503", true);
        check("proxy server responded 407/407", false);
    }
}
