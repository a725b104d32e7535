//! Copies of files that other processes are writing.
//!
//! A build reads a file more than once: for its size, for its digest, for the layer. If a file changes in between, the step
//! cannot be finished. From the first such failure on, files that were written lately are copied when their directory is
//! listed, and the build works with the copies. A copy counts only if the file was the same before and after.
//!
//! The copies are in memory, in a file without a name; large files are not copied.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cache::ContentDigest;
use rustix::fs::{FileType, MemfdFlags, Mode, OFlags, Stat};

use super::stat::file_stat;

/// Age from which on a file counts as no longer being written.
const SETTLED_AGE: Duration = Duration::from_secs(60);
/// Largest number of times that a file is copied until it is the same before and after.
const MAX_ATTEMPTS: u32 = 10;
/// Pause after the first failed copy; it grows with each attempt.
const PAUSE: Duration = Duration::from_millis(2);
/// Size up to which a file is copied.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// Size of all copies together.
const MAX_TOTAL_BYTES: u64 = 1 << 30;

/// Copies of files, made from the moment on when a file was found to have changed.
#[derive(Default)]
pub(super) struct Copies {
    is_on: AtomicBool,
    spool: Mutex<Option<Spool>>,
}

/// A file in memory that holds all copies.
struct Spool {
    file: Arc<File>,
    size_bytes: u64,
}

/// The copy of one file.
pub(super) struct FileCopy {
    pub file: Arc<File>,
    /// Offset of the first byte of the copy.
    pub offset: u64,
    /// Result of `stat` when the file was copied.
    pub stat: Stat,
    /// blake3 of the content.
    pub digest: ContentDigest,
}

impl Copies {
    /// Lets files be copied from now on.
    pub fn start(&self) {
        self.is_on.store(true, Ordering::Relaxed);
    }

    /// Copies the file `name` of a directory if it was written lately.
    ///
    /// Returns `None` if the file need not be copied, is too large, or does not hold still. In the last case the step that
    /// copies it fails, and names it.
    pub fn copy(&self, dir: BorrowedFd<'_>, name: &OsStr, stat: &Stat) -> io::Result<Option<FileCopy>> {
        let is_small = u64::try_from(stat.st_size).is_ok_and(|size| size <= MAX_FILE_BYTES);
        let is_file = FileType::from_raw_mode(stat.st_mode).is_file();
        if !self.is_on.load(Ordering::Relaxed) || !is_file || !is_small || is_settled(stat) {
            return Ok(None);
        }
        for attempt in 1..=MAX_ATTEMPTS {
            if let Some((stat, bytes)) = read_still(dir, name)? {
                return self.keep(stat, &bytes);
            }
            std::thread::sleep(PAUSE * attempt);
        }
        Ok(None)
    }

    fn keep(&self, stat: Stat, bytes: &[u8]) -> io::Result<Option<FileCopy>> {
        let mut spool = self.spool.lock().expect("nothing panics while it holds the lock");
        let spool = match &mut *spool {
            Some(spool) => spool,
            none => none.insert(Spool::new()?),
        };
        if spool.size_bytes + bytes.len() as u64 > MAX_TOTAL_BYTES {
            return Ok(None);
        }
        let offset = spool.size_bytes;
        spool.file.write_all_at(bytes, offset)?;
        spool.size_bytes += bytes.len() as u64;
        Ok(Some(FileCopy { file: Arc::clone(&spool.file), offset, stat, digest: ContentDigest::of(bytes) }))
    }
}

impl Spool {
    fn new() -> io::Result<Self> {
        let file = rustix::fs::memfd_create("dsbuild-context", MemfdFlags::CLOEXEC)?;
        Ok(Self { file: Arc::new(File::from(file)), size_bytes: 0 })
    }
}

/// Reads a file; `None` if it was not the same before and after.
fn read_still(dir: BorrowedFd<'_>, name: &OsStr) -> io::Result<Option<(Stat, Vec<u8>)>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let mut file = match rustix::fs::openat(dir, name, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        // A symlink has taken the place of the file.
        Err(rustix::io::Errno::LOOP) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let before = rustix::fs::fstat(&file)?;
    if !FileType::from_raw_mode(before.st_mode).is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    (&mut file).take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    let after = rustix::fs::fstat(&file)?;
    let is_still =
        file_stat(&before) == file_stat(&after) && file_stat(&after).size_bytes == bytes.len() as u64;
    Ok(is_still.then_some((after, bytes)))
}

/// Reports whether a file was last changed long ago. A time in the future counts as lately.
fn is_settled(stat: &Stat) -> bool {
    let changed = Duration::from_secs(u64::try_from(stat.st_ctime).unwrap_or(0));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.checked_sub(changed).is_some_and(|age| age > SETTLED_AGE)
}
