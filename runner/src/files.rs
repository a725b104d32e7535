//! Opening files in the directories of containers.
//!
//! Somebody else can have put these files there: a restored CI cache, a backup, a disk that broke. So a symlink is followed
//! nowhere below the store, nothing but a regular file is opened, no FIFO blocks, and no document is read without a limit.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use cache::open_regular;
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::retry_on_intr;

/// Largest document of a container. An environment and arguments of the size that Linux allows fit many times.
const MAX_DOCUMENT_BYTES: u64 = 16 << 20;

/// Opens a file for reading.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    open_regular(path, OFlags::RDONLY)
}

/// Opens a file for locking, creating it if needed. Its content is left alone.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    open_regular(path, OFlags::WRONLY | OFlags::CREATE)
}

/// Opens a file for writing at its end, creating it if needed.
pub(crate) fn open_append(path: &Path) -> io::Result<File> {
    open_regular(path, OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND)
}

/// Opens an existing file for writing over its content.
pub(crate) fn open_existing_for_writing(path: &Path) -> io::Result<File> {
    open_regular(path, OFlags::WRONLY)
}

/// Creates a file for writing, whose name must be unused.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    open_regular(path, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)
}

/// Waits for the exclusive lock of a file, also if signals interrupt the wait.
pub(crate) fn lock(file: &File) -> io::Result<()> {
    Ok(retry_on_intr(|| flock(file, FlockOperation::LockExclusive))?)
}

/// Waits for a shared lock of a file, also if signals interrupt the wait.
pub(crate) fn lock_shared(file: &File) -> io::Result<()> {
    Ok(retry_on_intr(|| flock(file, FlockOperation::LockShared))?)
}

/// Reads a whole document; more than [`MAX_DOCUMENT_BYTES`] are an error.
pub(crate) fn read_document(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(MAX_DOCUMENT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_DOCUMENT_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the document is too large"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, Mode};

    type Opener = fn(&Path) -> io::Result<File>;

    /// Expects every opener to refuse the file that `make` puts in place of a regular one, without waiting for it.
    #[track_caller]
    fn check_refused(make: impl Fn(&Path) -> io::Result<()>) {
        let openers: [Opener; 4] = [open, open_lock, open_append, open_existing_for_writing];
        for opener in openers {
            let dir = tempfile::tempdir().expect("a directory for the test");
            let dir = dir.path().canonicalize().expect("a path without links");
            let path = dir.join("file");
            make(&path).expect("the file can be made");
            assert_eq!(opener(&path).expect_err("refused").to_string(), "not a regular file");
            assert!(!dir.join("target").exists(), "a file was created through a link");
        }
    }

    #[test]
    fn nothing_but_a_regular_file_is_opened() {
        let fifo = |path: &Path| Ok(rustix::fs::mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR)?);
        check_refused(fifo);
        check_refused(|path| fs::create_dir(path));
        check_refused(|path| symlink("target", path));
        check_refused(|path| symlink("/dev/zero", path));
    }

    #[test]
    fn a_symlink_above_the_file_is_not_followed() {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let dir = dir.path().canonicalize().expect("a path without links");
        fs::create_dir(dir.join("real")).expect("a directory");
        fs::write(dir.join("real/file"), "content").expect("a file");
        symlink("real", dir.join("link")).expect("a link");
        assert_eq!(read_document(&dir.join("real/file")).expect("a file"), b"content");
        let error = open(&dir.join("link/file")).expect_err("refused");
        assert_eq!(error.to_string(), "not a regular file");
    }

    #[test]
    fn a_document_has_a_limited_size() {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let path = dir.path().canonicalize().expect("a path without links").join("file");
        File::create(&path).and_then(|file| file.set_len(MAX_DOCUMENT_BYTES)).expect("a file");
        assert_eq!(read_document(&path).expect("a document").len() as u64, MAX_DOCUMENT_BYTES);
        File::create(&path).and_then(|file| file.set_len(1 << 40)).expect("a sparse file");
        read_document(&path).expect_err("too large");
    }
}
