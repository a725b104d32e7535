//! Hashing a blob while it is written: small blobs in the writing thread, large ones in a second thread beside it.
//!
//! The second thread gets full buffers in order through a short queue, which bounds how many are on the way, and sends
//! them back to be filled again.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use oci::{Digest, Hasher};

use crate::buffer::Buffer;

/// Number of buffers from which a second thread is worth its start.
const INLINE_BUFFERS: u32 = 8;
/// Number of buffers that can wait for the second thread.
const QUEUE_LENGTH: usize = 4;

/// A running hash over buffers.
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
    full: SyncSender<Buffer>,
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
                if *count >= INLINE_BUFFERS
                    && let Some(thread) = HashThread::start(hasher.clone())
                {
                    *self = Self::Threaded(thread);
                }
                buffer.emptied()
            }
            Self::Threaded(thread) => {
                thread.full.send(buffer).expect("the thread takes buffers until there is no sender");
                thread.empty.try_recv().unwrap_or_else(|_| Buffer::with_capacity(0))
            }
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
        let (full, incoming) = sync_channel::<Buffer>(QUEUE_LENGTH);
        let (outgoing, empty) = sync_channel(QUEUE_LENGTH + 2);
        let hash = move || {
            for buffer in incoming {
                hasher.update(buffer.as_slice());
                // A buffer that the writer does not take back is freed.
                let _ = outgoing.try_send(buffer.emptied());
            }
            hasher
        };
        let thread = std::thread::Builder::new().name("hash".to_owned()).spawn(hash).ok()?;
        Some(Self { full, empty, thread })
    }
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
}
