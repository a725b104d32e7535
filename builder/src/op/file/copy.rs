//! A selection of files to changes.
//!
//! Files go where BuildKit puts them: the directories of the destination are created first (0755 and root's, or as `--chmod` and
//! `--chown` say); a file goes into a destination that is a directory; of a directory, the contents are copied. A
//! directory that the copy finds keeps its metadata if it is the destination itself, except for its time, and gets the source's
//! if it is below. Directories that are made on the way to files that a pattern chose have the time of the copy.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archive::{Archive, Unpacker};
use cache::ContentDigest;
use rootfs::diff::{Content, Diff};
use rootfs::mkdir::{NewDirectory, mkdir_all};
use trees::entry::{Entry, Kind, Timestamp};
use trees::tree::Tree;

use super::destination::destination;
use super::select::{Match, Selection};
use super::walk::Item;
use super::{FileOpError, shown};
use graph::Mode;
use graph::{CopyAction, CopySource};
use patterns::clean;

/// Mode of a file made from a heredoc.
const TEXT_MODE: u32 = 0o644;
/// Mode of directories that are created.
const DIRECTORY_MODE: u32 = 0o755;

/// Computes the changes of one action.
pub(super) struct Copier<'a> {
    pub diff: &'a mut Diff,
    pub action: &'a CopyAction,
    /// Owner and group from `--chown`, resolved.
    pub owner: Option<(u32, u32)>,
    /// Mode from `--chmod`, or `None` to keep the mode of the source.
    pub mode: Option<&'a Mode>,
    /// Modification time of directories that are created on the way.
    pub mtime: Timestamp,
    pub scratch: &'a Path,
}

impl Copier<'_> {
    /// Copies everything that was selected, in order.
    pub(super) fn selection(
        &mut self,
        source: &Arc<dyn Tree>,
        selection: &Selection<'_>,
    ) -> Result<(), FileOpError> {
        for found in &selection.matches {
            if self.action.unpack && self.unpack(&**source, found)? {
                continue;
            }
            if found.entry.is_dir() {
                self.directory(source, found, selection)?;
            } else {
                self.file(source, found)?;
            }
        }
        Ok(())
    }

    /// Copies text: a heredoc.
    pub(super) fn text(&mut self, name: &str, content: &str) -> Result<(), FileOpError> {
        let kind = Kind::File { size_bytes: content.len() as u64 };
        let entry = Entry { kind, mtime: self.mtime, ..Entry::directory(TEXT_MODE) };
        let target = self.file_target(Path::new(name))?;
        let content = (!content.is_empty()).then(|| Content::Bytes(content.as_bytes().into()));
        let entry = self.adapted(&entry);
        self.replace(&target, entry, content)
    }

    fn file(&mut self, source: &Arc<dyn Tree>, found: &Match) -> Result<(), FileOpError> {
        let target = self.file_target(Path::new(&found.name))?;
        let known = source.known_content(&found.path);
        let content = content(source, found.path.clone(), &found.entry, known);
        let entry = self.adapted(&found.entry);
        self.replace(&target, entry, content)
    }

    /// Where a single file goes: into the destination under `name` if that is a directory.
    fn file_target(&mut self, name: &Path) -> Result<PathBuf, FileOpError> {
        let destination = self.prepare(self.made_mode())?;
        let target = match self.lookup(&destination)? {
            Some(entry) if entry.is_dir() => destination.join(name),
            _ => destination,
        };
        if let Some(parent) = target.parent() {
            mkdir_all(self.diff, parent, &self.made(self.made_mode()))?;
        }
        Ok(target)
    }

    fn directory(
        &mut self,
        source: &Arc<dyn Tree>,
        found: &Match,
        selection: &Selection<'_>,
    ) -> Result<(), FileOpError> {
        let destination = self.prepare(self.made_mode())?;
        let is_new = match self.lookup(&destination)? {
            Some(entry) if entry.is_dir() => false,
            Some(_) => return Err(FileOpError::NonDirectory { path: shown(&destination) }),
            None => true,
        };
        mkdir_all(self.diff, &destination, &self.made(self.made_mode()))?;
        if !selection.is_by_pattern() {
            self.set_time(&destination, found.entry.mtime)?;
        }
        let mut links = HashMap::new();
        // Nothing is below a new directory, so nothing is looked up there.
        let mut fresh = is_new.then(PathBuf::new);
        for item in selection.items(found)? {
            let item = item?;
            if fresh.as_ref().is_some_and(|top| !item.path.starts_with(top)) {
                fresh = None;
            }
            let target = destination.join(&item.path);
            let existing = if fresh.is_some() { None } else { self.lookup(&target)? };
            if item.entry.is_dir() && existing.is_none() && fresh.is_none() {
                fresh = Some(item.path.clone());
            }
            if item.entry.is_dir() {
                self.below_directory(&item, &target, existing, selection.is_by_pattern())?;
            } else {
                self.below_file(source, found, &item, &target, existing, &mut links)?;
            }
        }
        Ok(())
    }

    /// Gives the destination the time of the directory whose contents it gets, as BuildKit does. The root has no entry in
    /// a layer.
    fn set_time(&mut self, directory: &Path, mtime: Timestamp) -> Result<(), FileOpError> {
        match self.lookup(directory)? {
            Some(entry) if !directory.as_os_str().is_empty() => {
                Ok(self.diff.put(directory, Entry { mtime, ..entry }, None)?)
            }
            _ => Ok(()),
        }
    }

    fn below_directory(
        &mut self,
        item: &Item,
        target: &Path,
        existing: Option<Entry>,
        by_pattern: bool,
    ) -> Result<(), FileOpError> {
        let entry = match existing {
            None if item.implied => Entry { mtime: self.mtime, ..self.adapted(&item.entry) },
            None => self.adapted(&item.entry),
            Some(existing) if !existing.is_dir() => {
                return Err(FileOpError::NonDirectory { path: shown(target) });
            }
            // Directories on the way to what a pattern chose only get the mode.
            Some(existing) if item.implied || by_pattern => Entry { mode: item.entry.mode, ..existing },
            Some(existing) => Entry { xattrs: existing.xattrs, ..self.adapted(&item.entry) },
        };
        Ok(self.diff.put(target, entry, None)?)
    }

    fn below_file(
        &mut self,
        source: &Arc<dyn Tree>,
        found: &Match,
        item: &Item,
        target: &Path,
        existing: Option<Entry>,
        links: &mut HashMap<u64, PathBuf>,
    ) -> Result<(), FileOpError> {
        if existing.is_some_and(|existing| existing.is_dir()) {
            return Err(FileOpError::ReplaceDirectory { path: shown(target) });
        }
        let path = found.path.join(&item.path);
        let group = match item.entry.kind {
            Kind::File { .. } => source.link_group(&path).map_err(FileOpError::read(&path))?,
            _ => None,
        };
        if let Some(group) = group {
            match links.get(&group) {
                Some(first) => return Ok(self.diff.link(target, first)?),
                None => drop(links.insert(group, target.to_owned())),
            }
        }
        let entry = self.adapted(&item.entry);
        Ok(self.diff.put(target, entry, content(source, path, &item.entry, item.content))?)
    }

    /// Unpacks a match if it is an archive; returns `false` otherwise.
    fn unpack(&mut self, source: &dyn Tree, found: &Match) -> Result<bool, FileOpError> {
        if !matches!(found.entry.kind, Kind::File { size_bytes } if size_bytes > 0) {
            return Ok(false);
        }
        let name = match &self.action.from {
            CopySource::Input { as_written, .. } => as_written,
            CopySource::Text { name, .. } => name,
        };
        let Some(archive) = Archive::open(source, &found.path, name, self.scratch)? else {
            return Ok(false);
        };
        // An archive goes into a directory, whatever the destination looks like; --chmod has no part in it.
        let destination = destination(self.diff, &self.action.destination)?;
        mkdir_all(self.diff, &destination, &self.made(DIRECTORY_MODE))?;
        Unpacker::new(self.diff, destination, self.owner, self.mtime).all(archive)?;
        Ok(true)
    }

    /// Makes the directories that the destination says must be there, and follows its links.
    fn prepare(&mut self, mode: u32) -> Result<PathBuf, FileOpError> {
        let written = &self.action.destination;
        let clean = clean(&format!("/{written}"));
        let is_directory = written.ends_with('/') || written.ends_with("/.");
        let needed =
            if is_directory { &clean } else { clean.rsplit_once('/').map_or("", |(above, _)| above) };
        let needed = destination(self.diff, needed)?;
        mkdir_all(self.diff, &needed, &self.made(mode))?;
        destination(self.diff, &clean)
    }

    /// Directories that are made get an octal `--chmod` too.
    fn made_mode(&self) -> u32 {
        match self.mode {
            Some(Mode::Octal(mode)) => *mode,
            _ => DIRECTORY_MODE,
        }
    }

    fn made(&self, mode: u32) -> NewDirectory {
        let (uid, gid) = self.owner.unwrap_or_default();
        NewDirectory { mode, uid, gid, mtime: self.mtime }
    }

    /// Returns the metadata of the copy of `entry`.
    fn adapted(&self, entry: &Entry) -> Entry {
        let (uid, gid) = match self.owner {
            Some(owner) => owner,
            None if self.action.keep_owner => (entry.uid, entry.gid),
            None => (0, 0),
        };
        let mode = match (&self.mode, &entry.kind) {
            (Some(mode), kind) if !matches!(kind, Kind::Symlink { .. }) => {
                mode.apply(entry.mode, entry.is_dir())
            }
            _ => entry.mode,
        };
        Entry { kind: entry.kind.clone(), mode, uid, gid, mtime: entry.mtime, xattrs: entry.kept_xattrs() }
    }

    /// Puts a file where something else than a directory may be.
    fn replace(&mut self, target: &Path, entry: Entry, content: Option<Content>) -> Result<(), FileOpError> {
        if self.lookup(target)?.is_some_and(|existing| existing.is_dir()) {
            return Err(FileOpError::ReplaceDirectory { path: shown(target) });
        }
        Ok(self.diff.put(target, entry, content)?)
    }

    fn lookup(&self, path: &Path) -> Result<Option<Entry>, FileOpError> {
        self.diff.lookup(path).map_err(FileOpError::read(path))
    }
}

/// The bytes of a file of the source.
fn content(
    source: &Arc<dyn Tree>,
    path: PathBuf,
    entry: &Entry,
    digest: Option<ContentDigest>,
) -> Option<Content> {
    match entry.kind {
        Kind::File { size_bytes } if size_bytes > 0 => {
            Some(Content::Tree { tree: source.clone(), path, digest })
        }
        _ => None,
    }
}
