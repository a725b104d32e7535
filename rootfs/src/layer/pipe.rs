//! A second thread that hashes and writes a blob while the first reads on.
//!
//! Chunks go through a bounded channel, so that memory stays flat. An error of the thread is told at the next chunk.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use cache::BlobWriter;

/// The size of chunks.
pub(super) const CHUNK_BYTES: usize = 1 << 20;
/// How many may wait.
const WAITING: usize = 4;

/// A blob that another thread writes.
pub(super) struct Pipe {
    sender: Option<SyncSender<Arc<Vec<u8>>>>,
    thread: Option<JoinHandle<io::Result<BlobWriter>>>,
}

impl Pipe {
    /// Starts the thread.
    pub(super) fn start(mut blob: BlobWriter) -> io::Result<Self> {
        let (sender, receiver) = sync_channel::<Arc<Vec<u8>>>(WAITING);
        let write_all = move || {
            receiver.iter().try_for_each(|chunk| blob.write_all(&chunk))?;
            Ok(blob)
        };
        let thread = thread::Builder::new().name("layer writer".into()).spawn(write_all)?;
        Ok(Self { sender: Some(sender), thread: Some(thread) })
    }

    /// Hands a chunk over.
    pub(super) fn send(&mut self, chunk: Arc<Vec<u8>>) -> io::Result<()> {
        let sent = self.sender.as_ref().is_some_and(|sender| sender.send(chunk).is_ok());
        match sent {
            true => Ok(()),
            // The thread has ended, which it does before its time on an error only.
            false => Err(self.join().err().unwrap_or_else(|| io::Error::other("the writer has ended"))),
        }
    }

    /// Waits until all is written.
    pub(super) fn finish(mut self) -> io::Result<BlobWriter> {
        self.join()
    }

    fn join(&mut self) -> io::Result<BlobWriter> {
        self.sender = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Err(io::Error::other("the writer has failed before")),
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
