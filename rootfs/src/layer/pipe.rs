//! A second thread that hashes and writes a blob while the first one goes on.
//!
//! Chunks go through a bounded channel, so that memory does not grow. An error of the thread is reported with the
//! next chunk.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use cache::BlobWriter;

/// Length of a chunk.
pub(super) const CHUNK_BYTES: usize = 1 << 20;
/// Number of chunks that can wait for the thread.
const MAX_WAITING: usize = 4;

/// Part of a tar on its way to the thread.
pub(super) enum Chunk {
    /// Bytes of at most about [`CHUNK_BYTES`].
    Data(Arc<Vec<u8>>),
    /// Number of zeros, which nobody has in memory.
    Zeros(u64),
}

/// Blob that another thread writes.
pub(super) struct Pipe {
    sender: Option<SyncSender<Chunk>>,
    thread: Option<JoinHandle<io::Result<BlobWriter>>>,
}

impl Pipe {
    /// Starts the thread that writes `blob`.
    pub(super) fn start(mut blob: BlobWriter) -> io::Result<Self> {
        let (sender, receiver) = sync_channel::<Chunk>(MAX_WAITING);
        let write_all = move || {
            receiver.iter().try_for_each(|chunk| match chunk {
                Chunk::Data(bytes) => blob.write_all(&bytes),
                Chunk::Zeros(count) => blob.write_zeros(count).map_err(io::Error::other),
            })?;
            Ok(blob)
        };
        let thread = thread::Builder::new().name("layer writer".into()).spawn(write_all)?;
        Ok(Self { sender: Some(sender), thread: Some(thread) })
    }

    /// Hands a chunk to the thread.
    pub(super) fn send(&mut self, chunk: Chunk) -> io::Result<()> {
        let sent = self.sender.as_ref().is_some_and(|sender| sender.send(chunk).is_ok());
        if sent {
            return Ok(());
        }
        // The thread ends early after an error only.
        Err(self
            .join()
            .err()
            .unwrap_or_else(|| io::Error::other("the thread that writes the layer has ended")))
    }

    /// Waits until everything is written, and returns the blob.
    pub(super) fn finish(mut self) -> io::Result<BlobWriter> {
        self.join()
    }

    fn join(&mut self) -> io::Result<BlobWriter> {
        self.sender = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Err(io::Error::other("the thread that writes the layer has failed before")),
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            // The error is of no interest any more: the blob is discarded.
            let _ = thread.join();
        }
    }
}
