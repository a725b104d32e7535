//! Requests with a body. Redirects of these are not followed.

use std::io::Read;

use ureq::http::{Request, Response};
use ureq::{Body, SendBody};

use super::agents::Agents;
use super::failure::Failure;
use super::resolver::Reach;
use super::url::Url;

/// Largest body that is sent at once. A larger one is announced first: a refusal then costs no transfer, and can be read.
const MAX_UNANNOUNCED_BYTES: u64 = 64 << 10;

/// How many times as long as for any other answer a server can take to answer a body that it has to store.
const STALLS_TO_STORE: u32 = 10;

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
    let request = request(upload)?;
    // The server can have to copy the body to its place before it answers.
    let limit = Some(agents.patience.stall * STALLS_TO_STORE);
    let request = agent.configure_request(request).timeout_recv_response(limit).build();
    Ok(agent.run(request)?)
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
