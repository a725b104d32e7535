//! The entries that unpacking a foreign tar into an empty directory would leave.
//!
//! The rules are those of containerd's unpacker, which BuildKit and Docker share. The last member of a name wins. A
//! symlink in the path of a member is followed inside the layer, from its root. Missing directories are made. Members
//! that could lead out of the root, or that unpackers treat differently, are errors.
//!
//! Whiteouts apply to lower layers only, at any position in the tar: a name that is both whited out and present
//! exists, and hides the entry of lower layers.
//!
//! Source: OCI image-spec v1.1, layer.md; containerd 2.x, `pkg/archive/tar.go`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{OPAQUE_MARKER, WHITEOUT_PREFIX};
use crate::RootfsError;
use crate::error::bad_entry;
use crate::index::{MAX_ENTRIES, MAX_NAMES_BYTES, too_many_entries, too_many_names};
use crate::index::{Row, Stored};
use tarball::Member;
use trees::entry::{Entry, Kind};
use trees::path::{self, after, clean, components, from_key, is_below, join, key, split, to_path};
use trees::tree::MAX_LINKS;

/// Prefix of files that aufs used for itself; no other file system needs them.
const AUFS_PREFIX: &[u8] = b".wh..wh.";

/// Entries that the members so far have left.
#[derive(Default)]
pub(super) struct EntryCollector {
    /// Entries by key ([`trees::path`]), implied directories included except for the root. The paths in the rows are
    /// empty.
    nodes: BTreeMap<Vec<u8>, Row>,
    /// Keys of the names that lower layers lose.
    whiteouts: BTreeSet<Vec<u8>>,
    /// Keys of the directories that hide lower layers.
    opaque: BTreeSet<Vec<u8>>,
    /// Length of all names and attributes, replaced ones included.
    names_bytes: usize,
    /// Number of files that have several names.
    groups: u32,
}

/// Meaning of a member, which its name decides.
pub(super) enum Role {
    /// File that aufs used for itself; it is ignored.
    Ignored,
    /// Whiteout or marker of an opaque directory.
    Whiteout,
    /// Entry of the layer, with content if it is a file.
    Entry,
}

/// Returns the meaning of the member called `name`.
pub(super) fn role(name: &[u8]) -> Result<Role, RootfsError> {
    let path = clean(name)?;
    let is_aufs = |name: &[u8]| name.starts_with(AUFS_PREFIX) && name != OPAQUE_MARKER;
    if components(&path).any(is_aufs) {
        return Ok(Role::Ignored);
    }
    let (parent, last) = split(&path).unwrap_or_default();
    if components(parent).any(|name| name.starts_with(WHITEOUT_PREFIX)) {
        return Err(bad_entry(&path, "an entry lies below a whiteout"));
    }
    Ok(if last.starts_with(WHITEOUT_PREFIX) { Role::Whiteout } else { Role::Entry })
}

impl EntryCollector {
    /// Adds a member. `content` is the blake3 of a file; it is ignored for other members.
    pub(super) fn add(&mut self, member: Member, content: [u8; 32]) -> Result<(), RootfsError> {
        let path = clean(&member.name)?;
        let Some((parent, name)) = split(&path) else {
            return self.set_root(member);
        };
        let parent = self.directory(parent)?;
        if name.starts_with(WHITEOUT_PREFIX) {
            return self.hide(&parent, name, &member);
        }
        let path = join(&parent, name);
        path::check(&path)?;
        if member.typeflag == b'1' {
            return self.link(path, &member);
        }
        let entry = entry_of(&member)?;
        let stored = Stored { offset: member.offset, content, sparse: member.sparse, pyc_mtime: None };
        self.put(Row::new(path, entry, stored))
    }

    /// Returns the rows in the order of their paths.
    pub(super) fn finish(mut self) -> Vec<Row> {
        for key in std::mem::take(&mut self.opaque) {
            // A later member can have replaced the directory.
            let row = if key.is_empty() {
                Some(self.nodes.entry(key).or_insert_with(|| Row::implied(b"")))
            } else {
                self.nodes.get_mut(&key)
            };
            set_opaque(row);
        }
        for key in std::mem::take(&mut self.whiteouts) {
            let row = self.nodes.entry(key).or_insert_with(|| Row::whiteout(Vec::new()));
            // The directory of a lower layer is gone with its metadata, unlike one that a marker makes opaque.
            row.implied = false;
            set_opaque(Some(row));
        }
        self.nodes.into_iter().map(|(key, row)| Row { path: from_key(&key), ..row }).collect()
    }

    fn set_root(&mut self, member: Member) -> Result<(), RootfsError> {
        if member.typeflag != b'5' {
            return Err(bad_entry(&member.name, "the root can only be a directory"));
        }
        let entry = entry_of(&member)?;
        let row = Row::new(Vec::new(), entry, Stored::default());
        self.nodes.insert(Vec::new(), row);
        Ok(())
    }

    /// Returns the directory that `path` leads to, symlinks followed inside the layer. Missing directories are made.
    fn directory(&mut self, path: &[u8]) -> Result<Vec<u8>, RootfsError> {
        let is_known = |row: &Row| row.entry.is_dir();
        if path.is_empty() || self.nodes.get(&key(path)).is_some_and(is_known) {
            return Ok(path.to_vec());
        }
        let mut walk = Walk::new(path);
        while let Some(name) = walk.pending.pop_front() {
            match &name[..] {
                b"." => {}
                b".." => walk.up(),
                name => self.step(&mut walk, name, path)?,
            }
        }
        Ok(walk.found)
    }

    /// Takes one step of a walk along `path`: into the entry `name`.
    fn step(&mut self, walk: &mut Walk, name: &[u8], path: &[u8]) -> Result<(), RootfsError> {
        let next = join(&walk.found, name);
        match self.nodes.get(&key(&next)).map(|row| &row.entry.kind) {
            Some(Kind::Directory { .. }) => walk.found = next,
            Some(Kind::Symlink { target }) => {
                walk.symlinks += 1;
                if walk.symlinks > MAX_LINKS {
                    return Err(bad_entry(path, "too many symlinks in its path"));
                }
                walk.follow(path::to_bytes(target));
            }
            Some(_) => return Err(bad_entry(path, "an entry lies below something that is not a directory")),
            // A symlink can lead to such a name, too.
            None if name.starts_with(WHITEOUT_PREFIX) => {
                return Err(bad_entry(path, "an entry lies below a whiteout"));
            }
            None => {
                path::check(&next)?;
                self.put(Row::implied(&next))?;
                walk.found = next;
            }
        }
        Ok(())
    }

    /// Puts a row at its path and replaces whatever is there. A directory keeps the entries of a directory in its
    /// place.
    fn put(&mut self, mut row: Row) -> Result<(), RootfsError> {
        let key = key(&std::mem::take(&mut row.path));
        let xattrs = row.entry.xattrs.iter().map(|(name, value)| name.len() + value.len() + 8).sum::<usize>();
        self.count(key.len() + xattrs)?;
        match self.nodes.get(&key) {
            Some(there) if there.entry.is_dir() && !row.entry.is_dir() => self.clear_below(&key),
            _ => {}
        }
        self.nodes.insert(key, row);
        Ok(())
    }

    /// Counts a new name against the limits of a layer.
    fn count(&mut self, names_bytes: usize) -> Result<(), RootfsError> {
        self.names_bytes += names_bytes;
        if self.names_bytes > MAX_NAMES_BYTES {
            return Err(too_many_names());
        }
        if self.nodes.len() + self.whiteouts.len() + self.opaque.len() >= MAX_ENTRIES {
            return Err(too_many_entries());
        }
        Ok(())
    }

    fn clear_below(&mut self, key: &[u8]) {
        let range = key.to_vec()..after(key);
        while let Some((last, _)) = self.nodes.range(range.clone()).next_back() {
            let last = last.clone();
            self.nodes.remove(&last);
        }
        for set in [&mut self.whiteouts, &mut self.opaque] {
            while let Some(last) = set.range(range.clone()).next_back().cloned() {
                set.remove(&last);
            }
        }
    }

    /// Adds a whiteout, or the marker of an opaque directory.
    fn hide(&mut self, parent: &[u8], name: &[u8], member: &Member) -> Result<(), RootfsError> {
        if member.typeflag != b'0' {
            return Err(bad_entry(&member.name, "a whiteout that is not a regular file"));
        }
        self.count(parent.len() + name.len())?;
        if name == OPAQUE_MARKER {
            self.opaque.insert(key(parent));
            return Ok(());
        }
        match &name[WHITEOUT_PREFIX.len()..] {
            b"" | b"." | b".." => Err(bad_entry(&member.name, "a whiteout without a name")),
            hidden => {
                self.whiteouts.insert(key(&join(parent, hidden)));
                Ok(())
            }
        }
    }

    /// Adds a hard link.
    fn link(&mut self, path: Vec<u8>, member: &Member) -> Result<(), RootfsError> {
        let shown = to_path(&member.link).display().to_string();
        let refuse = |reason: &str| bad_entry(&path, format!("a hard link to {shown}, {reason}"));
        let target = clean(&member.link)?;
        let (parent, name) = split(&target).ok_or_else(|| refuse("the root"))?;
        let target = join(&self.directory(parent)?, name);
        if target == path || is_below(&target, &path) {
            return Err(refuse("which it replaces"));
        }
        let groups = &mut self.groups;
        let first =
            self.nodes.get_mut(&key(&target)).ok_or_else(|| refuse("which the layer does not have"))?;
        match first.entry.kind {
            Kind::Directory { .. } => return Err(refuse("a directory")),
            Kind::File { .. } if first.group == 0 => {
                *groups += 1;
                first.group = *groups;
            }
            _ => {}
        }
        let row = Row { path, ..first.clone() };
        self.put(row)
    }
}

/// Walk along a path, symlinks followed.
struct Walk {
    /// Components that are still to be followed.
    pending: VecDeque<Vec<u8>>,
    /// Directory that has been reached.
    found: Vec<u8>,
    /// Number of symlinks that have been followed.
    symlinks: usize,
}

impl Walk {
    fn new(path: &[u8]) -> Self {
        let pending = components(path).map(<[u8]>::to_vec).collect();
        Self { pending, found: Vec::new(), symlinks: 0 }
    }

    fn up(&mut self) {
        self.found.truncate(split(&self.found).map_or(0, |(above, _)| above.len()));
    }

    /// Continues with the target of a symlink; an absolute one starts at the root of the layer.
    fn follow(&mut self, target: &[u8]) {
        if target.starts_with(b"/") {
            self.found.clear();
        }
        components(target).rev().for_each(|name| self.pending.push_front(name.to_vec()));
    }
}

/// Makes a directory opaque. All other entries hide lower layers anyway.
fn set_opaque(row: Option<&mut Row>) {
    if let Some(Kind::Directory { opaque }) = row.map(|row| &mut row.entry.kind) {
        *opaque = true;
    }
}

/// Returns the metadata of the entry that a member makes.
fn entry_of(member: &Member) -> Result<Entry, RootfsError> {
    let (major, minor) = member.device;
    let kind = match member.typeflag {
        b'0' => Kind::File { size_bytes: member.size_bytes },
        b'2' if member.link.is_empty() || member.link.len() >= path::MAX_PATH_BYTES => {
            return Err(bad_entry(&member.name, "a symlink to nothing, or to a name that is too long"));
        }
        b'2' => Kind::Symlink { target: to_path(&member.link).to_owned() },
        // Overlayfs would take this device for a whiteout.
        b'3' if member.device == (0, 0) => return Err(bad_entry(&member.name, "the character device 0:0")),
        b'3' => Kind::CharDevice { major, minor },
        b'4' => Kind::BlockDevice { major, minor },
        b'5' => Kind::Directory { opaque: false },
        _ => Kind::Fifo,
    };
    // Linux gives all symlinks this mode.
    let mode = if matches!(kind, Kind::Symlink { .. }) { 0o777 } else { member.mode };
    Ok(Entry {
        kind,
        mode,
        uid: member.uid,
        gid: member.gid,
        mtime: member.mtime,
        xattrs: member.xattrs.clone(),
    })
}
