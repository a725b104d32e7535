//! A read-only view of files, and path resolution inside it.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use cache::ContentDigest;

use crate::entry::{Entry, Kind};
use crate::sparse::{Dense, SparseRead};

/// Read-only view of files: to copy from, to look up paths in, or to put changes on top of.
///
/// Paths are relative to the root, without `.` and `..`; the root is the empty path. No method follows a symlink, in
/// any component: a path through one is not found. [`resolve`] follows symlinks inside a tree.
pub trait Tree: Send + Sync {
    /// Returns the metadata of `path`; `None` if it does not exist.
    fn lookup(&self, path: &Path) -> io::Result<Option<Entry>>;

    /// Returns the entries directly in a directory, ordered by the bytes of their names.
    fn children(&self, path: &Path) -> io::Result<Vec<Child>>;

    /// Announces that everything below the directory `path` will be listed, except below directories for which
    /// `enters` is false (it is called with paths from `path` on). A tree that is slow to list can use this to list
    /// in parallel, ahead of time. Errors are reported by the later calls that need the listing.
    fn expect_walk(&self, path: &Path, enters: &(dyn Fn(&Path) -> bool + Sync)) {
        let _ = (path, enters);
    }

    /// Opens a regular file for reading.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>>;

    /// Opens a regular file for a reader that skips its holes. A tree that knows of holes overrides this.
    fn open_sparse(&self, path: &Path) -> io::Result<Box<dyn SparseRead>> {
        Ok(Box::new(Dense(self.open(path)?)))
    }

    /// Returns the blake3 of a regular file's content.
    fn content(&self, path: &Path) -> io::Result<ContentDigest>;

    /// Returns the blake3 of a regular file's content if it is known without reading the file.
    fn known_content(&self, path: &Path) -> Option<ContentDigest> {
        let _ = path;
        None
    }

    /// Informs the tree about the content of a regular file: `content` is the blake3 of all bytes that a reader got
    /// from [`Tree::open`]. A tree can remember it, so that [`Tree::content`] need not read the file again.
    fn learn(&self, path: &Path, content: ContentDigest) {
        let _ = (path, content);
    }

    /// Makes the tree work with copies of files that are being written, and forget what it knows of them, after one was
    /// found to have changed. Returns false if that makes no difference, because the tree never changes.
    fn settle(&self) -> bool {
        false
    }

    /// Returns a number that all names of one file share and no other file has. Returns `None` for a file with one
    /// name.
    fn link_group(&self, path: &Path) -> io::Result<Option<u64>> {
        let _ = path;
        Ok(None)
    }
}

/// A file changed while it was read. Trees wrap it in [`io::Error::other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the file changed while it was read")]
pub struct FileChanged;

impl FileChanged {
    /// Reports whether an error says that a file changed.
    pub fn is_in(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

/// Entry in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// Name within the directory.
    pub name: OsString,
    /// Metadata of the entry.
    pub entry: Entry,
    /// The blake3 of a regular file's content if it is known without reading the file.
    pub content: Option<ContentDigest>,
}

/// Maximum number of symlinks that [`resolve`] follows.
pub const MAX_LINKS: usize = 255;

/// Returns the path that `path` leads to when symlinks are followed inside `tree`: absolute targets start at its
/// root, and `..` does not leave it. Components that do not exist are kept. `follow_last` is whether a symlink in the
/// last component is followed as well.
///
/// Fails with `ELOOP` after [`MAX_LINKS`] symlinks.
pub fn resolve(tree: &dyn Tree, path: &Path, follow_last: bool) -> io::Result<PathBuf> {
    let mut resolved = PathBuf::new();
    let mut pending = Vec::new();
    push_steps(&mut pending, path);
    let mut links = 0;
    while let Some(step) = pending.pop() {
        match step {
            Step::Root => resolved.clear(),
            Step::Up => {
                resolved.pop();
            }
            Step::Down(name) => {
                resolved.push(&name);
                if !follow_last && pending.is_empty() {
                    break;
                }
                let Some(target) = link_target(tree, &resolved)? else { continue };
                links += 1;
                if links > MAX_LINKS {
                    return Err(rustix::io::Errno::LOOP.into());
                }
                resolved.pop();
                push_steps(&mut pending, &target);
            }
        }
    }
    Ok(resolved)
}

/// One step on the way to a path.
enum Step {
    Root,
    Up,
    Down(OsString),
}

/// Pushes the steps of `path` on the stack `pending`, so that the first one is on top.
fn push_steps(pending: &mut Vec<Step>, path: &Path) {
    for component in path.components().rev() {
        match component {
            Component::RootDir | Component::Prefix(_) => pending.push(Step::Root),
            Component::ParentDir => pending.push(Step::Up),
            Component::Normal(name) => pending.push(Step::Down(name.to_owned())),
            Component::CurDir => {}
        }
    }
}

/// Returns the target of `path` if it is a symlink.
fn link_target(tree: &dyn Tree, path: &Path) -> io::Result<Option<PathBuf>> {
    match tree.lookup(path)?.map(|entry| entry.kind) {
        Some(Kind::Symlink { target }) => Ok(Some(target)),
        _ => Ok(None),
    }
}

/// Empty tree, as for `FROM scratch`.
#[derive(Debug, Clone, Copy)]
pub struct Scratch;

impl Tree for Scratch {
    fn lookup(&self, path: &Path) -> io::Result<Option<Entry>> {
        Ok(path.as_os_str().is_empty().then(|| Entry::directory(0o755)))
    }

    fn children(&self, _path: &Path) -> io::Result<Vec<Child>> {
        Ok(Vec::new())
    }

    fn open(&self, _path: &Path) -> io::Result<Box<dyn Read + Send>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn content(&self, _path: &Path) -> io::Result<ContentDigest> {
        Err(io::ErrorKind::NotFound.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory_tree::MemoryTree;

    fn tree() -> MemoryTree {
        MemoryTree::new()
            .dir("usr/lib")
            .file("usr/lib/x", b"")
            .link("lib", "usr/lib")
            .link("abs", "/usr")
            .link("up", "../../../../usr/lib")
            .link("usr/lib/deep", "../../lib/x")
            .link("self", "self")
            .link("a", "b")
            .link("b", "a")
            .link("gone", "nowhere/at/all")
            .link("dot", "./usr/./lib/")
    }

    #[track_caller]
    fn check(path: &str, expected: &str) {
        assert_eq!(resolve(&tree(), Path::new(path), true).unwrap(), Path::new(expected));
    }

    #[test]
    fn symlinks_are_followed_inside_the_tree() {
        check("", "");
        check("/", "");
        check("usr/lib/x", "usr/lib/x");
        check("/lib/x", "usr/lib/x");
        check("abs/lib/x", "usr/lib/x");
        check("up/x", "usr/lib/x");
        check("lib/deep", "usr/lib/x");
        check("dot/x", "usr/lib/x");
        check("lib/../x", "usr/x");
        check("../../..", "");
        check("/../lib", "usr/lib");
        check("abs/../../lib/./x", "usr/lib/x");
    }

    #[test]
    fn missing_components_are_kept() {
        check("no/such/thing", "no/such/thing");
        check("lib/new/x", "usr/lib/new/x");
        check("gone/x", "nowhere/at/all/x");
        check("no/../lib", "usr/lib");
    }

    #[test]
    fn a_symlink_in_the_last_component_is_followed_on_request_only() {
        let last = |path: &str| resolve(&tree(), Path::new(path), false).unwrap();
        assert_eq!(last("lib"), Path::new("lib"));
        assert_eq!(last("lib/deep"), Path::new("usr/lib/deep"));
        assert_eq!(last("lib/."), Path::new("lib"));
        assert_eq!(last("self"), Path::new("self"));
    }

    #[test]
    fn a_cycle_of_symlinks_is_an_error() {
        for path in ["self", "a", "b/x", "self/x"] {
            let error = resolve(&tree(), Path::new(path), true).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::LOOP.raw_os_error()), "{path}");
        }
    }

    #[test]
    fn one_symlink_more_than_the_maximum_is_an_error() {
        let chain = |length: usize| {
            let start = MemoryTree::new().file("0", b"");
            (1..=length).fold(start, |tree, n| tree.link(&n.to_string(), &(n - 1).to_string()))
        };
        let at = |n: usize| resolve(&chain(n), Path::new(&n.to_string()), true);
        assert_eq!(at(MAX_LINKS).unwrap(), Path::new("0"));
        assert!(at(MAX_LINKS + 1).is_err());
    }
}
