//! Blobs on their way from and to registries: several at once, each telling how far it is.

use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many blobs are on their way at once; more gain nothing from one registry.
const WORKERS: usize = 4;

/// How many bytes pass between two calls of the progress function.
const PROGRESS_BYTES: u64 = 1 << 20;

/// Runs `work` on all of `items` with a few threads; the first error ends it.
pub fn each<T: Sync, E: Send>(items: &[T], work: impl Fn(&T) -> Result<(), E> + Sync) -> Result<(), E> {
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    let worker = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(error) = work(item) {
                next.store(items.len(), Ordering::Relaxed);
                failure.lock().expect("no worker panics while it holds the lock").get_or_insert(error);
            }
        }
    };
    if items.len() == 1 {
        worker();
    } else {
        let workers = std::thread::available_parallelism().map_or(2, NonZeroUsize::get).clamp(2, WORKERS);
        std::thread::scope(|scope| {
            for _ in 1..workers.min(items.len()) {
                // Where no more threads can be started (a limit on processes), fewer blobs are on their way at once.
                if std::thread::Builder::new().spawn_scoped(scope, worker).is_err() {
                    break;
                }
            }
            worker();
        });
    }
    failure.into_inner().expect("no worker panics while it holds the lock").map_or(Ok(()), Err)
}

/// Tells how far it has read, to someone who may end it.
pub struct Counted<R, F> {
    inner: R,
    read_bytes: u64,
    told_bytes: u64,
    tell: F,
}

impl<R: Read, F: Fn(u64) -> io::Result<()>> Counted<R, F> {
    /// Reads `inner`; `tell` gets the bytes read so far, now and then. If it fails, so does the reader.
    pub fn new(inner: R, tell: F) -> Self {
        Self { inner, read_bytes: 0, told_bytes: 0, tell }
    }
}

impl<R: Read, F: Fn(u64) -> io::Result<()>> Read for Counted<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read_bytes += count as u64;
        if self.read_bytes >= self.told_bytes + PROGRESS_BYTES {
            self.told_bytes = self.read_bytes;
            (self.tell)(self.read_bytes)?;
        }
        Ok(count)
    }
}
