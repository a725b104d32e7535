//! The blob of a layer, kept as it is while it is unpacked.
//!
//! The file of an import can be gone, and a registry out of reach, when an output needs the blob. So the store keeps a copy of
//! each compressed blob: images on top of it are pushed and exported with the layers that it came with. No name leads to the
//! copy, so collection takes it when it was not used for long.

use std::io::{self, Read, Write};

use cache::{BlobWriter, Store};
use oci::{Descriptor, DiffId};

use super::error::SourceError;

/// Reader of a blob that writes what it reads to a blob of the store.
pub(super) struct KeptCopy<R> {
    inner: R,
    /// Copy so far; `None` if none is needed, or once it could not be written.
    out: Option<BlobWriter>,
}

impl<R> KeptCopy<R> {
    /// Wraps a reader of `blob`, the blob of the layer `diff`. It is copied unless it is in the store, or is the tar itself.
    pub fn new(inner: R, store: &Store, blob: &Descriptor, diff: &DiffId) -> Result<Self, SourceError> {
        let is_tar = blob.digest == diff.0;
        let is_needed = !is_tar && store.stat_blob(&blob.digest)?.is_none();
        let out = is_needed.then(|| store.write_blob()).transpose()?;
        Ok(Self { inner, out })
    }

    /// Wraps a reader of a blob that is kept by other means.
    pub fn none(inner: R) -> Self {
        Self { inner, out: None }
    }

    /// Puts the copy under its name. All of `blob` has been read.
    pub fn finish(self, blob: &Descriptor) -> Result<(), SourceError> {
        if let Some(out) = self.out {
            out.commit(Some(&blob.digest))?;
        }
        Ok(())
    }
}

impl<R: Read> Read for KeptCopy<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let Some(mut out) = self.out.take() {
            // Without a copy the layer is compressed anew some day; that is no reason to fail now.
            self.out = out.write_all(&buffer[..count]).is_ok().then_some(out);
        }
        Ok(count)
    }
}
