//! Writing new entries as a canonical tar and its index, in one pass.
//!
//! Three kinds of work run at the same time. Several threads read small files and hash them (blake3), in batches that
//! are in the order of the tar ([`super::load`]). The calling thread assembles the tar. Another thread hashes it
//! (sha256) and writes it ([`super::pipe`]). Memory does not grow with the length of contents. Holes of large files are
//! not read; their zeros go to the other thread as a number.

use std::io::{self, Write};
use std::sync::Arc;

use cache::{MIN_HOLE_BYTES, Store, each_zeros};
use oci::DiffId;

use super::entry_header::{check_name, directory_name, header_of, marker_header};
use super::load::{Loaded, SMALL_BYTES, batch_length, load_batch};
use super::new_entry::NewEntry;
use super::pipe::{CHUNK_BYTES, Chunk, Pipe};
use super::source::{Source, changed, verify};
use super::{OPAQUE_MARKER, WHITEOUT_PREFIX};
use crate::RootfsError;
use crate::error::{bad_entry, failed};
use crate::index::{Index, Origin, Row, Stored};
use tarball::Header;
use tarball::{BLOCK_BYTES, padding};
use trees::entry::Kind;
use trees::path::{compare, join, split, to_bytes};
use trees::sparse::hash_zeros;

/// Writes a layer of `entries` to the store. Their paths are in the order of [`compare`] and unique. Parent
/// directories come before the entries in them, or are implied.
pub(crate) fn write(store: &Store, entries: Vec<NewEntry>) -> Result<(DiffId, Index), RootfsError> {
    let mut pipe = Pipe::start(store.write_blob()?).map_err(failed("start a thread for", store.root()))?;
    let rows = write_chunks(&entries, &mut |chunk| pipe.send(chunk))?;
    let blob = pipe.finish().map_err(failed("write a layer to", store.root()))?;
    // The index takes as much memory again, so the entries are freed first.
    drop(entries);
    // The index could be built while the thread writes its last chunks, but the disk is the bottleneck anyway.
    let index = Index::build(rows, Origin::Made)?;
    Ok((DiffId(blob.commit(None)?), index))
}

/// Writes `entries` as a tar to `out`; they are as for [`write()`].
pub(crate) fn write_to(entries: &[NewEntry], out: &mut dyn Write) -> Result<(), RootfsError> {
    let mut write = |chunk| match chunk {
        Chunk::Data(bytes) => out.write_all(&bytes),
        Chunk::Zeros(count) => each_zeros(count, |zeros| out.write_all(zeros)),
    };
    write_chunks(entries, &mut write).map(|_| ())
}

/// Hands the tar of `entries` to `sink` in chunks, and returns the rows of its index.
fn write_chunks(
    entries: &[NewEntry],
    sink: &mut dyn FnMut(Chunk) -> io::Result<()>,
) -> Result<Vec<Row>, RootfsError> {
    check_order(entries)?;
    let mut writer =
        Writer { entries, sink, buffer: new_buffer(), flushed: 0, rows: Vec::with_capacity(entries.len()) };
    writer.write_all()?;
    Ok(writer.rows)
}

fn check_order(entries: &[NewEntry]) -> Result<(), RootfsError> {
    let is_wrong = |pair: &&[NewEntry]| compare(&pair[0].path, &pair[1].path).is_ge();
    match entries.windows(2).find(is_wrong) {
        Some(pair) => Err(bad_entry(&pair[1].path, "it is twice in its layer, or not in order")),
        None => Ok(()),
    }
}

/// Returns an empty buffer with room for a chunk and for the small file that makes it full.
fn new_buffer() -> Vec<u8> {
    Vec::with_capacity(CHUNK_BYTES + SMALL_BYTES as usize)
}

struct Writer<'a> {
    entries: &'a [NewEntry],
    sink: &'a mut dyn FnMut(Chunk) -> io::Result<()>,
    /// Part of the tar that `sink` does not have yet.
    buffer: Vec<u8>,
    /// Number of bytes that `sink` has received.
    flushed: u64,
    rows: Vec<Row>,
}

impl Writer<'_> {
    fn write_all(&mut self) -> Result<(), RootfsError> {
        let mut rest = self.entries;
        while !rest.is_empty() {
            let (batch, others) = rest.split_at(batch_length(rest));
            rest = others;
            for (new, loaded) in batch.iter().zip(load_batch(batch, self.entries)) {
                self.entry(new, loaded?)?;
            }
        }
        self.buffer.resize(self.buffer.len() + 2 * BLOCK_BYTES, 0);
        self.flush()
    }

    fn entry(&mut self, new: &NewEntry, loaded: Option<Loaded>) -> Result<(), RootfsError> {
        check_name(new)?;
        match &new.entry.kind {
            Kind::Whiteout => self.whiteout(new)?,
            Kind::Hardlink { target } => self.hard_link(new, to_bytes(target))?,
            Kind::File { size_bytes } => self.file(new, *size_bytes, loaded)?,
            Kind::Directory { opaque } => {
                self.header(&header_of(new, &directory_name(&new.path)))?;
                if *opaque {
                    self.header(&marker_header(&join(&new.path, OPAQUE_MARKER)))?;
                }
                self.row(new, Stored::default());
            }
            _ => {
                self.header(&header_of(new, &new.path))?;
                self.row(new, Stored::default());
            }
        }
        self.flush_if_full()
    }

    fn whiteout(&mut self, new: &NewEntry) -> Result<(), RootfsError> {
        let (parent, name) = split(&new.path).ok_or_else(|| bad_entry(b"", "the root cannot be removed"))?;
        self.header(&marker_header(&join(parent, &[WHITEOUT_PREFIX, name].concat())))?;
        self.rows.push(Row::whiteout(new.path.clone()));
        Ok(())
    }

    fn hard_link(&mut self, new: &NewEntry, target: &[u8]) -> Result<(), RootfsError> {
        let found = self.rows.binary_search_by(|row| compare(&row.path, target)).ok();
        let first = found.filter(|&first| matches!(self.rows[first].entry.kind, Kind::File { .. }));
        let first = first
            .ok_or_else(|| bad_entry(&new.path, "a hard link to something other than a file before it"))?;
        // An unpacker can apply the metadata again under this name, so it is that of the file.
        let file = NewEntry { entry: self.rows[first].entry.clone(), ..new.clone() };
        self.header(&Header { typeflag: b'1', link: target, ..header_of(&file, &new.path) })?;
        if self.rows[first].group == 0 {
            self.rows[first].group = u32::try_from(first + 1).unwrap_or(u32::MAX);
        }
        let row = Row { path: new.path.clone(), ..self.rows[first].clone() };
        self.rows.push(row);
        Ok(())
    }

    fn file(&mut self, new: &NewEntry, size_bytes: u64, loaded: Option<Loaded>) -> Result<(), RootfsError> {
        self.header(&Header { size_bytes, ..header_of(new, &new.path) })?;
        let offset = self.flushed + self.buffer.len() as u64;
        let (content, pyc_mtime) = match loaded {
            Some(loaded) => {
                self.buffer.extend_from_slice(&loaded.bytes);
                (loaded.content, loaded.pyc_mtime)
            }
            None => (self.copy_large(new, size_bytes)?, None),
        };
        self.buffer.resize(self.buffer.len() + padding(size_bytes), 0);
        self.row(new, Stored { offset, content, sparse: None, pyc_mtime });
        Ok(())
    }

    /// Copies the content of a large file piece by piece; returns its blake3.
    fn copy_large(&mut self, new: &NewEntry, size_bytes: u64) -> Result<[u8; 32], RootfsError> {
        let mut source = Source::open(new)?;
        let mut hasher = blake3::Hasher::new();
        let mut left = size_bytes;
        while left > 0 {
            let hole = source.skip_hole()?;
            left = left.checked_sub(hole).ok_or_else(|| changed(new))?;
            // The other thread hashes the zeros at the same time.
            self.zeros(hole)?;
            hash_zeros(&mut hasher, hole);
            if left == 0 {
                break;
            }
            self.flush_if_full()?;
            let start = self.buffer.len();
            let room = (CHUNK_BYTES - start) as u64;
            self.buffer.resize(start + usize::try_from(room.min(left)).expect("less than a chunk"), 0);
            let count = source.read(&mut self.buffer[start..])?;
            self.buffer.truncate(start + count);
            hasher.update(&self.buffer[start..]);
            left -= count as u64;
        }
        source.check_end()?;
        let content = *hasher.finalize().as_bytes();
        verify(new, content)?;
        Ok(content)
    }

    /// Appends the zeros of a hole.
    fn zeros(&mut self, count: u64) -> Result<(), RootfsError> {
        match usize::try_from(count) {
            // A chunk of its own would cost more than it saves.
            Ok(count) if count < MIN_HOLE_BYTES => self.buffer.resize(self.buffer.len() + count, 0),
            _ => {
                self.flush()?;
                self.send(Chunk::Zeros(count))?;
            }
        }
        self.flush_if_full()
    }

    fn header(&mut self, header: &Header<'_>) -> Result<(), RootfsError> {
        Ok(header.encode(&mut self.buffer)?)
    }

    fn row(&mut self, new: &NewEntry, stored: Stored) {
        self.rows.push(Row::new(new.path.clone(), new.entry.clone(), stored));
    }

    fn flush_if_full(&mut self) -> Result<(), RootfsError> {
        if self.buffer.len() < CHUNK_BYTES { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), RootfsError> {
        let chunk = std::mem::replace(&mut self.buffer, new_buffer());
        self.send(Chunk::Data(Arc::new(chunk)))
    }

    fn send(&mut self, chunk: Chunk) -> Result<(), RootfsError> {
        self.flushed += match &chunk {
            Chunk::Data(bytes) => bytes.len() as u64,
            Chunk::Zeros(count) => *count,
        };
        (self.sink)(chunk).map_err(failed("write a layer's tar", ""))
    }
}
