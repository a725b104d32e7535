//! What the members of a foreign tar leave behind, as if it were unpacked into an empty directory.
//!
//! The rules are those of containerd's unpacker, which BuildKit and Docker share: the last member of a name wins; a link
//! on the way to a name is followed inside the layer, from its root; missing directories are made. What could lead out
//! of the root, or would be read differently by others, is an error.
//!
//! Whiteouts are about lower layers only, wherever they stand in the tar: a name that is both whited out and present
//! hides what is below and is there.
//!
//! Source: OCI image-spec v1.1, layer.md; containerd 2.x, `pkg/archive/tar.go`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{OPAQUE_MARKER, WHITEOUT_PREFIX};
use crate::RootfsError;
use crate::entry::{Entry, Kind};
use crate::error::bad_entry;
use crate::index::{MAX_ENTRIES, MAX_NAMES_BYTES, too_many_entries, too_many_names};
use crate::index::{Row, Stored};
use crate::path::{self, after, clean, components, from_key, is_below, join, key, split, to_path};
use crate::tar::Member;
use crate::tree::MAX_LINKS;

/// What stands for aufs' own files, which no other file system knows.
const AUFS_PREFIX: &[u8] = b".wh..wh.";

/// The entries so far.
#[derive(Default)]
pub(super) struct Gather {
    /// By key, so their own paths are left empty; implied directories included, but for the root.
    nodes: BTreeMap<Vec<u8>, Row>,
    /// Keys that lower layers lose.
    whiteouts: BTreeSet<Vec<u8>>,
    /// Keys of directories that hide lower layers.
    opaque: BTreeSet<Vec<u8>>,
    names_bytes: usize,
    groups: u32,
}

/// What a member's name makes of it.
pub(super) enum Role {
    /// Nothing: aufs' own.
    Ignored,
    /// A sign to hide lower layers.
    Whiteout,
    /// An entry; a file's content counts.
    Entry,
}

/// What the member called `name` is, before its content is read.
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

impl Gather {
    /// Takes a member in. `content` is the blake3 of a file.
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

    /// The rows, in order.
    pub(super) fn finish(mut self) -> Vec<Row> {
        for key in std::mem::take(&mut self.opaque) {
            // The directory may have become something else since.
            let row = match key.is_empty() {
                true => Some(self.nodes.entry(key).or_insert_with(|| Row::implied(b""))),
                false => self.nodes.get_mut(&key),
            };
            set_opaque(row);
        }
        for key in std::mem::take(&mut self.whiteouts) {
            let row = self.nodes.entry(key).or_insert_with(|| Row::whiteout(Vec::new()));
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

    /// The directory that `path` leads to; made where it is missing.
    fn directory(&mut self, path: &[u8]) -> Result<Vec<u8>, RootfsError> {
        let is_known = |row: &Row| row.entry.is_dir();
        if path.is_empty() || self.nodes.get(&key(path)).is_some_and(is_known) {
            return Ok(path.to_vec());
        }
        let mut pending: VecDeque<Vec<u8>> = components(path).map(<[u8]>::to_vec).collect();
        let mut found = Vec::new();
        let mut links = 0;
        while let Some(name) = pending.pop_front() {
            match &name[..] {
                b"." => continue,
                b".." => {
                    found.truncate(split(&found).map_or(0, |(above, _)| above.len()));
                    continue;
                }
                _ => {}
            }
            let next = join(&found, &name);
            match self.nodes.get(&key(&next)).map(|row| &row.entry.kind) {
                Some(Kind::Directory { .. }) => found = next,
                Some(Kind::Symlink { target }) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(bad_entry(path, "too many symbolic links on the way"));
                    }
                    let target = path::to_bytes(target);
                    if target.starts_with(b"/") {
                        found.clear();
                    }
                    components(target).rev().for_each(|name| pending.push_front(name.to_vec()));
                }
                Some(_) => return Err(bad_entry(path, "an entry lies below something that is no directory")),
                None => {
                    path::check(&next)?;
                    self.put(Row::implied(&next))?;
                    found = next;
                }
            }
        }
        Ok(found)
    }

    /// Puts a row in place of what is there; a directory in place of a directory keeps what is below.
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

    fn hide(&mut self, parent: &[u8], name: &[u8], member: &Member) -> Result<(), RootfsError> {
        if member.typeflag != b'0' {
            return Err(bad_entry(&member.name, "a whiteout that is no regular file"));
        }
        self.count(parent.len() + name.len())?;
        if name == OPAQUE_MARKER {
            self.opaque.insert(key(parent));
            return Ok(());
        }
        match &name[WHITEOUT_PREFIX.len()..] {
            b"" | b"." | b".." => Err(bad_entry(&member.name, "a whiteout of no name")),
            hidden => {
                self.whiteouts.insert(key(&join(parent, hidden)));
                Ok(())
            }
        }
    }

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

/// A directory hides lower layers from now on; all else does so anyway.
fn set_opaque(row: Option<&mut Row>) {
    if let Some(Kind::Directory { opaque }) = row.map(|row| &mut row.entry.kind) {
        *opaque = true;
    }
}

fn entry_of(member: &Member) -> Result<Entry, RootfsError> {
    let (major, minor) = member.device;
    let kind = match member.typeflag {
        b'0' => Kind::File { size_bytes: member.size_bytes },
        b'2' if member.link.is_empty() || member.link.len() >= path::MAX_PATH_BYTES => {
            return Err(bad_entry(&member.name, "a symbolic link to nothing, or to too long a name"));
        }
        b'2' => Kind::Symlink { target: to_path(&member.link).to_owned() },
        // overlayfs takes it for a whiteout.
        b'3' if member.device == (0, 0) => return Err(bad_entry(&member.name, "the character device 0:0")),
        b'3' => Kind::CharDevice { major, minor },
        b'4' => Kind::BlockDevice { major, minor },
        b'5' => Kind::Directory { opaque: false },
        _ => Kind::Fifo,
    };
    // Linux gives all symbolic links this mode.
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
