//! Saving derived files: replaced atomically, never synced, since they can be made again.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Number of bytes written at a time.
const BUFFER_BYTES: usize = 256 << 10;

/// Replaces the file at `path` by `bytes`. They are written to another name in the same directory, which is renamed.
pub(super) fn save(path: &Path, bytes: &[u8]) -> io::Result<()> {
    save_with(path, |out| out.write_all(bytes))
}

/// Replaces the file at `path` by the output of `write`, as [`save`] does.
pub(super) fn save_with(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{count}.tmp", std::process::id()));
    let fill = |file: File| {
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
        write(&mut out)?;
        out.flush()
    };
    let saved = File::create(&temporary).and_then(fill).and_then(|()| fs::rename(&temporary, path));
    if saved.is_err() {
        // The error that counts is the first one; a leftover goes with the directory of its layer.
        let _ = fs::remove_file(&temporary);
    }
    saved
}
