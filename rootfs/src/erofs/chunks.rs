//! The positions of the bytes of a file: in the tar, in a hole, or in the image.
//!
//! A file that is stored in the tar as it is needs one chunk. A sparse file has as many chunks as its map requires.
//! Byte code whose source time differs in the tar (`layer::pyc`) has its first block in the image.

use crate::index::{Item, Stored};
use tarball::BLOCK_BYTES;
use tarball::Extent;

use super::format::{MAX_CHUNK_BITS, NO_BLOCK};

/// Maximum number of chunks of a sparse file, so that one entry of a tar cannot make the image large.
const MAX_CHUNKS: u64 = 64 << 10;

const BLOCK: u64 = BLOCK_BYTES as u64;

/// Position of a part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunk {
    /// The part is a hole, which reads as zeros.
    Hole,
    /// The part is in the tar, from this offset on.
    Tar(u64),
    /// The part is in a block of the image.
    Own,
}

/// Chunks of a file, all of one length except the last.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chunks {
    /// Base-2 logarithm of the length of a chunk in blocks.
    pub bits: u32,
    pub all: Vec<Chunk>,
}

impl Chunks {
    /// Returns the chunks of a regular file of more than 0 bytes; `None` if EROFS cannot represent them.
    pub(super) fn of(item: &Item<'_>) -> Option<Self> {
        let (size_bytes, Stored { offset, sparse, pyc_mtime, .. }) = (item.size_bytes(), item.stored());
        let last_block = offset.checked_add(size_bytes)? / BLOCK;
        match sparse {
            _ if !offset.is_multiple_of(BLOCK) || last_block >= u64::from(NO_BLOCK) => None,
            Some(map) => Self::sparse(size_bytes, offset, &map),
            None if pyc_mtime.is_some() => {
                let mut chunks = Self::plain(size_bytes, offset, 0);
                chunks.all[0] = Chunk::Own;
                Some(chunks)
            }
            None => Some(Self::plain(size_bytes, offset, covering(size_bytes))),
        }
    }

    fn plain(size_bytes: u64, offset: u64, bits: u32) -> Self {
        let step = BLOCK << bits;
        Self { bits, all: (0..size_bytes.div_ceil(step)).map(|n| Chunk::Tar(offset + n * step)).collect() }
    }

    fn sparse(size_bytes: u64, offset: u64, map: &[Extent]) -> Option<Self> {
        let parts = || map.iter().filter(|part| part.length > 0);
        let ends = parts().map(|part| part.at + part.length).filter(|&end| end != size_bytes);
        // All chunks have one length, so it is the greatest power of two that divides every border between parts.
        let borders = parts().map(|part| part.at).chain(ends).fold(0, |all, border| all | border);
        let bits = borders.trailing_zeros().checked_sub(BLOCK.ilog2())?.min(covering(size_bytes));
        let step = BLOCK << bits;
        let count = size_bytes.div_ceil(step);
        let mut all = vec![Chunk::Hole; usize::try_from(count).ok().filter(|_| count <= MAX_CHUNKS)?];
        let mut from = offset;
        for part in parts() {
            let first = usize::try_from(part.at / step).ok()?;
            for (chunk, n) in all[first..].iter_mut().zip(0..part.length.div_ceil(step)) {
                *chunk = Chunk::Tar(from + n * step);
            }
            from += part.length;
        }
        Some(Self { bits, all })
    }
}

/// Returns the base-2 logarithm of the number of blocks that cover so many bytes, as far as EROFS allows.
fn covering(size_bytes: u64) -> u32 {
    size_bytes.div_ceil(BLOCK).next_power_of_two().ilog2().min(MAX_CHUNK_BITS)
}

#[cfg(test)]
mod tests {
    use super::Chunk::{Hole, Tar};
    use super::*;

    #[track_caller]
    fn check<const N: usize>(size_bytes: u64, map: &[(u64, u64)], expected: Option<(u32, [Chunk; N])>) {
        let map: Vec<Extent> = map.iter().map(|&(at, length)| Extent { at, length }).collect();
        let expected = expected.map(|(bits, all)| Chunks { bits, all: all.to_vec() });
        assert_eq!(Chunks::sparse(size_bytes, 1024, &map), expected, "{map:?}");
    }

    #[test]
    fn a_sparse_file_has_a_chunk_for_each_part_and_hole() {
        check(8192, &[(4096, 4096)], Some((3, [Hole, Tar(1024)])));
        check(8192, &[(0, 4096)], Some((3, [Tar(1024), Hole])));
        check(5000, &[(4096, 904)], Some((3, [Hole, Tar(1024)])));
        check(1536, &[(0, 512), (1024, 512), (1536, 0)], Some((0, [Tar(1024), Hole, Tar(1536)])));
        check(2048, &[(0, 1024), (1024, 1024)], Some((1, [Tar(1024), Tar(2048)])));
        // A file that is one hole, and a file without a hole.
        check(5000, &[], Some((4, [Hole])));
        check(5000, &[(0, 5000)], Some((4, [Tar(1024)])));
    }

    #[test]
    fn a_map_that_chunks_cannot_represent_is_refused() {
        check::<0>(8192, &[(100, 8092)], None);
        check::<0>(8192, &[(512, 100)], None);
        check::<0>(1 << 40, &[(512, 512)], None);
    }

    #[test]
    fn a_file_in_one_piece_has_one_chunk() {
        for size_bytes in [1, 511, 512, 513, 1 << 20, (1 << 20) + 1, 5 << 30] {
            let chunks = Chunks::plain(size_bytes, 512, covering(size_bytes));
            assert_eq!(chunks.all, [Tar(512)], "{size_bytes}");
        }
        let huge = (BLOCK << MAX_CHUNK_BITS) + 1;
        assert_eq!(Chunks::plain(huge, 512, covering(huge)).all.len(), 2);
    }
}
