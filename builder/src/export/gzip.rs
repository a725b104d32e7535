//! gzip on all processors, the same bytes on any number of them.
//!
//! The input is cut into chunks of 1 MiB. Each is compressed by itself, with the 32 KiB before it as dictionary, and
//! ends in a sync flush; put together they are one ordinary gzip member. What a chunk becomes depends on the chunk and
//! the bytes before it only, not on how many are compressed at once.

use std::io::{self, Read, Write};

use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use rayon::prelude::*;

/// Part of the format: another size gives other bytes.
const CHUNK_BYTES: usize = 1 << 20;

/// How far back deflate looks.
const DICTIONARY_BYTES: usize = 32 << 10;

/// Deflate, no name, no time, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// An empty last block: what ends the stream after the last sync flush.
const LAST_BLOCK: [u8; 2] = [3, 0];

/// Compresses `input` into `out`, at a level from 0 to 9.
pub(super) fn compress(input: &mut impl Read, out: &mut impl Write, level: u32) -> io::Result<()> {
    let chunks_at_once = rayon::current_num_threads() * 2;
    let (mut dictionary, mut crc) = (Vec::new(), Crc::new());
    let mut batch = vec![0; chunks_at_once * CHUNK_BYTES];
    out.write_all(&HEADER)?;
    loop {
        let length = fill(input, &mut batch)?;
        for (compressed, chunk_crc) in compress_batch(&dictionary, &batch[..length], level)? {
            out.write_all(&compressed)?;
            crc.combine(&chunk_crc);
        }
        if length < batch.len() {
            break;
        }
        dictionary = batch[length - DICTIONARY_BYTES..].to_vec();
    }
    out.write_all(&LAST_BLOCK)?;
    out.write_all(&crc.sum().to_le_bytes())?;
    out.write_all(&crc.amount().to_le_bytes())
}

/// Reads until `buffer` is full or the input ends; returns how much there is.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match input.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

fn compress_batch(before: &[u8], batch: &[u8], level: u32) -> io::Result<Vec<(Vec<u8>, Crc)>> {
    let count = batch.len().div_ceil(CHUNK_BYTES);
    (0..count)
        .into_par_iter()
        .map(|index| {
            let start = index * CHUNK_BYTES;
            let chunk = &batch[start..batch.len().min(start + CHUNK_BYTES)];
            let dictionary = if index == 0 { before } else { &batch[start - DICTIONARY_BYTES..start] };
            compress_chunk(dictionary, chunk, level)
        })
        .collect()
}

fn compress_chunk(dictionary: &[u8], chunk: &[u8], level: u32) -> io::Result<(Vec<u8>, Crc)> {
    let mut compressor = Compress::new(Compression::new(level), false);
    if !dictionary.is_empty() {
        compressor.set_dictionary(dictionary).map_err(io::Error::other)?;
    }
    let mut out = Vec::with_capacity(chunk.len() / 2 + 1024);
    loop {
        let done = usize::try_from(compressor.total_in()).expect("a chunk fits into memory");
        let status = compressor
            .compress_vec(&chunk[done..], &mut out, FlushCompress::Sync)
            .map_err(io::Error::other)?;
        // Room left in the output means that the flush is complete.
        if out.len() < out.capacity() || status == Status::StreamEnd {
            break;
        }
        out.reserve(out.capacity());
    }
    let mut crc = Crc::new();
    crc.update(chunk);
    Ok((out, crc))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text that compresses, but not to nothing.
    fn sample(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b"abcdefghijklmnop"[(state >> 28) as usize]
        })
        .take(length)
        .collect()
    }

    fn compressed(input: &[u8], level: u32, threads: usize) -> Vec<u8> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let mut out = Vec::new();
        pool.install(|| compress(&mut &input[..], &mut out, level)).expect("compress into memory");
        out
    }

    #[track_caller]
    fn check(length: usize, level: u32) {
        let input = sample(length);
        let one = compressed(&input, level, 1);
        assert_eq!(one, compressed(&input, level, 3), "the number of threads shows");
        let mut back = Vec::new();
        // A reader of one member only must see everything.
        flate2::read::GzDecoder::new(&one[..]).read_to_end(&mut back).expect("valid gzip");
        assert!(back == input, "{length} bytes at level {level} came back different");
    }

    #[test]
    fn every_length_and_level_comes_back() {
        for length in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES / 2] {
            check(length, 1);
        }
        check(2 * CHUNK_BYTES, 0);
        check(3 * CHUNK_BYTES, 6);
        check(8 * CHUNK_BYTES + 7, 1);
    }

    #[test]
    fn what_cannot_be_compressed_comes_back() {
        let mut state = 7_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .take(CHUNK_BYTES + 100)
        .collect();
        let mut back = Vec::new();
        let packed = compressed(&noise, 6, 2);
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut back).expect("valid gzip");
        assert!(back == noise);
    }

    #[test]
    fn the_dictionary_is_used() {
        // The second chunk repeats the end of the first; without a dictionary it would not shrink so far.
        let mut input = sample(CHUNK_BYTES);
        let tail = input[CHUNK_BYTES - DICTIONARY_BYTES / 2..].to_vec();
        let alone = compressed(&tail, 6, 1).len();
        let before = compressed(&input, 6, 1).len();
        input.extend_from_slice(&tail);
        assert!(compressed(&input, 6, 1).len() < before + alone / 2);
    }
}
