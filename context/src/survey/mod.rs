//! What a context holds, what is left out of it and by which line: for people who wonder.
//!
//! ```text
//! walk    the folder -> nodes, each with the pattern that decided
//! tree    nodes as a `Tree`, so that it can be asked what instructions take of them
//! idle    lines that change nothing
//! habits  lines that mean something else in .gitignore
//! ```
//!
//! What is in is what [`super::ContextTree`] shows. Of what is left out, folders below which nothing can come back are not
//! looked into, but to measure them, and no further than [`Limits`] says.
//!
//! Only directories are read (and by [`Survey::secrets`] the start of a few files); no link is followed.

mod habits;
mod idle;
mod tree;
mod walk;

use std::ffi::OsString;
use std::io::{self, Read};
use std::ops::AddAssign;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

pub use habits::{Habit, HabitKind, MOST_HABIT_PATHS};
pub use idle::Idle;

use crate::beneath;
use patterns::secret_names::{self, Likelihood};
use patterns::{Decision, Line, Patterns};

/// How much of a file is looked at to tell a secret from what has a similar name.
const START_BYTES: u64 = 64 * 1024;

/// A context, looked at once.
pub struct Survey {
    root: OwnedFd,
    lines: Vec<Line>,
    patterns: Patterns,
    nodes: Vec<Node>,
    effects: Vec<walk::Effect>,
    troubles: Vec<Trouble>,
}

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many entries of each folder that is left out are counted; below it, its [`Sum`] is exact.
    pub ignored_entries: u64,
}

/// What a path of the context is.
#[derive(Debug)]
pub struct Node {
    /// Its name in its directory.
    pub name: OsString,
    /// What it is, with what is below it.
    pub what: What,
    /// The pattern that had the last word; `None` if no pattern matches it.
    pub decision: Option<Decision>,
    /// False if it is left out. A folder of which a part is taken back in is in.
    pub is_in: bool,
}

/// What kind of thing a path is.
#[derive(Debug)]
pub enum What {
    /// A regular file.
    File {
        /// Its length.
        size_bytes: u64,
    },
    /// A symbolic link.
    Link {
        /// Where it points, verbatim.
        target: PathBuf,
    },
    /// A pipe, a device, a socket.
    Other,
    /// A directory, sorted by name; what is left out of it is there, too.
    Folder(Vec<Node>),
    /// A directory that is left out with all that is below it, and its measure.
    LeftOut(Sum),
}

/// How much there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// What is no directory.
    pub files: u64,
    /// Directories.
    pub folders: u64,
    /// The lengths of regular files.
    pub size_bytes: u64,
    /// There is more that was not counted.
    pub is_partial: bool,
}

/// A path that could not be looked at. A build that needs it fails.
#[derive(Debug)]
pub struct Trouble {
    /// Where.
    pub path: PathBuf,
    /// Why not.
    pub error: io::Error,
}

/// A path and how much is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// From the root of the context.
    pub path: PathBuf,
    /// True for a directory.
    pub is_folder: bool,
    /// With all that is below it.
    pub sum: Sum,
}

impl Survey {
    /// Looks at the folder at `path`, whose ignore file has these lines.
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
            troubles: walked.troubles,
        })
    }

    /// The lines of the ignore file; decisions refer to them.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What could not be looked at, by path.
    pub fn troubles(&self) -> &[Trouble] {
        &self.troubles
    }

    /// What is at the root.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// How much is in, the root itself not counted.
    pub fn sum(&self) -> Sum {
        self.nodes.iter().map(Node::sum).fold(Sum::default(), Sum::plus)
    }

    /// Calls `see` with every node, those left out included, parents first and siblings by name.
    pub fn visit<'a>(&'a self, see: &mut dyn FnMut(&Path, &'a Node)) {
        visit(&mut PathBuf::new(), &self.nodes, see);
    }

    /// What is in and not taken, as `is_taken` says; a folder of which nothing is taken as a whole.
    pub fn not_taken(&self, is_taken: &dyn Fn(&Path) -> bool) -> Vec<Measured> {
        let mut found = Vec::new();
        not_taken(&mut PathBuf::new(), &self.nodes, is_taken, &mut found);
        found
    }

    /// Files that are in and hold secrets, by their names; where a name says too little, by how they begin.
    pub fn secrets(&self) -> Vec<(PathBuf, Likelihood)> {
        let mut found = Vec::new();
        self.visit(&mut |path, node| {
            if !node.is_in || !matches!(node.what, What::File { .. }) {
                return;
            }
            let likelihood = secret_names::of_file(path.as_os_str().as_bytes(), || self.start_of(path));
            found.extend(likelihood.map(|likelihood| (path.to_owned(), likelihood)));
        });
        found
    }

    /// How a file begins; nothing if it cannot be read.
    fn start_of(&self, path: &Path) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Ok((file, _)) = beneath::open_file(self.root.as_fd(), path) {
            // What was read before an error is as good as any start.
            let _ = file.take(START_BYTES).read_to_end(&mut bytes);
        }
        bytes
    }

    /// Links that are in and lead out of the context, with their targets: an image has the link and not what it is to.
    pub fn outward_links(&self) -> Vec<(PathBuf, &Path)> {
        let mut found = Vec::new();
        self.visit(&mut |path, node| {
            if let What::Link { target } = &node.what
                && node.is_in
                && leads_out(path, target)
            {
                found.push((path.to_owned(), target.as_path()));
            }
        });
        found
    }
}

impl Node {
    /// True for a directory.
    pub fn is_folder(&self) -> bool {
        matches!(self.what, What::Folder(_) | What::LeftOut(_))
    }

    /// How much of it is in, itself included.
    pub fn sum(&self) -> Sum {
        if !self.is_in {
            return Sum::default();
        }
        match &self.what {
            What::Folder(below) => below.iter().map(Self::sum).fold(Sum::folder(), Sum::plus),
            _ => self.measure(),
        }
    }

    /// How much it is, whether in or not.
    pub fn measure(&self) -> Sum {
        match &self.what {
            What::File { size_bytes } => Sum::file(*size_bytes),
            What::Link { .. } | What::Other => Sum::file(0),
            What::Folder(below) => below.iter().map(Self::measure).fold(Sum::folder(), Sum::plus),
            What::LeftOut(sum) => *sum,
        }
    }
}

impl Sum {
    fn file(size_bytes: u64) -> Self {
        Self { files: 1, size_bytes, ..Self::default() }
    }

    fn folder() -> Self {
        Self { folders: 1, ..Self::default() }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            files: self.files + other.files,
            folders: self.folders + other.folders,
            // Sparse files can claim any length.
            size_bytes: self.size_bytes.saturating_add(other.size_bytes),
            is_partial: self.is_partial || other.is_partial,
        }
    }
}

impl AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        *self = self.plus(other);
    }
}

fn visit<'a>(at: &mut PathBuf, nodes: &'a [Node], see: &mut dyn FnMut(&Path, &'a Node)) {
    for node in nodes {
        at.push(&node.name);
        see(at, node);
        if let What::Folder(below) = &node.what {
            visit(at, below, see);
        }
        at.pop();
    }
}

/// Returns true if something is taken.
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
        let below = match &node.what {
            What::Folder(below) => not_taken(at, below, is_taken, found),
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

/// Whether a link at `path` points out of the context, as its text reads. Absolute ones do.
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
