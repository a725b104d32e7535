//! A blob as a stream that goes on where it broke off.

use std::io::{self, Read};
use std::sync::Arc;

use oci::{Descriptor, Reference};
use ureq::Body;
use ureq::http::Response;

use crate::RegistryError;
use crate::client::{Access, Inner, Stop, Wanted};
use crate::endpoint::Endpoint;
use crate::http::request::{self as http, Failure};

/// After so many bytes, earlier failures are forgotten: a long transfer may break more often than a short one.
const FORGIVING_BYTES: u64 = 16 << 20;

/// The bytes of a blob, unverified. A connection that breaks is made anew, for the bytes that are missing.
pub(crate) struct BlobStream {
    inner: Arc<Inner>,
    endpoint: Endpoint,
    reference: Reference,
    blob: Descriptor,
    body: Option<Box<dyn Read + Send>>,
    read_bytes: u64,
    failures: u32,
    forgiven_at_bytes: u64,
}

impl BlobStream {
    /// Asks one server for a blob.
    pub fn open(
        inner: Arc<Inner>,
        endpoint: &Endpoint,
        reference: &Reference,
        blob: &Descriptor,
    ) -> Result<Self, RegistryError> {
        let mut stream = Self {
            inner,
            endpoint: endpoint.clone(),
            reference: reference.clone(),
            blob: blob.clone(),
            body: None,
            read_bytes: 0,
            failures: 0,
            forgiven_at_bytes: FORGIVING_BYTES,
        };
        stream.connect()?;
        Ok(stream)
    }

    /// Opens the rest of the blob.
    fn connect(&mut self) -> Result<(), RegistryError> {
        let Self { reference, blob, read_bytes, .. } = &*self;
        let name = format!("{}@{}", reference.name(), blob.digest);
        let range = (*read_bytes > 0).then(|| ("range", format!("bytes={read_bytes}-")));
        let wanted = Wanted {
            reference,
            access: Access::Pull,
            what: format!("blobs/{}", blob.digest),
            headers: range.into_iter().collect(),
            name,
        };
        let body = self.inner.persist(&self.endpoint, &wanted, || {
            let response = self.inner.get(&self.endpoint, &wanted)?;
            self.rest(response).map_err(Stop::from)
        })?;
        self.body = Some(body);
        Ok(())
    }

    /// The body of an answer from [`Self::read_bytes`] on; a server may have ignored the range.
    fn rest(&self, response: Response<Body>) -> Result<Box<dyn Read + Send>, Failure> {
        let is_part = response.status() == 206;
        let start = if is_part { content_range_start(&response) } else { Some(0) };
        let expected = self.blob.size_bytes - start.unwrap_or(0).min(self.blob.size_bytes);
        let length =
            http::header(response.headers(), "content-length").and_then(|text| text.parse::<u64>().ok());
        if start.is_none_or(|start| start != 0 && start != self.read_bytes) {
            return Err(Failure::Bad { reason: "it sends another range than was asked for".to_owned() });
        }
        if let Some(length) = length.filter(|length| *length != expected) {
            return Err(Failure::Bad {
                reason: format!("it has {length} bytes where {expected} were announced"),
            });
        }
        let mut body = response.into_body().into_reader();
        let skip_bytes = self.read_bytes - start.unwrap_or(0);
        let skipped = io::copy(&mut (&mut body).take(skip_bytes), &mut io::sink());
        match skipped {
            Ok(count) if count == skip_bytes => Ok(Box::new(body)),
            Ok(_) => Err(Failure::Transient { reason: "it breaks off".to_owned(), wait: None }),
            Err(error) => Err(Failure::Transient { reason: error.to_string(), wait: None }),
        }
    }

    /// Reads once; `None` if the connection is not worth going on with.
    fn attempt(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let count = self.body.as_mut()?.read(buffer).ok()?;
        let is_end = count == 0 && !buffer.is_empty();
        (!is_end || self.read_bytes >= self.blob.size_bytes).then_some(count)
    }
}

impl Read for BlobStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(count) = self.attempt(buffer) {
                self.read_bytes += count as u64;
                if self.read_bytes >= self.forgiven_at_bytes {
                    self.forgiven_at_bytes = self.read_bytes + FORGIVING_BYTES;
                    self.failures = 0;
                }
                return Ok(count);
            }
            self.failures += 1;
            self.body = None;
            let patience = self.inner.http.patience();
            if self.failures >= patience.attempts {
                let message = format!(
                    "{} broke off after {} of {} bytes of {}, {} times",
                    self.endpoint.login,
                    self.read_bytes,
                    self.blob.size_bytes,
                    self.blob.digest,
                    self.failures
                );
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
            }
            std::thread::sleep(patience.pause * self.failures);
            self.connect().map_err(io::Error::other)?;
        }
    }
}

/// `bytes 100-199/200`: 100
fn content_range_start(response: &Response<Body>) -> Option<u64> {
    let range = http::header(response.headers(), "content-range")?;
    range.trim().strip_prefix("bytes")?.trim_start().split('-').next()?.parse().ok()
}
