//! A registry that serves one layout, and counts what it is asked for.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::layout::MemoryLayout;

/// A registry that has one layout, its first entry under every tag; counts what it is asked.
pub struct FakeRegistry {
    pub host: String,
    pub requests: Arc<Mutex<Vec<String>>>,
}

impl FakeRegistry {
    /// Answers for the rest of the test's process.
    pub fn start(layout: MemoryLayout) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let host = listener.local_addr().expect("an address").to_string();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (layout, seen) = (layout.clone(), Arc::clone(&seen));
                std::thread::spawn(move || serve(stream, &layout, &seen));
            }
        });
        Self { host, requests }
    }

    /// How often something with `part` in its path was asked for.
    pub fn count(&self, part: &str) -> usize {
        self.requests.lock().expect("not poisoned").iter().filter(|path| path.contains(part)).count()
    }
}

fn serve(mut stream: TcpStream, layout: &MemoryLayout, seen: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let Some(path) = lines.next().and_then(|line| Some(line.split(' ').nth(1)?.to_owned())) else { return };
    lines.find(String::is_empty);
    let last = path.rsplit('/').next().unwrap_or_default().to_owned();
    seen.lock().expect("not poisoned").push(path);
    let digest = last.parse().unwrap_or_else(|_| layout.entries[0].digest);
    let (status, body) = match layout.blobs.get(&digest) {
        Some(bytes) if last != "missing" => ("200 OK", &bytes[..]),
        _ => ("404 Not Found", &b"{}"[..]),
    };
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    // A client that has gone away has its reasons.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}
