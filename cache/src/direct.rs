//! A file that is written from its start to its end: small ones through the page cache, large ones past it.
//!
//! A blob must be on disk before it has its name, so its bytes go there anyway. Copying gigabytes of them into the page
//! cache first costs more time than the disk takes, and throws out what builds do read again. Nothing is lost where
//! direct writes cannot be had: not every file system has them, and of what alignment they are is its own affair.

use std::fs::File;
use std::io::{self, Write};
use std::num::NonZeroU64;

use rustix::fs::{Advice, OFlags, fadvise, fcntl_getfl, fcntl_setfl};

use crate::buffer::ALIGNMENT_BYTES;

/// So much goes through the page cache, where what is read again soon is at hand.
const DIRECT_FROM_BYTES: u64 = 64 << 20;
/// The disk is set to work whenever so much has been written through the page cache.
const WRITEBACK_BYTES: u64 = 16 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Through the page cache, for now.
    Cached,
    /// Past it.
    Direct,
    /// Through it to the end.
    CachedOnly,
}

/// The file.
#[derive(Debug)]
pub(crate) struct Output {
    file: File,
    way: Way,
    size_bytes: u64,
    /// Of these, the disk has been told to write.
    started_bytes: u64,
}

impl Output {
    /// Writes to the empty file `file`.
    pub(crate) fn new(file: File) -> Self {
        Self { file, way: Way::Cached, size_bytes: 0, started_bytes: 0 }
    }

    /// True if the next piece should be a large one: each is waited for.
    pub(crate) fn is_direct(&self) -> bool {
        self.way == Way::Direct
    }

    /// Writes the next piece, from memory that is aligned to [`ALIGNMENT_BYTES`].
    pub(crate) fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        if self.way == Way::Direct && !piece.len().is_multiple_of(ALIGNMENT_BYTES) {
            self.leave_direct()?;
        }
        match self.file.write_all(piece) {
            // The file system wants more than alignment to pages; it has written whole blocks, or nothing.
            Err(error) if self.way == Way::Direct && error.kind() == io::ErrorKind::InvalidInput => {
                self.leave_direct()?;
                self.rewrite(piece)?;
            }
            result => result?,
        }
        self.size_bytes += u64::try_from(piece.len()).expect("a length fits 64 bits");
        match self.way {
            Way::Cached if self.is_due() => self.enter_direct(),
            Way::Direct => {}
            _ => self.start_writeback(),
        }
        Ok(())
    }

    /// Waits until everything is on disk. A failed sync is final: the kernel has dropped the pages, and a second one
    /// would succeed over nothing.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn is_due(&self) -> bool {
        self.size_bytes >= DIRECT_FROM_BYTES && self.size_bytes.is_multiple_of(ALIGNMENT_BYTES as u64)
    }

    fn enter_direct(&mut self) {
        let flags = fcntl_getfl(&self.file).map(|flags| flags | OFlags::DIRECT);
        let entered = flags.and_then(|flags| fcntl_setfl(&self.file, flags));
        self.way = if entered.is_ok() { Way::Direct } else { Way::CachedOnly };
    }

    fn leave_direct(&mut self) -> io::Result<()> {
        fcntl_setfl(&self.file, fcntl_getfl(&self.file)? - OFlags::DIRECT)?;
        self.way = Way::CachedOnly;
        self.started_bytes = self.size_bytes;
        Ok(())
    }

    /// Writes a piece again of which some may be there.
    fn rewrite(&self, piece: &[u8]) -> io::Result<()> {
        use std::os::unix::fs::FileExt;
        self.file.write_all_at(piece, self.size_bytes)?;
        let end = self.size_bytes + u64::try_from(piece.len()).expect("a length fits 64 bits");
        rustix::fs::seek(&self.file, rustix::fs::SeekFrom::Start(end))?;
        Ok(())
    }

    /// Lets the disk begin with what was just written, so that the sync at the end finds little to do.
    fn start_writeback(&mut self) {
        let unstarted_bytes = self.size_bytes - self.started_bytes;
        if let Some(length) = NonZeroU64::new(unstarted_bytes).filter(|_| unstarted_bytes >= WRITEBACK_BYTES)
        {
            // The kernel writes out the dirty pages of a range it is told nobody needs; as they are dirty, none is
            // dropped. Failing does no harm.
            let _ = fadvise(&self.file, self.started_bytes, Some(length), Advice::DontNeed);
            self.started_bytes = self.size_bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::Buffer;

    /// A piece at an address that direct writes may refuse, and one that ends within a block: nothing is lost, whichever
    /// way the file system makes it go.
    #[test]
    fn what_cannot_be_written_directly_is_written_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let mut output = Output::new(File::create(&path).unwrap());
        let mut first = Buffer::with_capacity(usize::try_from(DIRECT_FROM_BYTES).unwrap());
        first.fill(&vec![1; first.capacity()]);
        output.write(first.as_slice()).unwrap();
        let mut crooked = Buffer::with_capacity(2 * ALIGNMENT_BYTES);
        crooked.fill(&[2; 2 * ALIGNMENT_BYTES]);
        output.write(&crooked.as_slice()[1..=ALIGNMENT_BYTES]).unwrap();
        output.write(&[3; 100]).unwrap();
        output.sync().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let (start, end) = bytes.split_at(first.capacity());
        assert_eq!(start, first.as_slice());
        assert_eq!(end, [&[2; ALIGNMENT_BYTES][..], &[3; 100]].concat());
    }
}
