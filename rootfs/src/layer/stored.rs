//! Reading the real content of a file that is stored in a tar: holes are filled, and byte code has its real source
//! time.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use super::pyc;
use crate::index::{Item, Stored};
use cache::FileRange;
use tarball::Extent;
use trees::sparse::{Dense, SparseRead};

/// Reader of a sparse file: fills the holes around its stored parts.
pub(super) struct SparseReader<R> {
    data: R,
    extents: std::vec::IntoIter<Extent>,
    current: Option<Extent>,
    position: u64,
    size_bytes: u64,
}

impl<R: Read> SparseReader<R> {
    /// Returns a reader. `data` has the stored parts one after the other; `map` has been checked against it.
    pub(super) fn new(data: R, map: Vec<Extent>, size_bytes: u64) -> Self {
        let mut extents = map.into_iter().filter(|extent| extent.length > 0).collect::<Vec<_>>().into_iter();
        let current = extents.next();
        Self { data, extents, current, position: 0, size_bytes }
    }

    /// Returns the length of the hole that begins here; 0 if there is data, or at the end.
    fn hole(&mut self) -> u64 {
        if self.current.is_some_and(|extent| self.position == extent.at + extent.length) {
            self.current = self.extents.next();
        }
        self.current.map_or(self.size_bytes, |extent| extent.at).saturating_sub(self.position)
    }
}

impl<R: Read> Read for SparseReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let hole = self.hole();
        let data = self.current.map_or(0, |extent| extent.at + extent.length - self.position);
        let left = if hole > 0 { hole } else { data };
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = if hole > 0 {
            buffer[..wanted].fill(0);
            wanted
        } else {
            self.data.read(&mut buffer[..wanted])?
        };
        self.position += count as u64;
        Ok(count)
    }
}

impl<R: Read + Send> SparseRead for SparseReader<R> {
    fn skip_hole(&mut self) -> io::Result<u64> {
        let hole = self.hole();
        self.position += hole;
        Ok(hole)
    }
}

/// Opens the content of the regular file `item`, which is stored in `tar`.
pub(crate) fn open(item: &Item<'_>, tar: &Arc<File>) -> Box<dyn SparseRead> {
    let size_bytes = item.size_bytes();
    let Stored { offset, sparse, pyc_mtime, .. } = item.stored();
    let range = |length| FileRange::new(tar.clone(), offset, length);
    match (sparse, pyc_mtime) {
        (Some(map), _) => {
            let stored = map.iter().map(|extent| extent.length).sum();
            Box::new(SparseReader::new(range(stored), map, size_bytes))
        }
        (None, Some(mtime)) => Box::new(Dense(pyc::Restored::new(range(size_bytes), mtime))),
        (None, None) => Box::new(range(size_bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_read_as_zeros() {
        let map = vec![Extent { at: 2, length: 3 }, Extent { at: 5, length: 0 }, Extent { at: 7, length: 1 }];
        let mut filled = Vec::new();
        SparseReader::new(&b"abcd"[..], map, 10).read_to_end(&mut filled).expect("in memory");
        assert_eq!(filled, b"\0\0abc\0\0d\0\0");
    }

    #[test]
    fn a_file_can_be_one_hole() {
        let mut filled = Vec::new();
        SparseReader::new(&b""[..], Vec::new(), 3).read_to_end(&mut filled).expect("in memory");
        assert_eq!(filled, b"\0\0\0");
    }
}
