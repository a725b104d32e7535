//! The hash of a blob that is being written: small ones here, large ones in a thread beside the one that writes.
//!
//! The thread gets buffers in order through a short queue, so no more than a few of them are on the way, and sends
//! them back to be filled again.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use oci::{Digest, Hasher};

use crate::buffer::Buffer;

/// So many buffers are hashed before a thread is worth it.
const BUFFERS_HERE: u32 = 8;
/// So many buffers wait for the thread.
const QUEUE: usize = 4;

/// A hash of buffers.
#[derive(Debug)]
pub(crate) enum Hashing {
    /// In the thread that writes; with the count of buffers so far.
    Here(Hasher, u32),
    /// In one of its own.
    Beside(Beside),
}

#[derive(Debug)]
pub(crate) struct Beside {
    full: SyncSender<Buffer>,
    empty: Receiver<Buffer>,
    thread: JoinHandle<Hasher>,
}

impl Hashing {
    pub(crate) fn new() -> Self {
        Self::Here(Hasher::new(), 0)
    }

    /// Hashes a buffer; gives back an empty one.
    pub(crate) fn update(&mut self, buffer: Buffer) -> Buffer {
        match self {
            Self::Here(hasher, count) => {
                hasher.update(buffer.as_slice());
                *count += 1;
                if *count >= BUFFERS_HERE
                    && let Some(beside) = Beside::start(hasher.clone())
                {
                    *self = Self::Beside(beside);
                }
                buffer.emptied()
            }
            Self::Beside(beside) => {
                beside.full.send(buffer).expect("the thread takes buffers until there is no sender");
                beside.empty.try_recv().unwrap_or_else(|_| Buffer::with_capacity(0))
            }
        }
    }

    pub(crate) fn finish(self) -> Digest {
        let hasher = match self {
            Self::Here(hasher, _) => hasher,
            Self::Beside(Beside { full, thread, .. }) => {
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

impl Beside {
    /// `None` where no thread can be had.
    fn start(mut hasher: Hasher) -> Option<Self> {
        let (full, incoming) = sync_channel::<Buffer>(QUEUE);
        let (outgoing, empty) = sync_channel(QUEUE + 2);
        let hash = move || {
            for buffer in incoming {
                hasher.update(buffer.as_slice());
                // Nobody may want it back.
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
    fn any_number_of_buffers_gives_the_digest_of_all() {
        for count in [0, 1, BUFFERS_HERE - 1, BUFFERS_HERE, BUFFERS_HERE + 1, 100] {
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
