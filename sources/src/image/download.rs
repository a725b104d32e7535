//! BlobDownload of a blob that goes on where an earlier run broke off.
//!
//! The bytes of a large blob are written to a partial download of the store while they are unpacked. If the connection
//! breaks for good, or the process is killed, the next run reads the part that is here and asks the registry for the rest
//! (`Range`). A whole blob is verified either way, by its digest.
//!
//! A whole blob stays in the store: outputs have the layers of a base in the form in which they were pulled, also when the
//! registry is out of reach by then.
//!
//! Invariant: bytes that could be wrong do not outlive the run. A part is kept only if the transfer itself broke; if the
//! blob does not have its digest, or cannot be unpacked, the part is removed.

use std::io::{self, Read, Write};

use cache::{PartialBlob, Store};
use images::BlobSource;
use oci::{Descriptor, VerifiedReader};

use super::error::SourceError;

/// Size from which on a blob is worth a partial download: smaller ones are quickly fetched again.
const MIN_RESUMED_BYTES: u64 = 1 << 20;

/// A blob that is being read, from its first byte to its last.
pub(super) enum BlobDownload<'a> {
    /// A blob that is read only once, because it is small or comes from this machine.
    Whole(Box<dyn Read + Send + 'a>),
    /// A blob whose bytes are kept while they come.
    Kept(Box<VerifiedReader<KeptBlob<'a>>>),
}

impl<'a> BlobDownload<'a> {
    /// Opens a blob. The last read fails if it does not have its digest.
    pub fn open(store: &Store, source: &'a dyn BlobSource, blob: &Descriptor) -> Result<Self, SourceError> {
        if blob.size_bytes < MIN_RESUMED_BYTES {
            return Ok(Self::Whole(source.open(blob)?));
        }
        Self::open_kept(store, source, blob)
    }

    fn open_kept(store: &Store, source: &'a dyn BlobSource, blob: &Descriptor) -> Result<Self, SourceError> {
        let Some(mut part) = store.partial_blob(&blob.digest)? else {
            return Ok(Self::Whole(source.open(blob)?));
        };
        if part.size_bytes() >= blob.size_bytes {
            part.clear()?;
        }
        match source.open_from(blob, part.size_bytes()) {
            Ok(Some(rest)) => {
                let here = Box::new(part.reader()?);
                let kept = KeptBlob { here, rest, part: Some(part), is_broken: false };
                Ok(Self::Kept(Box::new(VerifiedReader::new(kept, blob.digest, blob.size_bytes))))
            }
            Ok(None) => {
                part.remove()?;
                Ok(Self::Whole(source.open(blob)?))
            }
            Err(error) if part.size_bytes() == 0 => {
                part.remove().map_err(SourceError::from).and(Err(error.into()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reports whether a complete download becomes a blob of the store.
    pub fn is_kept(&self) -> bool {
        matches!(self, Self::Kept(_))
    }

    /// Ends the download of `blob`. A complete one becomes a blob of the store. Otherwise its part is kept for the next run
    /// only if the transfer broke.
    pub fn finish(self, store: &Store, blob: &Descriptor, is_complete: bool) -> Result<(), SourceError> {
        let Self::Kept(kept) = self else { return Ok(()) };
        let KeptBlob { part, is_broken, .. } = kept.into_inner();
        match part {
            Some(part) if is_complete && part.size_bytes() == blob.size_bytes => {
                Ok(part.publish(store, &blob.digest)?)
            }
            Some(part) if is_complete || !is_broken => Ok(part.remove()?),
            _ => Ok(()),
        }
    }
}

impl Read for BlobDownload<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Whole(reader) => reader.read(buffer),
            Self::Kept(reader) => reader.read(buffer),
        }
    }
}

/// Reads the part that is here, then the rest from its source, which is added to the part.
pub(super) struct KeptBlob<'a> {
    here: Box<dyn Read + Send>,
    rest: Box<dyn Read + Send + 'a>,
    /// Partial download; `None` once it could not be written, for example on a full disk.
    part: Option<PartialBlob>,
    /// True if the source failed.
    is_broken: bool,
}

impl Read for KeptBlob<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.here.read(buffer)?;
        if count > 0 || buffer.is_empty() {
            return Ok(count);
        }
        let read = self.rest.read(buffer);
        self.is_broken |= read.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted);
        let count = read?;
        if let Some(mut part) = self.part.take() {
            match part.write_all(&buffer[..count]) {
                Ok(()) => self.part = Some(part),
                // Without a part the blob is fetched anew next time; that is no reason to fail now.
                Err(_) => drop(part.remove()),
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use images::ImageError;
    use oci::{Digest, media_type};
    use testing::Env;

    use super::*;

    const BLOB: &[u8] = b"the bytes of a large layer, or so one has to imagine";

    /// A source that breaks off, and notes from where it was asked.
    struct Breaking {
        bytes: Vec<u8>,
        /// Bytes after which it breaks off; `None` if it does not.
        breaks_after: Option<usize>,
        starts: Mutex<Vec<u64>>,
    }

    impl Breaking {
        fn new(bytes: &[u8], breaks_after: Option<usize>) -> Self {
            Self { bytes: bytes.to_vec(), breaks_after, starts: Mutex::default() }
        }
    }

    impl BlobSource for Breaking {
        fn describe(&self, _: &Digest) -> Result<Descriptor, ImageError> {
            unreachable!("no manifest is asked for")
        }

        fn open(&self, _: &Descriptor) -> Result<Box<dyn Read + Send + '_>, ImageError> {
            unreachable!("the source can break off")
        }

        fn open_from(
            &self,
            _: &Descriptor,
            start_bytes: u64,
        ) -> Result<Option<Box<dyn Read + Send + '_>>, ImageError> {
            self.starts.lock().expect("not poisoned").push(start_bytes);
            let start = usize::try_from(start_bytes).expect("short");
            let rest = &self.bytes[start..];
            let Some(count) = self.breaks_after else { return Ok(Some(Box::new(rest))) };
            Ok(Some(Box::new(rest[..count].chain(Broken))))
        }
    }

    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }

    /// Reads the blob to its end or to an error, and ends the download.
    fn run(env: &Env, source: &Breaking) -> io::Result<Vec<u8>> {
        let blob = Descriptor::new(media_type::LAYER_TAR, Digest::of(BLOB), BLOB.len() as u64);
        let mut download = BlobDownload::open_kept(&env.store, source, &blob).expect("opened");
        let mut bytes = Vec::new();
        let read = download.read_to_end(&mut bytes).map(|_| bytes);
        download.finish(&env.store, &blob, read.is_ok()).expect("finished");
        read
    }

    fn kept_bytes(env: &Env) -> u64 {
        env.store.partial_blob(&Digest::of(BLOB)).expect("opened").expect("free").size_bytes()
    }

    #[test]
    fn the_next_run_asks_for_the_rest_only() {
        let env = Env::new();
        run(&env, &Breaking::new(BLOB, Some(20))).expect_err("broken off");
        run(&env, &Breaking::new(BLOB, Some(10))).expect_err("broken off again");
        assert_eq!(kept_bytes(&env), 30);
        let source = Breaking::new(BLOB, None);
        assert_eq!(run(&env, &source).expect("the rest"), BLOB);
        assert_eq!(*source.starts.lock().expect("not poisoned"), [30]);
        assert_eq!(kept_bytes(&env), 0, "a complete blob leaves no part");
        assert_eq!(env.store.get_blob(&Digest::of(BLOB), 1 << 20).expect("kept"), BLOB);
    }

    #[test]
    fn wrong_bytes_are_not_kept() {
        let env = Env::new();
        let mut wrong = BLOB.to_vec();
        wrong[3] ^= 1;
        run(&env, &Breaking::new(&wrong, Some(20))).expect_err("broken off");
        assert_eq!(kept_bytes(&env), 20, "the digest is not known yet");
        let error = run(&env, &Breaking::new(BLOB, None)).expect_err("the beginning is wrong");
        assert!(error.to_string().contains("expected sha256:"), "{error}");
        let source = Breaking::new(BLOB, None);
        assert_eq!(run(&env, &source).expect("anew"), BLOB);
        assert_eq!(*source.starts.lock().expect("not poisoned"), [0]);
    }

    #[test]
    fn a_part_that_is_longer_than_the_blob_is_dropped() {
        let env = Env::new();
        let mut part = env.store.partial_blob(&Digest::of(BLOB)).expect("opened").expect("free");
        part.write_all(&[BLOB, b"!"].concat()).expect("written");
        drop(part);
        assert_eq!(run(&env, &Breaking::new(BLOB, None)).expect("anew"), BLOB);
    }
}
