//! Hashing a blob while it is written: small blobs in the writing thread, large ones in a second thread beside it.
//!
//! The second thread gets full buffers in order through a short queue, which bounds how many are on the way, and sends
//! them back to be filled again. Zeros that nobody has in a buffer go through the queue as a number.

use std::convert::Infallible;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use oci::{Digest, Hasher};

use crate::buffer::Buffer;
use crate::holes::each_zeros;

/// Number of buffers from which a second thread is worth its start.
const INLINE_BUFFERS: u32 = 8;
/// Number of buffers that can wait for the second thread.
const QUEUE_LENGTH: usize = 4;

/// Number of zeros from which a second thread is worth its start.
const INLINE_ZEROS: u64 = 4 << 20;

/// Content on its way to the second thread.
#[derive(Debug)]
enum Piece {
    Bytes(Buffer),
    Zeros(u64),
}

/// A running hash over buffers and zeros.
#[derive(Debug)]
pub(crate) enum Hashing {
    /// In the writing thread, with the number of buffers so far.
    Inline(Hasher, u32),
    /// In a second thread.
    Threaded(HashThread),
}

/// A thread that hashes buffers until its queue is closed.
#[derive(Debug)]
pub(crate) struct HashThread {
    full: SyncSender<Piece>,
    empty: Receiver<Buffer>,
    thread: JoinHandle<Hasher>,
}

impl Hashing {
    pub(crate) fn new() -> Self {
        Self::Inline(Hasher::new(), 0)
    }

    /// Hashes a buffer; returns an empty one, which can have any capacity.
    pub(crate) fn update(&mut self, buffer: Buffer) -> Buffer {
        match self {
            Self::Inline(hasher, count) => {
                hasher.update(buffer.as_slice());
                *count += 1;
                if *count >= INLINE_BUFFERS {
                    self.start_thread();
                }
                buffer.emptied()
            }
            Self::Threaded(thread) => {
                thread.send(Piece::Bytes(buffer));
                thread.empty.try_recv().unwrap_or_else(|_| Buffer::with_capacity(0))
            }
        }
    }

    /// Hashes `count` zeros, which nobody has in a buffer.
    pub(crate) fn update_zeros(&mut self, count: u64) {
        if count >= INLINE_ZEROS {
            self.start_thread();
        }
        match self {
            Self::Inline(hasher, _) => hash_zeros(hasher, count),
            Self::Threaded(thread) => thread.send(Piece::Zeros(count)),
        }
    }

    /// Goes on in a second thread, if that is not the case yet and the system allows it.
    fn start_thread(&mut self) {
        if let Self::Inline(hasher, _) = self
            && let Some(thread) = HashThread::start(hasher.clone())
        {
            *self = Self::Threaded(thread);
        }
    }

    /// Waits until all buffers are hashed and returns the digest of their content.
    pub(crate) fn finish(self) -> Digest {
        let hasher = match self {
            Self::Inline(hasher, _) => hasher,
            Self::Threaded(HashThread { full, thread, .. }) => {
                drop(full);
                thread.join().expect("hashing does not panic")
            }
        };
        hasher.finish()
    }
}

impl Default for Hashing {
    fn default() -> Self {
        Self::new()
    }
}

impl HashThread {
    /// Starts a thread that continues with `hasher`; `None` if the system refuses another thread.
    fn start(mut hasher: Hasher) -> Option<Self> {
        let (full, incoming) = sync_channel::<Piece>(QUEUE_LENGTH);
        let (outgoing, empty) = sync_channel(QUEUE_LENGTH + 2);
        let hash = move || {
            for piece in incoming {
                match piece {
                    Piece::Bytes(buffer) => {
                        hasher.update(buffer.as_slice());
                        // A buffer that the writer does not take back is freed.
                        let _ = outgoing.try_send(buffer.emptied());
                    }
                    Piece::Zeros(count) => hash_zeros(&mut hasher, count),
                }
            }
            hasher
        };
        let thread = std::thread::Builder::new().name("hash".to_owned()).spawn(hash).ok()?;
        Some(Self { full, empty, thread })
    }

    fn send(&self, piece: Piece) {
        self.full.send(piece).expect("the thread takes pieces until there is no sender");
    }
}

/// Adds zeros that nobody has in a buffer to a hash.
pub(crate) fn hash_zeros(hasher: &mut Hasher, count: u64) {
    let hash = |zeros: &[u8]| -> Result<(), Infallible> {
        hasher.update(zeros);
        Ok(())
    };
    let Ok(()) = each_zeros(count, hash);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_does_not_depend_on_the_number_of_buffers() {
        for count in [0, 1, INLINE_BUFFERS - 1, INLINE_BUFFERS, INLINE_BUFFERS + 1, 100] {
            let (mut hashing, mut all) = (Hashing::new(), Vec::new());
            let mut buffer = Buffer::with_capacity(4096);
            for n in 0..count {
                buffer.fill(&n.to_le_bytes().repeat(100));
                all.extend_from_slice(buffer.as_slice());
                let empty = hashing.update(buffer);
                assert!(empty.is_empty());
                buffer = Buffer::with_capacity(4096);
            }
            assert_eq!(hashing.finish(), Digest::of(&all), "{count}");
        }
    }

    #[test]
    fn zeros_are_hashed_in_their_place() {
        for count in [0, 1, INLINE_ZEROS - 1, INLINE_ZEROS + 1] {
            let (mut hashing, mut buffer) = (Hashing::new(), Buffer::with_capacity(100));
            buffer.fill(b"before");
            let mut buffer = hashing.update(buffer);
            hashing.update_zeros(count);
            if buffer.capacity() == 0 {
                buffer = Buffer::with_capacity(100);
            }
            buffer.fill(b"after");
            hashing.update(buffer);
            let all = [b"before", &vec![0; usize::try_from(count).expect("short")][..], b"after"].concat();
            assert_eq!(hashing.finish(), Digest::of(&all), "{count}");
        }
    }
}
