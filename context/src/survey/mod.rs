//! Surveys for people: the files of a context, the files that are left out of it, and the lines that leave them out.
//!
//! ```text
//! walk     a directory -> nodes, each with the pattern that decided
//! node     a path of the context;  sum: how much there is
//! tree     nodes as a `Tree`, to find the files that instructions take
//! idle     lines that change nothing
//! habits   lines that mean something else in .gitignore
//! ```
//!
//! A survey has the files that [`super::ContextTree`] shows. Ignored directories below which nothing can be taken back in are
//! only measured, as far as [`Limits`] allows.
//!
//! Only directories are read, and by [`Survey::secrets`] the start of a few files. No symlink is followed.

mod habits;
mod idle;
mod node;
mod sum;
mod tree;
mod walk;

use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

pub use habits::{Habit, HabitKind, MAX_HABIT_PATHS};
pub use idle::IdleLine;
pub use node::{Node, NodeKind};
pub use sum::{Measured, Sum};
pub use walk::{Limits, Unreadable};

use crate::beneath;
use patterns::secret_names::{self, Likelihood};
use patterns::{Line, Patterns};

/// Number of bytes at the start of a file that are searched for a secret.
const START_BYTES: u64 = 64 * 1024;

/// Survey of a context: every path as it was when it was looked at.
pub struct Survey {
    root: OwnedFd,
    lines: Vec<Line>,
    patterns: Patterns,
    nodes: Vec<Node>,
    effects: Vec<walk::Effect>,
    unreadable: Vec<Unreadable>,
}

impl Survey {
    /// Surveys the directory at `path`, whose ignore file has the given lines.
    pub fn of(path: &Path, lines: &[Line], limits: Limits) -> io::Result<Self> {
        let texts: Vec<&str> = lines.iter().map(|line| line.pattern.as_str()).collect();
        let patterns = Patterns::new(&texts)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))?;
        let walked = walk::walk(path, &patterns, limits)?;
        Ok(Self {
            root: walked.root,
            lines: lines.to_vec(),
            patterns,
            nodes: walked.nodes,
            effects: walked.effects,
            unreadable: walked.unreadable,
        })
    }

    /// Returns the lines of the ignore file, which decisions refer to by index.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Returns the paths that could not be looked at, sorted.
    pub fn unreadable(&self) -> &[Unreadable] {
        &self.unreadable
    }

    /// Returns the nodes at the root of the context.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Returns how much is in the context, without the root itself.
    pub fn sum(&self) -> Sum {
        self.nodes.iter().map(Node::sum).fold(Sum::default(), Sum::plus)
    }

    /// Calls `see` with every node, ignored ones included. Parents come first, siblings by name.
    pub fn visit<'a>(&'a self, see: &mut dyn FnMut(&Path, &'a Node)) {
        visit(&mut PathBuf::new(), &self.nodes, see);
    }

    /// Returns what is in the context and not taken by any instruction. A directory of which nothing is taken counts as one.
    pub fn not_taken(&self, is_taken: &dyn Fn(&Path) -> bool) -> Vec<Measured> {
        let mut found = Vec::new();
        not_taken(&mut PathBuf::new(), &self.nodes, is_taken, &mut found);
        found
    }

    /// Returns the files in the context that hold secrets, by their names, or by their start if the name is not enough.
    pub fn secrets(&self) -> Vec<(PathBuf, Likelihood)> {
        let mut found = Vec::new();
        self.visit(&mut |path, node| {
            if !node.is_in || !matches!(node.kind, NodeKind::File { .. }) {
                return;
            }
            let likelihood = secret_names::of_file(path.as_os_str().as_bytes(), || self.start_of(path));
            found.extend(likelihood.map(|likelihood| (path.to_owned(), likelihood)));
        });
        found
    }

    /// Returns the start of a file; nothing if it cannot be read.
    fn start_of(&self, path: &Path) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Ok((file, _)) = beneath::open_file(self.root.as_fd(), path) {
            // The bytes before an error are a start, too.
            let _ = file.take(START_BYTES).read_to_end(&mut bytes);
        }
        bytes
    }

    /// Returns the symlinks in the context that lead out of it, with their targets: an image gets the symlink only.
    pub fn outward_links(&self) -> Vec<(PathBuf, &Path)> {
        let mut found = Vec::new();
        self.visit(&mut |path, node| {
            if let NodeKind::Link { target } = &node.kind
                && node.is_in
                && leads_out(path, target)
            {
                found.push((path.to_owned(), target.as_path()));
            }
        });
        found
    }
}

fn visit<'a>(at: &mut PathBuf, nodes: &'a [Node], see: &mut dyn FnMut(&Path, &'a Node)) {
    for node in nodes {
        at.push(&node.name);
        see(at, node);
        if let NodeKind::Folder(below) = &node.kind {
            visit(at, below, see);
        }
        at.pop();
    }
}

/// Collects what is not taken. Returns whether something below `nodes` is taken.
fn not_taken(
    at: &mut PathBuf,
    nodes: &[Node],
    is_taken: &dyn Fn(&Path) -> bool,
    found: &mut Vec<Measured>,
) -> bool {
    let mut any = false;
    for node in nodes.iter().filter(|node| node.is_in) {
        at.push(&node.name);
        let before = found.len();
        let below = match &node.kind {
            NodeKind::Folder(below) => not_taken(at, below, is_taken, found),
            _ => false,
        };
        let taken = below || is_taken(at);
        if !taken {
            found.truncate(before);
            found.push(Measured { path: at.clone(), is_folder: node.is_folder(), sum: node.sum() });
        }
        any |= taken;
        at.pop();
    }
    any
}

/// Reports whether a symlink at `path` leads out of the context, by its text. An absolute one does.
fn leads_out(path: &Path, target: &Path) -> bool {
    let mut depth = path.components().count() - 1;
    for component in target.components() {
        match component {
            Component::RootDir | Component::Prefix(_) => return true,
            Component::ParentDir if depth == 0 => return true,
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
        }
    }
    false
}

#[cfg(test)]
mod tests;
