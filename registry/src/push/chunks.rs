//! A large blob in several requests: one that breaks off costs a part of the blob, and not all of it.
//!
//! After a failure the registry is asked how many bytes it has, and the upload goes on behind them. A token that runs out
//! is renewed between two chunks. A registry that refuses chunks gets the blob in one request, see [`super`].
//!
//! Source: OCI distribution specification 1.1, "Pushing a blob in chunks".

use super::upload::{BlobPart, BlobReader, BlobUpload, UploadPlace};
use super::{BlobPush, Pushed, accepted};
use crate::client::{Inner, RepositoryRequest};
use crate::endpoint::Endpoint;
use crate::error::AttemptError;
use crate::http::failure::Failure;
use crate::http::redirect::{self, Fetch, Method, Rules};
use crate::http::response::{Answer, header, transient};
use crate::{Patience, RegistryError};

/// Size of a chunk, unless the registry wants larger ones.
const CHUNK_BYTES: u64 = 16 << 20;

/// Reports whether a registry refused an upload in chunks in a way that an upload in one request need not meet.
pub(super) fn is_refusal(error: &RegistryError) -> bool {
    match error {
        // A blob that is too large is refused in any form.
        RegistryError::Refused { reason, .. } => !reason.starts_with("status 413"),
        RegistryError::NotFound { .. } | RegistryError::BadAnswer { .. } => true,
        _ => false,
    }
}

impl Inner {
    /// Returns the size of the parts in which a large blob is sent.
    pub(super) fn chunk_bytes(&self) -> u64 {
        self.options.upload_chunk_bytes.unwrap_or(CHUNK_BYTES).max(1)
    }

    /// Sends a blob in chunks. Each chunk has as many attempts as a whole upload.
    pub(super) fn upload_in_chunks(
        &self,
        endpoint: &Endpoint,
        request: &RepositoryRequest,
        push: &BlobPush<'_>,
        patience: Patience,
    ) -> Result<Pushed, RegistryError> {
        let start = self.persist_for(patience, endpoint, request, |endpoint| {
            BlobUpload { inner: self, endpoint, request, push }.start()
        })?;
        let Some(place) = start else { return Ok(Pushed::Mounted) };
        let chunk_bytes = self.chunk_bytes().max(place.min_chunk_bytes.unwrap_or(0));
        let reader = BlobReader::default();
        let mut chunks = Chunks { place, chunk_bytes, sent_bytes: 0, is_certain: true, reader };
        while chunks.sent_bytes < push.blob.size_bytes {
            self.persist_for(patience, endpoint, request, |endpoint| {
                chunks.send_next(&BlobUpload { inner: self, endpoint, request, push })
            })?;
        }
        self.persist_for(patience, endpoint, request, |endpoint| {
            chunks.finish(&BlobUpload { inner: self, endpoint, request, push })
        })?;
        Ok(Pushed::Sent)
    }
}

/// State of an upload between its requests.
struct Chunks {
    place: UploadPlace,
    chunk_bytes: u64,
    /// Number of bytes that the registry has.
    sent_bytes: u64,
    /// False after a failure: the registry has to be asked what it has.
    is_certain: bool,
    reader: BlobReader,
}

impl Chunks {
    /// Sends the next chunk.
    fn send_next(&mut self, upload: &BlobUpload<'_>) -> Result<(), AttemptError> {
        self.make_certain(upload)?;
        let left_bytes = upload.push.blob.size_bytes - self.sent_bytes;
        let length = left_bytes.min(self.chunk_bytes);
        if length == 0 {
            return Ok(());
        }
        let (start, end) = (self.sent_bytes, self.sent_bytes + length);
        let range = [("content-range", format!("{start}-{}", end - 1))];
        let location = self.place.location.clone();
        self.is_certain = false;
        let part = BlobPart { start_bytes: start, size_bytes: length };
        let answer = upload.send_part("PATCH", &location, &range, part, &mut self.reader)?;
        if answer.response.status() == 416 {
            // It has another number of bytes, which the next attempt asks for.
            return Err(transient(answer.response).into());
        }
        let response = accepted(upload.endpoint, upload.request, answer.response)?;
        self.follow(upload, header(response.headers(), "location"))?;
        match header(response.headers(), "range").map(range_end) {
            None => self.sent_bytes = end,
            // The registry can have kept a part of the chunk.
            Some(Some(kept)) if kept > start && kept <= end => self.sent_bytes = kept,
            Some(_) => return Err(Failure::bad("it keeps another part of the blob than it was sent").into()),
        }
        self.is_certain = true;
        Ok(())
    }

    /// Ends the upload: the registry puts the blob together.
    fn finish(&mut self, upload: &BlobUpload<'_>) -> Result<(), AttemptError> {
        if !self.is_certain {
            self.make_certain(upload)?;
            if self.sent_bytes < upload.push.blob.size_bytes {
                return Err(Failure::bad("it has lost a part of the blob").into());
            }
        }
        self.is_certain = false;
        let url = upload.with_digest(&self.place.location);
        let nothing = BlobPart { start_bytes: self.sent_bytes, size_bytes: 0 };
        let answer = upload.send_part("PUT", &url, &[], nothing, &mut self.reader)?;
        upload.finished(answer)
    }

    /// Asks the registry how many bytes it has, if that is not certain.
    fn make_certain(&mut self, upload: &BlobUpload<'_>) -> Result<(), AttemptError> {
        if self.is_certain {
            return Ok(());
        }
        let location = self.place.location.clone();
        let from_origin = location.origin == upload.endpoint.origin;
        let agents = upload.inner.agents(upload.endpoint);
        let answer = upload.inner.authorized(upload.endpoint, upload.request, |authorization| {
            let authorization = authorization.filter(|_| from_origin);
            let fetch = Fetch { method: Method::Get, url: &location, headers: &[], authorization };
            let Answer { response, from_origin: stays } = redirect::follow(&agents, &fetch, Rules::REGISTRY)?;
            Ok(Answer { response, from_origin: from_origin && stays })
        })?;
        let response = accepted(upload.endpoint, upload.request, answer.response)?;
        self.follow(upload, header(response.headers(), "location"))?;
        let kept = header(response.headers(), "range").and_then(range_end);
        let kept = kept.filter(|kept| *kept <= upload.push.blob.size_bytes);
        self.sent_bytes = kept.ok_or_else(|| Failure::bad("it does not say how much of the blob it has"))?;
        self.is_certain = true;
        Ok(())
    }

    /// Goes on at the place that an answer names, if it names one.
    fn follow(&mut self, upload: &BlobUpload<'_>, location: Option<&str>) -> Result<(), Failure> {
        if let Some(location) = location {
            self.place.location = upload.target(&self.place.location, location)?;
        }
        Ok(())
    }
}

/// Returns the number of bytes that a registry has: 100 for `0-99`. `0-0` stands for none, as Docker's registry says it.
fn range_end(range: &str) -> Option<u64> {
    let range = range.trim();
    let (start, end) = range.strip_prefix("bytes=").unwrap_or(range).split_once('-')?;
    match (start, end.parse::<u64>().ok()?) {
        ("0", 0) => Some(0),
        ("0", end) => end.checked_add(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_says_how_much_a_registry_has() {
        let check = |range: &str, expected| assert_eq!(range_end(range), expected, "{range}");
        check("0-99", Some(100));
        check("bytes=0-99", Some(100));
        check(" 0-0", Some(0));
        check("5-99", None);
        check("0-", None);
        check("0-18446744073709551615", None);
        check("", None);
    }
}
