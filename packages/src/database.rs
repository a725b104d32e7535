//! Reading a file of the tree within limits, and the list that readers add to.

use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use trees::entry::{Entry, Kind as EntryKind};
use trees::tree::{Tree, resolve};

use crate::limits::MAX_PACKAGES;
use crate::package::Package;

/// Database or file that is not in the list, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path of the file, relative to the root.
    pub path: PathBuf,
    /// Reason as a clause: "it has 900000000 bytes, more than 536870912".
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot list the packages of /{}: {}", self.path.display(), self.reason)
    }
}

/// Packages and problems that were found so far.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) packages: Vec<Package>,
    pub(crate) problems: Vec<Problem>,
}

impl Found {
    /// Adds a package that the file `location` lists. One without a name does not count.
    pub(crate) fn add(&mut self, location: &Path, package: Package) {
        if package.name.is_empty() {
            return;
        }
        if self.packages.len() < MAX_PACKAGES {
            self.packages.push(Package { location: location.to_owned(), ..package });
        } else if self.packages.len() == MAX_PACKAGES
            && self.problems.last().is_none_or(|p| p.path != location)
        {
            self.problem(location, format!("the image has more than {MAX_PACKAGES} packages"));
        }
    }

    /// Adds a problem with the file `path`.
    pub(crate) fn problem(&mut self, path: &Path, reason: impl Into<String>) {
        self.problems.push(Problem { path: path.to_owned(), reason: reason.into() });
    }

    /// Reads the database `path`, symlinks resolved inside the tree. Returns `None` if it does not exist; also if it is
    /// longer than `limit_bytes`, which is a problem.
    pub(crate) fn database(
        &mut self,
        tree: &dyn Tree,
        path: &Path,
        limit_bytes: u64,
    ) -> io::Result<Option<Vec<u8>>> {
        // A cycle of symlinks leads to no file.
        let Ok(resolved) = resolve(tree, path, true) else { return Ok(None) };
        match tree.lookup(&resolved)? {
            Some(Entry { kind: EntryKind::File { size_bytes }, .. }) if size_bytes > limit_bytes => {
                self.problem(path, format!("it has {size_bytes} bytes, more than {limit_bytes}"));
                Ok(None)
            }
            Some(Entry { kind: EntryKind::File { .. }, .. }) => {
                beginning(tree, &resolved, limit_bytes).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// Reads a regular file up to `limit_bytes`.
pub(crate) fn beginning(tree: &dyn Tree, path: &Path, limit_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    tree.open(path)?.take(limit_bytes).read_to_end(&mut bytes)?;
    Ok(bytes)
}
