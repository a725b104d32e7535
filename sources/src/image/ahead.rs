//! Reading ahead: a source is read in a thread of its own, while another thread works on the bytes that came before.
//!
//! A layer passes through two of them, so that the network, the digest of the blob, decompression and the index of the tar
//! take the time of the slowest of these, and not that of all together. The queue is short, which bounds the memory.
//!
//! An error of the source is handed on in its place. A reader that is dropped early ends the thread with its next chunk.

use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Size of a chunk: large enough that a hand-over costs nothing, small enough for the caches of a processor.
const CHUNK_BYTES: usize = 256 << 10;

/// Number of chunks that can wait to be read.
const MAX_WAITING: usize = 4;

/// Runs `work` on a reader of `source`, which another thread reads. Where no thread can be started, there is one thread.
pub(super) fn read_ahead<T>(
    mut source: impl Read + Send,
    work: impl FnOnce(&mut (dyn Read + Send)) -> T,
) -> T {
    let (full, chunks) = sync_channel(MAX_WAITING);
    let waiting = Mutex::new(Some((&mut source, full)));
    let take = || waiting.lock().expect("no one panics while holding the lock").take();
    std::thread::scope(|scope| {
        let read = || {
            if let Some((source, full)) = take() {
                send_chunks(source, &full);
            }
        };
        let mut reader = ChunkReader { chunks, chunk: Vec::new(), at: 0 };
        if std::thread::Builder::new().name("read ahead".to_owned()).spawn_scoped(scope, read).is_ok() {
            let done = work(&mut reader);
            // The thread can wait for room in the queue.
            drop(reader);
            return done;
        }
        match take() {
            Some((source, _)) => work(source),
            None => work(&mut io::empty()),
        }
    })
}

/// Sends everything that `source` gives, and its error, until nobody takes it any more.
fn send_chunks(source: &mut impl Read, full: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        let read = source.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut chunk);
        let is_last = read.as_ref().map_or(true, |count| *count == 0);
        // Bytes that came before an error are of no use to anybody: the blob is not complete.
        if full.send(read.map(|_| chunk)).is_err() || is_last {
            return;
        }
    }
}

/// Reader of the chunks that the other thread sends.
struct ChunkReader {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    at: usize,
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() {
            // After the last chunk, or an error, there is no sender any more.
            let Ok(chunk) = self.chunks.recv() else { return Ok(0) };
            (self.chunk, self.at) = (chunk?, 0);
        }
        let count = buffer.len().min(self.chunk.len() - self.at);
        buffer[..count].copy_from_slice(&self.chunk[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_come_in_their_order() {
        let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        let read = read_ahead(&content[..], |reader| {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).map(|_| bytes)
        });
        assert!(read.expect("no error") == content);
    }

    #[test]
    fn an_error_of_the_source_is_handed_on() {
        let broken = io::repeat(7).take(600_000).chain(FailingReader);
        let error = read_ahead(broken, |reader| io::copy(reader, &mut io::sink())).expect_err("broken");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[test]
    fn a_reader_that_stops_early_ends_the_thread() {
        let count = read_ahead(io::repeat(7), |reader| reader.read(&mut [0; 10]));
        assert_eq!(count.expect("no error"), 10);
    }

    struct FailingReader;

    impl Read for FailingReader {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
}
