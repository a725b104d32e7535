//! Content of the files of a context: digests, the stat cache, and readers that notice changes.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache::{ContentDigest, FileStat, StatCache};
use rootfs::tree::FileChanged;

use super::copies::FileCopy;
use super::listed_file::ListedFile;
use super::stat::file_stat;

/// Number of bytes of a file that are read at once.
const READ_BYTES: usize = 256 * 1024;

thread_local! {
    /// One buffer for each thread: to allocate one for each small file would cost more than to read the file.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// Returns the blake3 of the rest of a file.
pub(super) fn hash_file(file: &mut File) -> io::Result<ContentDigest> {
    BUFFER.with_borrow_mut(|buffer| {
        let mut hasher = blake3::Hasher::new();
        loop {
            match file.read(buffer) {
                Ok(0) => return Ok(ContentDigest::from_bytes(*hasher.finalize().as_bytes())),
                Ok(length) => {
                    hasher.update(&buffer[..length]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    })
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
    file: File,
    opened: FileStat,
}

impl StillFile {
    /// Wraps a file whose stat was `opened` when it was opened.
    pub fn new(file: File, opened: FileStat) -> Self {
        Self { file, opened }
    }
}

impl Read for StillFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        if count == 0 && !buffer.is_empty() && file_stat(&rustix::fs::fstat(&self.file)?) != self.opened {
            return Err(io::Error::other(FileChanged));
        }
        Ok(count)
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
