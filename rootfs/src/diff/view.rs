//! A diff as a tree: the base with the changes applied.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read};
use std::ops::Bound;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use cache::ContentDigest;

use super::{Change, Content, Diff, below};
use trees::entry::{Entry, Kind};
use trees::path::{after, from_key, key, split, to_bytes};
use trees::sparse::{Dense, SparseRead};
use trees::tree::{Child, Tree};

/// Result of a lookup among the changes.
enum Lookup<'a> {
    /// Nothing is there any more.
    Nothing,
    /// There is no change, so the base counts.
    Base,
    /// Entry, content and link group of a change.
    Change(&'a Entry, Option<&'a Content>, u64),
}

impl Tree for Diff {
    fn lookup(&self, path: &Path) -> io::Result<Option<Entry>> {
        match self.find(path) {
            Lookup::Nothing => Ok(None),
            Lookup::Change(entry, ..) => Ok(Some(entry.clone().into_tree_entry())),
            Lookup::Base => self.base.lookup(path),
        }
    }

    fn children(&self, path: &Path) -> io::Result<Vec<Child>> {
        let hidden = match self.find(path) {
            Lookup::Nothing => return Err(io::ErrorKind::NotFound.into()),
            Lookup::Change(entry, ..) if !entry.is_dir() => return Err(io::ErrorKind::NotADirectory.into()),
            Lookup::Change(Entry { kind: Kind::Directory { opaque: true }, .. }, ..) => true,
            Lookup::Change(..) => {
                let base = self.parents_hide(to_bytes(path));
                base || !self.base.lookup(path)?.is_some_and(|entry| entry.is_dir())
            }
            Lookup::Base => false,
        };
        let of_base = if hidden { Vec::new() } else { self.base.children(path)? };
        Ok(merged(of_base, self.changed_children(to_bytes(path))))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        Ok(self.open_sparse(path)?)
    }

    fn open_sparse(&self, path: &Path) -> io::Result<Box<dyn SparseRead>> {
        match self.find(path) {
            Lookup::Nothing => Err(io::ErrorKind::NotFound.into()),
            Lookup::Base => self.base.open_sparse(path),
            Lookup::Change(Entry { kind: Kind::File { size_bytes }, .. }, content, _) => match content {
                Some(content) => content.open(*size_bytes),
                None => Ok(Box::new(Dense(io::empty()))),
            },
            Lookup::Change(..) => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn content(&self, path: &Path) -> io::Result<ContentDigest> {
        match self.find(path) {
            Lookup::Nothing => Err(io::ErrorKind::NotFound.into()),
            Lookup::Base => self.base.content(path),
            Lookup::Change(entry, content, _) => match content {
                Some(Content::Bytes(bytes)) => Ok(ContentDigest::of(bytes)),
                Some(Content::Tree { digest: Some(digest), .. }) => Ok(*digest),
                Some(Content::Tree { tree, path, digest: None }) => tree.content(path),
                Some(Content::Range { .. }) => hash(&mut self.open(path)?),
                None if matches!(entry.kind, Kind::File { .. }) => Ok(ContentDigest::of(b"")),
                None => Err(io::ErrorKind::InvalidInput.into()),
            },
        }
    }

    fn link_group(&self, path: &Path) -> io::Result<Option<u64>> {
        match self.find(path) {
            // Odd numbers for the groups of the diff, even ones for those of the base, so that they never collide.
            Lookup::Change(_, _, group) => Ok((group != 0).then_some(group << 1 | 1)),
            Lookup::Base => Ok(self.base.link_group(path)?.map(|group| group << 1)),
            Lookup::Nothing => Ok(None),
        }
    }
}

impl Diff {
    /// Returns the change at `path`, or whether the base counts there.
    fn find(&self, path: &Path) -> Lookup<'_> {
        match self.changes.get(&key(to_bytes(path))) {
            Some(Change::Removed) => Lookup::Nothing,
            Some(Change::Present { entry, content, group }) => {
                Lookup::Change(entry, content.as_ref(), *group)
            }
            None if self.parents_hide(to_bytes(path)) => Lookup::Nothing,
            None => Lookup::Base,
        }
    }

    /// Returns the changes directly below `path`, in order.
    fn changed_children(&self, path: &[u8]) -> Vec<(OsString, Option<Child>)> {
        let (mut from, to) = below(&key(path));
        let mut children = Vec::new();
        while let Some((key, change)) = self.changes.range((from, to.clone())).next() {
            let child = from_key(key);
            let name = OsString::from_vec(split(&child).map_or(&b""[..], |(_, name)| name).to_vec());
            children.push((name.clone(), change.as_child(name)));
            from = Bound::Included(after(key));
        }
        children
    }
}

impl Change {
    /// Returns the change as a tree shows it under `name`; `None` for a removal.
    fn as_child(&self, name: OsString) -> Option<Child> {
        let Self::Present { entry, content, .. } = self else { return None };
        let content = match content {
            Some(Content::Tree { digest, .. }) => *digest,
            _ => None,
        };
        Some(Child { name, entry: entry.clone().into_tree_entry(), content })
    }
}

/// Replaces the children of the base by the changed ones.
fn merged(base: Vec<Child>, changes: Vec<(OsString, Option<Child>)>) -> Vec<Child> {
    if changes.is_empty() {
        return base;
    }
    let mut all: BTreeMap<OsString, Option<Child>> =
        base.into_iter().map(|child| (child.name.clone(), Some(child))).collect();
    all.extend(changes);
    all.into_values().flatten().collect()
}

/// Returns the blake3 of everything that `reader` gives.
fn hash(reader: &mut dyn Read) -> io::Result<ContentDigest> {
    let mut hasher = blake3::Hasher::new();
    io::copy(reader, &mut hasher)?;
    Ok(ContentDigest::from_bytes(*hasher.finalize().as_bytes()))
}
