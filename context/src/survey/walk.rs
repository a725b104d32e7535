//! The walk: directories in parallel, each listed and its entries looked at once.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use rustix::fs::{Access, AtFlags, FileType, Mode, OFlags, Stat};

use super::{Limits, Node, Sum, Trouble, What};
use crate::beneath::{self, names};
use patterns::{Decision, Matched, Patterns};

/// What a walk found.
pub(super) struct Walked {
    pub root: OwnedFd,
    pub nodes: Vec<Node>,
    pub effects: Vec<Effect>,
    pub troubles: Vec<Trouble>,
}

/// What became of a pattern.
#[derive(Debug, Default)]
pub(super) struct Effect {
    /// It had a say: without it the walk might have found something else.
    pub works: AtomicBool,
    /// It matches something of which others had already said the same.
    pub agrees: AtomicBool,
}

struct Walk<'a> {
    root: OwnedFd,
    patterns: &'a Patterns,
    limits: Limits,
    effects: Vec<Effect>,
    troubles: Mutex<Vec<Trouble>>,
}

/// An entry, before what is below it is known.
struct Looked {
    path: PathBuf,
    matched: Matched,
    node: Node,
}

/// What is still to be done for a directory.
struct Task {
    /// Its node; `None` for the root.
    of: Option<usize>,
    path: PathBuf,
    /// What it matched; `None` if nothing below it can come back, so that it is measured only.
    matched: Option<Matched>,
}

/// What a task came to.
enum Done {
    Listed(Vec<Looked>),
    Measured(Sum),
}

pub(super) fn walk(path: &Path, patterns: &Patterns, limits: Limits) -> io::Result<Walked> {
    let root = rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let effects = std::iter::repeat_with(Effect::default).take(patterns.len()).collect();
    let walk = Walk { root, patterns, limits, effects, troubles: Mutex::default() };
    let nodes = walk.all()?;
    let mut troubles = walk.troubles.into_inner().expect(NO_PANIC);
    troubles.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    Ok(Walked { root: walk.root, nodes, effects: walk.effects, troubles })
}

const NO_PANIC: &str = "nothing panics while it holds the lock";

impl Walk<'_> {
    /// Level by level, and not by recursion: a path can have two thousand elements, more than a thread's stack can bear.
    fn all(&self) -> io::Result<Vec<Node>> {
        let mut found: Vec<(Option<usize>, Node)> = Vec::new();
        let mut level = vec![Task { of: None, path: PathBuf::new(), matched: Some(Matched::default()) }];
        while !level.is_empty() {
            let done: Vec<(Option<usize>, Done)> = level
                .into_par_iter()
                .map(|task| Ok((task.of, self.run(&task)?)))
                .collect::<io::Result<_>>()?;
            level = Vec::new();
            for (of, done) in done {
                match (done, of) {
                    (Done::Measured(sum), Some(of)) => found[of].1.what = What::LeftOut(sum),
                    (Done::Measured(_), None) => {}
                    (Done::Listed(looked), _) => {
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

    /// Does a task; fails only at the root.
    fn run(&self, task: &Task) -> io::Result<Done> {
        let Some(matched) = &task.matched else { return Ok(Done::Measured(self.measure(&task.path))) };
        match self.list(&task.path, matched) {
            Err(error) if task.of.is_some() => {
                self.trouble(&task.path, error);
                Ok(Done::Listed(Vec::new()))
            }
            looked => looked.map(Done::Listed),
        }
    }

    /// What is to be done for an entry that will be the node `index`.
    fn task(&self, looked: &Looked, index: usize) -> Option<Task> {
        let Looked { path, matched, node } = looked;
        let is_over = !node.is_in && !self.patterns.may_match_below(path.as_os_str().as_bytes(), true);
        matches!(node.what, What::Folder(_)).then(|| Task {
            of: Some(index),
            path: path.clone(),
            matched: (!is_over).then(|| matched.clone()),
        })
    }

    fn list(&self, path: &Path, matched: &Matched) -> io::Result<Vec<Looked>> {
        let dir = beneath::open(self.root.as_fd(), path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut names = names(dir.as_fd(), usize::MAX)?;
        names.sort_unstable();
        let looked =
            names.into_iter().filter_map(|name| self.look(dir.as_fd(), path.join(&name), name, matched));
        Ok(looked.collect())
    }

    /// Looks at an entry; `None` if it is gone by now.
    fn look(&self, dir: BorrowedFd<'_>, path: PathBuf, name: OsString, above: &Matched) -> Option<Looked> {
        let (decision, matched) = self.patterns.decide(path.as_os_str().as_bytes(), above);
        self.note(path.as_os_str().as_bytes(), decision, &matched);
        let is_in = decision.is_none_or(|decision| decision.exception);
        let what = match rustix::fs::statat(dir, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(rustix::io::Errno::NOENT) => return None,
            Err(error) => {
                self.trouble(&path, error.into());
                What::Other
            }
            Ok(stat) => {
                if is_in && !is_readable(dir, &name, &stat) {
                    self.trouble(&path, io::ErrorKind::PermissionDenied.into());
                }
                what(dir, &name, &stat)
            }
        };
        Some(Looked { path, matched, node: Node { name, what, decision, is_in } })
    }

    /// Notes which patterns had a say, and which would have, had others not said the same.
    fn note(&self, path: &[u8], decision: Option<Decision>, matched: &Matched) {
        let excluded = decision.is_some_and(|decision| !decision.exception);
        for (index, effect) in self.effects.iter().enumerate() {
            // Looked at before it is written: most have worked long since, and writing would keep the processors waiting.
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

    fn trouble(&self, path: &Path, error: io::Error) {
        self.troubles.lock().expect(NO_PANIC).push(Trouble { path: path.to_owned(), error });
    }

    /// Counts a directory and what is below it, as far as the limit goes.
    fn measure(&self, path: &Path) -> Sum {
        let mut sum = Sum::folder();
        let mut pending = vec![path.to_owned()];
        let mut left = self.limits.ignored_entries;
        while let Some(folder) = pending.pop() {
            let opened = beneath::open(self.root.as_fd(), &folder, OFlags::RDONLY | OFlags::DIRECTORY);
            let listed = opened.and_then(|dir| {
                let at_most = usize::try_from(left).unwrap_or(usize::MAX).saturating_add(1);
                Ok((names(dir.as_fd(), at_most)?, dir))
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

/// Puts each node into its folder; those of the root are returned. A folder stands before what is below it.
fn assembled(mut found: Vec<(Option<usize>, Node)>) -> Vec<Node> {
    let mut root = Vec::new();
    while let Some((of, node)) = found.pop() {
        let node = settled(node);
        match of.map(|of| &mut found[of].1.what) {
            Some(What::Folder(below)) => below.push(node),
            Some(_) => {}
            None => root.push(node),
        }
    }
    root.reverse();
    root
}

/// A node that has all that is below it, in reverse: whether it is in shows only now.
fn settled(mut node: Node) -> Node {
    if let What::Folder(below) = &mut node.what {
        below.reverse();
        node.is_in |= below.iter().any(|node| node.is_in);
        if !node.is_in {
            node.what = What::LeftOut(node.measure());
        }
    }
    node
}

fn what(dir: BorrowedFd<'_>, name: &OsString, stat: &Stat) -> What {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => What::File { size_bytes: size_bytes(stat) },
        FileType::Directory => What::Folder(Vec::new()),
        FileType::Symlink => match rustix::fs::readlinkat(dir, name, Vec::new()) {
            Ok(target) => What::Link { target: OsString::from_vec(target.into_bytes()).into() },
            Err(_) => What::Other,
        },
        _ => What::Other,
    }
}

fn size_bytes(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

/// Whether we may read a regular file. (Directories show it when they are listed.)
fn is_readable(dir: BorrowedFd<'_>, name: &OsString, stat: &Stat) -> bool {
    // Who can read what all can need not be asked for.
    let suspicious = FileType::from_raw_mode(stat.st_mode).is_file() && stat.st_mode & 0o444 != 0o444;
    !suspicious || rustix::fs::accessat(dir, name, Access::READ_OK, AtFlags::EACCESS).is_ok()
}
