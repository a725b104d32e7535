//! Nodes: the paths of a context, as a tree.

use std::ffi::OsString;
use std::path::PathBuf;

use patterns::Decision;

use super::sum::Sum;

/// A path of the context.
#[derive(Debug)]
pub struct Node {
    /// Name of the path in its directory.
    pub name: OsString,
    /// Kind of file, and for a directory the nodes below it.
    pub kind: NodeKind,
    /// Pattern that decided; `None` if no pattern matches the path.
    pub decision: Option<Decision>,
    /// False if the path is left out. A directory of which a part is taken back in is not left out.
    pub is_in: bool,
}

/// Kind of file that a path is.
#[derive(Debug)]
pub enum NodeKind {
    /// A regular file of the context.
    File {
        /// Size of the file in bytes.
        size_bytes: u64,
    },
    /// A symlink, which is not followed.
    Link {
        /// Target of the symlink, verbatim.
        target: PathBuf,
    },
    /// A pipe, a device or a socket.
    Other,
    /// A directory, with the nodes below it sorted by name; ignored ones are included.
    Folder(Vec<Node>),
    /// A directory that is left out with everything below it, and how much that is.
    LeftOut(Sum),
}

impl Node {
    /// Reports whether the path is a directory.
    pub fn is_folder(&self) -> bool {
        matches!(self.kind, NodeKind::Folder(_) | NodeKind::LeftOut(_))
    }

    /// Returns how much of the path is in the context, the path itself included.
    pub fn sum(&self) -> Sum {
        if !self.is_in {
            return Sum::default();
        }
        match &self.kind {
            NodeKind::Folder(below) => below.iter().map(Self::sum).fold(Sum::folder(), Sum::plus),
            _ => self.measure(),
        }
    }

    /// Returns how much the path holds, whether it is in the context or not.
    pub fn measure(&self) -> Sum {
        match &self.kind {
            NodeKind::File { size_bytes } => Sum::file(*size_bytes),
            NodeKind::Link { .. } | NodeKind::Other => Sum::file(0),
            NodeKind::Folder(below) => below.iter().map(Self::measure).fold(Sum::folder(), Sum::plus),
            NodeKind::LeftOut(sum) => *sum,
        }
    }
}
