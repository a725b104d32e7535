//! A registry on the loopback that answers as a registry does, except for one fault.

use std::io::{self, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::SweepError;

use super::image::{Image, digest};
use super::message::{Answer, Delivery, Fault, Framing, Request, Target};
use super::upload;

/// Longest time for which the server keeps a connection without sending anything.
const MAX_STALL: Duration = Duration::from_secs(300);

/// State of a server; it changes when the server is healed.
struct State {
    image: Image,
    fault: Option<Fault>,
    needs_token: bool,
}

/// A running server; it stops when it is dropped.
pub struct Server {
    /// Host and port, as a part of image names.
    pub host: String,
    state: Arc<Mutex<State>>,
    is_stopped: Arc<AtomicBool>,
}

impl Server {
    /// Starts a server for an image. With `needs_token` every request needs the token that `/token` gives.
    pub fn start(image: Image, fault: Option<Fault>, needs_token: bool) -> Result<Self, SweepError> {
        let at = |error| SweepError::at(std::path::Path::new("127.0.0.1"))(error);
        let listener = TcpListener::bind("127.0.0.1:0").map_err(at)?;
        let host = listener.local_addr().map_err(at)?.to_string();
        let state = Arc::new(Mutex::new(State { image, fault, needs_token }));
        let is_stopped = Arc::new(AtomicBool::new(false));
        let (shared, stopped, name) = (Arc::clone(&state), Arc::clone(&is_stopped), host.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let (state, stopped, host) = (Arc::clone(&shared), Arc::clone(&stopped), name.clone());
                // A client that ends the connection is no fault of the server.
                std::thread::spawn(move || serve(&stream, &state, &stopped, &host).is_ok());
            }
        });
        Ok(Self { host, state, is_stopped })
    }

    /// Serves `image` without any fault from now on.
    pub fn heal(&self, image: Image) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State { image, fault: None, needs_token: false };
    }

    /// Returns what the registry holds: the image that it serves, or what was pushed.
    pub fn image(&self) -> Image {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).image.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(&self.host);
    }
}

/// Answers the requests of one connection.
fn serve(stream: &TcpStream, state: &Mutex<State>, stopped: &AtomicBool, host: &str) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader)? {
        let answer = {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            answer(&request, &mut state, host)
        };
        let (bytes, start) = answer.bytes(request.method != "HEAD");
        send(stream, &bytes, start, answer.delivery, stopped)?;
        if matches!(answer.framing, Framing::UntilClose | Framing::Http10)
            || answer.delivery != Delivery::Whole
        {
            break;
        }
    }
    Ok(())
}

/// Returns the right answer, changed by the fault if it concerns this request. The registry keeps a blob or manifest only
/// if the answer says so.
fn answer(request: &Request, state: &mut State, host: &str) -> Answer {
    let (target, mut answer) = right_answer(request, state, host);
    if let Some(fault) = &mut state.fault
        && request.method != "HEAD"
        && target == Some(fault.target)
        && fault.times > 0
    {
        fault.times -= 1;
        (fault.change)(&mut answer);
        answer.name_host(host);
    }
    if answer.status == 201 {
        upload::keep(request, &mut state.image);
    }
    answer
}

fn right_answer(request: &Request, state: &State, host: &str) -> (Option<Target>, Answer) {
    let path = request.path.split('?').next().unwrap_or_default();
    let json = |status, body: &str| Answer::new(path, status, "application/json", body.as_bytes().to_vec());
    if path == "/token" {
        return (Some(Target::Token), json(200, r#"{"token":"t","access_token":"t","expires_in":300}"#));
    }
    if state.needs_token && request.header("authorization") != Some("Bearer t") {
        let mut refused = json(401, r#"{"errors":[{"code":"UNAUTHORIZED"}]}"#);
        let challenge =
            format!(r#"Bearer realm="http://{host}/token",service="sweep",scope="repository:image:pull""#);
        refused.header("WWW-Authenticate", &challenge);
        return (None, refused);
    }
    if let Some(found) = upload::answer(request, &state.image) {
        return found;
    }
    if let Some(wanted) = path.strip_prefix("/v2/image/blobs/") {
        return match state.image.blobs.get(wanted) {
            Some(bytes) => (target(wanted, &state.image), blob(path, bytes, request.range_start())),
            None => (None, json(404, r#"{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown"}]}"#)),
        };
    }
    if path.starts_with("/v2/image/manifests/") && !state.image.manifest.is_empty() {
        let mut found = Answer::new(path, 200, &state.image.media_type, state.image.manifest.clone());
        found.header("Docker-Content-Digest", &digest(&state.image.manifest));
        return (Some(Target::Manifest), found);
    }
    if path == "/v2/" {
        return (None, json(200, "{}"));
    }
    (None, json(404, r#"{"errors":[{"code":"NAME_UNKNOWN","message":"repository unknown"}]}"#))
}

fn target(wanted: &str, image: &Image) -> Option<Target> {
    if wanted == image.config {
        Some(Target::Config)
    } else {
        (wanted == image.layer).then_some(Target::Layer)
    }
}

/// Returns a blob, or the rest of it from the start of a range.
fn blob(path: &str, bytes: &[u8], start: Option<usize>) -> Answer {
    let stream = "application/octet-stream";
    match start {
        Some(start) if start < bytes.len() => {
            let mut part = Answer::new(path, 206, stream, bytes[start..].to_vec());
            part.header("Content-Range", &format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len()));
            part
        }
        Some(_) => Answer::new(path, 416, stream, Vec::new()),
        None => Answer::new(path, 200, stream, bytes.to_vec()),
    }
}

/// Sends the bytes of an answer, whose body begins at `start`.
fn send(
    mut stream: &TcpStream,
    bytes: &[u8],
    start: usize,
    delivery: Delivery,
    stopped: &AtomicBool,
) -> io::Result<()> {
    let split = |count: usize| bytes.split_at(count.min(bytes.len()));
    match delivery {
        Delivery::Whole => stream.write_all(bytes),
        Delivery::Close(count) => stream.write_all(split(count).0),
        Delivery::Reset(count) => {
            stream.write_all(split(count).0)?;
            Ok(rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO))?)
        }
        Delivery::Stall(count) => {
            stream.write_all(split(count).0)?;
            pause(MAX_STALL, stopped);
            Ok(())
        }
        Delivery::Drip(count) => {
            stream.write_all(split(count).0)?;
            split(count).1.iter().try_for_each(|byte| {
                pause(Duration::from_secs(1), stopped);
                stream.write_all(&[*byte])
            })
        }
        Delivery::Endless => {
            stream.write_all(split(start).0)?;
            let body = if split(start).1.is_empty() { b" " } else { split(start).1 };
            while !stopped.load(Ordering::Relaxed) {
                stream.write_all(body)?;
            }
            Ok(())
        }
    }
}

/// Waits, but not longer than the server runs.
fn pause(time: Duration, stopped: &AtomicBool) {
    let began = Instant::now();
    while began.elapsed() < time && !stopped.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests;
