//! A read-only view of files.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use cache::Key;

use crate::entry::{Entry, Kind};

/// Files to copy from, look things up in, or lay changes upon.
///
/// Paths are relative to the root, without `.` and `..`; the root is the empty path. No method follows a symbolic
/// link, in any component: a path through one is not found. [`resolve`] does the following, inside the tree.
pub trait Tree: Send + Sync {
    /// What `path` is; `None` if there is nothing.
    fn lookup(&self, path: &Path) -> io::Result<Option<Entry>>;

    /// What is in a directory, by name in order of the bytes.
    fn children(&self, path: &Path) -> io::Result<Vec<Child>>;

    /// Says that all that is below the directory `path` will be listed, but for what is below a directory for which
    /// `enters` is false (called with paths from `path`). A tree that is slow to list may do so now, on all cores;
    /// what cannot be listed is found out when it is asked for.
    fn expect_walk(&self, path: &Path, enters: &(dyn Fn(&Path) -> bool + Sync)) {
        let _ = (path, enters);
    }

    /// Opens a regular file.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>>;

    /// The blake3 of a regular file's content.
    fn content(&self, path: &Path) -> io::Result<Key>;

    /// The same, if it is known without reading the file.
    fn known_content(&self, path: &Path) -> Option<Key> {
        let _ = path;
        None
    }

    /// Tells what a regular file's content is: `content` is of the bytes that a reader got, to the last, from
    /// [`Tree::open`]. A tree may remember it, so that [`Tree::content`] need not read the file again.
    fn learn(&self, path: &Path, content: Key) {
        let _ = (path, content);
    }

    /// Tells hard links apart: two paths with the same number are one file. `None` if it has one name only.
    fn link_group(&self, path: &Path) -> io::Result<Option<u64>> {
        let _ = path;
        Ok(None)
    }
}

/// Something in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// Its name there.
    pub name: OsString,
    /// What it is.
    pub entry: Entry,
    /// The blake3 of a regular file's content, if it is known without reading the file.
    pub content: Option<Key>,
}

/// The most links that [`resolve`] follows.
pub const MAX_LINKS: usize = 255;

/// The path that `path` leads to when symbolic links are followed inside `tree` (absolute targets start at its
/// root, `..` does not leave it). Components that do not exist are kept. `follow_last`: whether a link in the last
/// component is followed too. `ELOOP` after [`MAX_LINKS`].
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

/// One move on the way to a path.
enum Step {
    Root,
    Up,
    Down(OsString),
}

/// Puts the steps of `path` on the stack `pending`, the first on top.
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

/// Where `path` points if it is a symbolic link.
fn link_target(tree: &dyn Tree, path: &Path) -> io::Result<Option<PathBuf>> {
    match tree.lookup(path)?.map(|entry| entry.kind) {
        Some(Kind::Symlink { target }) => Ok(Some(target)),
        _ => Ok(None),
    }
}

/// An empty tree: `FROM scratch`.
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

    fn content(&self, _path: &Path) -> io::Result<Key> {
        Err(io::ErrorKind::NotFound.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MemoryTree;

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
    fn links_are_followed_inside_the_tree() {
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
    fn what_does_not_exist_is_kept() {
        check("no/such/thing", "no/such/thing");
        check("lib/new/x", "usr/lib/new/x");
        check("gone/x", "nowhere/at/all/x");
        check("no/../lib", "usr/lib");
    }

    #[test]
    fn the_last_link_is_followed_on_request_only() {
        let last = |path: &str| resolve(&tree(), Path::new(path), false).unwrap();
        assert_eq!(last("lib"), Path::new("lib"));
        assert_eq!(last("lib/deep"), Path::new("usr/lib/deep"));
        assert_eq!(last("lib/."), Path::new("lib"));
        assert_eq!(last("self"), Path::new("self"));
    }

    #[test]
    fn circles_end() {
        for path in ["self", "a", "b/x", "self/x"] {
            let error = resolve(&tree(), Path::new(path), true).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::LOOP.raw_os_error()), "{path}");
        }
    }

    #[test]
    fn as_many_links_as_allowed_and_one_more() {
        let chain = |length: usize| {
            let start = MemoryTree::new().file("0", b"");
            (1..=length).fold(start, |tree, n| tree.link(&n.to_string(), &(n - 1).to_string()))
        };
        let at = |n: usize| resolve(&chain(n), Path::new(&n.to_string()), true);
        assert_eq!(at(MAX_LINKS).unwrap(), Path::new("0"));
        assert!(at(MAX_LINKS + 1).is_err());
    }
}
