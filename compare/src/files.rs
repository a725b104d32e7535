//! Files that differ between two trees.

use std::cmp::Ordering;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};
use trees::entry::{Entry, Kind};
use trees::tree::{Child, Tree};

use crate::Change;

/// Files that differ, with their sums.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileChanges {
    /// Number of paths that only the second image has.
    pub added: u64,
    /// Number of paths that only the first image has.
    pub removed: u64,
    /// Number of paths that differ.
    pub changed: u64,
    /// Size of the first image's files that were removed or changed.
    pub before_bytes: u64,
    /// Size of the second image's files that were added or changed.
    pub after_bytes: u64,
    /// Differences in the order of their paths, directories before what is in them.
    pub changes: Vec<FileChange>,
}

/// Path that differs between two trees.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileChange {
    /// Path from the root, without a slash at the beginning. In JSON, bytes that are not UTF-8 are replaced.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    /// Kind of the difference.
    pub change: Change,
    /// Differences of a changed path: `type`, `content`, `target`, `device`, `mode`, `owner`, `attributes`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<&'static str>,
    /// State in the first image; `None` if it does not have the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<FileState>,
    /// State in the second image; `None` if it does not have the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<FileState>,
}

/// State of a path in one image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileState {
    /// Kind of entry: `file`, `directory`, `symlink`, `device`, `fifo`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Length of a regular file; 0 for all else.
    #[serde(rename = "size")]
    pub size_bytes: u64,
    /// Permission bits; in JSON in octal, as in `0755`.
    #[serde(serialize_with = "octal")]
    pub mode: u32,
    /// User ID of the owner.
    pub uid: u32,
    /// Group ID of the owner.
    pub gid: u32,
    /// Target of a symlink.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

impl FileState {
    fn of(entry: &Entry) -> Self {
        let size_bytes = if let Kind::File { size_bytes } = entry.kind { size_bytes } else { 0 };
        let target = match &entry.kind {
            Kind::Symlink { target } => Some(target.to_string_lossy().into_owned()),
            _ => None,
        };
        Self { kind: kind(entry), size_bytes, mode: entry.mode, uid: entry.uid, gid: entry.gid, target }
    }
}

/// Compares two trees. Times do not count.
pub fn compare_files(before: &dyn Tree, after: &dyn Tree) -> io::Result<FileChanges> {
    let mut walk = Walk { before, after, found: FileChanges::default() };
    walk.directories()?;
    Ok(walk.found)
}

/// Walk over both trees at once.
struct Walk<'a> {
    before: &'a dyn Tree,
    after: &'a dyn Tree,
    found: FileChanges,
}

/// Path that is still to be visited, with the entry of each tree.
struct Pending {
    path: PathBuf,
    before: Option<Child>,
    after: Option<Child>,
}

impl Walk<'_> {
    /// Visits all paths, each directory before what is in it. Not recursive: a path can have thousands of components.
    fn directories(&mut self) -> io::Result<()> {
        let mut pending = self.below(Path::new(""), true, true)?;
        while let Some(next) = pending.pop() {
            self.visit(&next)?;
            let is_dir = |child: &Option<Child>| child.as_ref().is_some_and(|child| child.entry.is_dir());
            let (in_before, in_after) = (is_dir(&next.before), is_dir(&next.after));
            if in_before || in_after {
                pending.append(&mut self.below(&next.path, in_before, in_after)?);
            }
        }
        Ok(())
    }

    /// Returns the entries of a directory of both trees, the last name first.
    fn below(&self, dir: &Path, in_before: bool, in_after: bool) -> io::Result<Vec<Pending>> {
        let list = |tree: &dyn Tree, is_there| if is_there { tree.children(dir) } else { Ok(Vec::new()) };
        let mut before = list(self.before, in_before)?.into_iter().peekable();
        let mut after = list(self.after, in_after)?.into_iter().peekable();
        let mut pairs = Vec::new();
        loop {
            let order = match (before.peek(), after.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.name.as_bytes().cmp(new.name.as_bytes()),
            };
            let old = if order.is_le() { before.next() } else { None };
            let new = if order.is_ge() { after.next() } else { None };
            let name = old.as_ref().or(new.as_ref()).map(|child| child.name.clone()).unwrap_or_default();
            pairs.push(Pending { path: dir.join(name), before: old, after: new });
        }
        pairs.reverse();
        Ok(pairs)
    }

    fn visit(&mut self, pending: &Pending) -> io::Result<()> {
        let Pending { path, before, after } = pending;
        let differs = match (before, after) {
            (Some(old), Some(new)) => self.differences(path, old, new)?,
            _ => Vec::new(),
        };
        let change = match (before, after) {
            (Some(_), Some(_)) if differs.is_empty() => return Ok(()),
            (Some(_), Some(_)) => Change::Changed,
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
        };
        let state = |child: &Option<Child>| child.as_ref().map(|child| FileState::of(&child.entry));
        self.add(FileChange {
            path: path.clone(),
            change,
            differs,
            before: state(before),
            after: state(after),
        });
        Ok(())
    }

    fn add(&mut self, change: FileChange) {
        let found = &mut self.found;
        *match change.change {
            Change::Added => &mut found.added,
            Change::Removed => &mut found.removed,
            Change::Changed => &mut found.changed,
        } += 1;
        found.before_bytes += change.before.as_ref().map_or(0, |state| state.size_bytes);
        found.after_bytes += change.after.as_ref().map_or(0, |state| state.size_bytes);
        found.changes.push(change);
    }

    fn differences(&self, path: &Path, old: &Child, new: &Child) -> io::Result<Vec<&'static str>> {
        let (a, b) = (&old.entry, &new.entry);
        let is_same_kind = kind(a) == kind(b);
        let mut differs = Vec::new();
        let mut note = |is_different, name| {
            if is_different {
                differs.push(name);
            }
        };
        note(!is_same_kind, "type");
        match (&a.kind, &b.kind) {
            (Kind::File { .. }, Kind::File { .. }) => {
                note(a.kind != b.kind || self.has_other_content(path, old, new)?, "content");
            }
            (Kind::Symlink { .. }, Kind::Symlink { .. }) => note(a.kind != b.kind, "target"),
            (Kind::Directory { .. }, _) | (_, Kind::Directory { .. }) => {}
            _ => note(is_same_kind && a.kind != b.kind, "device"),
        }
        note(a.mode != b.mode, "mode");
        note((a.uid, a.gid) != (b.uid, b.gid), "owner");
        note(a.xattrs != b.xattrs, "attributes");
        Ok(differs)
    }

    /// Compares two files of the same length, by the digests that the trees have if possible.
    fn has_other_content(&self, path: &Path, old: &Child, new: &Child) -> io::Result<bool> {
        let digest = |tree: &dyn Tree, child: &Child| child.content.map_or_else(|| tree.content(path), Ok);
        Ok(digest(self.before, old)? != digest(self.after, new)?)
    }
}

/// Returns the kind of an entry in one word.
fn kind(entry: &Entry) -> &'static str {
    match entry.kind {
        Kind::Directory { .. } => "directory",
        Kind::File { .. } | Kind::Hardlink { .. } => "file",
        Kind::Symlink { .. } => "symlink",
        Kind::CharDevice { .. } | Kind::BlockDevice { .. } => "device",
        Kind::Fifo => "fifo",
        Kind::Whiteout => "whiteout",
    }
}

fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

fn octal<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{mode:04o}"))
}
