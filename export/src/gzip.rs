//! gzip on all processors, with the same bytes on any number of them.
//!
//! The input is cut into chunks of 1 MiB. Each chunk is compressed by itself, with the 32 KiB before it as dictionary, and
//! ends in a sync flush; concatenated they are one ordinary gzip member. A compressed chunk depends only on the chunk and
//! the bytes before it, not on how many are compressed at once.
//!
//! The zeros of holes cost almost nothing: a chunk of zeros after zeros always becomes the same bytes, so it is compressed
//! once.
//!
//! The calling thread reads and writes while the pool compresses: a chunk is handed in as soon as one has been taken
//! out, so no processor waits for the slowest of a batch. [`in_flight`] limits the number of chunks in memory.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::Duration;

use cache::is_zeros;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use rayon::{Scope, Yield};

/// Size of a chunk. It is part of the format: another size gives other bytes.
const CHUNK_BYTES: usize = 1 << 20;

/// Number of bytes that deflate can refer back to.
const DICTIONARY_BYTES: usize = 32 << 10;

/// Header of a gzip member: deflate, no name, no time, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Empty last block, which ends the stream after the last sync flush.
const LAST_BLOCK: [u8; 2] = [3, 0];

/// Time that a thread of the pool without other work waits for another thread before it looks for work again.
const PATIENCE: Duration = Duration::from_millis(1);

/// A compressed chunk and its checksum.
type Packed = (Vec<u8>, Crc);

/// A chunk that is being compressed, or the one of zeros.
enum Pending {
    Running(Receiver<io::Result<Packed>>),
    Zeros(Arc<Packed>),
}

/// Compresses `input` into `out`, at a level from 0 to 9.
pub(super) fn compress(input: &mut impl Read, out: &mut impl Write, level: u32) -> io::Result<()> {
    let mut crc = Crc::new();
    out.write_all(&HEADER)?;
    rayon::in_place_scope(|scope| -> io::Result<()> {
        let mut chunks = Chunks { input, before: None };
        let mut zeros = None;
        let mut waiting = VecDeque::new();
        loop {
            while waiting.len() < in_flight()
                && let Some((before, chunk)) = chunks.next()?
            {
                let is_known = is_only_zeros(before.as_ref()) && is_only_zeros(Some(&chunk));
                waiting.push_back(match &zeros {
                    Some(packed) if is_known => Pending::Zeros(Arc::clone(packed)),
                    None if is_known => {
                        let packed = Arc::new(compress_chunk(tail(&chunk), &chunk, level)?);
                        Pending::Zeros(Arc::clone(zeros.insert(packed)))
                    }
                    _ => Pending::Running(start(scope, before, chunk, level)),
                });
            }
            let Some(first) = waiting.pop_front() else { return Ok(()) };
            let packed = match first {
                Pending::Running(result) => Arc::new(wait(&result)?),
                Pending::Zeros(packed) => packed,
            };
            out.write_all(&packed.0)?;
            crc.combine(&packed.1);
        }
    })?;
    out.write_all(&LAST_BLOCK)?;
    out.write_all(&crc.sum().to_le_bytes())?;
    out.write_all(&crc.amount().to_le_bytes())
}

/// Returns the number of chunks in memory: enough that each thread finds the next one while the oldest is being written.
fn in_flight() -> usize {
    rayon::current_num_threads() * 2 + 1
}

/// Cuts the input into chunks.
struct Chunks<'a, R> {
    input: &'a mut R,
    /// The previous chunk, whose end is the dictionary of the next one.
    before: Option<Arc<Vec<u8>>>,
}

/// A chunk, preceded by the previous one.
type Pair = (Option<Arc<Vec<u8>>>, Arc<Vec<u8>>);

impl<R: Read> Chunks<'_, R> {
    fn next(&mut self) -> io::Result<Option<Pair>> {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        self.input.take(CHUNK_BYTES as u64).read_to_end(&mut chunk)?;
        if chunk.is_empty() {
            return Ok(None);
        }
        let chunk = Arc::new(chunk);
        Ok(Some((self.before.replace(Arc::clone(&chunk)), chunk)))
    }
}

/// Starts the compression of a chunk on the pool.
fn start(
    scope: &Scope<'_>,
    before: Option<Arc<Vec<u8>>>,
    chunk: Arc<Vec<u8>>,
    level: u32,
) -> Receiver<io::Result<Packed>> {
    let (done, result) = sync_channel(1);
    scope.spawn(move |_| {
        let dictionary = before.as_ref().map_or(&[][..], |before| tail(before));
        // Nobody receives it if an earlier chunk could not be written.
        let _ = done.send(compress_chunk(dictionary, &chunk, level));
    });
    result
}

/// Returns the end of the previous chunk, which deflate can refer to.
fn tail(before: &[u8]) -> &[u8] {
    &before[before.len().saturating_sub(DICTIONARY_BYTES)..]
}

/// Waits for a chunk. A thread of the pool works on other chunks meanwhile, since it can be the only one.
fn wait(result: &Receiver<io::Result<Packed>>) -> io::Result<Packed> {
    const ENDS: &str = "a chunk's thread sends before it ends";
    loop {
        match result.try_recv() {
            Ok(packed) => return packed,
            Err(TryRecvError::Disconnected) => panic!("{ENDS}"),
            Err(TryRecvError::Empty) => {}
        }
        match rayon::yield_now() {
            Some(Yield::Executed) => {}
            Some(Yield::Idle) => {
                if let Ok(packed) = result.recv_timeout(PATIENCE) {
                    return packed;
                }
            }
            None => return result.recv().expect(ENDS),
        }
    }
}

/// Reports whether a chunk has the full length and nothing but zeros.
fn is_only_zeros(chunk: Option<&Arc<Vec<u8>>>) -> bool {
    chunk.is_some_and(|chunk| chunk.len() == CHUNK_BYTES && is_zeros(chunk))
}

fn compress_chunk(dictionary: &[u8], chunk: &[u8], level: u32) -> io::Result<Packed> {
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
        // The flush is complete when there is room left in the output.
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

    /// Returns text that compresses to about half of its size.
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
        // A reader of the first member sees everything.
        flate2::read::GzDecoder::new(&one[..]).read_to_end(&mut back).expect("valid gzip");
        assert!(back == input, "{length} bytes at level {level} came back different");
    }

    #[test]
    fn every_length_and_level_unpacks_to_the_input() {
        for length in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES / 2] {
            check(length, 1);
        }
        check(2 * CHUNK_BYTES, 0);
        check(3 * CHUNK_BYTES, 6);
        check(8 * CHUNK_BYTES + 7, 1);
    }

    /// The zeros begin and end within chunks, and some chunks are nothing else.
    #[test]
    fn zeros_become_the_same_bytes_as_if_each_chunk_were_compressed() {
        let input = [&sample(100)[..], &vec![0; 9 * CHUNK_BYTES / 2], &sample(CHUNK_BYTES / 3)].concat();
        for level in [1, 6] {
            let mut expected = HEADER.to_vec();
            let mut before: &[u8] = &[];
            for chunk in input.chunks(CHUNK_BYTES) {
                expected.extend(compress_chunk(tail(before), chunk, level).expect("in memory").0);
                before = chunk;
            }
            expected.extend(LAST_BLOCK);
            let packed = compressed(&input, level, 2);
            let (blocks, end) = packed.split_at(packed.len() - 8);
            assert!(blocks == expected, "at level {level}");
            let mut crc = Crc::new();
            crc.update(&input);
            assert_eq!(end, [crc.sum().to_le_bytes(), crc.amount().to_le_bytes()].concat());
        }
    }

    #[test]
    fn noise_unpacks_to_the_input() {
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
    fn a_chunk_is_compressed_with_the_end_of_the_previous_one() {
        // The second chunk repeats the end of the first; without a dictionary it would not shrink so far.
        let mut input = sample(CHUNK_BYTES);
        let tail = input[CHUNK_BYTES - DICTIONARY_BYTES / 2..].to_vec();
        let alone = compressed(&tail, 6, 1).len();
        let before = compressed(&input, 6, 1).len();
        input.extend_from_slice(&tail);
        assert!(compressed(&input, 6, 1).len() < before + alone / 2);
    }
}
