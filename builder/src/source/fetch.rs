//! Brings the layers of an image here, several at a time.

use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache::{Key, Store};
use oci::{Descriptor, DiffId};
use rootfs::layers::Layers;

use super::blobs::BlobSource;
use super::{Progress, SourceError, layer};
use crate::forms;

/// How many layers are fetched at once; more gain nothing from one registry.
const WORKERS: usize = 4;

/// How many bytes pass between two calls of the progress function.
const PROGRESS_BYTES: u64 = 1 << 20;

/// Makes every layer of `wanted` (blob and diff ID) present. Those that are here are not fetched.
pub(super) fn layers(
    store: &Store,
    layers: &Layers,
    source: &dyn BlobSource,
    wanted: &[(Descriptor, DiffId)],
    progress: Progress<'_>,
) -> Result<(), SourceError> {
    let mut missing: Vec<&(Descriptor, DiffId)> = Vec::new();
    for layer in wanted {
        if !missing.iter().any(|(_, diff)| *diff == layer.1) && !layers.contains(&layer.1)? {
            missing.push(layer);
        }
    }
    each(&missing, |(blob, diff)| {
        one(store, layers, source, blob, *diff, progress)
            .map_err(|error| SourceError::Layer { digest: blob.digest, source: Box::new(error) })
    })
}

/// Runs `work` on all of `items` with a few threads; the first error ends it.
fn each<T: Sync>(
    items: &[T],
    work: impl Fn(&T) -> Result<(), SourceError> + Sync,
) -> Result<(), SourceError> {
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
            (0..workers.min(items.len())).for_each(|_| drop(scope.spawn(worker)));
        });
    }
    failure.into_inner().expect("no worker panics while it holds the lock").map_or(Ok(()), Err)
}

fn one(
    store: &Store,
    layers: &Layers,
    source: &dyn BlobSource,
    blob: &Descriptor,
    diff: DiffId,
    progress: Progress<'_>,
) -> Result<(), SourceError> {
    // Two builds that start at once fetch a common base once.
    let _lock = store.lock_step(&Key::of(format!("fetch layer {diff}").as_bytes()))?;
    if layers.contains(&diff)? {
        return Ok(());
    }
    let id = blob.digest.to_string();
    progress(&id, 0, Some(blob.size_bytes), false);
    let counted = Counted {
        inner: source.open(blob)?,
        read_bytes: 0,
        told_bytes: 0,
        tell: |read_bytes| progress(&id, read_bytes, Some(blob.size_bytes), false),
    };
    layer::import(layers, counted, blob.size_bytes, Some(diff))?;
    forms::remember(store, &diff, forms::ORIGIN, blob)?;
    progress(&id, blob.size_bytes, Some(blob.size_bytes), true);
    Ok(())
}

/// Tells how far it has read.
struct Counted<R, F> {
    inner: R,
    read_bytes: u64,
    told_bytes: u64,
    tell: F,
}

impl<R: Read, F: Fn(u64)> Read for Counted<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read_bytes += count as u64;
        if self.read_bytes >= self.told_bytes + PROGRESS_BYTES {
            self.told_bytes = self.read_bytes;
            (self.tell)(self.read_bytes);
        }
        Ok(count)
    }
}
