//! The changes of a process: everything whose facts differ from the baseline, as an overlay's upper directory would have it.
//!
//! | in the directory                                 | in the layer                                   |
//! |--------------------------------------------------|------------------------------------------------|
//! | path with other facts than before, or a new one  | the path, and all directories that lead to it  |
//! | path that is missing                             | whiteout                                       |
//! | new directory in place of another                | opaque, with everything in it                  |
//! | socket, character device 0:0                     | nothing, or a whiteout of what was there       |
//! | second or further name of an inode               | hard link to the first one in order            |

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, OFlags};

use super::baseline::{Baseline, Facts};
use crate::RootfsError;
use crate::change::{Change, SharedInode, in_order};
use crate::error::failed;
use trees::dir_tree::read_entry;
use trees::entry::{Entry, Kind};
use trees::safe_path::{DIRECTORY, names, open_beneath};

/// Returns everything below the directory `root` that differs from `before`, in the order of the paths' components. The
/// paths `unchanged` count as equal.
pub(crate) fn changes(
    root: &OwnedFd,
    before: &Baseline,
    unchanged: &BTreeSet<PathBuf>,
) -> Result<Vec<Change>, RootfsError> {
    let pending = vec![(PathBuf::new(), true)];
    let mut comparison = Comparison { root, before, unchanged, found: Vec::new(), pending };
    while let Some((path, is_known)) = comparison.pending.pop() {
        comparison.directory(&path, is_known)?;
    }
    comparison.add_parents()?;
    Ok(in_order(comparison.found))
}

struct Comparison<'a> {
    root: &'a OwnedFd,
    before: &'a Baseline,
    unchanged: &'a BTreeSet<PathBuf>,
    found: Vec<(Change, SharedInode)>,
    /// Directories to look at, and whether each is the directory that it was before.
    pending: Vec<(PathBuf, bool)>,
}

impl Comparison<'_> {
    /// Compares the entries directly in the directory `path`.
    fn directory(&mut self, path: &Path, is_known: bool) -> Result<(), RootfsError> {
        let dir = self.open(path)?;
        let before = self.before.children(path).filter(|_| is_known);
        let mut present = BTreeSet::new();
        for name in names(dir.as_fd()).map_err(failed("read the directory", path))? {
            let earlier = before.and_then(|before| before.get(&name));
            if self.entry(&dir, path.join(&name), earlier)? {
                present.insert(name);
            }
        }
        let missing =
            before.into_iter().flatten().map(|(name, _)| name).filter(|name| !present.contains(*name));
        let whiteout = || Entry { kind: Kind::Whiteout, ..Entry::directory(0) };
        let removed = |name| (Change { path: path.join(name), entry: whiteout() }, None);
        self.found.extend(missing.map(removed));
        Ok(())
    }

    /// Compares one entry; `earlier` are its facts before. Returns whether a layer can have it.
    fn entry(&mut self, dir: &OwnedFd, path: PathBuf, earlier: Option<&Facts>) -> Result<bool, RootfsError> {
        let name = path.file_name().unwrap_or_default();
        let facts = Facts::of(dir, name).map_err(failed("stat", &path))?;
        let is_known = earlier.is_some_and(|earlier| facts.is_same_directory(earlier));
        if earlier != Some(&facts) && !self.unchanged.contains(&path) {
            let Some((change, shared)) = read(dir, name, &path)? else { return Ok(false) };
            let hides = facts.is_dir() && !is_known && earlier.is_some_and(Facts::is_dir);
            let kind = if hides { Kind::Directory { opaque: true } } else { change.entry.kind };
            self.found.push((Change { entry: Entry { kind, ..change.entry }, ..change }, shared));
        }
        if facts.is_dir() {
            self.pending.push((path, is_known));
        }
        Ok(true)
    }

    /// Adds the directories that lead to changes and have not changed themselves.
    fn add_parents(&mut self) -> Result<(), RootfsError> {
        let mut known: BTreeSet<PathBuf> = self.found.iter().map(|(change, _)| change.path.clone()).collect();
        let changed: Vec<PathBuf> = known.iter().cloned().collect();
        for path in &changed {
            let above = path.ancestors().skip(1).take_while(|above| !above.as_os_str().is_empty());
            for above in above {
                if !known.insert(above.to_owned()) {
                    break;
                }
                let parent = self.open(above.parent().unwrap_or(Path::new("")))?;
                let name = above.file_name().unwrap_or_default();
                self.found.extend(read(&parent, name, above)?);
            }
        }
        Ok(())
    }

    fn open(&self, path: &Path) -> Result<OwnedFd, RootfsError> {
        open_beneath(self.root, path, DIRECTORY | OFlags::RDONLY).map_err(failed("open", path))
    }
}

/// Reads an entry; `None` for one that a layer cannot have.
fn read(dir: &OwnedFd, name: &OsStr, path: &Path) -> Result<Option<(Change, SharedInode)>, RootfsError> {
    let Some((entry, stat)) = read_entry(dir, name).map_err(failed("look at", path))? else {
        return Ok(None);
    };
    if entry.kind == Kind::Whiteout {
        return Ok(None);
    }
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    let shared = (is_file && stat.st_nlink > 1).then_some((stat.st_dev, stat.st_ino));
    Ok(Some((Change { path: path.to_owned(), entry }, shared)))
}
