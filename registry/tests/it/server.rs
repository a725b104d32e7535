//! A small HTTP server that answers from a script and remembers its requests, by plain HTTP or TLS.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request as it came from the client.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method in upper case, such as `GET`.
    pub method: String,
    /// Path with the query.
    pub path: String,
    /// Headers with names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body by `Content-Length`. It is empty where the client first asks whether to send it: the answer comes at once.
    pub body: String,
}

impl Request {
    /// Returns the value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// An answer of a script.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Value of `Content-Length`; the length of the body if absent.
    claimed: Option<u64>,
    /// True for a body that goes on with spaces without end.
    endless: bool,
    /// Pause after each byte of the body.
    pause: Duration,
    /// Pause after the body, before the connection is closed.
    silence: Duration,
}

impl Answer {
    /// An answer with a status and a body.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), ..Self::default() }
    }

    /// A redirect to `location`.
    pub fn redirect(location: &str) -> Self {
        Self::new(307, "").with("Location", location)
    }

    /// The same answer with one more header.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same answer with a body of another length than it claims.
    pub fn claiming(mut self, length: u64) -> Self {
        self.claimed = Some(length);
        self
    }

    /// The same answer with a body that does not end, of no announced length.
    pub fn endless(mut self) -> Self {
        self.endless = true;
        self
    }

    /// The same answer with a pause after each byte of the body.
    pub fn slowly(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// The same answer with a silence after the body.
    pub fn then_silent(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    fn send(&self, stream: &mut dyn Write) -> std::io::Result<()> {
        let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.endless {
            head.push_str(&format!("Content-Length: {}\r\n", self.claimed.unwrap_or(self.body.len() as u64)));
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        let step = if self.pause.is_zero() { self.body.len().max(1) } else { 1 };
        for bytes in self.body.chunks(step) {
            stream.write_all(bytes)?;
            stream.flush()?;
            std::thread::sleep(self.pause);
        }
        if self.endless {
            std::io::copy(&mut std::io::repeat(b' '), stream)?;
        }
        std::thread::sleep(self.silence);
        Ok(())
    }
}

/// A connection, plain or by TLS.
trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Makes a stream of a connection; `None` if the handshake fails.
type Wrap = dyn Fn(TcpStream) -> Option<Box<dyn Stream>> + Send + Sync;

/// Answers a request, given how many came before.
type Script = dyn Fn(&Request, usize) -> Answer + Send + Sync;

/// A running server; it stops when dropped.
pub struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    connections: Arc<Mutex<Vec<SocketAddr>>>,
    stop: Arc<AtomicBool>,
}

impl Server {
    /// Starts a server by plain HTTP.
    pub fn start(script: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static) -> Self {
        Self::on(free_port(), Arc::new(|stream| Some(Box::new(stream))), Arc::new(script))
    }

    /// Starts a server by plain HTTP at an address that was free a moment ago.
    pub fn start_at(
        address: SocketAddr,
        script: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).expect("the port is still free");
        Self::on(listener, Arc::new(|stream| Some(Box::new(stream))), Arc::new(script))
    }

    /// Starts a server by TLS.
    pub fn start_tls(
        config: Arc<ServerConfig>,
        script: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let wrap = move |mut stream: TcpStream| {
            let mut session = ServerConnection::new(Arc::clone(&config)).expect("a session");
            while session.is_handshaking() {
                session.complete_io(&mut stream).ok()?;
            }
            Some(Box::new(StreamOwned::new(session, stream)) as Box<dyn Stream>)
        };
        Self::on(free_port(), Arc::new(wrap), Arc::new(script))
    }

    fn on(listener: TcpListener, wrap: Arc<Wrap>, script: Arc<Script>) -> Self {
        let server = Self {
            address: listener.local_addr().expect("an address"),
            requests: Arc::default(),
            connections: Arc::default(),
            stop: Arc::default(),
        };
        let requests = Arc::clone(&server.requests);
        let (connections, stop) = (Arc::clone(&server.connections), Arc::clone(&server.stop));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                connections.lock().expect("not poisoned").extend(stream.peer_addr());
                let (requests, wrap, script) =
                    (Arc::clone(&requests), Arc::clone(&wrap), Arc::clone(&script));
                std::thread::spawn(move || {
                    wrap(stream).and_then(|stream| serve(stream, &requests, &*script))
                });
            }
        });
        server
    }

    /// Returns the server as a registry's name, `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Returns the server under another name of this machine.
    pub fn host_as(&self, name: &str) -> String {
        format!("{name}:{}", self.address.port())
    }

    /// Returns the requests that have come so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("not poisoned").clone()
    }

    /// Returns how many connections there have been so far, with and without a request.
    pub fn connections(&self) -> usize {
        self.connections.lock().expect("not poisoned").len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // This wakes the thread that waits for connections; if it has ended already, that is as good.
        drop(TcpStream::connect(self.address));
    }
}

/// Listens on a free port of this machine.
pub fn free_port() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port")
}

/// Hands each connection to `talk` in a thread of its own; returns `127.0.0.1:PORT`.
pub fn raw(talk: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = free_port();
    let address = listener.local_addr().expect("an address");
    let talk = Arc::new(talk);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let talk = Arc::clone(&talk);
            std::thread::spawn(move || talk(stream));
        }
    });
    address.to_string()
}

/// Reads one request and answers it; `None` if the client goes away, which is its right.
fn serve(mut stream: Box<dyn Stream>, requests: &Mutex<Vec<Request>>, script: &Script) -> Option<()> {
    let request = read_request(&mut *stream)?;
    let count = {
        let mut requests = requests.lock().expect("not poisoned");
        requests.push(request.clone());
        requests.len() - 1
    };
    script(&request, count).send(&mut *stream).ok()
}

fn read_request(stream: &mut dyn Stream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request { method, path, headers, body: String::new() };
    if request.header("expect").is_some() {
        return Some(request);
    }
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    reader.take(length).read_to_string(&mut request.body).ok()?;
    Some(request)
}
