//! A registry on the loopback that answers as a registry does, except for one fault.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::SweepError;

use super::image::{Image, digest};
use super::upload;

/// Longest time for which the server keeps a connection without sending anything.
const MAX_STALL: Duration = Duration::from_secs(300);

/// Bytes that are written at once.
const PART_BYTES: usize = 64 << 10;

/// Request that a fault answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Manifest,
    Config,
    Layer,
    Token,
    /// POST that starts the upload of a blob.
    Start,
    /// PUT of the bytes of a blob.
    Upload,
    /// PUT of a manifest under a tag.
    Publish,
}

/// How the length of a body is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Content-Length, plus this difference.
    Length(i64),
    /// The connection ends after the body.
    UntilClose,
    /// Chunked transfer coding of HTTP/1.1.
    Chunked,
}

/// How the bytes of the answer, head included, are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// All bytes, at once.
    Whole,
    /// The connection is closed after this number of bytes.
    Close(usize),
    /// The connection is reset after this number of bytes.
    Reset(usize),
    /// Nothing follows after this number of bytes, and the connection stays open.
    Stall(usize),
    /// One byte per second follows after this number of bytes.
    Drip(usize),
    /// The body is repeated without end.
    Endless,
}

/// An answer, before it is sent.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Path of the request, for redirects to itself.
    pub path: String,
    /// Bytes in front of the answer, for example another answer.
    pub prefix: Vec<u8>,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub framing: Framing,
    pub delivery: Delivery,
}

/// Change of the answers to one kind of request.
#[derive(Clone)]
pub struct Fault {
    /// Request that gets the changed answer.
    pub target: Target,
    /// Number of answers that are changed; the following ones are right.
    pub times: usize,
    /// Change of a right answer.
    pub change: Arc<dyn Fn(&mut Answer) + Send + Sync>,
}

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

impl Answer {
    /// Creates a right answer.
    pub fn new(path: &str, status: u16, media_type: &str, body: Vec<u8>) -> Self {
        let headers = vec![("Content-Type".to_owned(), media_type.to_owned())];
        let (prefix, framing, delivery) = (Vec::new(), Framing::Length(0), Delivery::Whole);
        Self { path: path.to_owned(), prefix, status, headers, body, framing, delivery }
    }

    /// Adds a header, in place of one with the same name.
    pub fn header(&mut self, name: &str, value: &str) {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Returns the bytes of the answer, and the position at which the body begins.
    fn bytes(&self, has_body: bool) -> (Vec<u8>, usize) {
        let mut head = format!("HTTP/1.1 {} Status\r\n", self.status);
        self.headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        match self.framing {
            Framing::Length(difference) => {
                let length = self.body.len() as i64 + difference;
                head += &format!("Content-Length: {}\r\n", length.max(0));
            }
            Framing::UntilClose => head += "Connection: close\r\n",
            Framing::Chunked => head += "Transfer-Encoding: chunked\r\n",
        }
        let mut bytes = self.prefix.clone();
        bytes.extend(head.into_bytes());
        bytes.extend(b"\r\n");
        let start = bytes.len();
        if has_body && self.framing == Framing::Chunked {
            for chunk in self.body.chunks(PART_BYTES) {
                bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                bytes.extend(chunk);
                bytes.extend(b"\r\n");
            }
            bytes.extend(b"0\r\n\r\n");
        } else if has_body {
            bytes.extend(&self.body);
        }
        (bytes, start)
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
        if answer.framing == Framing::UntilClose || answer.delivery != Delivery::Whole {
            break;
        }
    }
    Ok(())
}

/// A request with its body.
#[derive(Debug)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// Reads a request; returns `None` at the end of the connection.
    fn read(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut headers = Vec::new();
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut request = Self { method, path, headers, body: Vec::new() };
        let length = request.header("content-length").and_then(|length| length.parse().ok());
        if request.header("expect").is_some() {
            let mut stream = *reader.get_ref();
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        reader.by_ref().take(length.unwrap_or(0)).read_to_end(&mut request.body)?;
        Ok(Some(request))
    }

    /// Returns the value of a header, whose name is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the start of the range of bytes that the client asks for.
    fn range_start(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.split('-').next()?.parse().ok()
    }
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
