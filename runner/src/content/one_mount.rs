//! The files of one mount: what is mounted on them is left out, as an export leaves out `/proc`, `/dev` and volumes.

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;

use cache::ContentDigest;
use rustix::fs::{AtFlags, OFlags, StatxFlags, statx};
use trees::dir_tree::DirTree;
use trees::entry::{Entry, Kind};
use trees::safe_path::open_beneath;
use trees::sparse::SparseRead;
use trees::tree::{Child, Tree};

/// Tree in which other mounts are empty directories and empty files.
pub(super) struct OneMount {
    tree: DirTree,
    root: OwnedFd,
    mount: u64,
}

impl OneMount {
    /// Returns the files of the mount that has the directory `root`.
    pub(super) fn new(root: OwnedFd) -> io::Result<Self> {
        let mount = mount_of(&root)?;
        Ok(Self { tree: DirTree::new(root.try_clone()?), root, mount })
    }

    fn is_other(&self, path: &Path) -> io::Result<bool> {
        let found = open_beneath(&self.root, path, OFlags::PATH | OFlags::NOFOLLOW)?;
        Ok(mount_of(&found)? != self.mount)
    }
}

fn mount_of(fd: &OwnedFd) -> io::Result<u64> {
    Ok(statx(fd, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)?.stx_mnt_id)
}

impl Tree for OneMount {
    fn lookup(&self, path: &Path) -> io::Result<Option<Entry>> {
        self.tree.lookup(path)
    }

    fn children(&self, path: &Path) -> io::Result<Vec<Child>> {
        if self.is_other(path)? {
            return Ok(Vec::new());
        }
        let mut children = self.tree.children(path)?;
        for child in &mut children {
            if matches!(child.entry.kind, Kind::File { .. }) && self.is_other(&path.join(&child.name))? {
                child.entry.kind = Kind::File { size_bytes: 0 };
            }
        }
        Ok(children)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        self.tree.open(path)
    }

    fn open_sparse(&self, path: &Path) -> io::Result<Box<dyn SparseRead>> {
        self.tree.open_sparse(path)
    }

    fn content(&self, path: &Path) -> io::Result<ContentDigest> {
        self.tree.content(path)
    }
}
