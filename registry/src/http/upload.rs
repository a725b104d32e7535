//! Requests with a body. Redirects of these are not followed.

use std::io::Read;
use std::time::Duration;

use ureq::http::{Request, Response};
use ureq::{Body, SendBody};

use super::agents::Agents;
use super::failure::Failure;
use super::patience::Patience;
use super::resolver::Reach;
use super::url::Url;

/// Largest body that is sent at once. A larger one is announced first: a refusal then costs no transfer, and can be read.
const MAX_UNANNOUNCED_BYTES: u64 = 64 << 10;

/// Least rate in bytes per second at which a server stores a body that it has taken: it can have to copy the body.
const MIN_STORE_BYTES_PER_S: u64 = 8 << 20;

/// Longest time to answer a body that has to be stored, as a multiple of [`Patience::stall`].
const MAX_STALLS_TO_STORE: u32 = 10;

/// A request with a body.
pub(crate) struct Upload<'a> {
    /// `POST` or `PUT`, in upper case.
    pub method: &'static str,
    pub url: &'a Url,
    pub headers: &'a [(&'static str, String)],
    /// Value of `Authorization`, which the caller has checked to be for this server.
    pub authorization: Option<&'a str>,
    pub body: &'a mut dyn Read,
    /// Length of the body, which it must have.
    pub size_bytes: u64,
}

/// Sends a body. A large one is sent once the server has said that it takes it.
pub(crate) fn send(agents: &Agents, upload: Upload<'_>) -> Result<Response<Body>, Failure> {
    let agent = agents.get(&upload.url.origin, Reach::Wide)?;
    let limit = time_to_store(&agents.patience, upload.size_bytes);
    let request = request(upload)?;
    let request = agent.configure_request(request).timeout_recv_response(Some(limit)).build();
    Ok(agent.run(request)?)
}

/// Returns how long a server can be silent once it has a body of `size_bytes`.
fn time_to_store(patience: &Patience, size_bytes: u64) -> Duration {
    let copying = Duration::from_secs_f64(size_bytes as f64 / MIN_STORE_BYTES_PER_S as f64);
    patience.stall.saturating_add(copying).min(patience.stall * MAX_STALLS_TO_STORE)
}

fn request(upload: Upload<'_>) -> Result<Request<SendBody<'_>>, Failure> {
    let mut request = Request::builder()
        .method(upload.method)
        .uri(upload.url.to_string())
        .header("content-length", upload.size_bytes);
    for (name, value) in upload.headers {
        request = request.header(*name, value);
    }
    if upload.size_bytes > MAX_UNANNOUNCED_BYTES {
        request = request.header("expect", "100-continue");
    }
    if let Some(authorization) = upload.authorization {
        request = request.header("authorization", authorization);
    }
    let body = SendBody::from_reader(upload.body);
    request.body(body).map_err(|error| Failure::bad(error.to_string()))
}

/// Posts a form to a token server.
pub(crate) fn post_form(agents: &Agents, url: &Url, form: &str) -> Result<Response<Body>, Failure> {
    let agent = agents.get(&url.origin, Reach::Wide)?;
    let request = agent.post(url.to_string()).content_type("application/x-www-form-urlencoded");
    Ok(request.send(form)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_longer_to_store_a_large_body_than_to_answer() {
        let check = |size_bytes: u64, expected_s: u64| {
            let limit = time_to_store(&Patience::default(), size_bytes);
            assert_eq!(limit.as_secs(), expected_s, "{size_bytes} bytes");
        };
        check(0, 30);
        check(1 << 20, 30);
        check(80 << 20, 40);
        check(1 << 30, 158);
        check(1 << 40, 300);
        check(u64::MAX, 300);
    }
}
