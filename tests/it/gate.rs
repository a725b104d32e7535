//! A gate in front of a registry: it asks for tokens with scopes, which soon run out, counts what goes through, and can
//! hold a transfer.
//!
//! The gate is the token server, too: `/token` takes `user` with the password `secret`. Each connection has one request.

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// `user:secret` as `Authorization` has it.
const LOGIN: &str = "Basic dXNlcjpzZWNyZXQ=";

/// Number of requests that a token is good for.
const REQUESTS_PER_TOKEN: usize = 2;

/// A running gate. Its threads end with the process of the test.
pub struct Gate {
    /// Address, such as `127.0.0.1:40123`.
    pub host: String,
    shared: Arc<Shared>,
}

struct Shared {
    host: String,
    upstream: String,
    /// Scopes of the tokens that were given, with the number of requests that each can still make.
    tokens: Mutex<Vec<(String, usize)>>,
    tokens_given: AtomicUsize,
    /// Bytes of blobs that clients got.
    delivered_bytes: AtomicU64,
    /// Number of bytes of blobs after which transfers wait.
    hold_at_bytes: AtomicU64,
}

/// Head of a request, and its body if it has a length.
struct Request {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Gate {
    /// Starts a gate in front of the registry `upstream`, which everybody can use.
    pub fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let host = listener.local_addr().expect("an address").to_string();
        let shared = Arc::new(Shared {
            host: host.clone(),
            upstream: upstream.to_owned(),
            tokens: Mutex::default(),
            tokens_given: AtomicUsize::new(0),
            delivered_bytes: AtomicU64::new(0),
            hold_at_bytes: AtomicU64::new(u64::MAX),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&serving);
                // A client can hang up at any time; the test looks at what the client does.
                std::thread::spawn(move || shared.serve(stream).is_ok());
            }
        });
        Self { host, shared }
    }

    /// Returns the number of tokens that were given so far.
    pub fn tokens(&self) -> usize {
        self.shared.tokens_given.load(Ordering::SeqCst)
    }

    /// Returns the number of bytes of blobs that clients got so far.
    pub fn delivered_bytes(&self) -> u64 {
        self.shared.delivered_bytes.load(Ordering::SeqCst)
    }

    /// Makes transfers wait once so many bytes of blobs went through; `u64::MAX` lets everything through.
    pub fn hold_at(&self, bytes: u64) {
        self.shared.hold_at_bytes.store(bytes, Ordering::SeqCst);
    }
}

impl Request {
    fn read(stream: &TcpStream) -> io::Result<Self> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut headers = Vec::new();
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut request = Self { line: line.trim_end().to_owned(), headers, body: Vec::new() };
        if request.header("expect").is_some() {
            (&mut &*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        reader.take(length).read_to_end(&mut request.body)?;
        Ok(request)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn method(&self) -> &str {
        self.line.split(' ').next().unwrap_or_default()
    }

    fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let request = Request::read(&stream)?;
        if request.target().starts_with("/token") {
            let (status, body) = self.token(&request);
            return answer(&mut stream, status, "", &body);
        }
        if !self.is_allowed(&request) {
            let realm =
                format!("WWW-Authenticate: Bearer realm=\"http://{}/token\",service=\"test\"\r\n", self.host);
            return answer(&mut stream, "401 Unauthorized", &realm, "{}");
        }
        self.forward(&request, stream)
    }

    /// Answers a request for a token.
    fn token(&self, request: &Request) -> (&'static str, String) {
        if request.header("authorization") != Some(LOGIN) {
            return ("401 Unauthorized", "{}".to_owned());
        }
        let scopes = request.target().replace("%3A", ":").replace("%2F", "/").replace("%2C", ",");
        let mut tokens = self.tokens.lock().expect("not poisoned");
        tokens.push((scopes, REQUESTS_PER_TOKEN));
        self.tokens_given.fetch_add(1, Ordering::SeqCst);
        ("200 OK", format!(r#"{{"token":"token-{}","expires_in":60}}"#, tokens.len() - 1))
    }

    /// Reports whether a request has a token that is for its repository and has not run out.
    fn is_allowed(&self, request: &Request) -> bool {
        let number = request.header("authorization").and_then(|value| value.strip_prefix("Bearer token-"));
        let mut tokens = self.tokens.lock().expect("not poisoned");
        let token =
            number.and_then(|number| number.parse::<usize>().ok()).and_then(|number| tokens.get_mut(number));
        let Some((scopes, left)) = token.filter(|(_, left)| *left > 0) else { return false };
        *left -= 1;
        let repository = request.target().trim_start_matches("/v2/");
        let needed = match (repository, request.method()) {
            ("", _) => return true,
            (_, "GET" | "HEAD") => "pull",
            _ => "push",
        };
        let name = ["/blobs/", "/manifests/", "/tags/"].iter().find_map(|part| repository.split_once(part));
        let name = name.map_or("", |(name, _)| name);
        let scope = scopes.split(['?', '&']).find(|field| field.contains(&format!("repository:{name}:")));
        scope.is_some_and(|scope| scope.contains(needed))
    }

    /// Hands a request on to the registry, and its answer back.
    fn forward(&self, request: &Request, mut client: TcpStream) -> io::Result<()> {
        let mut upstream = TcpStream::connect(&self.upstream)?;
        let mut head = format!("{}\r\nConnection: close\r\n", request.line);
        let hop = ["connection", "expect", "authorization"];
        for (name, value) in request.headers.iter().filter(|(name, _)| !hop.contains(&name.as_str())) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        upstream.write_all(format!("{head}\r\n").as_bytes())?;
        upstream.write_all(&request.body)?;
        let is_blob = request.method() == "GET" && request.target().contains("/blobs/sha256:");
        let mut buffer = [0; 16 << 10];
        loop {
            let count = upstream.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            client.write_all(&buffer[..count])?;
            if is_blob {
                self.delivered_bytes.fetch_add(count as u64, Ordering::SeqCst);
                while self.delivered_bytes.load(Ordering::SeqCst) >= self.hold_at_bytes.load(Ordering::SeqCst)
                {
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
        }
    }
}

fn answer(stream: &mut TcpStream, status: &str, headers: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}
