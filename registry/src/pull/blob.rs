//! Pull of a blob (a layer or a config) as a stream that resumes where its connection broke off.
//!
//! The bytes are not verified here: [`oci::Digest`] and size are checked by [`crate::VerifiedReader`], which wraps the
//! stream. A connection that breaks is made anew for the bytes that are missing, by the rules of [`crate::http::retry`];
//! every [`FORGIVING_BYTES`] earlier failures are forgotten, since a long transfer breaks more often than a short one.
//!
//! Source: OCI distribution specification 1.1, "Pulling blobs"; RFC 9110, section 14 (ranges).

use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use oci::{Descriptor, Reference};
use ureq::Body;
use ureq::http::Response;

use crate::RegistryError;
use crate::auth::Access;
use crate::client::{Inner, RepositoryRequest};
use crate::endpoint::Endpoint;
use crate::error::AttemptError;
use crate::http::body::{Pace, PacedBody};
use crate::http::failure::Failure;
use crate::http::response::header;
use crate::http::retry::Retries;

/// Bytes after which earlier failures are forgotten.
const FORGIVING_BYTES: u64 = 1 << 20;

/// Unverified bytes of a blob, from one server.
pub(crate) struct BlobStream {
    inner: Arc<Inner>,
    endpoint: Endpoint,
    reference: Reference,
    blob: Descriptor,
    /// The connection at hand; `None` after it broke.
    body: Option<PacedBody>,
    /// Bytes of the blob that the caller has: those it began with, and those it has read.
    read_bytes: u64,
    /// Time spent waiting on connections that broke.
    waited: Duration,
    failures: u32,
    retries: Retries,
    forgiven_at_bytes: u64,
}

impl BlobStream {
    /// Asks one server for a blob, without its first `start_bytes` bytes.
    pub fn open(
        inner: Arc<Inner>,
        endpoint: &Endpoint,
        reference: &Reference,
        blob: &Descriptor,
        start_bytes: u64,
    ) -> Result<Self, RegistryError> {
        let retries = Retries::new(inner.options.patience);
        let mut stream = Self {
            inner,
            endpoint: endpoint.clone(),
            reference: reference.clone(),
            blob: blob.clone(),
            body: None,
            read_bytes: start_bytes,
            waited: Duration::ZERO,
            failures: 0,
            retries,
            forgiven_at_bytes: start_bytes + FORGIVING_BYTES,
        };
        stream.connect()?;
        Ok(stream)
    }

    /// Asks for the bytes of the blob that are missing.
    fn connect(&mut self) -> Result<(), RegistryError> {
        let Self { reference, blob, read_bytes, .. } = &*self;
        let range = (*read_bytes > 0).then(|| ("range", format!("bytes={read_bytes}-")));
        let request = RepositoryRequest {
            access: Access::Pull,
            path: format!("blobs/{}", blob.digest),
            headers: range.into_iter().collect(),
            name: format!("{}@{}", reference.name(), blob.digest),
        };
        let body = self.inner.persist(&self.endpoint, &request, |endpoint| {
            let response = self.inner.get(endpoint, &request)?;
            self.rest(response).map_err(AttemptError::from)
        })?;
        self.body = Some(body);
        Ok(())
    }

    /// Returns the body of an answer from [`Self::read_bytes`] on; a server can ignore the range and send everything.
    fn rest(&self, response: Response<Body>) -> Result<PacedBody, Failure> {
        let is_part = response.status() == 206;
        let range = header(response.headers(), "content-range").filter(|_| is_part);
        let start = if is_part { range.and_then(content_range_start) } else { Some(0) };
        let start = start
            .filter(|start| *start == 0 || *start == self.read_bytes)
            .ok_or_else(|| Failure::bad("it sends another range than was asked for"))?;
        let expected = self.blob.size_bytes.saturating_sub(start);
        let length = header(response.headers(), "content-length").and_then(|text| text.parse::<u64>().ok());
        if let Some(length) = length.filter(|length| *length != expected) {
            return Err(Failure::bad(format!("it has {length} bytes where {expected} were announced")));
        }
        let patience = &self.inner.options.patience;
        let pace = Pace::new(patience, patience.body.saturating_sub(self.waited));
        skip(PacedBody::new(response.into_body(), pace), self.read_bytes - start)
    }

    /// Reads once; the error says why the connection is not worth going on with.
    fn attempt(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(body) = &mut self.body else { return Err(broken_off()) };
        let count = body.read(buffer)?;
        let is_early_end = count == 0 && !buffer.is_empty() && self.read_bytes < self.blob.size_bytes;
        if is_early_end { Err(broken_off()) } else { Ok(count) }
    }

    fn advance(&mut self, count: usize) {
        self.read_bytes += count as u64;
        if self.read_bytes >= self.forgiven_at_bytes {
            self.forgiven_at_bytes = self.read_bytes + FORGIVING_BYTES;
            self.failures = 0;
            self.retries = Retries::new(self.inner.options.patience);
        }
    }

    /// Connects anew after a failure, or gives up.
    fn resume(&mut self, error: io::Error, took: Duration) -> io::Result<()> {
        self.failures += 1;
        if let Some(body) = self.body.take() {
            self.waited += body.waited();
        }
        let failure = Failure::of_body(error);
        let pause = self.retries.pause_after(&failure, took).ok_or_else(|| self.given_up(&failure))?;
        self.inner.options.cancel.sleep(pause).map_err(io::Error::other)?;
        self.connect().map_err(io::Error::other)
    }

    fn given_up(&self, failure: &Failure) -> io::Error {
        if *failure == Failure::Canceled {
            return io::Error::other(RegistryError::Canceled);
        }
        let Self { endpoint, read_bytes, blob, failures, .. } = self;
        let message = format!(
            "{} broke off after {read_bytes} of {} bytes of {}, {failures} times: {failure}",
            endpoint.name, blob.size_bytes, blob.digest
        );
        io::Error::new(io::ErrorKind::UnexpectedEof, message)
    }
}

impl Read for BlobStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let started = Instant::now();
            match self.attempt(buffer) {
                Ok(count) => {
                    self.advance(count);
                    return Ok(count);
                }
                Err(error) => {
                    let slow = self.body.as_ref().map(PacedBody::wasted).unwrap_or_default();
                    self.resume(error, started.elapsed().max(slow))?;
                }
            }
        }
    }
}

fn broken_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended early")
}

/// Drops the first `count` bytes of a body.
fn skip(mut body: PacedBody, count: u64) -> Result<PacedBody, Failure> {
    let skipped = io::copy(&mut (&mut body).take(count), &mut io::sink()).map_err(Failure::of_body)?;
    if skipped < count { Err(Failure::of_body(broken_off())) } else { Ok(body) }
}

/// Returns the first position of a part: 100 for `bytes 100-199/200`.
pub fn content_range_start(range: &str) -> Option<u64> {
    range.trim().strip_prefix("bytes")?.trim_start().split('-').next()?.parse().ok()
}
