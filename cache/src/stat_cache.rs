//! Stat caches: digests of files that have not changed since they were last hashed.
//!
//! ```text
//! magic, 8 bytes
//! entries, 48 bytes each, sorted by name:
//!     name    15 bytes of the blake3 of stat and path
//!     age      1 byte: number of saves in which nobody looked the entry up
//!     digest  32 bytes: the blake3 of the content
//! blake3 of everything before, 32 bytes
//! ```
//!
//! Names are hashes and therefore spread evenly: a lookup computes where an entry should be and compares a few entries
//! there, in the bytes as they were loaded. Loading 100,000 entries is one read and one hash over it.
//!
//! The cache handles racy files as git's index does. A file that changes within one tick of its file system's clock
//! after it was looked at has the same stat and other content. So an entry is kept only for a file that was last changed
//! well before the cache was loaded, and thus before any `stat` that is compared with it. Other files are hashed once
//! more by the next build.

use std::collections::{HashMap, HashSet};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::files::{mark_path_used, read_if_present, replace};
use crate::session::Session;
use crate::{ContentDigest, StoreError, hashed_name};

const MAGIC: &[u8; 8] = b"dsbstat1";
const HASH_BYTES: usize = 32;
const NAME_BYTES: usize = 15;
const ENTRY_BYTES: usize = 48;
/// Number of saves without a lookup after which an entry is dropped.
const MAX_AGE: u8 = 32;
/// Time for which a file must have been unchanged before the cache was loaded: many ticks of any kernel's clock.
const MARGIN_NS: i128 = 100_000_000;
/// The same for file systems whose times have a resolution of one or two seconds.
const COARSE_MARGIN_NS: i128 = 2_100_000_000;

/// The metadata that tells two states of a file apart without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStat {
    /// Number of the device, `st_dev`.
    pub device: u64,
    /// Number of the inode, `st_ino`.
    pub inode: u64,
    /// Length of the content.
    pub size_bytes: u64,
    /// Time of the last change of the content, in nanoseconds since 1970; negative before.
    pub mtime_ns: i128,
    /// Time of the last change of the inode, in nanoseconds since 1970; negative before.
    pub ctime_ns: i128,
}

impl FileStat {
    /// Returns whether every later change of the file shows in its times.
    fn is_settled(&self, loaded_ns: i128) -> bool {
        let is_coarse = self.mtime_ns % 1_000_000_000 == 0 && self.ctime_ns % 1_000_000_000 == 0;
        let margin = if is_coarse { COARSE_MARGIN_NS } else { MARGIN_NS };
        self.mtime_ns.max(self.ctime_ns) < loaded_ns - margin
    }
}

type EntryName = [u8; NAME_BYTES];

fn entry_name(path: &Path, stat: &FileStat) -> EntryName {
    let mut bytes = Vec::with_capacity(160);
    for number in [stat.device, stat.inode, stat.size_bytes] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&stat.mtime_ns.to_le_bytes());
    bytes.extend_from_slice(&stat.ctime_ns.to_le_bytes());
    bytes.extend_from_slice(path.as_os_str().as_bytes());
    let hash = blake3::hash(&bytes);
    hash.as_bytes()[..NAME_BYTES].try_into().expect("a blake3 has more bytes than a name")
}

/// The stat cache of one build context: a map from path and stat to the blake3 of the content.
///
/// Threads share it. Only [`StatCache::save`] writes, by rename; of two processes the last one wins.
#[derive(Debug)]
pub struct StatCache {
    session: Arc<Session>,
    file: PathBuf,
    loaded_ns: i128,
    loaded: LoadedEntries,
    /// Entries that were put since the cache was loaded.
    fresh: RwLock<HashMap<EntryName, ContentDigest>>,
    /// Held during `save`, so that two threads do not write at once.
    saving: Mutex<()>,
}

impl StatCache {
    /// Loads the cache of the context at the absolute path `context`. An absent or damaged cache is empty.
    pub fn load(store: &crate::Store, context: &Path) -> Self {
        // The clock is read first: every stat that is compared with an entry is taken later.
        let loaded_ns = now_ns();
        let name = hashed_name(context.as_os_str().as_bytes());
        let file = store.root().join("stat").join(name);
        let bytes = read_if_present(&file).ok().flatten().unwrap_or_default();
        mark_path_used(&file);
        Self {
            session: Arc::clone(&store.session),
            file,
            loaded_ns,
            loaded: LoadedEntries::new(bytes),
            fresh: RwLock::default(),
            saving: Mutex::default(),
        }
    }

    /// Returns the digest of the content of the file at `path` (relative to the context), if it was hashed when it had
    /// this `stat`.
    pub fn get(&self, path: &Path, stat: &FileStat) -> Option<ContentDigest> {
        let name = entry_name(path, stat);
        let fresh = || self.fresh.read().unwrap_or_else(PoisonError::into_inner).get(&name).copied();
        self.loaded.find(&name).or_else(fresh)
    }

    /// Remembers a digest. `stat` must have been taken before the content was read, and after the cache was loaded.
    pub fn put(&self, path: &Path, stat: FileStat, digest: ContentDigest) {
        if stat.is_settled(self.loaded_ns) {
            let name = entry_name(path, &stat);
            self.fresh.write().unwrap_or_else(PoisonError::into_inner).insert(name, digest);
        }
    }

    /// Writes the cache back if anything was put.
    pub fn save(&self) -> Result<(), StoreError> {
        let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = self.fresh.read().unwrap_or_else(PoisonError::into_inner);
        if fresh.is_empty() {
            return Ok(());
        }
        let bytes = self.loaded.merged(&fresh);
        replace(&self.file, &self.session.tmp_path()?, &bytes, false)
    }
}

fn now_ns() -> i128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_nanos());
    i128::try_from(since).unwrap_or(i128::MAX)
}

/// The content of a cache's file, searched in place.
struct LoadedEntries {
    bytes: Vec<u8>,
    count: usize,
    /// By position: whether the entry was looked up since it was loaded.
    used: Vec<AtomicBool>,
}

impl std::fmt::Debug for LoadedEntries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadedEntries").field("count", &self.count).finish_non_exhaustive()
    }
}

impl LoadedEntries {
    /// Takes the content of a file. A damaged one has no entries.
    fn new(bytes: Vec<u8>) -> Self {
        let count = count_entries(&bytes).unwrap_or(0);
        Self { bytes, count, used: (0..count).map(|_| AtomicBool::new(false)).collect() }
    }

    fn entry(&self, index: usize) -> &[u8] {
        let start = MAGIC.len() + index * ENTRY_BYTES;
        &self.bytes[start..start + ENTRY_BYTES]
    }

    fn find(&self, name: &EntryName) -> Option<ContentDigest> {
        let index = self.position(name)?;
        self.used[index].store(true, Ordering::Relaxed);
        Some(digest_of(self.entry(index)))
    }

    fn position(&self, name: &EntryName) -> Option<usize> {
        let name_at = |index: usize| &self.entry(index)[..NAME_BYTES];
        let mut index = self.estimate(name)?;
        while index > 0 && name_at(index) > name.as_slice() {
            index -= 1;
        }
        while index + 1 < self.count && name_at(index) < name.as_slice() {
            index += 1;
        }
        (name_at(index) == name).then_some(index)
    }

    /// Returns a position a few entries from where the name would be, by interpolation; `None` if there are no entries.
    fn estimate(&self, name: &EntryName) -> Option<usize> {
        let last = i128::try_from(self.count.checked_sub(1)?).ok()?;
        let (target, scale) = (i128::from(prefix(name)), last + 1);
        let mut index = (target * scale) >> 64;
        for _ in 0..3 {
            let here = self.entry(usize::try_from(index).ok()?);
            index = (index + (((target - i128::from(prefix(here))) * scale) >> 64)).clamp(0, last);
        }
        usize::try_from(index).ok()
    }

    /// Returns the content of a file with `fresh` added, and without entries that nobody looked up for a long time.
    fn merged(&self, fresh: &HashMap<EntryName, ContentDigest>) -> Vec<u8> {
        let known: HashSet<&[u8]> = fresh.keys().map(EntryName::as_slice).collect();
        let mut entries: Vec<[u8; ENTRY_BYTES]> = Vec::with_capacity(self.count + fresh.len());
        entries.extend(fresh.iter().map(|(name, digest)| encode(name, 0, digest)));
        for index in 0..self.count {
            let mut entry: [u8; ENTRY_BYTES] = self.entry(index).try_into().expect("an entry has its length");
            let is_used = self.used[index].load(Ordering::Relaxed);
            entry[NAME_BYTES] = if is_used { 0 } else { entry[NAME_BYTES].saturating_add(1) };
            if entry[NAME_BYTES] < MAX_AGE && !known.contains(&entry[..NAME_BYTES]) {
                entries.push(entry);
            }
        }
        seal(entries)
    }
}

/// Returns the number of entries of a file; `None` if it has another format or is damaged.
fn count_entries(bytes: &[u8]) -> Option<usize> {
    let end = bytes.len().checked_sub(HASH_BYTES)?;
    let (body, hash) = bytes.split_at(end);
    let entries = body.strip_prefix(MAGIC)?;
    let is_whole = entries.len().is_multiple_of(ENTRY_BYTES) && blake3::hash(body).as_bytes() == hash;
    is_whole.then_some(entries.len() / ENTRY_BYTES)
}

/// Returns the first 64 bits of a name, which are spread evenly.
fn prefix(name: &[u8]) -> u64 {
    u64::from_be_bytes(name[..8].try_into().expect("a name has eight bytes"))
}

fn digest_of(entry: &[u8]) -> ContentDigest {
    let digest = &entry[NAME_BYTES + 1..];
    ContentDigest::from_bytes(digest.try_into().expect("an entry ends in a digest"))
}

fn encode(name: &EntryName, age: u8, digest: &ContentDigest) -> [u8; ENTRY_BYTES] {
    let mut entry = [0; ENTRY_BYTES];
    entry[..NAME_BYTES].copy_from_slice(name);
    entry[NAME_BYTES] = age;
    entry[NAME_BYTES + 1..].copy_from_slice(digest.as_bytes());
    entry
}

fn seal(mut entries: Vec<[u8; ENTRY_BYTES]>) -> Vec<u8> {
    entries.sort_unstable();
    let mut bytes = Vec::with_capacity(MAGIC.len() + entries.len() * ENTRY_BYTES + HASH_BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.extend(entries.iter().flatten());
    let hash = blake3::hash(&bytes);
    bytes.extend_from_slice(hash.as_bytes());
    bytes
}
