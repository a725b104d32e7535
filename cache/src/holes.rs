//! Holes: ranges of a file that read as zeros and take no disk space.
//!
//! [`HoleFinder`] finds the holes of a file that is read, so that they need not be read. [`SparseWriter`] makes holes of
//! long runs of zeros in a file that is written. A file with holes has the same bytes, and so the same digest, as one
//! without.

use std::borrow::Borrow;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

/// Bytes that are all 0, for writers and hashers that have to be given the zeros of a hole.
pub static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// Unit of holes: the block size of nearly every file system, and the alignment of direct writes.
const BLOCK_BYTES: usize = 4096;
/// Shortest run of zeros that becomes a hole. Shorter ones would cost more system calls and extents than they save.
pub const MIN_HOLE_BYTES: usize = 32 << 10;

/// Calls `act` with slices of zeros that have `count` bytes together.
pub fn each_zeros<E>(count: u64, mut act: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    let mut left = count;
    while left > 0 {
        let length = usize::try_from(left).map_or(ZEROS.len(), |left| left.min(ZEROS.len()));
        act(&ZEROS[..length])?;
        left -= length as u64;
    }
    Ok(())
}

/// Reports whether all of `bytes` are 0.
pub fn is_zeros(bytes: &[u8]) -> bool {
    bytes.chunks(ZEROS.len()).all(|part| *part == ZEROS[..part.len()])
}

/// Counts the bytes of a stream: those in runs of zeros that are long enough for a hole, and all others.
#[derive(Debug, Default)]
pub struct ZeroCounter {
    data_bytes: u64,
    zero_bytes: u64,
    /// Length of the run of zeros at the end of the stream so far.
    run_bytes: u64,
}

impl ZeroCounter {
    /// Counts the next bytes of the stream.
    pub fn add(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(BLOCK_BYTES) {
            if is_zeros(part) {
                self.run_bytes += part.len() as u64;
            } else {
                (self.data_bytes, self.zero_bytes) = (self.data_bytes(), self.zero_bytes());
                self.data_bytes += part.len() as u64;
                self.run_bytes = 0;
            }
        }
    }

    /// Returns the number of bytes that take disk space.
    pub fn data_bytes(&self) -> u64 {
        self.data_bytes + if self.is_long() { 0 } else { self.run_bytes }
    }

    /// Returns the number of bytes in long runs of zeros.
    pub fn zero_bytes(&self) -> u64 {
        self.zero_bytes + if self.is_long() { self.run_bytes } else { 0 }
    }

    fn is_long(&self) -> bool {
        self.run_bytes >= MIN_HOLE_BYTES as u64
    }
}

/// Finds the holes of a file that is read from start to end, with two system calls for each of them.
#[derive(Debug, Default)]
pub struct HoleFinder {
    /// Offset up to which there is data, as far as is known.
    data_end: u64,
}

impl HoleFinder {
    /// Returns the length of the hole that begins at the offset `at` of `file`, up to the offset `end`; 0 if there is
    /// data, or if the file system does not know. Moves the position of the descriptor.
    pub fn hole_at(&mut self, file: &File, at: u64, end: u64) -> io::Result<u64> {
        if at < self.data_end || at >= end {
            return Ok(0);
        }
        let data = match seek(file, SeekFrom::Data(at)) {
            Ok(data) => data,
            // There is no data up to the end of the file.
            Err(Errno::NXIO) => file.metadata()?.len().max(at),
            Err(_) => {
                self.data_end = u64::MAX;
                return Ok(0);
            }
        };
        if data == at {
            self.data_end = seek(file, SeekFrom::Hole(at)).unwrap_or(u64::MAX);
        }
        Ok(data.min(end) - at)
    }
}

/// Returns the length of all holes in a range of a file; 0 if the file system does not know. Moves the position of the
/// descriptor.
pub fn hole_bytes(file: &File, range: Range<u64>) -> io::Result<u64> {
    let (mut at, mut total) = (range.start, 0);
    let mut finder = HoleFinder::default();
    while at < range.end {
        let hole = finder.hole_at(file, at, range.end)?;
        total += hole;
        at = if hole > 0 { at + hole } else { finder.data_end.max(at + 1) };
    }
    Ok(total)
}

/// Writer of an empty file from start to end, which leaves out long runs of zeros.
#[derive(Debug)]
pub struct SparseWriter<F> {
    file: F,
    size_bytes: u64,
    /// Number of bytes that are not in holes.
    written_bytes: u64,
    /// True if the file is shorter than what it stands for, because it ends in a hole.
    ends_in_hole: bool,
}

impl<F: Borrow<File>> SparseWriter<F> {
    /// Starts with an empty file.
    pub fn new(file: F) -> Self {
        Self { file, size_bytes: 0, written_bytes: 0, ends_in_hole: false }
    }

    /// Returns the file that is written.
    pub fn file(&self) -> &File {
        self.file.borrow()
    }

    /// Returns the number of bytes so far, including those in holes.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Returns the number of bytes that were written to the file, without those in holes.
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// Appends `bytes`. After an error the same bytes can be appended again.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (mut from, mut ends_in_hole, mut written_bytes) = (0, self.ends_in_hole, 0);
        while from < bytes.len() {
            let at = self.size_bytes + from as u64;
            let zeros = next_zeros(&bytes[from..], at, ends_in_hole);
            if zeros.start > 0 {
                self.file().write_all_at(&bytes[from..from + zeros.start], at)?;
                written_bytes += zeros.start as u64;
            }
            ends_in_hole = !zeros.is_empty();
            from += zeros.end;
        }
        self.ends_in_hole = ends_in_hole;
        self.written_bytes += written_bytes;
        self.size_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Appends `count` zeros as a hole.
    pub fn skip(&mut self, count: u64) {
        if count > 0 {
            self.size_bytes += count;
            self.ends_in_hole = true;
        }
    }

    /// Gives the file its length, if it ends in a hole.
    pub fn finish(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.ends_in_hole) { self.file().set_len(self.size_bytes) } else { Ok(()) }
    }
}

impl<F: Borrow<File>> io::Write for SparseWriter<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the first run of zeros in `bytes` that is worth a hole, or the empty range at their end.
///
/// `bytes` begin at the offset `at` of a file. A run begins and ends at borders of blocks of the file, or with `bytes`. A
/// short run is worth a hole where it continues one, or can be continued: at the end of `bytes`, and, if they come after a
/// hole (`follows_hole`), at their start.
fn next_zeros(bytes: &[u8], at: u64, follows_hole: bool) -> Range<usize> {
    let is_worth = |run: &Range<usize>| match (run.start, run.end) {
        (0, _) if follows_hole => true,
        (_, end) if end == bytes.len() => run.len() >= BLOCK_BYTES,
        _ => run.len() >= MIN_HOLE_BYTES,
    };
    let offset = usize::try_from(at % BLOCK_BYTES as u64).expect("less than a block");
    let (mut run, mut border) = (0..0, (BLOCK_BYTES - offset).min(bytes.len()));
    while run.end < bytes.len() {
        if is_zeros(&bytes[run.end..border]) {
            run.end = border;
        } else if !run.is_empty() && is_worth(&run) {
            return run;
        } else {
            run = border..border;
        }
        border = bytes.len().min(border + BLOCK_BYTES);
    }
    if !run.is_empty() && is_worth(&run) { run } else { bytes.len()..bytes.len() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    const BLOCK: usize = BLOCK_BYTES;

    #[test]
    fn only_long_runs_and_those_at_borders_of_pieces_are_holes() {
        #[track_caller]
        fn check(at: usize, follows_hole: bool, parts: &[(u8, usize)], expected: Range<usize>) {
            let bytes: Vec<u8> =
                parts.iter().flat_map(|&(byte, length)| std::iter::repeat_n(byte, length)).collect();
            assert_eq!(next_zeros(&bytes, at as u64, follows_hole), expected, "{at} {parts:?}");
        }
        const LONG: usize = MIN_HOLE_BYTES;
        check(0, false, &[(0, LONG), (1, 1)], 0..LONG);
        check(0, false, &[(0, LONG - BLOCK), (1, 1)], LONG - BLOCK + 1..LONG - BLOCK + 1);
        check(0, false, &[(1, 1), (0, LONG + BLOCK), (1, 1)], BLOCK..LONG + BLOCK);
        check(1, false, &[(0, LONG + BLOCK), (1, 1)], 0..LONG + BLOCK - 1);
        check(BLOCK, false, &[(1, BLOCK), (0, LONG), (1, 9)], BLOCK..BLOCK + LONG);
        check(0, false, &[(0, BLOCK), (1, BLOCK), (0, LONG)], 2 * BLOCK..2 * BLOCK + LONG);
        check(0, false, &[(1, 100_000)], 100_000..100_000);
        check(0, false, &[], 0..0);
        // A piece that ends in zeros, one that goes on after a hole, and the end of a tar.
        check(0, false, &[(1, 100), (0, 2 * BLOCK)], BLOCK..2 * BLOCK + 100);
        check(BLOCK - 7, true, &[(0, 9), (1, 9)], 0..7);
        check(BLOCK - 7, false, &[(0, 9), (1, 9)], 18..18);
        check(0, false, &[(1, 512), (0, 1024)], 1536..1536);
    }

    /// The offset of the zeros is never a border of a block, as in a tar.
    #[test]
    fn a_hole_goes_on_from_piece_to_piece() {
        let mut writer = SparseWriter::new(tempfile::tempfile().unwrap());
        writer.append(&[1; 512]).unwrap();
        (0..100).for_each(|_| writer.append(&[0; 10_000]).unwrap());
        writer.append(&[2; 512]).unwrap();
        assert_eq!(writer.size_bytes(), 1_001_024);
        assert!(writer.written_bytes() <= 1024 + 10_000, "{writer:?}");
        let mut bytes = vec![9; 1_001_024];
        writer.file().read_exact_at(&mut bytes, 0).unwrap();
        assert!(bytes == [&[1; 512][..], &[0; 1_000_000], &[2; 512]].concat());
    }

    #[test]
    fn short_runs_of_zeros_count_as_data() {
        let mut counter = ZeroCounter::default();
        for part in [&[1; 10_000][..], &[0; MIN_HOLE_BYTES - BLOCK], &[1; BLOCK], &[0; BLOCK]] {
            counter.add(part);
        }
        assert_eq!(
            (counter.data_bytes(), counter.zero_bytes()),
            (10_000 + MIN_HOLE_BYTES as u64 + BLOCK as u64, 0)
        );
        (0..10).for_each(|_| counter.add(&[0; BLOCK]));
        assert_eq!(
            (counter.data_bytes(), counter.zero_bytes()),
            (10_000 + MIN_HOLE_BYTES as u64, 11 * BLOCK as u64)
        );
    }

    /// Writes pieces to a new file; returns it with its content.
    fn written(pieces: &[&[u8]], skipped: u64) -> (File, Vec<u8>) {
        let mut writer = SparseWriter::new(tempfile::tempfile().unwrap());
        pieces.iter().for_each(|piece| writer.append(piece).unwrap());
        writer.skip(skipped);
        writer.finish().unwrap();
        let file = writer.file().try_clone().unwrap();
        let mut bytes = vec![1; usize::try_from(file.metadata().unwrap().len()).unwrap()];
        file.read_exact_at(&mut bytes, 0).unwrap();
        (file, bytes)
    }

    #[test]
    fn zeros_take_no_space_and_are_read_again() {
        let pieces = [&[7; 100][..], &vec![0; 8 << 20], &[8; 5000], &[0; 100]];
        let (file, bytes) = written(&pieces, 5);
        assert_eq!(bytes, [&pieces.concat()[..], &[0; 5]].concat());
        assert!(file.metadata().unwrap().blocks() * 512 <= 64 << 10, "{:?}", file.metadata());
    }

    #[test]
    fn a_file_can_be_one_hole() {
        let (file, bytes) = written(&[], 1 << 20);
        assert_eq!(bytes, vec![0; 1 << 20]);
        assert_eq!(HoleFinder::default().hole_at(&file, 0, 1 << 30).unwrap(), 1 << 20);
        assert_eq!(HoleFinder::default().hole_at(&file, 5, 100).unwrap(), 95);
        assert_eq!(HoleFinder::default().hole_at(&file, 2 << 20, 1 << 30).unwrap(), 0);
    }

    #[test]
    fn a_hole_ends_where_data_begins() {
        let (file, _) = written(&[&vec![0; 1 << 20], &[1; 8192], &vec![0; 1 << 20], &[1]], 0);
        let mut finder = HoleFinder::default();
        assert_eq!(finder.hole_at(&file, 0, 1 << 30).unwrap(), 1 << 20);
        assert_eq!(finder.hole_at(&file, 1 << 20, 1 << 30).unwrap(), 0);
        assert_eq!(finder.hole_at(&file, (1 << 20) + 100, 1 << 30).unwrap(), 0);
        assert_eq!(finder.hole_at(&file, (1 << 20) + 8192, 1 << 30).unwrap(), 1 << 20);
        assert_eq!(hole_bytes(&file, 100..1 << 30).unwrap(), (2 << 20) - 100);
        assert_eq!(hole_bytes(&file, 1 << 20..(1 << 20) + 8192).unwrap(), 0);
    }
}
