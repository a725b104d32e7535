//! Output to a file that is written once from start to end: the first part through the page cache, the rest past it.
//!
//! A blob must be on disk before it has its name, so its bytes go to disk anyway. Copying gigabytes of them into the page
//! cache first takes longer than the disk does, and evicts what builds read again. Direct writes are an optimisation:
//! not every file system supports them, and alignment requirements vary, so any refusal falls back to the page cache.
//!
//! Long runs of zeros are not written at all: they become holes of the file.

use std::fs::File;
use std::io;
use std::num::NonZeroU64;

use rustix::fs::{Advice, OFlags, fadvise, fcntl_getfl, fcntl_setfl};

use crate::buffer::ALIGNMENT_BYTES;
use crate::holes::SparseWriter;

/// Number of bytes from which a file is written directly. The first part stays in the page cache, as small blobs are read again
/// soon.
const DIRECT_FROM_BYTES: u64 = 64 << 20;
/// Number of bytes in the page cache from which the disk is made to start writing.
const WRITEBACK_BYTES: u64 = 16 << 20;

/// How the next piece is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WriteMode {
    /// Through the page cache, until the file is large enough for direct writes.
    Cached,
    /// Past the page cache.
    Direct,
    /// Through the page cache to the end: direct writes are not supported here, or no longer possible.
    CachedOnly,
}

/// A file that only grows, and chooses how each piece is written.
#[derive(Debug)]
pub(crate) struct Output {
    writer: SparseWriter<File>,
    mode: WriteMode,
    /// Size up to which the disk has been made to start writing.
    started_bytes: u64,
}

impl Output {
    /// Starts with the empty file `file`.
    pub(crate) fn new(file: File) -> Self {
        Self { writer: SparseWriter::new(file), mode: WriteMode::Cached, started_bytes: 0 }
    }

    /// Returns the file that is written.
    pub(crate) fn file(&self) -> &File {
        self.writer.file()
    }

    /// Returns whether the next piece is written directly. Each direct write is waited for, so pieces should be large.
    pub(crate) fn is_direct(&self) -> bool {
        self.mode == WriteMode::Direct
    }

    /// Appends a piece, from memory that is aligned to [`ALIGNMENT_BYTES`].
    pub(crate) fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        if self.mode == WriteMode::Direct && !piece.len().is_multiple_of(ALIGNMENT_BYTES) {
            self.leave_direct()?;
        }
        match self.writer.append(piece) {
            // The file system requires a coarser alignment. It has written whole blocks of the piece, or nothing.
            Err(error) if self.mode == WriteMode::Direct && error.kind() == io::ErrorKind::InvalidInput => {
                self.leave_direct()?;
                self.writer.append(piece)?;
            }
            result => result?,
        }
        match self.mode {
            WriteMode::Cached if self.is_due() => self.enter_direct(),
            WriteMode::Direct => {}
            _ => self.start_writeback(),
        }
        Ok(())
    }

    /// Appends `count` zeros as a hole.
    pub(crate) fn skip(&mut self, count: u64) {
        self.writer.skip(count);
    }

    /// Waits until everything is on disk. A failed sync is final: the kernel has dropped the pages, so a second sync
    /// would succeed although the data is lost.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.writer.finish()?;
        self.file().sync_data()
    }

    fn is_due(&self) -> bool {
        self.writer.written_bytes() >= DIRECT_FROM_BYTES
            && self.writer.size_bytes().is_multiple_of(ALIGNMENT_BYTES as u64)
    }

    fn enter_direct(&mut self) {
        let flags = fcntl_getfl(self.file()).map(|flags| flags | OFlags::DIRECT);
        let entered = flags.and_then(|flags| fcntl_setfl(self.file(), flags));
        self.mode = if entered.is_ok() { WriteMode::Direct } else { WriteMode::CachedOnly };
    }

    fn leave_direct(&mut self) -> io::Result<()> {
        fcntl_setfl(self.file(), fcntl_getfl(self.file())? - OFlags::DIRECT)?;
        self.mode = WriteMode::CachedOnly;
        self.started_bytes = self.writer.size_bytes();
        Ok(())
    }

    /// Makes the disk start with what was just written, so that the sync at the end finds little to do.
    fn start_writeback(&mut self) {
        let unstarted_bytes = self.writer.size_bytes() - self.started_bytes;
        if let Some(length) = NonZeroU64::new(unstarted_bytes).filter(|_| unstarted_bytes >= WRITEBACK_BYTES)
        {
            // DontNeed makes the kernel write out the dirty pages of the range. It drops none of them, as they are
            // dirty. A failure does no harm.
            let _ = fadvise(self.file(), self.started_bytes, Some(length), Advice::DontNeed);
            self.started_bytes = self.writer.size_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::Buffer;

    /// Writes a piece at an address that direct writes can refuse, and one that ends within a block.
    #[test]
    fn nothing_is_lost_when_a_direct_write_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let mut output = Output::new(File::create(&path).unwrap());
        let mut first = Buffer::with_capacity(usize::try_from(DIRECT_FROM_BYTES).unwrap());
        first.fill(&vec![1; first.capacity()]);
        output.write(first.as_slice()).unwrap();
        let mut unaligned = Buffer::with_capacity(2 * ALIGNMENT_BYTES);
        unaligned.fill(&[2; 2 * ALIGNMENT_BYTES]);
        output.write(&unaligned.as_slice()[1..=ALIGNMENT_BYTES]).unwrap();
        output.write(&[3; 100]).unwrap();
        output.sync().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let (start, end) = bytes.split_at(first.capacity());
        assert_eq!(start, first.as_slice());
        assert_eq!(end, [&[2; ALIGNMENT_BYTES][..], &[3; 100]].concat());
    }
}
