//! A blob in one request, to a place that the registry names.

use std::io::{self, Read};

use super::{BlobPush, accepted, check_digest};
use crate::RegistryError;
use crate::client::{Inner, RepositoryRequest};
use crate::endpoint::Endpoint;
use crate::error::AttemptError;
use crate::http::failure::Failure;
use crate::http::response::{Answer, header};
use crate::http::upload::{self, Upload};
use crate::http::url::Url;

/// Place where a registry takes the bytes of a blob.
#[derive(Debug, Clone)]
pub(super) struct UploadPlace {
    pub location: Url,
    /// Least size of a chunk that the registry takes, but for the last one; `None` if it names none.
    pub min_chunk_bytes: Option<u64>,
}

/// An attempt at pushing a blob, by the scheme that the server speaks.
pub(super) struct BlobUpload<'a> {
    pub inner: &'a Inner,
    pub endpoint: &'a Endpoint,
    pub request: &'a RepositoryRequest,
    pub push: &'a BlobPush<'a>,
}

impl BlobUpload<'_> {
    /// Asks where the blob can be sent. Returns `None` if the registry has mounted it instead.
    pub fn start(&self) -> Result<Option<UploadPlace>, AttemptError> {
        let url = self.endpoint.url(&self.request.path);
        let agents = self.inner.agents(self.endpoint);
        let answer = self.inner.authorized(self.endpoint, self.request, |authorization| {
            let (method, headers, body) = ("POST", &[], &mut io::empty());
            let upload = Upload { method, url: &url, headers, authorization, body, size_bytes: 0 };
            Ok(Answer { response: upload::send(&agents, upload)?, from_origin: true })
        })?;
        let response = accepted(self.endpoint, self.request, answer.response)?;
        if response.status().as_u16() == 201 {
            return Ok(None);
        }
        let location = header(response.headers(), "location").unwrap_or_default();
        let min_chunk = header(response.headers(), "oci-chunk-min-length");
        let min_chunk_bytes = min_chunk.and_then(|text| text.trim().parse().ok());
        Ok(Some(UploadPlace { location: self.target(&url, location)?, min_chunk_bytes }))
    }

    /// Returns the place that an answer from `url` names, if the registry can lead there.
    pub fn target(&self, url: &Url, location: &str) -> Result<Url, Failure> {
        let target = Some(location).filter(|location| !location.is_empty());
        target
            .and_then(|location| url.join(location))
            .filter(|target| self.endpoint.origin.may_lead_to(&target.origin))
            .ok_or_else(|| Failure::bad(format!("it sends a blob's bytes to {location:?}")))
    }

    /// Sends the whole blob to `location`.
    pub fn send(&self, location: &Url) -> Result<(), AttemptError> {
        let part = BlobPart { start_bytes: 0, size_bytes: self.push.blob.size_bytes };
        let answer =
            self.send_part("PUT", &self.with_digest(location), &[], part, &mut BlobReader::default())?;
        self.finished(answer)
    }

    /// Sends a part of the blob; only a server that is the registry itself is shown the login.
    pub fn send_part(
        &self,
        method: &'static str,
        url: &Url,
        more_headers: &[(&'static str, String)],
        part: BlobPart,
        reader: &mut BlobReader,
    ) -> Result<Answer, AttemptError> {
        let from_origin = url.origin == self.endpoint.origin;
        let mut headers = vec![("content-type", "application/octet-stream".to_owned())];
        headers.extend_from_slice(more_headers);
        let agents = self.inner.agents(self.endpoint);
        self.inner.authorized(self.endpoint, self.request, |authorization| {
            reader.seek(part, self)?;
            let upload = Upload {
                method,
                url,
                headers: &headers,
                authorization: authorization.filter(|_| from_origin),
                body: reader,
                size_bytes: part.size_bytes,
            };
            let response = upload::send(&agents, upload);
            match reader.failure.take() {
                Some(error) => Err(self.unreadable(&error)),
                None => Ok(Answer { response: response?, from_origin }),
            }
        })
    }

    /// Judges the answer that ends an upload.
    pub fn finished(&self, answer: Answer) -> Result<(), AttemptError> {
        let response = accepted(self.endpoint, self.request, answer.response)?;
        check_digest(&response, &self.push.blob.digest.to_string())
    }

    /// Returns the URL that ends the upload at `location`.
    pub fn with_digest(&self, location: &Url) -> Url {
        let mut target = location.clone();
        let separator = if target.path.contains('?') { '&' } else { '?' };
        target.path.push_str(&format!("{separator}digest={}", self.push.blob.digest));
        target
    }

    fn unreadable(&self, error: &io::Error) -> AttemptError {
        let (name, reason) = (self.request.name.clone(), error.to_string());
        AttemptError::Final(RegistryError::Source { name, reason })
    }
}

/// A part of a blob.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlobPart {
    pub start_bytes: u64,
    pub size_bytes: u64,
}

/// A blob that is read part by part. It keeps its own failure, which is not one of the connection.
#[derive(Default)]
pub(super) struct BlobReader {
    /// The open blob, which is at `at_bytes`; `None` before the first part and after a failure.
    source: Option<Box<dyn Read + Send>>,
    at_bytes: u64,
    /// End of the part that is read.
    end_bytes: u64,
    failure: Option<io::Error>,
}

impl BlobReader {
    /// Goes to the start of a part: the blob is opened again unless it is there.
    fn seek(&mut self, part: BlobPart, upload: &BlobUpload<'_>) -> Result<(), AttemptError> {
        let BlobPart { start_bytes, size_bytes } = part;
        self.end_bytes = start_bytes + size_bytes;
        if size_bytes == 0 || (self.source.is_some() && self.at_bytes == start_bytes) {
            return Ok(());
        }
        let unreadable = |error: io::Error| upload.unreadable(&error);
        let mut source = (upload.push.open)().map_err(unreadable)?;
        let skipped = io::copy(&mut (&mut source).take(start_bytes), &mut io::sink()).map_err(unreadable)?;
        if skipped < start_bytes {
            return Err(unreadable(io::ErrorKind::UnexpectedEof.into()));
        }
        (self.source, self.at_bytes) = (Some(source), start_bytes);
        Ok(())
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end_bytes - self.at_bytes).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        let Some(source) = self.source.as_mut().filter(|_| length > 0) else { return Ok(0) };
        // The HTTP client does not repeat a read that was interrupted.
        loop {
            match source.read(&mut buffer[..length]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure = Some(io::Error::new(error.kind(), error.to_string()));
                    self.source = None;
                    return Err(error);
                }
                Ok(count) => {
                    self.at_bytes += count as u64;
                    return Ok(count);
                }
            }
        }
    }
}
