//! Reading a blob of the store for an output: the bytes are verified, and reading ends soon after a cancellation.
//!
//! Readers report both as errors of the file system with a cause of their own, since the writers between them and the
//! exporter pass on such errors only.

use std::fs::File;
use std::io::{self, Read, Write};

use cache::Store;
use oci::{Descriptor, Digest, VerifiedReader};
use progress::Cancel;

use crate::error::ExportError;

/// Cause of a read error: the content of the blob does not have its digest.
#[derive(Debug, thiserror::Error)]
#[error("blob {digest} of the store is damaged")]
pub(crate) struct DamagedBlob {
    /// Digest that the blob should have.
    pub digest: Digest,
}

/// Cause of a read or write error: the user canceled the build.
#[derive(Debug, thiserror::Error)]
#[error("canceled")]
pub(crate) struct ExportCanceled;

/// A blob that is being read. The last read fails if the content does not have the digest.
pub(crate) struct BlobReader {
    inner: VerifiedReader<File>,
    digest: Digest,
    /// Bytes that are still to come.
    left_bytes: u64,
    cancel: Cancel,
}

impl BlobReader {
    /// Opens a blob of the store.
    pub fn open(store: &Store, blob: &Descriptor, cancel: &Cancel) -> Result<Self, ExportError> {
        let file = store.open_blob(&blob.digest)?;
        let inner = VerifiedReader::new(file, blob.digest, blob.size_bytes);
        Ok(Self { inner, digest: blob.digest, left_bytes: blob.size_bytes, cancel: cancel.clone() })
    }
}

impl BlobReader {
    fn verified(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let digest = self.digest;
        self.inner.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => io::Error::new(io::ErrorKind::InvalidData, DamagedBlob { digest }),
            _ => error,
        })
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        check(&self.cancel)?;
        let count = self.verified(buffer)?;
        self.left_bytes = self.left_bytes.saturating_sub(count as u64);
        if self.left_bytes == 0 && count > 0 {
            // A caller that knows the size does not read up to the end of the file, where the digest is compared.
            self.verified(&mut [0])?;
        }
        Ok(count)
    }
}

/// Passes bytes on to an output until the user cancels the build. Keeps the error of the output, which the callers in
/// between do not attribute to it.
pub(crate) struct OutputWriter<'a> {
    inner: &'a mut dyn Write,
    cancel: &'a Cancel,
    /// Error that the output reported.
    pub failure: Option<io::Error>,
}

impl<'a> OutputWriter<'a> {
    /// Wraps an output.
    pub fn new(inner: &'a mut dyn Write, cancel: &'a Cancel) -> Self {
        Self { inner, cancel, failure: None }
    }
}

impl Write for OutputWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = check(self.cancel).and_then(|()| self.inner.write(bytes));
        written.map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                self.failure = Some(error);
            }
            kind.into()
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn check(cancel: &Cancel) -> io::Result<()> {
    if cancel.is_canceled() { Err(io::Error::other(ExportCanceled)) } else { Ok(()) }
}
