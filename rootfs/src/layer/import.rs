//! Importing a foreign tar: it becomes a blob and an index in one pass.
//!
//! The blob is the whole input, including bytes after the end of the tar, because the digest that others know covers
//! all of it.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use trees::TreeError;

use cache::Store;
use oci::DiffId;

use super::gather::{EntryCollector, Role, role};
use super::pipe::{CHUNK_BYTES, Chunk, Pipe};
use super::stored::SparseReader;
use crate::index::{Index, Origin, Row};
use tarball::{Member, Members};

use crate::RootfsError;
use crate::error::{bad_entry, failed};

/// Number of bytes that are hashed at a time.
const BUFFER_BYTES: usize = 64 << 10;
/// Maximum length of the holes of all sparse files of a layer. They cost nothing in the tar, but time to hash.
const MAX_HOLES_BYTES: u64 = 64 << 30;

/// Stores `tar` as it is and makes its index. Fails if `expected` is given and the tar has another diff ID.
pub(crate) fn import(
    store: &Store,
    tar: &mut dyn Read,
    expected: Option<DiffId>,
) -> Result<(DiffId, Index), RootfsError> {
    let pipe = Pipe::start(store.write_blob()?).map_err(failed("start a thread for", store.root()))?;
    let mut tee = Tee { source: tar, chunk: Arc::default(), at: 0, pipe, unwritten: None };
    let read = rows(&mut tee)
        .and_then(|rows| tee.drain().map(|()| rows).map_err(failed("read the layer's tar", "")));
    // The reader of the tar cannot know that it was the copy in the store that failed.
    let unwritten = tee.unwritten.take().map_or(Ok(()), Err);
    unwritten.map_err(failed("write a layer to", store.root()))?;
    let rows = read?;
    let blob = tee.pipe.finish().map_err(failed("write a layer to", store.root()))?;
    let digest = blob.commit(expected.as_ref().map(|layer| &layer.0))?;
    Ok((DiffId(digest), Index::build(rows, Origin::Imported)?))
}

/// Makes the index of a tar that is in the store already.
pub(crate) fn reindex(tar: File, origin: Origin) -> Result<Index, RootfsError> {
    Index::build(rows(io::BufReader::with_capacity(CHUNK_BYTES, tar))?, origin)
}

/// Returns the rows of the entries that unpacking `tar` would leave.
pub(super) fn rows(tar: impl Read) -> Result<Vec<Row>, RootfsError> {
    let mut members = Members::new(tar);
    let mut collector = EntryCollector::default();
    let mut holes_left = MAX_HOLES_BYTES;
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Some(member) = members.next()? {
        let content = match role(&member.name)? {
            Role::Ignored => continue,
            Role::Entry if member.typeflag == b'0' => {
                let holes = member.size_bytes.saturating_sub(member.stored_bytes);
                let limit =
                    || TreeError::Limit { what: "all holes of a layer's files", limit: "64 GiB".into() };
                holes_left = holes_left.checked_sub(holes).ok_or_else(limit)?;
                hash(&mut members, &member, &mut buffer)?
            }
            Role::Entry | Role::Whiteout => [0; 32],
        };
        collector.add(member, content)?;
    }
    Ok(collector.finish())
}

/// Returns the blake3 of the real content of the current member.
fn hash<R: Read>(
    members: &mut Members<R>,
    member: &Member,
    buffer: &mut [u8],
) -> Result<[u8; 32], RootfsError> {
    let mut hasher = blake3::Hasher::new();
    match &member.sparse {
        None => hash_all(|buffer| Ok(members.read_data(buffer)?), &mut hasher, buffer)?,
        Some(map) => {
            let mut filled = SparseReader::new(MemberData(members), map.clone(), member.size_bytes);
            let read = |error: io::Error| bad_entry(&member.name, error.to_string());
            hash_all(|buffer| filled.read(buffer).map_err(read), &mut hasher, buffer)?;
        }
    }
    Ok(*hasher.finalize().as_bytes())
}

/// Hashes everything that `read` gives.
fn hash_all(
    mut read: impl FnMut(&mut [u8]) -> Result<usize, RootfsError>,
    hasher: &mut blake3::Hasher,
    buffer: &mut [u8],
) -> Result<(), RootfsError> {
    loop {
        let count = read(buffer)?;
        if count == 0 {
            return Ok(());
        }
        hasher.update(&buffer[..count]);
    }
}

/// Reader of the stored bytes of the current member.
struct MemberData<'a, R>(&'a mut Members<R>);

impl<R: Read> Read for MemberData<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_data(buffer).map_err(io::Error::other)
    }
}

/// Reader that hands everything it reads to a blob as well.
struct Tee<'a> {
    source: &'a mut dyn Read,
    chunk: Arc<Vec<u8>>,
    at: usize,
    pipe: Pipe,
    /// Error of the blob, which ends the reading as well; `None` while all is written.
    unwritten: Option<io::Error>,
}

impl Tee<'_> {
    /// Reads the next chunk; returns `false` at the end of the input.
    fn fill(&mut self) -> io::Result<bool> {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        self.source.take(CHUNK_BYTES as u64).read_to_end(&mut chunk)?;
        self.chunk = Arc::new(chunk);
        self.at = 0;
        if self.chunk.is_empty() {
            return Ok(false);
        }
        if let Err(error) = self.pipe.send(Chunk::Data(self.chunk.clone())) {
            self.unwritten = Some(error);
            return Err(io::Error::other("the layer cannot be written"));
        }
        Ok(true)
    }

    /// Reads to the end of the input, which can be after the end of the tar.
    fn drain(&mut self) -> io::Result<()> {
        while self.fill()? {}
        Ok(())
    }
}

impl Read for Tee<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() && !self.fill()? {
            return Ok(0);
        }
        let count = buffer.len().min(self.chunk.len() - self.at);
        buffer[..count].copy_from_slice(&self.chunk[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}
