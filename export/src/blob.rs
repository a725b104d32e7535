//! Reading a blob of the store for an output: the bytes are verified, and reading ends soon after a cancellation.
//!
//! Readers report both as errors of the file system with a cause of their own, since the writers between them and the
//! exporter pass on such errors only.

use std::io::{self, Read, Write};

use cache::{Store, WholeFile};
use oci::{Descriptor, Digest, VerifiedReader};
use progress::Cancel;

use crate::error::{DamagedBlob, ExportCanceled, ExportError};

/// A blob that is being read. The last read fails if the content does not have the digest.
pub(crate) struct BlobReader<R = WholeFile> {
    inner: VerifiedReader<R>,
    digest: Digest,
    /// Bytes that are still to come.
    left_bytes: u64,
    cancel: Cancel,
}

impl BlobReader {
    /// Opens a blob of the store.
    pub fn open(store: &Store, blob: &Descriptor, cancel: &Cancel) -> Result<Self, ExportError> {
        let file = store.open_blob(&blob.digest)?;
        let inner = VerifiedReader::new(WholeFile::new(file, blob.size_bytes), blob.digest, blob.size_bytes);
        Ok(Self { inner, digest: blob.digest, left_bytes: blob.size_bytes, cancel: cancel.clone() })
    }
}

impl<R: Read> BlobReader<R> {
    /// Reads from the blob, again if a signal interrupts the read: bytes that the caller was not given yet would be lost.
    fn verified(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let digest = self.digest;
        loop {
            return match self.inner.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    Err(io::Error::new(io::ErrorKind::InvalidData, DamagedBlob { digest }))
                }
                read => read,
            };
        }
    }
}

impl<R: Read> Read for BlobReader<R> {
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
    /// Returns a writer that fails once the build is canceled.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Reader that interrupts every other read.
    struct Interrupting<'a>(&'a [u8], bool);

    impl Read for Interrupting<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 { Err(io::ErrorKind::Interrupted.into()) } else { self.0.read(buffer) }
        }
    }

    #[test]
    fn no_byte_is_lost_when_a_read_is_interrupted() {
        let content = b"the bytes of a layer";
        let (digest, left_bytes) = (Digest::of(content), content.len() as u64);
        let inner = VerifiedReader::new(Interrupting(content, false), digest, left_bytes);
        let mut reader = BlobReader { inner, digest, left_bytes, cancel: Cancel::default() };
        let mut read = Vec::new();
        reader.read_to_end(&mut read).expect("the content has its digest");
        assert_eq!(read, content);
    }
}
