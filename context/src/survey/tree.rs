//! The files in a context as a tree that instructions can select from. Their content was not read.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::{Component, Path};

use cache::ContentDigest;
use trees::entry::{Entry, Kind, Timestamp};
use trees::tree::{Child, Tree};

use super::Survey;
use super::node::{Node, NodeKind};

impl Survey {
    /// Returns the node at `path`, if it is in the context.
    fn find(&self, path: &Path) -> Option<&Node> {
        let mut found = None;
        let mut nodes = self.nodes.as_slice();
        for component in path.components() {
            let Component::Normal(name) = component else { return None };
            let node = child(nodes, name)?;
            nodes = match &node.kind {
                NodeKind::Folder(below) => below,
                _ => &[],
            };
            found = Some(node);
        }
        found
    }

    /// Returns the directory above `path` that is left out, if there is one.
    pub(super) fn left_out_above(&self, path: &Path) -> Option<&Node> {
        let mut nodes = self.nodes.as_slice();
        for name in path.parent()?.iter() {
            let index = nodes.binary_search_by(|node| node.name.as_os_str().cmp(name)).ok()?;
            match &nodes[index].kind {
                NodeKind::LeftOut(_) => return Some(&nodes[index]),
                NodeKind::Folder(below) => nodes = below,
                _ => return None,
            }
        }
        None
    }
}

fn child<'a>(nodes: &'a [Node], name: &OsStr) -> Option<&'a Node> {
    let index = nodes.binary_search_by(|node| node.name.as_os_str().cmp(name)).ok()?;
    Some(&nodes[index]).filter(|node| node.is_in)
}

impl Tree for Survey {
    fn lookup(&self, path: &Path) -> io::Result<Option<Entry>> {
        if path.as_os_str().is_empty() {
            return Ok(Some(Entry::directory(0o755)));
        }
        Ok(self.find(path).map(entry))
    }

    fn children(&self, path: &Path) -> io::Result<Vec<Child>> {
        let found = self.find(path).map(|node| &node.kind);
        let nodes = match found {
            _ if path.as_os_str().is_empty() => &self.nodes,
            Some(NodeKind::Folder(below)) => below,
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        let child = |node: &Node| Child { name: node.name.clone(), entry: entry(node), content: None };
        Ok(nodes.iter().filter(|node| node.is_in).map(child).collect())
    }

    fn open(&self, _path: &Path) -> io::Result<Box<dyn Read + Send>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn content(&self, _path: &Path) -> io::Result<ContentDigest> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn entry(node: &Node) -> Entry {
    let kind = match &node.kind {
        NodeKind::File { size_bytes } => Kind::File { size_bytes: *size_bytes },
        NodeKind::Link { target } => Kind::Symlink { target: target.clone() },
        NodeKind::Other => Kind::Fifo,
        NodeKind::Folder(_) | NodeKind::LeftOut(_) => Kind::Directory { opaque: false },
    };
    let (mode, mtime) = (0o644, Timestamp::default());
    Entry { kind, mode, uid: 0, gid: 0, mtime, xattrs: Default::default() }
}
