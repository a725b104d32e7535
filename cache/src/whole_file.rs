//! A reader of a whole file, which does not ask the kernel for the zeros of holes.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use crate::holes::HoleFinder;

/// Length from which a file is worth a look for holes, which takes two system calls.
pub const MIN_SPARSE_BYTES: u64 = 256 << 10;

/// Reader of a whole file, which can grow or shrink meanwhile.
#[derive(Debug)]
pub struct WholeFile {
    file: File,
    at: u64,
    /// `None` for a file that is too small.
    holes: Option<HoleFinder>,
}

impl WholeFile {
    /// Returns a reader of `file`, which has about `size_bytes`, from its first byte on.
    pub fn new(file: File, size_bytes: u64) -> Self {
        let holes = (size_bytes >= MIN_SPARSE_BYTES).then(HoleFinder::default);
        Self { file, at: 0, holes }
    }

    /// Returns the file that is read.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Moves past the hole that begins here, and returns its length in bytes; 0 if there is data.
    pub fn skip_hole(&mut self) -> io::Result<u64> {
        let hole = self.hole()?;
        self.at += hole;
        Ok(hole)
    }

    fn hole(&mut self) -> io::Result<u64> {
        self.holes.as_mut().map_or(Ok(0), |holes| holes.hole_at(&self.file, self.at, u64::MAX))
    }
}

impl Read for WholeFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let hole = usize::try_from(self.hole()?).unwrap_or(usize::MAX);
        let count = if hole > 0 {
            let zeros = buffer.len().min(hole);
            buffer[..zeros].fill(0);
            zeros
        } else {
            self.file.read_at(buffer, self.at)?
        };
        self.at += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_read_as_zeros_or_skipped() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"data", 1 << 20).unwrap();
        file.set_len(3 << 20).unwrap();
        let mut bytes = Vec::new();
        WholeFile::new(file.try_clone().unwrap(), 3 << 20).read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len(), 3 << 20);
        assert_eq!(&bytes[(1 << 20) - 2..(1 << 20) + 6], b"\0\0data\0\0");
        let mut reader = WholeFile::new(file, 3 << 20);
        assert_eq!(reader.skip_hole().unwrap(), 1 << 20);
        let mut data = [0; 4];
        reader.read_exact(&mut data).unwrap();
        assert_eq!(&data, b"data");
    }
}
