//! Digests of files that have not changed since they were last hashed.
//!
//! ```text
//! magic, 8 bytes
//! entries, 48 bytes each, in order of their names:
//!     name    15 bytes of the blake3 of stat and path
//!     age      1 byte: in how many saves it was not asked for
//!     digest  32 bytes: the blake3 of the content
//! blake3 of everything before, 32 bytes
//! ```
//!
//! As names are hashes they are spread evenly: a look-up guesses its place and reads a few entries there, in the bytes
//! as they were loaded. So 100,000 entries load with one read and one hash over it.
//!
//! Racy-safe as git's index is: a file that changes within one tick of its file system's clock after it was looked at
//! has the same stat and other content. So only what was last changed well before the cache was loaded (and thus before
//! any `stat` compared with it) is remembered at all; the others are hashed once more by the next build.

use std::collections::{HashMap, HashSet};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::files::{mark_path_used, read_if_present, replace};
use crate::scratch::Home;
use crate::{Key, StoreError};

const MAGIC: &[u8; 8] = b"dsbstat1";
const HASH_BYTES: usize = 32;
const NAME_BYTES: usize = 15;
const ENTRY_BYTES: usize = 48;
/// An entry that no build has asked for in so many saves is dropped.
const MAX_AGE: u8 = 32;
/// A file must have been left alone for this long before the cache was loaded: many ticks of any kernel's clock.
const MARGIN_NS: i128 = 100_000_000;
/// The same for file systems whose times have whole seconds, or even ones.
const COARSE_MARGIN_NS: i128 = 2_100_000_000;

/// What tells two states of a file apart without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStat {
    /// Device.
    pub device: u64,
    /// Inode.
    pub inode: u64,
    /// Length.
    pub size_bytes: u64,
    /// Modification time.
    pub mtime_ns: i128,
    /// Change time.
    pub ctime_ns: i128,
}

impl FileStat {
    /// True if every later change of the file will show in its times.
    fn is_settled(&self, loaded_ns: i128) -> bool {
        let is_coarse = self.mtime_ns % 1_000_000_000 == 0 && self.ctime_ns % 1_000_000_000 == 0;
        let margin = if is_coarse { COARSE_MARGIN_NS } else { MARGIN_NS };
        self.mtime_ns.max(self.ctime_ns) < loaded_ns - margin
    }
}

type Name = [u8; NAME_BYTES];

fn name_of(path: &Path, stat: &FileStat) -> Name {
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

/// `(path, stat) -> blake3 of the content`, for one build context.
///
/// Racy-safe as git's index is: an entry whose mtime or ctime is not older than the moment it was hashed is not trusted.
/// Saved on [`StatCache::save`] only, by tmp and rename; the last writer wins. Shared between threads.
#[derive(Debug)]
pub struct StatCache {
    home: Arc<Home>,
    file: PathBuf,
    loaded_ns: i128,
    loaded: Loaded,
    /// What was put since.
    fresh: RwLock<HashMap<Name, Key>>,
    /// Kept over `save`, so that two do not write at once.
    saving: Mutex<()>,
}

impl StatCache {
    /// Loads the cache of the context at `context` (its absolute path); an unreadable one is empty.
    pub fn load(store: &crate::Store, context: &Path) -> Self {
        // The clock first: whoever asks takes its stat after this.
        let loaded_ns = now_ns();
        let name = Key::of(context.as_os_str().as_bytes()).to_string();
        let file = store.root().join("stat").join(name);
        let bytes = read_if_present(&file).ok().flatten().unwrap_or_default();
        mark_path_used(&file);
        Self {
            home: Arc::clone(&store.home),
            file,
            loaded_ns,
            loaded: Loaded::new(bytes),
            fresh: RwLock::default(),
            saving: Mutex::default(),
        }
    }

    /// The digest of the content of the file at `path` (relative to the context) if `stat` is the one it had when hashed.
    pub fn get(&self, path: &Path, stat: &FileStat) -> Option<Key> {
        let name = name_of(path, stat);
        let fresh = || self.fresh.read().unwrap_or_else(PoisonError::into_inner).get(&name).copied();
        self.loaded.find(&name).or_else(fresh)
    }

    /// Remembers a digest. `stat` must have been taken before the content was read, and after the cache was loaded.
    pub fn put(&self, path: &Path, stat: FileStat, digest: Key) {
        if stat.is_settled(self.loaded_ns) {
            let name = name_of(path, &stat);
            self.fresh.write().unwrap_or_else(PoisonError::into_inner).insert(name, digest);
        }
    }

    /// Writes it back if anything changed.
    pub fn save(&self) -> Result<(), StoreError> {
        let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = self.fresh.read().unwrap_or_else(PoisonError::into_inner);
        if fresh.is_empty() {
            return Ok(());
        }
        let bytes = self.loaded.merged(&fresh);
        replace(&self.file, &self.home.tmp_path()?, &bytes, false)
    }
}

fn now_ns() -> i128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_nanos());
    i128::try_from(since).unwrap_or(i128::MAX)
}

/// The entries of a file, where they are.
struct Loaded {
    bytes: Vec<u8>,
    count: usize,
    /// By position: asked for since.
    used: Vec<AtomicBool>,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Loaded {
    /// Takes the content of a file; a damaged one has no entries.
    fn new(bytes: Vec<u8>) -> Self {
        let count = count_entries(&bytes).unwrap_or(0);
        Self { bytes, count, used: (0..count).map(|_| AtomicBool::new(false)).collect() }
    }

    fn entry(&self, index: usize) -> &[u8] {
        let start = MAGIC.len() + index * ENTRY_BYTES;
        &self.bytes[start..start + ENTRY_BYTES]
    }

    fn find(&self, name: &Name) -> Option<Key> {
        let index = self.position(name)?;
        self.used[index].store(true, Ordering::Relaxed);
        Some(key_of(self.entry(index)))
    }

    fn position(&self, name: &Name) -> Option<usize> {
        let name_at = |index: usize| &self.entry(index)[..NAME_BYTES];
        let mut index = self.near(name)?;
        while index > 0 && name_at(index) > name.as_slice() {
            index -= 1;
        }
        while index + 1 < self.count && name_at(index) < name.as_slice() {
            index += 1;
        }
        (name_at(index) == name).then_some(index)
    }

    /// A place a few entries from where the name is; `None` if there are no entries.
    fn near(&self, name: &Name) -> Option<usize> {
        let last = i128::try_from(self.count.checked_sub(1)?).ok()?;
        let (wanted, scale) = (i128::from(prefix(name)), last + 1);
        let mut index = (wanted * scale) >> 64;
        for _ in 0..3 {
            let here = self.entry(usize::try_from(index).ok()?);
            index = (index + (((wanted - i128::from(prefix(here))) * scale) >> 64)).clamp(0, last);
        }
        usize::try_from(index).ok()
    }

    /// The content of the file with `fresh` added, and without what nobody asked for in a long time.
    fn merged(&self, fresh: &HashMap<Name, Key>) -> Vec<u8> {
        let known: HashSet<&[u8]> = fresh.keys().map(Name::as_slice).collect();
        let mut entries: Vec<[u8; ENTRY_BYTES]> = Vec::with_capacity(self.count + fresh.len());
        entries.extend(fresh.iter().map(|(name, digest)| encode(name, 0, digest)));
        for index in 0..self.count {
            let mut entry: [u8; ENTRY_BYTES] = self.entry(index).try_into().expect("an entry has its length");
            let used = self.used[index].load(Ordering::Relaxed);
            entry[NAME_BYTES] = if used { 0 } else { entry[NAME_BYTES].saturating_add(1) };
            if entry[NAME_BYTES] < MAX_AGE && !known.contains(&entry[..NAME_BYTES]) {
                entries.push(entry);
            }
        }
        seal(entries)
    }
}

/// How many entries a file has; `None` if it is none of ours, or damaged.
fn count_entries(bytes: &[u8]) -> Option<usize> {
    let end = bytes.len().checked_sub(HASH_BYTES)?;
    let (body, hash) = bytes.split_at(end);
    let entries = body.strip_prefix(MAGIC)?;
    let is_whole = entries.len().is_multiple_of(ENTRY_BYTES) && blake3::hash(body).as_bytes() == hash;
    is_whole.then_some(entries.len() / ENTRY_BYTES)
}

/// The first 64 bits of a name, which are spread evenly.
fn prefix(name: &[u8]) -> u64 {
    u64::from_be_bytes(name[..8].try_into().expect("a name has eight bytes"))
}

fn key_of(entry: &[u8]) -> Key {
    let digest = &entry[NAME_BYTES + 1..];
    Key::from_bytes(digest.try_into().expect("an entry ends in a digest"))
}

fn encode(name: &Name, age: u8, digest: &Key) -> [u8; ENTRY_BYTES] {
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
