//! A reader of one part of a file that others read at the same time.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::holes::HoleFinder;

/// Reads a range of an open file. It has a position of its own (`pread`), so that many readers can share the file.
pub struct FileRange {
    file: Arc<File>,
    offset: u64,
    left: u64,
    holes: HoleFinder,
}

impl FileRange {
    /// Returns a reader of the `size_bytes` bytes of `file` that begin at `offset`.
    pub fn new(file: Arc<File>, offset: u64, size_bytes: u64) -> Self {
        Self { file, offset, left: size_bytes, holes: HoleFinder::default() }
    }

    /// Moves past the hole that begins here, and returns its length in bytes; 0 if there is data.
    pub fn skip_hole(&mut self) -> io::Result<u64> {
        let hole = self.holes.hole_at(&self.file, self.offset, self.offset + self.left)?;
        self.offset += hole;
        self.left -= hole;
        Ok(hole)
    }
}

impl Read for FileRange {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        match self.file.read_at(&mut buffer[..wanted], self.offset)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.offset += count as u64;
                self.left -= count as u64;
                Ok(count)
            }
        }
    }
}
