//! Cancellation: every wait ends soon after the caller cancels, whatever the server does.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use oci::{Descriptor, Digest, media_type};
use registry::web::{Get, WebError};
use registry::{Cancellation, Client, Options, RegistryError};
use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};

use crate::server::{Answer, Server, raw};
use crate::support::{LAYER, asks_for_token, layer, name, named};

/// Time within which a wait must end; the client's own goal is a second, and the machine can be busy.
const HEARD_WITHIN: Duration = Duration::from_secs(2);

/// Time after which the test cancels: enough for the client to be waiting.
const CANCELED_AFTER: Duration = Duration::from_millis(500);

/// How long servers stay silent: longer than any test takes.
const SILENCE: Duration = Duration::from_secs(60);

/// Makes a client with the default patience, cancels it while `wait` waits, and returns the outcome of `wait`.
#[track_caller]
fn canceled<T>(wait: impl FnOnce(&Client) -> T) -> T {
    let stop = Arc::new(AtomicBool::new(false));
    let watched = Arc::clone(&stop);
    let cancel = Cancellation::when(move || watched.load(Ordering::SeqCst));
    let client = Client::new(Options { cancel, ..Options::default() });
    let canceling = std::thread::spawn(move || {
        std::thread::sleep(CANCELED_AFTER);
        stop.store(true, Ordering::SeqCst);
        Instant::now()
    });
    let outcome = wait(&client);
    let ended = Instant::now();
    let canceled = canceling.join().expect("canceled");
    assert!(ended > canceled, "it did not wait");
    assert!(ended - canceled < HEARD_WITHIN, "{:?} too late", ended - canceled);
    outcome
}

#[track_caller]
fn check_manifest(host: &str) {
    let result = canceled(|client| client.manifest(&named(host)));
    assert!(matches!(result, Err(RegistryError::Canceled)), "{result:?}");
}

#[test]
fn the_wait_for_an_answer_is_canceled() {
    let server = Server::start(|_, _| {
        std::thread::sleep(SILENCE);
        Answer::default()
    });
    check_manifest(&server.host());
}

#[test]
fn the_wait_for_a_body_is_canceled() {
    let server = Server::start(|_, _| Answer::new(200, " ").claiming(1000).then_silent(SILENCE));
    check_manifest(&server.host());
}

#[test]
fn the_wait_for_a_body_that_comes_a_byte_at_a_time_is_canceled() {
    let server = Server::start(|_, _| Answer::new(200, vec![b' '; 1000]).slowly(Duration::from_millis(100)));
    check_manifest(&server.host());
}

#[test]
fn the_wait_for_a_token_is_canceled() {
    let server = Server::start(|request, _| {
        if request.path.starts_with("/token") {
            std::thread::sleep(SILENCE);
        }
        asks_for_token(request, "")
    });
    check_manifest(&server.host());
}

#[test]
fn the_pause_that_a_server_asks_for_is_canceled() {
    let server = Server::start(|_, _| Answer::new(429, "").with("Retry-After", "50"));
    check_manifest(&server.host());
}

#[test]
fn the_retries_of_a_refused_connection_are_canceled() {
    let host = crate::server::free_port().local_addr().expect("an address").to_string();
    check_manifest(&host);
}

#[test]
fn a_tls_handshake_is_canceled() {
    let host = raw(|stream| {
        std::thread::sleep(SILENCE);
        drop(stream);
    });
    let port = host.rsplit_once(':').expect("a port").1;
    check_manifest(&format!("[::ffff:127.0.0.1]:{port}"));
}

/// Listens without room for connections: the kernel drops the packets of further ones, as a firewall does.
fn full_listener() -> (SocketAddr, OwnedFd, Vec<TcpStream>) {
    let listener = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&listener, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
    listen(&listener, 0).expect("listening");
    let address = SocketAddr::try_from(getsockname(&listener).expect("an address")).expect("an IP address");
    let connect = |_| TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
    let waiting = (0..8).map_while(connect).collect();
    (address, listener, waiting)
}

#[test]
fn the_making_of_a_connection_is_canceled() {
    let (address, _listener, _waiting) = full_listener();
    check_manifest(&address.to_string());
}

#[test]
fn the_wait_for_the_rest_of_a_blob_is_canceled() {
    let server = Server::start(|_, _| {
        Answer::new(200, &LAYER[..20]).claiming(LAYER.len() as u64).then_silent(SILENCE)
    });
    let error = canceled(|client| {
        let mut stream = client.blob(&name(&server), &layer()).expect("a blob");
        stream.read_to_end(&mut Vec::new()).expect_err("silent")
    });
    assert_eq!(error.to_string(), "canceled");
}

#[test]
fn the_sending_of_a_blob_is_canceled() {
    let host = raw(|mut stream| {
        let mut request = [0; 4096];
        let count = stream.read(&mut request).unwrap_or_default();
        let head = String::from_utf8_lossy(&request[..count]).into_owned();
        let answer = match head.split(' ').next() {
            Some("HEAD") => "HTTP/1.1 404 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            Some("POST") => {
                "HTTP/1.1 202 X\r\nLocation: /u\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            }
            _ => "HTTP/1.1 100 Continue\r\n\r\n",
        };
        if std::io::Write::write_all(&mut stream, answer.as_bytes()).is_ok() && answer.contains("100") {
            // It never reads the bytes that it has asked for.
            std::thread::sleep(SILENCE);
        }
    });
    let blob = Descriptor::new(media_type::LAYER_TAR, Digest::of(LAYER), 1 << 30);
    let open = || Ok(Box::new(std::io::repeat(0).take(1 << 30)) as Box<dyn Read + Send>);
    let result = canceled(|client| client.push_blob(&named(&host), &blob, &open));
    assert!(matches!(result, Err(RegistryError::Canceled)), "{result:?}");
}

#[test]
fn the_wait_for_a_file_is_canceled() {
    let server = Server::start(|_, _| {
        std::thread::sleep(SILENCE);
        Answer::default()
    });
    let url = format!("http://{}/f", server.host());
    let get = Get { url: &url, authorization: None, etag: None };
    let result = canceled(|client| client.web().get(&get));
    assert!(matches!(result, Err(WebError::Canceled)), "another outcome");
}

#[test]
fn a_canceled_client_asks_nobody() {
    let server = Server::start(|_, _| Answer::default());
    let cancel = Cancellation::when(|| true);
    let client = Client::new(Options { cancel, ..Options::default() });
    let result = client.manifest(&name(&server));
    assert!(matches!(result, Err(RegistryError::Canceled)), "{result:?}");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_canceled_mirror_does_not_lead_to_its_registry() {
    let mirror = Server::start(|_, _| {
        std::thread::sleep(SILENCE);
        Answer::default()
    });
    let registry = Server::start(|_, _| Answer::default());
    let stop = Instant::now() + CANCELED_AFTER;
    let cancel = Cancellation::when(move || Instant::now() > stop);
    let mirrors = [(registry.host(), format!("http://{}", mirror.host()))].into();
    let client = Client::new(Options { cancel, mirrors, ..Options::default() });
    let result = client.manifest(&name(&registry));
    assert!(matches!(result, Err(RegistryError::Canceled)), "{result:?}");
    assert_eq!(registry.connections(), 0);
}
