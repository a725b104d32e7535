//! Copies that a process made of files whose owner the user namespace lacks.
//!
//! `mv` of a directory of a lower layer is such a copy, as overlayfs cannot rename it; so are `mv` to another file system and
//! back, and `cp -a`. The process saw its own user as the owner and gave the copy to it. With all IDs the copy would belong
//! to the real owner, so that the layer would depend on who builds it.
//!
//! A copy is recognized by everything that these programs keep: kind, permissions, time and content, or the names in a
//! directory. A time before the process began is required, because no other new file has one. An entry that can as well be
//! a copy of a file of the process's own user stays as it is.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::RootfsError;
use crate::change::Change;
use crate::error::failed;
use trees::entry::{Entry, Kind, Timestamp};
use trees::id_map::{IdMap, UID_MAP};
use trees::tree::Tree;
use trees::xattr::{Owner, SET_IDS};

/// Time as precise as every program keeps it: seconds and microseconds.
type Time = (i64, u32);

/// The trees that are compared, and the user of the process.
pub(super) struct Comparison<'a> {
    /// Tree of the upper directory, with the changes.
    pub upper: &'a dyn Tree,
    /// Tree that all layers below show.
    pub below: &'a dyn Tree,
    /// User and group of the process.
    pub own: (u32, u32),
    /// Time at which the process began, or an earlier one.
    pub began: SystemTime,
}

/// Entries below that a copy can be made of, by time.
type Originals = HashMap<Time, Vec<(PathBuf, Entry)>>;

impl Comparison<'_> {
    /// Gives the changes at `candidates`, which are indexes, the owners of the files that they are copies of. Returns the
    /// indexes of the copies.
    pub(super) fn restore(
        &self,
        changes: &mut [Change],
        candidates: &[usize],
    ) -> Result<Vec<usize>, RootfsError> {
        let is_old = |index: &&usize| is_before(changes[**index].entry.mtime, self.began);
        let old: Vec<usize> = candidates.iter().filter(is_old).copied().collect();
        if old.is_empty() {
            return Ok(Vec::new());
        }
        let times = old.iter().map(|index| time(&changes[*index].entry)).collect();
        let originals = self.originals(&times)?;
        let mut owners: HashMap<PathBuf, Owner> = HashMap::new();
        let mut restored = Vec::new();
        for index in old {
            let change = &mut changes[index];
            if let Some(owner) = self.owner_of_original(change, &originals)? {
                owner.give(&mut change.entry);
                owners.insert(change.path.clone(), owner);
                restored.push(index);
            }
        }
        restore_further_names(changes, &owners);
        Ok(restored)
    }

    /// Returns the entries below that have one of `times`, and an owner that the process saw as its own.
    fn originals(&self, times: &BTreeSet<Time>) -> Result<Originals, RootfsError> {
        let map = IdMap::current().map_err(failed("read", UID_MAP))?;
        let is_candidate = |entry: &Entry| {
            let is_seen_as_own = (entry.uid, entry.gid) == self.own || !map.contains(entry.uid, entry.gid);
            is_seen_as_own && times.contains(&time(entry))
        };
        self.below.expect_walk(Path::new(""), &|_| true);
        let mut originals = Originals::new();
        let mut pending = vec![PathBuf::new()];
        while let Some(dir) = pending.pop() {
            for child in self.below.children(&dir).map_err(failed("list", &dir))? {
                let path = dir.join(&child.name);
                if child.entry.is_dir() {
                    pending.push(path.clone());
                }
                if is_candidate(&child.entry) {
                    originals.entry(time(&child.entry)).or_default().push((path, child.entry));
                }
            }
        }
        Ok(originals)
    }

    /// Returns the owner of what the change is a copy of; `None` if it is no copy, or can be one of several owners' files.
    fn owner_of_original(
        &self,
        change: &Change,
        originals: &Originals,
    ) -> Result<Option<Owner>, RootfsError> {
        let mut owners = BTreeSet::new();
        for (path, entry) in originals.get(&time(&change.entry)).into_iter().flatten() {
            if self.is_copy(change, path, entry)? {
                owners.insert(Owner::of(entry));
            }
        }
        let only = owners.pop_first().filter(|_| owners.is_empty());
        Ok(only.filter(|owner| (owner.uid, owner.gid) != self.own))
    }

    fn is_copy(&self, change: &Change, path: &Path, original: &Entry) -> Result<bool, RootfsError> {
        if change.entry.mode & !SET_IDS != original.mode & !SET_IDS {
            return Ok(false);
        }
        match (&change.entry.kind, &original.kind) {
            (Kind::Directory { .. }, Kind::Directory { .. }) => {
                Ok(names(self.upper, &change.path)? == names(self.below, path)?)
            }
            (Kind::File { size_bytes: 0 }, Kind::File { size_bytes: 0 }) => Ok(true),
            (Kind::File { size_bytes: left }, Kind::File { size_bytes: right }) if left == right => {
                let content = |tree: &dyn Tree, path| tree.content(path).map_err(failed("read", path));
                Ok(content(self.upper, &change.path)? == content(self.below, path)?)
            }
            (left, right) => Ok(left == right),
        }
    }
}

/// Gives the further names of a file the owner of its first one.
fn restore_further_names(changes: &mut [Change], owners: &HashMap<PathBuf, Owner>) {
    for Change { entry, .. } in changes {
        if let Kind::Hardlink { target } = &entry.kind
            && let Some(owner) = owners.get(target)
        {
            owner.give(entry);
        }
    }
}

fn names(tree: &dyn Tree, dir: &Path) -> Result<Vec<std::ffi::OsString>, RootfsError> {
    let children = tree.children(dir).map_err(failed("list", dir))?;
    Ok(children.into_iter().map(|child| child.name).collect())
}

fn time(entry: &Entry) -> Time {
    (entry.mtime.seconds, entry.mtime.nanoseconds / 1000)
}

/// Reports whether a time of the file system is before `limit`.
pub(super) fn is_before(time: Timestamp, limit: SystemTime) -> bool {
    let limit = limit.duration_since(UNIX_EPOCH).unwrap_or_default();
    (i128::from(time.seconds), time.nanoseconds) < (limit.as_secs().into(), limit.subsec_nanos())
}
