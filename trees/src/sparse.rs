//! Content of files with holes: read, hashed and copied without reading the zeros of a hole.
//!
//! A tar has no portable form for a hole, so a layer has the zeros. They cost the time to hash them, but no disk: the
//! holes of a file become holes of the tar in the store, and those become holes of the files that are unpacked from it.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read};

use cache::{ContentDigest, FileRange, MIN_SPARSE_BYTES, SparseWriter, WholeFile, each_zeros};

/// Number of bytes of a file that are copied or hashed at a time.
const BUFFER_BYTES: usize = 256 << 10;

/// Reader of the content of a file that knows where the holes of the file are.
pub trait SparseRead: Read + Send {
    /// Moves past the hole that begins at the current position, and returns its length in bytes. Returns 0 if there is
    /// data, if this is the end, or if the reader does not know.
    fn skip_hole(&mut self) -> io::Result<u64>;
}

impl SparseRead for FileRange {
    fn skip_hole(&mut self) -> io::Result<u64> {
        Self::skip_hole(self)
    }
}

/// Content without holes, or whose holes are unknown.
pub struct Dense<R>(pub R);

impl<R: Read> Read for Dense<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read + Send> SparseRead for Dense<R> {
    fn skip_hole(&mut self) -> io::Result<u64> {
        Ok(0)
    }
}

impl SparseRead for WholeFile {
    fn skip_hole(&mut self) -> io::Result<u64> {
        Self::skip_hole(self)
    }
}

/// Copies the content of a file of `size_bytes` to the empty file `out`, with its holes; returns the number of bytes.
/// `buffer` keeps its memory for the next file.
pub fn copy(
    content: &mut dyn SparseRead,
    size_bytes: u64,
    out: &File,
    buffer: &mut Vec<u8>,
) -> io::Result<u64> {
    let mut writer = SparseWriter::new(out);
    each_part(content, size_bytes, buffer, |part| match part {
        Part::Data(bytes) => writer.append(bytes),
        Part::Zeros(count) => {
            writer.skip(count);
            Ok(())
        }
    })?;
    writer.finish()?;
    Ok(writer.size_bytes())
}

/// Returns the blake3 of the content of a file of about `size_bytes`. `buffer` keeps its memory for the next file.
pub fn hash(
    content: &mut dyn SparseRead,
    size_bytes: u64,
    buffer: &mut Vec<u8>,
) -> io::Result<ContentDigest> {
    let mut hasher = blake3::Hasher::new();
    each_part(content, size_bytes, buffer, |part| {
        match part {
            Part::Data(bytes) => drop(hasher.update(bytes)),
            Part::Zeros(count) => hash_zeros(&mut hasher, count),
        }
        Ok(())
    })?;
    Ok(ContentDigest::from_bytes(*hasher.finalize().as_bytes()))
}

/// Adds the zeros of a hole to a hash.
pub fn hash_zeros(hasher: &mut blake3::Hasher, count: u64) {
    let hash = |zeros: &[u8]| -> Result<(), Infallible> {
        hasher.update(zeros);
        Ok(())
    };
    let Ok(()) = each_zeros(count, hash);
}

/// Part of the content of a file.
enum Part<'a> {
    Data(&'a [u8]),
    Zeros(u64),
}

/// Calls `act` with the parts of the content of a file, from its start to its end.
fn each_part(
    content: &mut dyn SparseRead,
    size_bytes: u64,
    buffer: &mut Vec<u8>,
    mut act: impl FnMut(Part<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let length = usize::try_from(size_bytes.saturating_add(1)).unwrap_or(BUFFER_BYTES).min(BUFFER_BYTES);
    if buffer.len() < length {
        buffer.resize(length, 0);
    }
    loop {
        if size_bytes >= MIN_SPARSE_BYTES {
            let hole = content.skip_hole()?;
            if hole > 0 {
                act(Part::Zeros(hole))?;
            }
        }
        match content.read(buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => act(Part::Data(&buffer[..count]))?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileExt, MetadataExt};

    use super::*;

    const MIB: u64 = 1 << 20;

    /// Returns a file with these bytes at these offsets, and holes elsewhere.
    fn file(size_bytes: u64, parts: &[(u64, &[u8])]) -> File {
        let file = tempfile::tempfile().unwrap();
        parts.iter().for_each(|(at, bytes)| file.write_all_at(bytes, *at).unwrap());
        file.set_len(size_bytes).unwrap();
        file
    }

    fn content(file: &File) -> Vec<u8> {
        let mut bytes = vec![1; usize::try_from(file.metadata().unwrap().len()).unwrap()];
        file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }

    fn disk_bytes(file: &File) -> u64 {
        file.metadata().unwrap().blocks() * 512
    }

    /// Bytes of a file that are not in holes, by offset.
    type Parts = &'static [(u64, &'static [u8])];

    const CASES: [(u64, Parts); 5] = [
        (9 * MIB, &[(0, b"start"), (5 * MIB, b"middle")]),
        (9 * MIB, &[(3 * MIB + 17, b"x"), (9 * MIB - 1, b"end")]),
        (9 * MIB + 5, &[]),
        (300, &[(1, b"x")]),
        (0, &[]),
    ];

    #[test]
    fn a_copy_has_the_same_bytes_and_the_holes() {
        for (size_bytes, parts) in CASES {
            let (from, to) = (file(size_bytes, parts), tempfile::tempfile().unwrap());
            let mut reader = WholeFile::new(from.try_clone().unwrap(), size_bytes);
            let copied = copy(&mut reader, size_bytes, &to, &mut Vec::new()).unwrap();
            assert_eq!(copied, content(&from).len() as u64);
            assert!(content(&to) == content(&from), "{parts:?}");
            assert!(disk_bytes(&to) <= 64 << 10, "{} bytes on disk for {parts:?}", disk_bytes(&to));
        }
    }

    #[test]
    fn the_hash_of_a_file_with_holes_is_that_of_its_bytes() {
        for (size_bytes, parts) in CASES {
            let file = file(size_bytes, parts);
            let expected = ContentDigest::of(&content(&file));
            let mut reader = WholeFile::new(file, size_bytes);
            assert_eq!(hash(&mut reader, size_bytes, &mut Vec::new()).unwrap(), expected, "{parts:?}");
        }
    }
}
