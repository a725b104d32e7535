//! A reader that vouches for its bytes.
//!
//! Invariant: whoever reads it to the end without an error has read exactly the bytes of the digest. One byte more
//! than announced is an error at once, so an endless body cannot be drunk.

use std::io::{self, Read};

use crate::{Digest, Hasher};

/// Reads from another reader; the read that would say "end" fails if the bytes were not those of the digest.
pub struct VerifiedReader<R> {
    inner: R,
    hash: Option<Hasher>,
    expected: Digest,
    size_bytes: u64,
    read_bytes: u64,
    verified: bool,
}

impl<R: Read> VerifiedReader<R> {
    /// Reads from `inner` what must be `size_bytes` bytes of the digest `expected`.
    pub fn new(inner: R, expected: Digest, size_bytes: u64) -> Self {
        Self { inner, hash: Some(Hasher::new()), expected, size_bytes, read_bytes: 0, verified: false }
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.read_bytes += bytes.len() as u64;
        if self.read_bytes > self.size_bytes {
            return Err(self.refuse("longer than"));
        }
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.read_bytes < self.size_bytes {
            return Err(self.refuse("shorter than"));
        }
        if self.verified {
            return Ok(());
        }
        let Some(hash) = self.hash.take() else {
            return Err(invalid(format!("the content is not that of {}", self.expected)));
        };
        let found = hash.finish();
        self.verified = found == self.expected;
        if self.verified {
            return Ok(());
        }
        Err(invalid(format!("{} was expected, but the content has {found}", self.expected)))
    }

    fn refuse(&self, how: &str) -> io::Error {
        invalid(format!("{} is {how} the {} bytes it should have", self.expected, self.size_bytes))
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
            self.take(&buffer[..count])?;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content: &[u8], expected: &[u8], complaint: Option<&str>) {
        let mut reader = VerifiedReader::new(content, Digest::of(expected), expected.len() as u64);
        let result = io::copy(&mut reader, &mut io::sink());
        match complaint {
            None => assert_eq!(result.expect("verified"), expected.len() as u64),
            Some(text) => assert!(result.expect_err("refused").to_string().contains(text)),
        }
    }

    #[test]
    fn only_the_announced_bytes_pass() {
        check(b"", b"", None);
        check(b"layer", b"layer", None);
        check(b"laye", b"layer", Some("shorter"));
        check(b"layers", b"layer", Some("longer"));
        check(b"lager", b"layer", Some("was expected"));
    }

    #[test]
    fn a_failure_stays() {
        let mut reader = VerifiedReader::new(&b"y"[..], Digest::of(b"x"), 1);
        io::copy(&mut reader, &mut io::sink()).expect_err("another content");
        reader.read(&mut [0; 8]).expect_err("still another content");
    }

    #[test]
    fn the_end_may_be_asked_for_twice() {
        let mut reader = VerifiedReader::new(&b"x"[..], Digest::of(b"x"), 1);
        io::copy(&mut reader, &mut io::sink()).expect("verified");
        assert_eq!(reader.read(&mut [0; 8]).expect("still at the end"), 0);
    }
}
