//! Requests and answers of the faulty registry, and the faults that change an answer.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

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
    /// An answer of HTTP/1.0, which ends with its connection.
    Http10,
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

    /// Writes the server's address into headers that have `HOST` in its place.
    pub fn name_host(&mut self, host: &str) {
        self.headers.iter_mut().for_each(|(_, value)| *value = value.replace("HOST", host));
    }

    /// Returns the bytes of the answer, and the position at which the body begins.
    pub fn bytes(&self, has_body: bool) -> (Vec<u8>, usize) {
        let version = if self.framing == Framing::Http10 { "1.0" } else { "1.1" };
        let mut head = format!("HTTP/{version} {} Status\r\n", self.status);
        self.headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        match self.framing {
            Framing::Length(difference) => {
                let length = self.body.len() as i64 + difference;
                head += &format!("Content-Length: {}\r\n", length.max(0));
            }
            Framing::UntilClose => head += "Connection: close\r\n",
            Framing::Http10 => {}
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

/// A request with its body.
#[derive(Debug)]
pub struct Request {
    pub method: String,
    /// Path and query of the request line.
    pub path: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// Reads a request; returns `None` at the end of the connection.
    pub fn read(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<Self>> {
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
    pub fn range_start(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.split('-').next()?.parse().ok()
    }
}
