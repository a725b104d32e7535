//! Stamps: the state of a file at the time when all of it was verified.
//!
//! A file that still has the inode, the length and the time of change of its stamp has not changed. No process can set
//! the time of change (`st_ctime`), so a restored modification time hides nothing.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::sync::Mutex;

use oci::{Digest, Hasher};

use crate::boot::boot_id;
use crate::hashing::hash_zeros;
use crate::whole_file::WholeFile;

/// State of a file at the time when all of it was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileStamp {
    inode: u64,
    pub(crate) size_bytes: u64,
    /// Time of the inode's last change: seconds and nanoseconds.
    changed: (i64, i64),
}

/// Blobs that this process has verified or written, in the state that they had.
pub(crate) type Verified = Mutex<HashMap<Digest, FileStamp>>;

impl FileStamp {
    /// Returns the stamp of a file in its current state.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        let stat = file.metadata()?;
        Ok(Self { inode: stat.ino(), size_bytes: stat.len(), changed: (stat.ctime(), stat.ctime_nsec()) })
    }

    /// Returns the stamp as the line that the file `<name>.stamp` holds; it is valid in this boot only.
    pub(crate) fn text(&self) -> String {
        let Self { inode, size_bytes, changed: (seconds, nanoseconds) } = self;
        format!("{} {inode} {size_bytes} {seconds} {nanoseconds}\n", boot_id())
    }
}

/// Hashes a file from its start, and leaves its position there.
pub(crate) fn hash_of(file: &File) -> io::Result<Digest> {
    let mut hash = Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    let mut reader = WholeFile::new(file.try_clone()?, file.metadata()?.len());
    loop {
        hash_zeros(&mut hash, reader.skip_hole()?);
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => hash.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    // The copy of the descriptor shares its position.
    rustix::fs::seek(file, rustix::fs::SeekFrom::Start(0))?;
    Ok(hash.finish())
}
