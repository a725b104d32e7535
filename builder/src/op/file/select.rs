//! What the source of a copy selects, and the digest of exactly that.
//!
//! | | in the digest? |
//! |---|---|
//! | a file: its name, mode, owner, kind, link target, device numbers, attributes, content | yes |
//! | a directory whose contents are copied: its own name and metadata | no |
//! | what lies below it: the same as of a file, and its path from there | yes |
//! | the order of several matches | yes |
//! | modification times; which names are one file; what is excluded or not matched | no |
//!
//! Concurrency: directories are listed and files are hashed in parallel; the digest depends on neither.

use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use cache::Key;
use rayon::prelude::*;
use rootfs::entry::{Entry, Kind};
use rootfs::tree::{Tree, resolve};

use super::{FileOpError, below};
use crate::context::ignore::{Matched, Patterns, clean};
use crate::context::pattern;
use crate::graph::{CopyAction, CopySource};

/// Changes whenever the meaning of a digest does.
const VERSION: &[u8] = b"dsbuild selection 1";

/// What a source selects in a tree.
pub struct Selection<'a> {
    source: &'a dyn Tree,
    pub(super) matches: Vec<Match>,
}

/// One path that the source names, or that its wildcard matches.
pub(super) struct Match {
    /// By what name it was found: the name of the copy where the destination is a directory.
    pub name: OsString,
    /// Where it is, links followed.
    pub path: PathBuf,
    /// What it is.
    pub entry: Entry,
    /// What is copied from below it, parents first.
    pub items: Vec<Item>,
    /// Whether patterns choose what is copied (`--parents`).
    pub by_pattern: bool,
}

/// Something below a directory that is copied.
pub(super) struct Item {
    /// From the directory.
    pub path: PathBuf,
    /// What it is.
    pub entry: Entry,
    /// A directory that is there only because something below it is copied.
    pub implied: bool,
}

/// Finds what `action` copies from `source`. Text selects nothing.
pub fn select<'a>(action: &CopyAction, source: &'a dyn Tree) -> Result<Selection<'a>, FileOpError> {
    let CopySource::Input { path, .. } = &action.from else {
        return Ok(Selection { source, matches: Vec::new() });
    };
    let (root, includes) = if action.parents { pivot(path) } else { (clean(&format!("/{path}")), None) };
    let filter = Filter {
        tree: source,
        includes: includes.iter().map(|include| Patterns::new(&[include])).next().transpose()?,
        excludes: Patterns::new(&action.excludes)?,
    };
    let look = |(name, path, entry): Source| -> Result<Match, FileOpError> {
        let items = if entry.is_dir() { filter.below(&path)? } else { Vec::new() };
        Ok(Match { name, path, entry, items, by_pattern: filter.includes.is_some() })
    };
    let found = find(source, &root)?;
    let matches = match found.len() {
        // Waking another thread takes longer than looking at one file.
        0 | 1 => found.into_iter().map(look).collect::<Result<Vec<_>, _>>()?,
        _ => found.into_par_iter().map(look).collect::<Result<Vec<_>, _>>()?,
    };
    if let Some(include) = includes.filter(|include| !pattern::has_wildcards(include)) {
        require(source, &matches, &root, &include)?;
    }
    Ok(Selection { source, matches })
}

/// Splits the source of `--parents` at its first `/./`: where to look, and the pattern that chooses there.
fn pivot(path: &str) -> (String, Option<String>) {
    let (root, include) = path.split_once("/./").unwrap_or(("/", path));
    let include = clean(&format!("/{include}"));
    // All of it: what a pattern can say only with a wildcard.
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

type Source = (OsString, PathBuf, Entry);

/// The paths that a source names, in order; `path` is clean and starts with a slash.
fn find(source: &dyn Tree, path: &str) -> Result<Vec<Source>, FileOpError> {
    let mut elements: Vec<&str> = path.split('/').filter(|element| !element.is_empty()).collect();
    let literal =
        elements.iter().position(|element| pattern::has_wildcards(element)).unwrap_or(elements.len());
    let wild = elements.split_off(literal);
    let base = PathBuf::from(elements.join("/"));
    if wild.is_empty() {
        return Ok(vec![follow(source, &base)?]);
    }
    for element in &wild {
        pattern::check(element).map_err(|source| FileOpError::Pattern {
            pattern: path.trim_start_matches('/').to_owned(),
            source,
        })?;
    }
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
    for (name, entry) in source.children(base).map_err(FileOpError::read(base))? {
        if !pattern::matches(first, name.as_bytes()).unwrap_or(false) {
            continue;
        }
        let path = base.join(&name);
        match rest.is_empty() {
            true => found.push(path),
            false if entry.is_dir() => expand(source, &path, rest, found)?,
            false => {}
        }
    }
    Ok(())
}

/// What is at `path` when all links are followed.
fn follow(source: &dyn Tree, path: &Path) -> Result<Source, FileOpError> {
    let missing = || FileOpError::NotFound { path: format!("/{}", path.display()) };
    let resolved = match resolve(source, path, true) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing()),
        resolved => resolved.map_err(FileOpError::read(path))?,
    };
    let entry = source.lookup(&resolved).map_err(FileOpError::read(&resolved))?.ok_or_else(missing)?;
    Ok((path.file_name().map(OsStr::to_owned).unwrap_or_default(), resolved, entry))
}

/// Chooses what is copied from below a directory.
struct Filter<'a> {
    tree: &'a dyn Tree,
    includes: Option<Patterns>,
    excludes: Patterns,
}

/// What the patterns say of a directory, for what is below it.
#[derive(Default, Clone)]
struct Above {
    included: Matched,
    excluded: Matched,
}

/// A directory that is still to be listed.
struct Inside {
    /// Its index among what was found; `None` for the one that is copied from.
    of: Option<usize>,
    path: PathBuf,
    above: Above,
}

/// An item and what is below it, by index.
struct Found {
    item: Item,
    of: Option<usize>,
    below: Range<usize>,
}

/// What is kept of `found`, which has each level behind the one above it: parents first, siblings as they were found.
fn in_order(found: Vec<Found>) -> Vec<Item> {
    // Implied until something says otherwise: a file is left out, a directory kept for what is below it.
    let mut kept: Vec<bool> = found.iter().map(|found| !found.item.implied).collect();
    for (index, found) in found.iter().enumerate().rev() {
        if let Some(of) = found.of {
            kept[of] |= kept[index];
        }
    }
    let roots = found.iter().take_while(|found| found.of.is_none()).count();
    let mut slots: Vec<Option<Found>> = found.into_iter().map(Some).collect();
    let mut items = Vec::with_capacity(slots.len());
    let mut pending: Vec<Range<usize>> = std::iter::once(0..roots).collect();
    while let Some(siblings) = pending.last_mut() {
        let Some(index) = siblings.next() else {
            pending.pop();
            continue;
        };
        if let Some(found) = slots[index].take().filter(|_| kept[index]) {
            items.push(found.item);
            pending.push(found.below);
        }
    }
    items
}

impl Filter<'_> {
    /// What is copied from below the directory `base`, parents first and siblings by name.
    ///
    /// Level by level, and not by recursion: a path can have two thousand elements, more than a thread's stack can bear.
    fn below(&self, base: &Path) -> Result<Vec<Item>, FileOpError> {
        let mut found = Vec::new();
        let mut level = vec![Inside { of: None, path: PathBuf::new(), above: Above::default() }];
        while !level.is_empty() {
            let looked: Vec<_> = level
                .into_par_iter()
                .map(|inside| Ok((inside.of, self.list(base, &inside)?)))
                .collect::<Result<_, FileOpError>>()?;
            level = Vec::new();
            for (of, items) in looked {
                let first = found.len();
                for (item, above) in items {
                    if item.entry.is_dir() && self.may_select_below(&item.path) {
                        level.push(Inside { of: Some(found.len()), path: item.path.clone(), above });
                    }
                    found.push(Found { item, of, below: 0..0 });
                }
                if let Some(of) = of {
                    found[of].below = first..found.len();
                }
            }
        }
        Ok(in_order(found))
    }

    fn list(&self, base: &Path, inside: &Inside) -> Result<Vec<(Item, Above)>, FileOpError> {
        let at = below(base, &inside.path);
        let children = self.tree.children(&at).map_err(FileOpError::read(&at))?;
        let looked = children.into_iter();
        Ok(looked.map(|(name, entry)| self.look(inside.path.join(name), entry, &inside.above)).collect())
    }

    fn look(&self, path: PathBuf, entry: Entry, above: &Above) -> (Item, Above) {
        let mut inside = Above::default();
        let mut selected = true;
        if let Some(includes) = &self.includes {
            (selected, inside.included) = includes.matches(path.as_os_str().as_bytes(), &above.included);
        }
        if !self.excludes.is_empty() {
            let excluded;
            (excluded, inside.excluded) = self.excludes.matches(path.as_os_str().as_bytes(), &above.excluded);
            selected &= !excluded;
        }
        (Item { path, entry, implied: !selected }, inside)
    }

    fn may_select_below(&self, path: &Path) -> bool {
        match &self.includes {
            Some(includes) => includes.may_match_below(path.as_os_str().as_bytes(), false),
            None => true,
        }
    }
}

impl Selection<'_> {
    /// Where everything is that would be copied.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.matches.iter().flat_map(|found| {
            let items = found.items.iter().map(|item| below(&found.path, &item.path));
            std::iter::once(found.path.clone()).chain(items)
        })
    }

    /// The digest of what would be copied: see the table above. Reads the files whose digests are not known.
    pub fn digest(&self) -> Result<Key, FileOpError> {
        let mut hasher = Hasher::new();
        for found in &self.matches {
            let contents = self.contents(found)?;
            match found.entry.is_dir() {
                true => hasher.text(b"directory"),
                false => hasher.text(found.name.as_bytes()),
            }
            if !found.entry.is_dir() {
                hasher.entry(&found.entry, contents[0].as_ref());
                continue;
            }
            hasher.number(found.items.len() as u64);
            for (item, content) in found.items.iter().zip(&contents) {
                hasher.text(item.path.as_os_str().as_bytes());
                hasher.number(item.implied.into());
                hasher.entry(&item.entry, content.as_ref());
            }
        }
        Ok(hasher.finish())
    }

    /// The digests of the files of a match: of its items, or of itself.
    fn contents(&self, found: &Match) -> Result<Vec<Option<Key>>, FileOpError> {
        let content = |path: &Path, entry: &Entry| match entry.kind {
            Kind::File { .. } => self.source.content(path).map(Some).map_err(FileOpError::read(path)),
            _ => Ok(None),
        };
        if !found.entry.is_dir() {
            return content(&found.path, &found.entry).map(|content| vec![content]);
        }
        let items = found.items.par_iter().with_min_len(16);
        items.map(|item| content(&found.path.join(&item.path), &item.entry)).collect()
    }
}

/// The digest of all that is at `path` of a tree, links followed: what a bind mount shows. Names and metadata of what is
/// below a directory count, as in a copy; those of the path itself do not, but for the mode of a file.
pub fn digest_of(source: &dyn Tree, path: &Path) -> Result<Key, FileOpError> {
    let (_, path, entry) = follow(source, path.strip_prefix("/").unwrap_or(path))?;
    let filter = Filter { tree: source, includes: None, excludes: Patterns::default() };
    let items = if entry.is_dir() { filter.below(&path)? } else { Vec::new() };
    let found = Match { name: OsString::new(), path, entry, items, by_pattern: false };
    Selection { source, matches: vec![found] }.digest()
}

/// A hash of fields, each told apart from the next.
struct Hasher(blake3::Hasher);

impl Hasher {
    fn new() -> Self {
        let mut hasher = Self(blake3::Hasher::new());
        hasher.text(VERSION);
        hasher
    }

    fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    fn text(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
    }

    fn entry(&mut self, entry: &Entry, content: Option<&Key>) {
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

    fn kind(&mut self, kind: &Kind, content: Option<&Key>) {
        match kind {
            Kind::File { .. } => {
                self.text(b"file");
                self.0.update(content.map_or([0; 32].as_slice(), |content| content.as_bytes()));
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

    fn finish(self) -> Key {
        Key::from_bytes(*self.0.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests;
