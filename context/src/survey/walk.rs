//! The walk of a survey: directories in parallel, each listed once, and each entry looked at once.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use rustix::fs::{Access, AtFlags, FileType, Mode, OFlags, Stat};

use super::node::{Node, NodeKind};
use super::sum::Sum;
use crate::beneath::{self, names};
use patterns::{Decision, Matched, Patterns};

/// Limits of a survey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest number of entries that are counted in each directory that is left out. Below it, its [`Sum`] is exact.
    pub ignored_entries: u64,
}

/// A path that could not be looked at. A build that needs it fails.
#[derive(Debug)]
pub struct Unreadable {
    /// Path from the root of the context.
    pub path: PathBuf,
    /// Error of the operating system.
    pub error: io::Error,
}

/// Result of a walk.
pub(super) struct Walked {
    pub root: OwnedFd,
    pub nodes: Vec<Node>,
    pub effects: Vec<Effect>,
    pub unreadable: Vec<Unreadable>,
}

/// Effect of a pattern on the files of the context.
#[derive(Debug, Default)]
pub(super) struct Effect {
    /// True if the pattern took effect: without it, the walk could have found something else.
    pub works: AtomicBool,
    /// True if the pattern matches something about which others had decided the same.
    pub agrees: AtomicBool,
}

struct Walk<'a> {
    root: OwnedFd,
    patterns: &'a Patterns,
    limits: Limits,
    effects: Vec<Effect>,
    unreadable: Mutex<Vec<Unreadable>>,
}

/// An entry, before the entries below it are known.
struct VisitedEntry {
    path: PathBuf,
    matched: Matched,
    node: Node,
}

/// Work that is left for a directory.
struct Task {
    /// Index of its node; `None` for the root.
    of: Option<usize>,
    path: PathBuf,
    /// Patterns that the directory matches; `None` if nothing below it can be taken back in, so that it is measured only.
    matched: Option<Matched>,
}

/// Result of a task.
enum TaskResult {
    Listed(Vec<VisitedEntry>),
    Measured(Sum),
}

pub(super) fn walk(path: &Path, patterns: &Patterns, limits: Limits) -> io::Result<Walked> {
    let root = rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let effects = std::iter::repeat_with(Effect::default).take(patterns.len()).collect();
    let walk = Walk { root, patterns, limits, effects, unreadable: Mutex::default() };
    let nodes = walk.all()?;
    let mut unreadable = walk.unreadable.into_inner().expect(NO_PANIC);
    unreadable.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    Ok(Walked { root: walk.root, nodes, effects: walk.effects, unreadable })
}

const NO_PANIC: &str = "nothing panics while it holds the lock";

impl Walk<'_> {
    /// Works level by level instead of by recursion: a path can have thousands of elements, too many for the stack of a
    /// thread.
    fn all(&self) -> io::Result<Vec<Node>> {
        let mut found: Vec<(Option<usize>, Node)> = Vec::new();
        let mut level = vec![Task { of: None, path: PathBuf::new(), matched: Some(Matched::default()) }];
        while !level.is_empty() {
            let done: Vec<(Option<usize>, TaskResult)> = level
                .into_par_iter()
                .map(|task| Ok((task.of, self.run(&task)?)))
                .collect::<io::Result<_>>()?;
            level = Vec::new();
            for (of, done) in done {
                match (done, of) {
                    (TaskResult::Measured(sum), Some(of)) => found[of].1.kind = NodeKind::LeftOut(sum),
                    (TaskResult::Measured(_), None) => {}
                    (TaskResult::Listed(looked), _) => {
                        for looked in looked {
                            level.extend(self.task(&looked, found.len()));
                            found.push((of, looked.node));
                        }
                    }
                }
            }
        }
        Ok(assembled(found))
    }

    /// Does a task. Only that for the root can fail.
    fn run(&self, task: &Task) -> io::Result<TaskResult> {
        let Some(matched) = &task.matched else { return Ok(TaskResult::Measured(self.measure(&task.path))) };
        match self.list(&task.path, matched) {
            Err(error) if task.of.is_some() => {
                self.note_unreadable(&task.path, error);
                Ok(TaskResult::Listed(Vec::new()))
            }
            looked => looked.map(TaskResult::Listed),
        }
    }

    /// Returns the work that is left for an entry which becomes the node `index`.
    fn task(&self, looked: &VisitedEntry, index: usize) -> Option<Task> {
        let VisitedEntry { path, matched, node } = looked;
        let is_final = !node.is_in && !self.patterns.may_match_below(path.as_os_str().as_bytes(), true);
        matches!(node.kind, NodeKind::Folder(_)).then(|| Task {
            of: Some(index),
            path: path.clone(),
            matched: (!is_final).then(|| matched.clone()),
        })
    }

    fn list(&self, path: &Path, matched: &Matched) -> io::Result<Vec<VisitedEntry>> {
        let dir = beneath::open(self.root.as_fd(), path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut names = names(dir.as_fd(), usize::MAX)?;
        names.sort_unstable();
        let looked =
            names.into_iter().filter_map(|name| self.look(dir.as_fd(), path.join(&name), name, matched));
        Ok(looked.collect())
    }

    /// Looks at an entry; returns `None` if it is gone by now.
    fn look(
        &self,
        dir: BorrowedFd<'_>,
        path: PathBuf,
        name: OsString,
        above: &Matched,
    ) -> Option<VisitedEntry> {
        let (decision, matched) = self.patterns.decide(path.as_os_str().as_bytes(), above);
        self.note(path.as_os_str().as_bytes(), decision, &matched);
        let is_in = decision.is_none_or(|decision| decision.exception);
        let kind = match rustix::fs::statat(dir, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(rustix::io::Errno::NOENT) => return None,
            Err(error) => {
                self.note_unreadable(&path, error.into());
                NodeKind::Other
            }
            Ok(stat) => {
                if is_in && !is_readable(dir, &name, &stat) {
                    self.note_unreadable(&path, io::ErrorKind::PermissionDenied.into());
                }
                kind_of(dir, &name, &stat)
            }
        };
        Some(VisitedEntry { path, matched, node: Node { name, kind, decision, is_in } })
    }

    /// Notes which patterns took effect, and which would have, had others not decided the same.
    fn note(&self, path: &[u8], decision: Option<Decision>, matched: &Matched) {
        let excluded = decision.is_some_and(|decision| !decision.exception);
        for (index, effect) in self.effects.iter().enumerate() {
            // Most patterns took effect long ago, and a read is cheaper than a write that all processors see.
            if effect.works.load(Ordering::Relaxed) {
                continue;
            }
            if matched.has(index) {
                effect.works.store(true, Ordering::Relaxed);
            } else if excluded != self.patterns.is_exception(index)
                && !effect.agrees.load(Ordering::Relaxed)
                && self.patterns.hits(index, path)
            {
                effect.agrees.store(true, Ordering::Relaxed);
            }
        }
    }

    fn note_unreadable(&self, path: &Path, error: io::Error) {
        self.unreadable.lock().expect(NO_PANIC).push(Unreadable { path: path.to_owned(), error });
    }

    /// Counts a directory and everything below it, up to the limit.
    fn measure(&self, path: &Path) -> Sum {
        let mut sum = Sum::folder();
        let mut pending = vec![path.to_owned()];
        let mut left = self.limits.ignored_entries;
        while let Some(folder) = pending.pop() {
            let opened = beneath::open(self.root.as_fd(), &folder, OFlags::RDONLY | OFlags::DIRECTORY);
            let listed = opened.and_then(|dir| {
                let max = usize::try_from(left).unwrap_or(usize::MAX).saturating_add(1);
                Ok((names(dir.as_fd(), max)?, dir))
            });
            let Ok((names, dir)) = listed else {
                sum.is_partial = true;
                continue;
            };
            for name in names {
                if left == 0 {
                    return Sum { is_partial: true, ..sum };
                }
                left -= 1;
                let Ok(stat) = rustix::fs::statat(&dir, &name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
                match FileType::from_raw_mode(stat.st_mode) {
                    FileType::Directory => {
                        sum += Sum::folder();
                        pending.push(folder.join(name));
                    }
                    FileType::RegularFile => sum += Sum::file(size_bytes(&stat)),
                    _ => sum += Sum::file(0),
                }
            }
        }
        sum
    }
}

/// Puts each node into its directory, and returns those of the root. A directory stands before the nodes below it.
fn assembled(mut found: Vec<(Option<usize>, Node)>) -> Vec<Node> {
    let mut root = Vec::new();
    while let Some((of, node)) = found.pop() {
        let node = completed(node);
        match of.map(|of| &mut found[of].1.kind) {
            Some(NodeKind::Folder(below)) => below.push(node),
            Some(_) => {}
            None => root.push(node),
        }
    }
    root.reverse();
    root
}

/// Completes a node that has all nodes below it, in reverse order. They decide whether it is left out.
fn completed(mut node: Node) -> Node {
    if let NodeKind::Folder(below) = &mut node.kind {
        below.reverse();
        node.is_in |= below.iter().any(|node| node.is_in);
        if !node.is_in {
            node.kind = NodeKind::LeftOut(node.measure());
        }
    }
    node
}

fn kind_of(dir: BorrowedFd<'_>, name: &OsString, stat: &Stat) -> NodeKind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => NodeKind::File { size_bytes: size_bytes(stat) },
        FileType::Directory => NodeKind::Folder(Vec::new()),
        FileType::Symlink => match rustix::fs::readlinkat(dir, name, Vec::new()) {
            Ok(target) => NodeKind::Link { target: OsString::from_vec(target.into_bytes()).into() },
            Err(_) => NodeKind::Other,
        },
        _ => NodeKind::Other,
    }
}

fn size_bytes(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

/// Reports whether a regular file can be read. Whether a directory can shows when it is listed.
fn is_readable(dir: BorrowedFd<'_>, name: &OsString, stat: &Stat) -> bool {
    // A file that everybody can read needs no system call.
    let suspicious = FileType::from_raw_mode(stat.st_mode).is_file() && stat.st_mode & 0o444 != 0o444;
    !suspicious || rustix::fs::accessat(dir, name, Access::READ_OK, AtFlags::EACCESS).is_ok()
}
