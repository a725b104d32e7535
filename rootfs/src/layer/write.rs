//! Entries become a canonical tar and its index, in one pass.
//!
//! Three things happen at once: small files are read and hashed (blake3) by several threads, in batches whose order is
//! that of the tar; this thread puts the tar together; another hashes (sha256) and writes it ([`super::pipe`]). Memory is
//! flat in the size of contents.

use std::io::{self, Read, Write};
use std::sync::Arc;

use cache::{Key, Store};
use oci::DiffId;
use rayon::prelude::*;

use super::pipe::{CHUNK_BYTES, Pipe};
use super::{OPAQUE_MARKER, WHITEOUT_PREFIX, pyc};
use crate::RootfsError;
use crate::content::Content;
use crate::entry::Kind;
use crate::error::{bad_entry, failed};
use crate::index::{Index, Origin, Row, Stored};
use crate::path::{self, compare, join, split, to_path};
use crate::tar::write_header::Header;
use crate::tar::{BLOCK_BYTES, padding};

/// Files up to this length are read whole, several at a time.
const SMALL_BYTES: u64 = 256 << 10;
/// What a batch of them may hold.
const BATCH_BYTES: u64 = 8 << 20;
/// How many entries a batch may have.
const BATCH_ENTRIES: usize = 1024;
/// Fewer are not worth other threads.
const PARALLEL_ENTRIES: usize = 8;

use super::new_entry::NewEntry;

/// Writes `entries` to the store. They are in the order of [`compare`], each once; the directories they lie in come
/// before them, or are implied.
pub(crate) fn write(store: &Store, entries: Vec<NewEntry>) -> Result<(DiffId, Index), RootfsError> {
    let mut pipe = Pipe::start(store.write_blob()?).map_err(failed("start a thread for", store.root()))?;
    let rows = write_chunks(&entries, &mut |chunk| pipe.send(Arc::new(chunk)))?;
    let blob = pipe.finish().map_err(failed("write a layer to", store.root()))?;
    // Before the index takes as much again.
    drop(entries);
    // Made while the thread writes its last chunks, were it not that the disk is waited for anyway.
    let index = Index::build(rows, Origin::Made)?;
    Ok((DiffId(blob.commit(None)?), index))
}

/// Writes `entries` as a tar to `out`.
pub(crate) fn write_to(entries: &[NewEntry], out: &mut dyn Write) -> Result<(), RootfsError> {
    write_chunks(entries, &mut |chunk| out.write_all(&chunk)).map(|_| ())
}

fn write_chunks(
    entries: &[NewEntry],
    sink: &mut dyn FnMut(Vec<u8>) -> io::Result<()>,
) -> Result<Vec<Row>, RootfsError> {
    check_order(entries)?;
    let buffer = Vec::with_capacity(CHUNK_BYTES + SMALL_BYTES as usize);
    let mut writer = Writer { entries, sink, buffer, flushed: 0, rows: Vec::with_capacity(entries.len()) };
    writer.write_all()?;
    Ok(writer.rows)
}

fn check_order(entries: &[NewEntry]) -> Result<(), RootfsError> {
    let in_order = |pair: &&[NewEntry]| compare(&pair[0].path, &pair[1].path).is_ge();
    match entries.windows(2).find(in_order) {
        Some(pair) => Err(bad_entry(&pair[1].path, "it is twice in its layer, or not in order")),
        None => Ok(()),
    }
}

struct Writer<'a> {
    entries: &'a [NewEntry],
    sink: &'a mut dyn FnMut(Vec<u8>) -> io::Result<()>,
    buffer: Vec<u8>,
    flushed: u64,
    rows: Vec<Row>,
}

/// A file that has been read.
struct Loaded {
    bytes: Vec<u8>,
    content: [u8; 32],
    pyc_mtime: Option<u32>,
}

impl Writer<'_> {
    fn write_all(&mut self) -> Result<(), RootfsError> {
        let mut rest = self.entries;
        while !rest.is_empty() {
            let (batch, others) = rest.split_at(batch_length(rest));
            rest = others;
            for (new, loaded) in batch.iter().zip(self.load(batch)) {
                self.entry(new, loaded?)?;
            }
        }
        self.buffer.resize(self.buffer.len() + 2 * BLOCK_BYTES, 0);
        self.flush()
    }

    /// Reads the small files of a batch.
    fn load(&self, batch: &[NewEntry]) -> Vec<Result<Option<Loaded>, RootfsError>> {
        let load = |new: &NewEntry| match is_small(new) {
            true => load(new, self.entries).map(Some),
            false => Ok(None),
        };
        match batch.len() < PARALLEL_ENTRIES {
            true => batch.iter().map(load).collect(),
            false => batch.par_iter().with_min_len(PARALLEL_ENTRIES).map(load).collect(),
        }
    }

    fn entry(&mut self, new: &NewEntry, loaded: Option<Loaded>) -> Result<(), RootfsError> {
        check_name(new)?;
        match &new.entry.kind {
            Kind::Whiteout => self.whiteout(new)?,
            Kind::Hardlink { target } => self.link(new, path::to_bytes(target))?,
            Kind::File { size_bytes } => self.file(new, *size_bytes, loaded)?,
            Kind::Directory { opaque } => {
                self.header(&header_of(new, &directory_name(&new.path)))?;
                if *opaque {
                    self.header(&marker(&join(&new.path, OPAQUE_MARKER)))?;
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
        self.header(&marker(&join(parent, &[WHITEOUT_PREFIX, name].concat())))?;
        self.rows.push(Row::whiteout(new.path.clone()));
        Ok(())
    }

    fn link(&mut self, new: &NewEntry, target: &[u8]) -> Result<(), RootfsError> {
        let found = self.rows.binary_search_by(|row| compare(&row.path, target)).ok();
        let first = found.filter(|&first| matches!(self.rows[first].entry.kind, Kind::File { .. }));
        let first = first.ok_or_else(|| bad_entry(&new.path, "a hard link to what is no file before it"))?;
        // As the file is: an unpacker may apply all of this again, by the new name.
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
            None => (self.stream(new, size_bytes)?, None),
        };
        self.buffer.resize(self.buffer.len() + padding(size_bytes), 0);
        self.row(new, Stored { offset, content, sparse: None, pyc_mtime });
        Ok(())
    }

    /// Copies a large file.
    fn stream(&mut self, new: &NewEntry, size_bytes: u64) -> Result<[u8; 32], RootfsError> {
        let mut reader = open(new)?;
        let mut hasher = blake3::Hasher::new();
        let mut left = size_bytes;
        while left > 0 {
            self.flush_if_full()?;
            let start = self.buffer.len();
            let room = (CHUNK_BYTES - start) as u64;
            self.buffer.resize(start + usize::try_from(room.min(left)).expect("less than a chunk"), 0);
            let count = read_some(&mut reader, &mut self.buffer[start..]).map_err(read_error(new))?;
            if count == 0 {
                return Err(changed(new));
            }
            self.buffer.truncate(start + count);
            hasher.update(&self.buffer[start..]);
            left -= count as u64;
        }
        if read_some(&mut reader, &mut [0]).map_err(read_error(new))? != 0 {
            return Err(changed(new));
        }
        verified(new, *hasher.finalize().as_bytes())
    }

    fn header(&mut self, header: &Header<'_>) -> Result<(), RootfsError> {
        header.encode(&mut self.buffer)
    }

    fn row(&mut self, new: &NewEntry, stored: Stored) {
        let (path, entry) = (new.path.clone(), new.entry.clone());
        self.rows.push(Row::new(path, entry, stored));
    }

    fn flush_if_full(&mut self) -> Result<(), RootfsError> {
        if self.buffer.len() < CHUNK_BYTES { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), RootfsError> {
        let next = Vec::with_capacity(CHUNK_BYTES + SMALL_BYTES as usize);
        let chunk = std::mem::replace(&mut self.buffer, next);
        self.flushed += chunk.len() as u64;
        (self.sink)(chunk).map_err(failed("write a layer's tar", ""))
    }
}

/// How many entries are taken at once: at least one.
fn batch_length(entries: &[NewEntry]) -> usize {
    let mut bytes = 0;
    let fits = |new: &&NewEntry| {
        bytes += if is_small(new) { size_of(new) } else { 0 };
        bytes <= BATCH_BYTES
    };
    entries.iter().take(BATCH_ENTRIES).take_while(fits).count().max(1)
}

fn size_of(new: &NewEntry) -> u64 {
    match new.entry.kind {
        Kind::File { size_bytes } => size_bytes,
        _ => 0,
    }
}

/// True for files that are read whole: byte code is patched, so it is.
fn is_small(new: &NewEntry) -> bool {
    let limit = if new.path.ends_with(b".pyc") { pyc::MAX_BYTES } else { SMALL_BYTES };
    matches!(new.entry.kind, Kind::File { size_bytes } if size_bytes <= limit)
}

fn load(new: &NewEntry, entries: &[NewEntry]) -> Result<Loaded, RootfsError> {
    let size_bytes = usize::try_from(size_of(new)).expect("small");
    let mut bytes = read_whole(new, size_bytes)?;
    let content = verified(new, *blake3::hash(&bytes).as_bytes())?;
    let patch = clamped_code(new, &bytes, entries);
    if let Some((_, clamped)) = patch {
        pyc::set_mtime(&mut bytes, clamped);
    }
    Ok(Loaded { bytes, content, pyc_mtime: patch.map(|(real, _)| real) })
}

/// The bytes of a small file. One more than it has is asked for: most readers give all at once, and are asked once.
fn read_whole(new: &NewEntry, size_bytes: usize) -> Result<Vec<u8>, RootfsError> {
    if size_bytes == 0 {
        return Ok(Vec::new());
    }
    let mut reader = open(new)?;
    let mut bytes = vec![0; size_bytes + 1];
    let mut filled = 0;
    while filled < size_bytes {
        match read_some(&mut reader, &mut bytes[filled..]).map_err(read_error(new))? {
            0 => return Err(changed(new)),
            count => filled += count,
        }
    }
    if filled > size_bytes {
        return Err(changed(new));
    }
    bytes.truncate(size_bytes);
    Ok(bytes)
}

/// The real and the clamped time of byte code whose source is in the layer and has its time clamped.
fn clamped_code(new: &NewEntry, bytes: &[u8], entries: &[NewEntry]) -> Option<(u32, u32)> {
    let source = pyc::source_of(&new.path)?;
    let recorded = pyc::recorded_mtime(bytes)?;
    let source = &entries[entries.binary_search_by(|entry| compare(&entry.path, &source)).ok()?];
    let real = low_bits(source.entry.mtime.seconds);
    let clamped = low_bits(written_mtime(source));
    (recorded == real && clamped != real).then_some((real, clamped))
}

/// Byte code has room for 32 bits of a time.
fn low_bits(seconds: i64) -> u32 {
    u32::try_from(seconds & 0xffff_ffff).expect("32 bits")
}

/// The time of an entry in the tar.
fn written_mtime(new: &NewEntry) -> i64 {
    new.entry.mtime.seconds.min(new.clamp.0)
}

fn open(new: &NewEntry) -> Result<Box<dyn Read + Send>, RootfsError> {
    let content = new.content.as_ref().ok_or_else(|| bad_entry(&new.path, "a file without its content"))?;
    content.open(size_of(new)).map_err(read_error(new))
}

fn read_some(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn read_error(new: &NewEntry) -> impl FnOnce(io::Error) -> RootfsError {
    move |error| match error.kind() {
        // It was there when the build looked.
        io::ErrorKind::NotFound => changed(new),
        _ => failed("read", to_path(source_path(new)))(error),
    }
}

/// What people know the file as: where it comes from, if that is a tree.
fn source_path(new: &NewEntry) -> &[u8] {
    match &new.content {
        Some(Content::Tree { path, .. }) => path::to_bytes(path),
        _ => &new.path,
    }
}

fn changed(new: &NewEntry) -> RootfsError {
    RootfsError::Changed { path: to_path(source_path(new)).to_owned() }
}

fn verified(new: &NewEntry, found: [u8; 32]) -> Result<[u8; 32], RootfsError> {
    match &new.content {
        Some(Content::Tree { digest: Some(expected), .. }) if *expected.as_bytes() != found => {
            Err(changed(new))
        }
        Some(Content::Tree { digest: None, tree, path }) => {
            tree.learn(path, Key::from_bytes(found));
            Ok(found)
        }
        _ => Ok(found),
    }
}

/// Whether a tar can say this without another meaning.
fn check_name(new: &NewEntry) -> Result<(), RootfsError> {
    path::check(&new.path)?;
    match split(&new.path) {
        None if !new.entry.is_dir() => Err(bad_entry(b"", "the root can only be a directory")),
        Some((_, name)) if name.starts_with(WHITEOUT_PREFIX) => Err(bad_entry(
            &new.path,
            "a layer cannot hold a file whose name starts with \".wh.\": it would remove another",
        )),
        _ => Ok(()),
    }
}

fn directory_name(path: &[u8]) -> Vec<u8> {
    if path.is_empty() { b"./".to_vec() } else { [path, b"/"].concat() }
}

fn header_of<'a>(new: &'a NewEntry, name: &'a [u8]) -> Header<'a> {
    let none = (b"" as &[u8], (0, 0));
    let (typeflag, (link, device)) = match &new.entry.kind {
        Kind::Directory { .. } => (b'5', none),
        Kind::Symlink { target } => (b'2', (path::to_bytes(target), (0, 0))),
        Kind::CharDevice { major, minor } => (b'3', (none.0, (*major, *minor))),
        Kind::BlockDevice { major, minor } => (b'4', (none.0, (*major, *minor))),
        Kind::Fifo => (b'6', none),
        Kind::File { .. } | Kind::Hardlink { .. } | Kind::Whiteout => (b'0', none),
    };
    let entry = &new.entry;
    // Linux gives all symbolic links one mode.
    let mode = if typeflag == b'2' { 0o777 } else { entry.mode & 0o7777 };
    let (uid, gid, mtime, xattrs) = (entry.uid, entry.gid, written_mtime(new), &entry.xattrs);
    Header { name, typeflag, mode, uid, gid, size_bytes: 0, mtime, link, device, xattrs }
}

/// The header of a whiteout or of an opaque directory's mark.
fn marker(name: &[u8]) -> Header<'_> {
    static NO_XATTRS: std::collections::BTreeMap<Vec<u8>, Vec<u8>> = std::collections::BTreeMap::new();
    Header {
        name,
        typeflag: b'0',
        mode: 0,
        uid: 0,
        gid: 0,
        size_bytes: 0,
        mtime: 0,
        link: b"",
        device: (0, 0),
        xattrs: &NO_XATTRS,
    }
}
