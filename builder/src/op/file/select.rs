//! The files that the source of a copy selects, and their digest.
//!
//! | | in the digest? |
//! |---|---|
//! | a file: its name, mode, owner, kind, link target, device numbers, attributes, content | yes |
//! | a directory whose contents are copied: its own name and metadata | no |
//! | files below it: the same as for a file, and the path from there | yes |
//! | the order of several matches | yes |
//! | modification times before the clamp, which show in the layer: of files, of directories that are chosen themselves, and of a directory whose contents are copied | yes |
//! | other modification times; hard links between names; files that are excluded or not matched | no |
//!
//! Concurrency: directories are listed and files are hashed in parallel; the digest depends on neither.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use cache::{ContentDigest, hash_identity};
use rayon::prelude::*;
use rootfs::layers::Clamp;
use trees::entry::{Entry, Kind, Timestamp};
use trees::tree::{Child, Tree, resolve};

use super::walk::{Filter, Item, Walk};
use super::{FileOpError, below};
use graph::{CopyAction, CopySource};
use patterns::glob;
use patterns::{Patterns, clean};

/// Version of the digest; it changes whenever the encoding does.
const VERSION: &[u8] = b"dsbuild selection 3";
/// Clamp before which no time lies: no time is part of the digest.
const NO_TIMES: Clamp = Clamp(i64::MIN);
/// Number of items that are held at once while their files are read.
const BATCH_ITEMS: usize = 16 * 1024;

/// The files that a source selects in a tree.
pub struct Selection<'a> {
    source: &'a dyn Tree,
    filter: Filter,
    pub(super) matches: Vec<Match>,
}

/// One path that the source names, or that its wildcard matches.
pub(super) struct Match {
    /// Name under which it was found: the name of the copy if the destination is a directory.
    pub name: OsString,
    /// Path in the tree, with symlinks resolved.
    pub path: PathBuf,
    /// Metadata of the file or directory.
    pub entry: Entry,
}

/// Finds the files that `action` copies from `source`. Text selects nothing.
pub fn select<'a>(action: &CopyAction, source: &'a dyn Tree) -> Result<Selection<'a>, FileOpError> {
    let CopySource::Input { path, .. } = &action.from else {
        return Ok(Selection { source, filter: Filter::all(), matches: Vec::new() });
    };
    let (root, includes) = if action.parents { pivot(path) } else { (clean(&format!("/{path}")), None) };
    let filter = Filter {
        includes: includes.iter().map(|include| Patterns::new(&[include])).next().transpose()?,
        excludes: Patterns::new(&action.excludes)?,
    };
    let matches = find(source, &root)?;
    if let Some(include) = includes.filter(|include| !glob::has_wildcards(include)) {
        require(source, &matches, &root, &include)?;
    }
    let selection = Selection { source, filter, matches };
    selection.expect_walks();
    Ok(selection)
}

/// Fails if a source without wildcards does not exist, or if a wildcard cannot be read. Costs one lookup; nothing is listed.
pub fn require_source(source: &dyn Tree, path: &str, parents: bool) -> Result<(), FileOpError> {
    let (root, include) = if parents { pivot(path) } else { (clean(&format!("/{path}")), None) };
    if glob::has_wildcards(&root) {
        return root.split('/').try_for_each(|element| check_syntax(element, &root));
    }
    let matches = find(source, &root)?;
    match include.filter(|include| !glob::has_wildcards(include)) {
        Some(include) => require(source, &matches, &root, &include),
        None => Ok(()),
    }
}

/// Reports whether a source has wildcards and matches nothing, which is no error. Lists the directories that it names.
pub fn matches_nothing(source: &dyn Tree, path: &str, parents: bool) -> Result<bool, FileOpError> {
    let root = if parents { pivot(path).0 } else { clean(&format!("/{path}")) };
    Ok(glob::has_wildcards(&root) && find(source, &root)?.is_empty())
}

fn check_syntax(element: &str, path: &str) -> Result<(), FileOpError> {
    let pattern = || path.trim_start_matches('/').to_owned();
    glob::check(element).map_err(|source| FileOpError::Pattern { pattern: pattern(), source })
}

/// Splits the source of `--parents` at its first `/./` into a root and the pattern below it.
fn pivot(path: &str) -> (String, Option<String>) {
    let (root, include) = path.split_once("/./").unwrap_or(("/", path));
    let include = clean(&format!("/{include}"));
    // No pattern: everything below the root.
    let include = if include == "/" { "**" } else { &include[1..] };
    (clean(&format!("/{root}")), Some(include.to_owned()))
}

/// Without a wildcard, what `--parents` names must be there.
fn require(source: &dyn Tree, matches: &[Match], root: &str, include: &str) -> Result<(), FileOpError> {
    for found in matches {
        let path = found.path.join(include);
        let resolved = resolve(source, &path, true).map_err(FileOpError::read(&path))?;
        if source.lookup(&resolved).map_err(FileOpError::read(&resolved))?.is_none() {
            return Err(FileOpError::NotFound { path: clean(&format!("{root}/{include}")) });
        }
    }
    Ok(())
}

/// The paths that a source names, in order; `path` is clean and starts with a slash.
fn find(source: &dyn Tree, path: &str) -> Result<Vec<Match>, FileOpError> {
    let mut elements: Vec<&str> = path.split('/').filter(|element| !element.is_empty()).collect();
    let literal = elements.iter().position(|element| glob::has_wildcards(element)).unwrap_or(elements.len());
    let wild = elements.split_off(literal);
    let base = PathBuf::from(elements.join("/"));
    if wild.is_empty() {
        return Ok(vec![follow(source, &base)?]);
    }
    wild.iter().try_for_each(|element| check_syntax(element, path))?;
    let base = resolve(source, &base, true).map_err(FileOpError::read(&base))?;
    let mut found = Vec::new();
    if source.lookup(&base).map_err(FileOpError::read(&base))?.is_some_and(|entry| entry.is_dir()) {
        expand(source, &base, &wild, &mut found)?;
    }
    found.iter().map(|path| follow(source, path)).collect()
}

/// The paths below the directory `base` whose elements match `wild`; no link is followed on the way.
fn expand(
    source: &dyn Tree,
    base: &Path,
    wild: &[&str],
    found: &mut Vec<PathBuf>,
) -> Result<(), FileOpError> {
    let (first, rest) = wild.split_first().expect("called with elements to match");
    for Child { name, entry, .. } in source.children(base).map_err(FileOpError::read(base))? {
        if !glob::matches(first, name.as_bytes()).unwrap_or(false) {
            continue;
        }
        let path = base.join(&name);
        if rest.is_empty() {
            found.push(path);
        } else if entry.is_dir() {
            expand(source, &path, rest, found)?;
        }
    }
    Ok(())
}

/// Returns the file at `path` after following all symlinks.
fn follow(source: &dyn Tree, path: &Path) -> Result<Match, FileOpError> {
    let missing = || FileOpError::NotFound { path: format!("/{}", path.display()) };
    let resolved = match resolve(source, path, true) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing()),
        resolved => resolved.map_err(FileOpError::read(path))?,
    };
    let entry = source.lookup(&resolved).map_err(FileOpError::read(&resolved))?.ok_or_else(missing)?;
    let name = path.file_name().map(OsStr::to_owned).unwrap_or_default();
    Ok(Match { name, path: resolved, entry })
}

impl Selection<'_> {
    /// Lists the directories before they are walked, in parallel if that pays.
    fn expect_walks(&self) {
        let expect = |found: &Match| {
            self.source.expect_walk(&found.path, &|path: &Path| self.filter.may_choose_below(path));
        };
        let directories: Vec<&Match> = self.matches.iter().filter(|found| found.entry.is_dir()).collect();
        match directories[..] {
            [] => {}
            // This wakes other threads only if there is work for them.
            [directory] => expect(directory),
            _ => directories.into_par_iter().for_each(expect),
        }
    }

    /// Returns the items that are copied from below the directory `found`.
    pub(super) fn items<'s>(&'s self, found: &'s Match) -> Result<Walk<'s>, FileOpError> {
        Walk::new(self.source, &self.filter, &found.path)
    }

    /// Reports whether patterns choose the files (`--parents`).
    pub(super) fn is_by_pattern(&self) -> bool {
        self.filter.includes.is_some()
    }

    /// Returns the paths of all files that would be copied.
    pub fn paths(&self) -> Result<HashSet<PathBuf>, FileOpError> {
        let mut paths = HashSet::new();
        for found in &self.matches {
            paths.insert(found.path.clone());
            if found.entry.is_dir() {
                for item in self.items(found)? {
                    paths.insert(below(&found.path, &item?.path));
                }
            }
        }
        Ok(paths)
    }

    /// Returns the digest of the files that would be copied, by the table above. Reads files whose digests are unknown.
    pub fn digest(&self, clamp: Clamp) -> Result<SelectionDigest, FileOpError> {
        let mut hasher = Hasher::new(clamp);
        for found in &self.matches {
            if found.entry.is_dir() {
                hasher.text(b"directory");
                if !self.is_by_pattern() {
                    hasher.time(&found.entry);
                }
                self.digest_items(found, &mut hasher)?;
            } else {
                hasher.text(found.name.as_bytes());
                let content = self.content(&found.path, &found.entry, None)?;
                hasher.entry(&found.entry, content.as_ref());
                hasher.time(&found.entry);
            }
        }
        Ok(hasher.finish())
    }

    fn digest_items(&self, found: &Match, hasher: &mut Hasher) -> Result<(), FileOpError> {
        let mut items = self.items(found)?;
        loop {
            let batch: Vec<Item> = items.by_ref().take(BATCH_ITEMS).collect::<Result<_, _>>()?;
            if batch.is_empty() {
                break;
            }
            let content = |item: &Item| self.content(&found.path.join(&item.path), &item.entry, item.content);
            let contents: Vec<_> = if batch.iter().any(needs_reading) {
                batch.par_iter().with_min_len(16).map(content).collect::<Result<_, _>>()?
            } else {
                batch.iter().map(|item| item.content).collect()
            };
            for (item, content) in batch.iter().zip(&contents) {
                hasher.number(1);
                hasher.text(item.path.as_os_str().as_bytes());
                hasher.number(item.implied.into());
                hasher.entry(&item.entry, content.as_ref());
                if !item.implied {
                    hasher.time(&item.entry);
                }
            }
        }
        hasher.number(0);
        Ok(())
    }

    /// Returns the digest of a regular file, reading it unless `known`. Returns `None` for anything else.
    fn content(
        &self,
        path: &Path,
        entry: &Entry,
        known: Option<ContentDigest>,
    ) -> Result<Option<ContentDigest>, FileOpError> {
        match (&entry.kind, known) {
            (Kind::File { .. }, None) => self.source.content(path).map(Some).map_err(FileOpError::read(path)),
            _ => Ok(known),
        }
    }
}

fn needs_reading(item: &Item) -> bool {
    matches!(item.entry.kind, Kind::File { .. }) && item.content.is_none()
}

/// Returns the digest of the file or directory at `path`, with symlinks resolved: the content of a bind mount. Names and
/// metadata below a directory count, as in a copy; times do not. Those of the path itself do not count, except the mode of a
/// file.
pub fn digest_of(source: &dyn Tree, path: &Path) -> Result<SelectionDigest, FileOpError> {
    let found = follow(source, path.strip_prefix("/").unwrap_or(path))?;
    let matches = vec![Match { name: OsString::new(), ..found }];
    let selection = Selection { source, filter: Filter::all(), matches };
    selection.expect_walks();
    selection.digest(NO_TIMES)
}

hash_identity! {
    /// Hash of the files that a copy or a bind mount takes, with the metadata that a copy keeps.
    SelectionDigest
}

/// Hashes fields so that no two sequences of fields give the same input.
struct Hasher {
    blake3: blake3::Hasher,
    clamp: Clamp,
}

impl Hasher {
    fn new(clamp: Clamp) -> Self {
        let mut hasher = Self { blake3: blake3::Hasher::new(), clamp };
        hasher.text(VERSION);
        hasher
    }

    /// Adds the modification time if it lies before the clamp. A file with a later time is like any other such file.
    fn time(&mut self, entry: &Entry) {
        let Timestamp { seconds, nanoseconds } = entry.mtime;
        let shows = seconds < self.clamp.0;
        self.number(shows.into());
        if shows {
            self.number(seconds.cast_unsigned());
            self.number(nanoseconds.into());
        }
    }

    fn number(&mut self, number: u64) {
        self.blake3.update(&number.to_le_bytes());
    }

    fn text(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.blake3.update(bytes);
    }

    fn entry(&mut self, entry: &Entry, content: Option<&ContentDigest>) {
        self.number(entry.mode.into());
        self.number(entry.uid.into());
        self.number(entry.gid.into());
        self.kind(&entry.kind, content);
        self.number(entry.xattrs.len() as u64);
        for (name, value) in &entry.xattrs {
            self.text(name);
            self.text(value);
        }
    }

    fn kind(&mut self, kind: &Kind, content: Option<&ContentDigest>) {
        match kind {
            Kind::File { .. } => {
                self.text(b"file");
                self.blake3.update(content.map_or([0; 32].as_slice(), |content| content.as_bytes()));
            }
            Kind::Directory { .. } => self.text(b"directory"),
            Kind::Symlink { target } => {
                self.text(b"symlink");
                self.text(target.as_os_str().as_bytes());
            }
            Kind::CharDevice { major, minor } => self.device(b"char", *major, *minor),
            Kind::BlockDevice { major, minor } => self.device(b"block", *major, *minor),
            Kind::Fifo => self.text(b"fifo"),
            // In layers only: no tree shows them.
            Kind::Hardlink { .. } | Kind::Whiteout => self.text(b"other"),
        }
    }

    fn device(&mut self, kind: &[u8], major: u32, minor: u32) {
        self.text(kind);
        self.number(major.into());
        self.number(minor.into());
    }

    fn finish(self) -> SelectionDigest {
        SelectionDigest::from_bytes(*self.blake3.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests;
