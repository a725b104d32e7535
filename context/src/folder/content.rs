//! Content of the files of a context: digests, the stat cache, and readers that notice changes.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache::{ContentDigest, FileStat, StatCache, WholeFile};
use trees::sparse::{self, SparseRead};
use trees::tree::FileChanged;

use super::copies::FileCopy;
use super::listed_file::ListedFile;
use super::stat::file_stat;

thread_local! {
    /// One buffer for each thread: to allocate one for each small file would cost more than to read the file.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Returns the blake3 of a file of about `size_bytes`.
pub(super) fn hash_file(file: &mut WholeFile, size_bytes: u64) -> io::Result<ContentDigest> {
    BUFFER.with_borrow_mut(|buffer| sparse::hash(file, size_bytes, buffer))
}

/// Returns the digest that the stat cache has for a file without attributes.
pub(super) fn known_plain(stats: &StatCache, path: &Path, stat: &FileStat) -> Option<ContentDigest> {
    stats.get(path, stat)
}

/// Returns the digest that the stat cache has for a file with attributes.
pub(super) fn known_with_attributes(
    stats: &StatCache,
    path: &Path,
    stat: &FileStat,
) -> Option<ContentDigest> {
    stats.get(&with_attributes(path), stat)
}

/// Puts the digest of a file into the stat cache.
pub(super) fn remember(stats: &StatCache, path: &Path, node: &ListedFile, digest: ContentDigest) {
    if node.has_attributes() {
        stats.put(&with_attributes(path), node.stat(), digest);
    } else {
        stats.put(path, node.stat(), digest);
    }
}

/// Returns the name under which the stat cache keeps a file that has attributes. No path of a file ends like this.
fn with_attributes(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("/.");
    PathBuf::from(name)
}

/// Turns the error of opening a file that existed when its directory was listed: a file that is gone, or that something
/// else has replaced, has changed.
pub(super) fn changed_if_gone(error: io::Error) -> io::Error {
    use io::ErrorKind::{InvalidInput, NotADirectory, NotFound};
    let is_symlink = rustix::io::Errno::from_io_error(&error) == Some(rustix::io::Errno::LOOP);
    if is_symlink || matches!(error.kind(), NotFound | NotADirectory | InvalidInput) {
        return io::Error::other(FileChanged);
    }
    error
}

/// Reader of a file that fails at the end if the file has changed since it was opened.
pub(super) struct StillFile {
    file: WholeFile,
    opened: FileStat,
}

impl StillFile {
    /// Wraps a file whose stat was `opened` when it was opened.
    pub fn new(file: File, opened: FileStat) -> Self {
        Self { file: WholeFile::new(file, opened.size_bytes), opened }
    }
}

impl Read for StillFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        if count == 0 && !buffer.is_empty() && file_stat(&rustix::fs::fstat(self.file.file())?) != self.opened
        {
            return Err(io::Error::other(FileChanged));
        }
        Ok(count)
    }
}

impl SparseRead for StillFile {
    fn skip_hole(&mut self) -> io::Result<u64> {
        self.file.skip_hole()
    }
}

/// Reader of a copy.
pub(super) struct CopyReader {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl CopyReader {
    /// Returns a reader of the `size_bytes` bytes of a copy.
    pub fn new(copy: &FileCopy, size_bytes: u64) -> Self {
        Self { file: Arc::clone(&copy.file), at: copy.offset, end: copy.offset + size_bytes }
    }
}

impl Read for CopyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        let count = self.file.read_at(&mut buffer[..length], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}
