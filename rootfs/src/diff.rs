//! Changes on top of a tree, collected in memory before they become a layer.
//!
//! A diff has the content of an overlayfs upper directory: an entry for each changed path and for its parent
//! directories, and whiteouts for removed names of the base. The contents of files are named, and read only when the
//! layer is written.
//!
//! `view` shows the base and the changes as one tree.
//!
//! Invariants: the parent of each change is a directory in the map, except for the root. A whiteout is only where the
//! base has an entry, and an opaque directory only where the base has a directory.

mod view;

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::RootfsError;
use crate::error::{bad_entry, failed};
use crate::layer::new_entry::NewEntry;
use crate::times::Clamp;
use trees::entry::{Entry, Kind};
use trees::path::{after, ancestors, from_key, key, to_bytes, to_path};
use trees::tree::Tree;

pub use crate::content::Content;

/// Set of changes on top of a base tree. It is itself a [`Tree`], the base with the changes applied.
pub struct Diff {
    base: Arc<dyn Tree>,
    /// Changes by key ([`trees::path`]).
    changes: BTreeMap<Vec<u8>, Change>,
    /// Number of files that have several names.
    groups: u64,
}

/// Change of one path.
enum Change {
    /// The base has an entry here, which is removed.
    Removed,
    Present {
        /// New entry. A directory is opaque if it hides one of the base.
        entry: Entry,
        content: Option<Content>,
        /// Number that all names of one file share; 0 for a file with one name.
        group: u64,
    },
}

impl Change {
    fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Removed => None,
            Self::Present { entry, .. } => Some(entry),
        }
    }

    /// Reports whether nothing of the base can be seen below the path.
    fn hides_base(&self) -> bool {
        !matches!(self.entry().map(|entry| &entry.kind), Some(Kind::Directory { opaque: false }))
    }
}

impl Diff {
    /// Returns an empty set of changes on top of `base`.
    pub fn new(base: Arc<dyn Tree>) -> Self {
        Self { base, changes: BTreeMap::new(), groups: 0 }
    }

    /// Returns the tree below the changes.
    pub fn base(&self) -> &Arc<dyn Tree> {
        &self.base
    }

    /// Reports whether there are no changes.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Puts `entry` at `path` and replaces whatever is there. A directory is replaced with everything below it,
    /// unless `entry` is a directory too: then its metadata is replaced, and the entries below it stay.
    ///
    /// The parent must be a directory, with symlinks in its path already resolved; it is recorded with its current
    /// metadata. `content` is required for a regular file of more than 0 bytes, and for nothing else.
    ///
    /// A [`Kind::Whiteout`] removes `path`, a [`Kind::Hardlink`] links it, and an opaque directory also hides
    /// everything that was below it.
    pub fn put(&mut self, path: &Path, entry: Entry, content: Option<Content>) -> Result<(), RootfsError> {
        match &entry.kind {
            Kind::Whiteout => return self.remove(path),
            Kind::Hardlink { target } => return self.link(path, &target.clone()),
            Kind::Directory { .. } => {}
            _ if path.as_os_str().is_empty() => {
                return Err(bad_entry(b"", "the root can only be a directory"));
            }
            _ => {}
        }
        check(path)?;
        self.record_parents(to_bytes(path))?;
        self.insert(to_bytes(path), entry, content, 0)
    }

    /// Makes `path` another name of the regular file `first`, which must be a change of this diff.
    pub fn link(&mut self, path: &Path, first: &Path) -> Result<(), RootfsError> {
        check(path)?;
        if path == first {
            return Ok(());
        }
        let new_group = self.groups + 1;
        let (entry, content, group) = match self.changes.get_mut(&key(to_bytes(first))) {
            Some(Change::Present { entry, content, group }) if matches!(entry.kind, Kind::File { .. }) => {
                if *group == 0 {
                    *group = new_group;
                }
                (entry.clone(), content.clone(), *group)
            }
            _ => {
                return Err(bad_entry(
                    to_bytes(path),
                    format!("a hard link to {}, which is not a new file", first.display()),
                ));
            }
        };
        self.groups = new_group;
        self.record_parents(to_bytes(path))?;
        self.insert(to_bytes(path), entry, content, group)
    }

    /// Removes `path` with everything below it. Does nothing if it does not exist.
    pub fn remove(&mut self, path: &Path) -> Result<(), RootfsError> {
        let path = to_bytes(path);
        if path.is_empty() {
            return Err(bad_entry(path, "the root cannot be removed"));
        }
        if self.lookup(to_path(path)).map_err(failed("look up", to_path(path)))?.is_none() {
            return Ok(());
        }
        self.record_parents(path)?;
        let in_base = self.base_entry(path)?.is_some();
        self.clear_below(path);
        if in_base {
            self.changes.insert(key(path), Change::Removed);
        } else {
            self.changes.remove(&key(path));
        }
        Ok(())
    }

    fn insert(
        &mut self,
        path: &[u8],
        mut entry: Entry,
        content: Option<Content>,
        group: u64,
    ) -> Result<(), RootfsError> {
        let key = key(path);
        if let Kind::Directory { opaque } = entry.kind {
            let replaced = self.changes.get(&key).is_some_and(Change::hides_base);
            if opaque {
                self.clear_below(path);
            }
            let hides = (opaque || replaced) && self.base_entry(path)?.is_some_and(|base| base.is_dir());
            entry.kind = Kind::Directory { opaque: hides };
        } else {
            self.clear_below(path);
        }
        self.changes.insert(key, Change::Present { entry, content, group });
        Ok(())
    }

    /// Drops the changes below `path`.
    fn clear_below(&mut self, path: &[u8]) {
        let (from, to) = below(&key(path));
        while let Some((last, _)) = self.changes.range((from.clone(), to.clone())).next_back() {
            let last = last.clone();
            self.changes.remove(&last);
        }
    }

    /// Records the parent directories of `path`.
    fn record_parents(&mut self, path: &[u8]) -> Result<(), RootfsError> {
        let mut missing = Vec::new();
        for above in ancestors(path).take_while(|above| !above.is_empty()) {
            match self.changes.get(&key(above)) {
                Some(change) if change.entry().is_some_and(Entry::is_dir) => break,
                Some(_) => return Err(not_a_directory(above)),
                None => missing.push(above),
            }
        }
        for above in missing.into_iter().rev() {
            let entry = self.lookup(to_path(above)).map_err(failed("look up", to_path(above)))?;
            let entry = entry.filter(Entry::is_dir).ok_or_else(|| not_a_directory(above))?;
            self.changes.insert(key(above), Change::Present { entry, content: None, group: 0 });
        }
        Ok(())
    }

    /// Returns the entry of the base at `path`, unless a directory above it is replaced.
    fn base_entry(&self, path: &[u8]) -> Result<Option<Entry>, RootfsError> {
        if self.parents_hide(path) {
            return Ok(None);
        }
        self.base.lookup(to_path(path)).map_err(failed("look up", to_path(path)))
    }

    /// Reports whether a directory above `path` hides the entry that the base has there.
    fn parents_hide(&self, path: &[u8]) -> bool {
        !self.changes.is_empty()
            && ancestors(path).any(|above| self.changes.get(&key(above)).is_some_and(Change::hides_base))
    }

    /// Returns the entries of the layer that this diff makes, in order.
    pub(crate) fn into_entries(self) -> Vec<NewEntry> {
        let mut first_names: BTreeMap<u64, PathBuf> = BTreeMap::new();
        let mut entries = Vec::with_capacity(self.changes.len());
        for (key, change) in self.changes {
            let path = from_key(&key);
            let (mut entry, content, group) = match change {
                Change::Removed => (Entry { kind: Kind::Whiteout, ..Entry::directory(0) }, None, 0),
                Change::Present { entry, content, group } => (entry, content, group),
            };
            if group != 0 {
                match first_names.get(&group) {
                    Some(first) => entry.kind = Kind::Hardlink { target: first.clone() },
                    None => drop(first_names.insert(group, to_path(&path).to_owned())),
                }
            }
            entries.push(NewEntry { path, entry, content, clamp: Clamp::STORE });
        }
        entries
    }
}

/// Returns the range of the keys below `key`.
fn below(key: &[u8]) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let end = if key.is_empty() { Bound::Unbounded } else { Bound::Excluded(after(key)) };
    (Bound::Excluded(key.to_vec()), end)
}

/// Checks that `path` is a clean path inside a layer.
fn check(path: &Path) -> Result<(), RootfsError> {
    let bytes = to_bytes(path);
    if trees::path::clean(bytes)? != bytes {
        return Err(bad_entry(bytes, "the path is not relative and clean"));
    }
    Ok(())
}

fn not_a_directory(path: &[u8]) -> RootfsError {
    failed("make entries in", to_path(path))(io::Error::from(io::ErrorKind::NotADirectory))
}
