//! Exporting the merged tree of a stack of layers: as one tar, or as a directory of the user.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oci::DiffId;

use super::Layers;
use super::stack::{Found, Stack};
use super::write_dir;
use crate::RootfsError;
use crate::content::Content;
use crate::error::failed;
use crate::index::Origin;
use crate::layer::new_entry::NewEntry;
use crate::layer::write;
use crate::times::{Clamp, Times};
use trees::entry::{Entry, Kind, Timestamp};
use trees::path::{compare, to_bytes, to_path};
use trees::tree::Tree;

impl Layers {
    /// Writes the merged tree of `layers` as one tar, for the tar exporter. Imported layers keep their times.
    pub fn write_tar(&self, layers: &[DiffId], times: Times, out: &mut dyn Write) -> Result<(), RootfsError> {
        write::write_to(&self.merged_entries(layers, times)?, out)
    }

    /// Writes several merged trees as one tar, each in a directory of its own. Names of these directories contain no
    /// `/`.
    pub fn write_tar_of(
        &self,
        trees: &[(String, Vec<DiffId>)],
        times: Times,
        out: &mut dyn Write,
    ) -> Result<(), RootfsError> {
        let mut trees = trees.to_vec();
        trees.sort();
        let mut entries = Vec::new();
        for (directory, layers) in trees {
            entries.extend(moved_into(&directory, self.merged_entries(&layers, times)?, times));
        }
        write::write_to(&entries, out)
    }

    /// Writes the merged tree of `layers` into the directory `dest`, for the local exporter. Nothing is written
    /// through a symlink. As with BuildKit, everything belongs to the user who runs this process. An error of `check`, which
    /// is called often, ends the writing.
    pub fn write_dir(
        &self,
        layers: &[DiffId],
        times: Times,
        dest: &Path,
        check: &(dyn Fn() -> io::Result<()> + Sync),
    ) -> Result<(), RootfsError> {
        write_dir::write_dir(&self.merged_entries(layers, times)?, dest, check)
    }

    /// Returns the merged tree of `layers` in the order of paths, without the root.
    fn merged_entries(&self, layers: &[DiffId], times: Times) -> Result<Vec<NewEntry>, RootfsError> {
        let stack = Arc::new(Stack::new(self.files.clone(), layers));
        let tree: Arc<dyn Tree> = stack.clone();
        let mut first_names: HashMap<u64, PathBuf> = HashMap::new();
        let mut entries = Vec::new();
        let mut visit = |bytes: &[u8], found: &Found<'_>| -> io::Result<()> {
            let path = to_path(bytes);
            let mut entry = found.entry();
            if let Some(group) = found.item.is_file().then(|| tree.link_group(path)).transpose()?.flatten() {
                match first_names.get(&group) {
                    Some(first) => entry.kind = Kind::Hardlink { target: first.clone() },
                    None => drop(first_names.insert(group, path.to_owned())),
                }
            }
            let clamp = match stack.index(found.layer)?.origin() {
                Origin::Made => times.clamp(),
                Origin::Imported => Clamp::NONE,
            };
            let content = || Content::of_tree(&tree, path, Some(found.item.content()));
            entries.push(NewEntry::new(bytes, entry, content, clamp));
            Ok(())
        };
        stack.walk(&mut visit).map_err(failed("read the layers of", self.store().root()))?;
        Ok(entries)
    }
}

/// Moves the entries of a tree into a directory.
fn moved_into(directory: &str, mut entries: Vec<NewEntry>, times: Times) -> Vec<NewEntry> {
    for entry in &mut entries {
        entry.path.splice(..0, directory.bytes().chain([b'/']));
        if let Kind::Hardlink { target } = &mut entry.entry.kind {
            *target = Path::new(directory).join(&target);
        }
    }
    let mtime = Timestamp { seconds: Clamp::STORE.0, ..Timestamp::default() };
    let root = Entry { mtime, ..Entry::directory(0o755) };
    entries.insert(0, NewEntry { path: directory.into(), entry: root, content: None, clamp: times.clamp() });
    entries
}

/// Writes what is at `source` in a tree, and everything below it, as a tar whose first entry is `name`; an empty `name` leaves
/// out the entry itself. Times are those of the tree.
pub fn write_tree(
    tree: &Arc<dyn Tree>,
    source: &Path,
    name: &Path,
    out: &mut dyn Write,
) -> Result<(), RootfsError> {
    let top = tree.lookup(source).map_err(failed("look up", source))?;
    let top = top.ok_or_else(|| failed("look up", source)(io::Error::from(io::ErrorKind::NotFound)))?;
    let mut entries = Vec::new();
    let mut add = |from: &Path, to: &Path, entry: Entry| {
        let content = || Content::of_tree(tree, from, None);
        entries.push(NewEntry::new(to_bytes(to), entry, content, Clamp::NONE));
    };
    let mut pending = Vec::new();
    if top.is_dir() {
        pending.push((source.to_owned(), name.to_owned()));
    }
    if !name.as_os_str().is_empty() {
        add(source, name, top);
    }
    while let Some((from, to)) = pending.pop() {
        for child in tree.children(&from).map_err(failed("read the directory", &from))? {
            let (from, to) = (from.join(&child.name), to.join(&child.name));
            // Only upper directories have whiteouts.
            if child.entry.kind == Kind::Whiteout {
                continue;
            }
            if child.entry.is_dir() {
                pending.push((from.clone(), to.clone()));
            }
            add(&from, &to, child.entry);
        }
    }
    entries.sort_by(|left, right| compare(&left.path, &right.path));
    write::write_to(&entries, out)
}
