//! The selected files below a directory: one after another, parents first and siblings by name.
//!
//! Depth first, with the unread rest of each open directory on a stack: memory grows with the depth of a tree and the
//! length of its listings, never with the number of its files. A directory that no pattern chooses waits until something
//! below it is chosen, and is left out otherwise.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::vec;

use cache::ContentDigest;
use trees::entry::Entry;
use trees::tree::{Child, Tree};

use super::{FileOpError, below};
use patterns::{Matched, Patterns};

/// One file or directory that is copied.
pub(super) struct Item {
    /// Path from the directory that is walked.
    pub path: PathBuf,
    /// Metadata of the file or directory.
    pub entry: Entry,
    /// blake3 of a regular file, if it is known without reading the file.
    pub content: Option<ContentDigest>,
    /// True for a directory that is copied only because something below it is.
    pub implied: bool,
}

/// Chooses the files below a directory that are copied.
pub(super) struct Filter {
    /// Patterns of files to copy, or `None` for all files.
    pub includes: Option<Patterns>,
    /// Patterns of files to leave out.
    pub excludes: Patterns,
}

/// The patterns that matched a directory, which also hold below it.
#[derive(Default, Clone)]
struct Above {
    included: Matched,
    excluded: Matched,
}

impl Filter {
    /// Returns the filter that chooses all files.
    pub(super) fn all() -> Self {
        Self { includes: None, excludes: Patterns::default() }
    }

    /// Reports whether the path is chosen, and the patterns that hold below it.
    fn look(&self, path: &Path, above: &Above) -> (bool, Above) {
        let path = path.as_os_str().as_bytes();
        let mut inside = Above::default();
        let mut chosen = true;
        if let Some(includes) = &self.includes {
            (chosen, inside.included) = includes.matches(path, &above.included);
        }
        if !self.excludes.is_empty() {
            let excluded;
            (excluded, inside.excluded) = self.excludes.matches(path, &above.excluded);
            chosen &= !excluded;
        }
        (chosen, inside)
    }

    /// False if nothing below the directory at `path` can be chosen.
    pub(super) fn may_choose_below(&self, path: &Path) -> bool {
        match &self.includes {
            Some(includes) => includes.may_match_below(path.as_os_str().as_bytes(), false),
            None => true,
        }
    }
}

/// The items below a directory.
pub(super) struct Walk<'a> {
    tree: &'a dyn Tree,
    filter: &'a Filter,
    base: &'a Path,
    /// From the base down to where the walk is.
    open: Vec<Folder>,
    /// Directories on the way there that nothing has chosen yet, and how many are open above what is in them.
    waiting: Vec<(usize, Item)>,
    /// To be handed out, the last one first.
    ready: Vec<Item>,
}

/// A directory that is listed.
struct Folder {
    path: PathBuf,
    rest: vec::IntoIter<Child>,
    above: Above,
}

impl<'a> Walk<'a> {
    /// Begins at the directory `base` of `tree`.
    pub(super) fn new(tree: &'a dyn Tree, filter: &'a Filter, base: &'a Path) -> Result<Self, FileOpError> {
        let (waiting, ready) = (Vec::new(), Vec::new());
        let mut walk = Self { tree, filter, base, open: Vec::new(), waiting, ready };
        walk.enter(PathBuf::new(), Above::default())?;
        Ok(walk)
    }

    fn enter(&mut self, path: PathBuf, above: Above) -> Result<(), FileOpError> {
        let at = below(self.base, &path);
        let rest = self.tree.children(&at).map_err(FileOpError::read(&at))?.into_iter();
        self.open.push(Folder { path, rest, above });
        Ok(())
    }

    /// Goes on by one entry; `false` at the end.
    fn step(&mut self) -> Result<bool, FileOpError> {
        let Some(folder) = self.open.last_mut() else { return Ok(false) };
        let Some(Child { name, entry, content }) = folder.rest.next() else {
            self.open.pop();
            self.waiting.pop_if(|(depth, _)| *depth > self.open.len());
            return Ok(true);
        };
        let path = folder.path.join(name);
        let (chosen, inside) = self.filter.look(&path, &folder.above);
        let is_entered = entry.is_dir() && self.filter.may_choose_below(&path);
        if is_entered {
            self.enter(path.clone(), inside)?;
        }
        let item = Item { path, entry, content, implied: !chosen };
        if chosen {
            self.ready.push(item);
            self.ready.extend(self.waiting.drain(..).rev().map(|(_, item)| item));
        } else if is_entered {
            self.waiting.push((self.open.len(), item));
        }
        Ok(true)
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<Item, FileOpError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.ready.pop() {
                return Some(Ok(item));
            }
            match self.step() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.open.clear();
                    return Some(Err(error));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
