//! A reader that checks size and digest of the content that passes through it.
//!
//! Invariant: a caller that reads to the end without an error has read exactly the content that the digest names.
//! The first byte beyond the expected size is an error, so an endless response body is not read to its end.

use std::io::{self, Read};

use crate::{Digest, Hasher};

/// Adapter for a reader of a blob: reports the end of the content only if its size and digest are as expected.
///
/// Otherwise the read fails with [`io::ErrorKind::InvalidData`], and so does every read after it.
pub struct VerifiedReader<R> {
    inner: R,
    /// Hash of the bytes read so far, or `None` once the end was reached and the digest compared.
    hasher: Option<Hasher>,
    expected: Digest,
    size_bytes: u64,
    read_bytes: u64,
    is_verified: bool,
}

impl<R: Read> VerifiedReader<R> {
    /// Wraps `inner`, whose content must have `size_bytes` bytes and the digest `expected`.
    pub fn new(inner: R, expected: Digest, size_bytes: u64) -> Self {
        Self { inner, hasher: Some(Hasher::new()), expected, size_bytes, read_bytes: 0, is_verified: false }
    }

    /// Returns the inner reader, wherever it stands.
    pub fn into_inner(self) -> R {
        self.inner
    }

    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.read_bytes += bytes.len() as u64;
        self.check_not_longer()?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.check_not_longer()?;
        if self.read_bytes < self.size_bytes {
            return Err(self.wrong_size("shorter"));
        }
        if self.is_verified {
            return Ok(());
        }
        let Some(hasher) = self.hasher.take() else {
            return Err(invalid(format!("the content does not have the expected digest {}", self.expected)));
        };
        let found = hasher.finish();
        self.is_verified = found == self.expected;
        if self.is_verified {
            return Ok(());
        }
        Err(invalid(format!("the content has the digest {found}, expected {}", self.expected)))
    }

    fn check_not_longer(&self) -> io::Result<()> {
        if self.read_bytes > self.size_bytes { Err(self.wrong_size("longer")) } else { Ok(()) }
    }

    fn wrong_size(&self, comparison: &str) -> io::Error {
        let Self { expected, size_bytes, .. } = self;
        invalid(format!("the content of {expected} is {comparison} than the expected {size_bytes} bytes"))
    }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

impl<R: Read> Read for VerifiedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = self.inner.read(buffer)?;
        if count == 0 {
            self.finish()?;
        } else {
            self.add(&buffer[..count])?;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `content` to its end where the content `expected` is announced.
    fn read_all(content: &[u8], expected: &[u8]) -> io::Result<u64> {
        let mut reader = VerifiedReader::new(content, Digest::of(expected), expected.len() as u64);
        io::copy(&mut reader, &mut io::sink())
    }

    #[track_caller]
    fn check_error(content: &[u8], expected: &[u8], part_of_message: &str) {
        let error = read_all(content, expected).expect_err("the content differs");
        assert!(error.to_string().contains(part_of_message), "{error}");
    }

    #[test]
    fn the_announced_content_is_read_to_its_end() {
        assert_eq!(read_all(b"", b"").expect("the same content"), 0);
        assert_eq!(read_all(b"layer", b"layer").expect("the same content"), 5);
    }

    #[test]
    fn content_of_another_size_is_an_error() {
        check_error(b"laye", b"layer", "shorter than the expected 5 bytes");
        check_error(b"layers", b"layer", "longer than the expected 5 bytes");
    }

    #[test]
    fn content_with_another_digest_is_an_error() {
        check_error(b"lager", b"layer", "expected sha256:");
    }

    #[test]
    fn every_read_after_a_digest_mismatch_fails() {
        let mut reader = VerifiedReader::new(&b"y"[..], Digest::of(b"x"), 1);
        io::copy(&mut reader, &mut io::sink()).expect_err("the content differs");
        reader.read(&mut [0; 8]).expect_err("the content still differs");
    }

    #[test]
    fn every_read_after_excess_content_fails() {
        let content = b"layer".chain(&b"s"[..]);
        let mut reader = VerifiedReader::new(content, Digest::of(b"layer"), 5);
        io::copy(&mut reader, &mut io::sink()).expect_err("one byte too many");
        reader.read(&mut [0; 8]).expect_err("the end is not that of the expected content");
    }

    #[test]
    fn reading_again_at_the_end_returns_zero_bytes() {
        let mut reader = VerifiedReader::new(&b"x"[..], Digest::of(b"x"), 1);
        io::copy(&mut reader, &mut io::sink()).expect("the same content");
        assert_eq!(reader.read(&mut [0; 8]).expect("still at the end"), 0);
    }
}
