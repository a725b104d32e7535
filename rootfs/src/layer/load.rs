//! Reading small files ahead: whole, hashed, and several at a time.

use rayon::prelude::*;

use super::new_entry::NewEntry;
use super::pyc;
use super::source::{Source, changed, verify};
use crate::RootfsError;
use trees::entry::Kind;
use trees::path::compare;

/// Length up to which a file is read whole.
pub(super) const SMALL_BYTES: u64 = 256 << 10;
/// Maximum length of the small files of a batch together.
const MAX_BATCH_BYTES: u64 = 8 << 20;
/// Maximum number of entries of a batch.
const MAX_BATCH_ENTRIES: usize = 1024;
/// Number of entries below which starting other threads costs more than it saves.
const MIN_PARALLEL_ENTRIES: usize = 8;

/// Small file that has been read.
pub(super) struct Loaded {
    /// Content as the tar has it.
    pub bytes: Vec<u8>,
    /// The blake3 of the real content.
    pub content: [u8; 32],
    /// Source time that byte code really has, if `bytes` have a clamped one; else `None`.
    pub pyc_mtime: Option<u32>,
}

/// Returns the number of entries at the start of `entries` that are read as one batch, at least 1.
pub(super) fn batch_length(entries: &[NewEntry]) -> usize {
    let mut bytes = 0;
    let fits = |new: &&NewEntry| {
        bytes += if is_small(new) { new.size_bytes() } else { 0 };
        bytes <= MAX_BATCH_BYTES
    };
    entries.iter().take(MAX_BATCH_ENTRIES).take_while(fits).count().max(1)
}

/// Reads the small files of a batch, which is part of the layer of `entries`. The result has one item for each entry
/// of the batch; `None` for a large file and for other kinds.
pub(super) fn load_batch(
    batch: &[NewEntry],
    entries: &[NewEntry],
) -> Vec<Result<Option<Loaded>, RootfsError>> {
    let load = |new: &NewEntry| if is_small(new) { load(new, entries).map(Some) } else { Ok(None) };
    if batch.len() < MIN_PARALLEL_ENTRIES {
        batch.iter().map(load).collect()
    } else {
        batch.par_iter().with_min_len(MIN_PARALLEL_ENTRIES).map(load).collect()
    }
}

/// Reports whether a file is read whole. Byte code is, because a time inside it can have to be replaced.
fn is_small(new: &NewEntry) -> bool {
    let limit = if new.path.ends_with(b".pyc") { pyc::MAX_BYTES } else { SMALL_BYTES };
    matches!(new.entry.kind, Kind::File { size_bytes } if size_bytes <= limit)
}

fn load(new: &NewEntry, entries: &[NewEntry]) -> Result<Loaded, RootfsError> {
    let mut bytes = read_whole(new)?;
    let content = *blake3::hash(&bytes).as_bytes();
    verify(new, content)?;
    let times = source_times(new, &bytes, entries);
    if let Some((_, clamped)) = times {
        pyc::set_mtime(&mut bytes, clamped);
    }
    Ok(Loaded { bytes, content, pyc_mtime: times.map(|(real, _)| real) })
}

/// Reads the content of a small file. It asks for one byte more than the file has: most readers return everything at
/// once then, and need no second call to show that the file has not grown.
fn read_whole(new: &NewEntry) -> Result<Vec<u8>, RootfsError> {
    let size_bytes = usize::try_from(new.size_bytes()).expect("small");
    if size_bytes == 0 {
        return Ok(Vec::new());
    }
    let mut source = Source::open(new)?;
    let mut bytes = vec![0; size_bytes + 1];
    let mut filled = 0;
    while filled < size_bytes {
        filled += source.read(&mut bytes[filled..])?;
    }
    if filled > size_bytes {
        return Err(changed(new));
    }
    bytes.truncate(size_bytes);
    Ok(bytes)
}

/// Returns the real and the clamped source time of byte code; `None` if the source is not in the layer, or if its
/// time is not clamped.
fn source_times(new: &NewEntry, bytes: &[u8], entries: &[NewEntry]) -> Option<(u32, u32)> {
    let source = pyc::source_of(&new.path)?;
    let recorded = pyc::recorded_mtime(bytes)?;
    let source = &entries[entries.binary_search_by(|entry| compare(&entry.path, &source)).ok()?];
    let real = low_bits(source.entry.mtime.seconds);
    let clamped = low_bits(source.written_mtime());
    (recorded == real && clamped != real).then_some((real, clamped))
}

/// Returns the 32 bits of a time that byte code stores.
fn low_bits(seconds: i64) -> u32 {
    u32::try_from(seconds & 0xffff_ffff).expect("32 bits")
}
