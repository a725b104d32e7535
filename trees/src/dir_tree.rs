//! A directory of the store as a [`Tree`], read in place: an upper directory, or a layer that was unpacked.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use cache::{ContentDigest, WholeFile};
use rustix::fs::{AtFlags, FileType, OFlags, Stat};

use crate::entry::{Entry, Kind, Timestamp};
use crate::safe_path::{DIRECTORY, is_absent, names, open_beneath, path_of};
use crate::sparse::{self, SparseRead};
use crate::tree::{Child, Tree};
use crate::xattr::{self, Xattrs};

/// Tree below an opened directory. Sockets are not part of it.
pub struct DirTree {
    root: OwnedFd,
}

impl DirTree {
    /// Returns the tree below `root`, a directory that is open for reading.
    pub fn new(root: OwnedFd) -> Self {
        Self { root }
    }

    fn directory(&self, path: &Path) -> rustix::io::Result<OwnedFd> {
        open_beneath(&self.root, path, DIRECTORY | OFlags::RDONLY)
    }
}

impl Tree for DirTree {
    fn lookup(&self, path: &Path) -> io::Result<Option<Entry>> {
        let (parent, name) = match path.file_name() {
            Some(name) => (path.parent().unwrap_or(Path::new("")), name),
            None => (path, std::ffi::OsStr::new("")),
        };
        match self.directory(parent).and_then(|dir| read_entry(&dir, name)) {
            Ok(found) => Ok(found.map(|(entry, _)| entry)),
            Err(error) if is_absent(error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn children(&self, path: &Path) -> io::Result<Vec<Child>> {
        let dir = self.directory(path)?;
        let mut children = Vec::new();
        for name in names(dir.as_fd())? {
            if let Some((entry, _)) = read_entry(&dir, &name)? {
                children.push(Child { name, entry, content: None });
            }
        }
        Ok(children)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        Ok(self.open_sparse(path)?)
    }

    fn open_sparse(&self, path: &Path) -> io::Result<Box<dyn SparseRead>> {
        // Without `O_NONBLOCK`, a pipe in place of the file would block; the check below refuses it.
        let file = File::from(open_beneath(&self.root, path, OFlags::RDONLY | OFlags::NONBLOCK)?);
        let metadata = file.metadata()?;
        if metadata.is_file() {
            Ok(Box::new(WholeFile::new(file, metadata.len())))
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn content(&self, path: &Path) -> io::Result<ContentDigest> {
        sparse::hash(&mut *self.open_sparse(path)?, u64::MAX, &mut Vec::new())
    }
}

/// Reads the metadata of `name` in `dir`, or of `dir` itself for the empty name. Returns it with the kernel's own
/// record of it; `None` for a socket.
pub fn read_entry(dir: &OwnedFd, name: &std::ffi::OsStr) -> rustix::io::Result<Option<(Entry, Stat)>> {
    let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH)?;
    let (major, minor) = (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev));
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Kind::Directory { opaque: false },
        FileType::RegularFile => Kind::File { size_bytes: stat.st_size.cast_unsigned() },
        FileType::Symlink => {
            Kind::Symlink { target: path_of(rustix::fs::readlinkat(dir, name, Vec::new())?.into_bytes()) }
        }
        FileType::CharacterDevice if stat.st_rdev == 0 => Kind::Whiteout,
        FileType::CharacterDevice => Kind::CharDevice { major, minor },
        FileType::BlockDevice => Kind::BlockDevice { major, minor },
        FileType::Fifo => Kind::Fifo,
        _ => return Ok(None),
    };
    let xattrs = match kind {
        Kind::Whiteout | Kind::Symlink { .. } => Xattrs::new(),
        _ => xattr::read(dir.as_fd(), name)?,
    };
    Ok(Some((entry(kind, &stat, xattrs), stat)))
}

fn entry(kind: Kind, stat: &Stat, xattrs: Xattrs) -> Entry {
    let nanoseconds = u32::try_from(stat.st_mtime_nsec).expect("less than a second");
    let mtime = Timestamp { seconds: stat.st_mtime, nanoseconds };
    Entry { kind, mode: stat.st_mode & 0o7777, uid: stat.st_uid, gid: stat.st_gid, mtime, xattrs }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::safe_path::open_store_dir;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn tree() -> (tempfile::TempDir, DirTree) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("d")).unwrap();
        fs::write(dir.path().join("d/file"), "content").unwrap();
        symlink("d", dir.path().join("link")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, dir.path().join("pipe"), 0o600.into()).unwrap();
        let root = rustix::fs::open(dir.path(), OFlags::RDONLY, rustix::fs::Mode::empty()).unwrap();
        assert!(open_store_dir(dir.path()).is_ok());
        (dir, DirTree::new(root))
    }

    #[test]
    fn all_kinds_but_sockets_are_shown() {
        let (_dir, tree) = tree();
        let kind = |path: &str| tree.lookup(Path::new(path)).unwrap().map(|entry| entry.kind);
        assert_eq!(kind(""), Some(Kind::Directory { opaque: false }));
        assert_eq!(kind("d/file"), Some(Kind::File { size_bytes: 7 }));
        assert_eq!(kind("link"), Some(Kind::Symlink { target: "d".into() }));
        assert_eq!(kind("pipe"), Some(Kind::Fifo));
        for absent in ["socket", "link/file", "d/file/x", "no"] {
            assert_eq!(kind(absent), None, "{absent}");
        }
        let names: Vec<_> =
            tree.children(Path::new("")).unwrap().into_iter().map(|child| child.name).collect();
        assert_eq!(names, ["d", "link", "pipe"]);
    }

    #[test]
    fn only_regular_files_are_opened() {
        let (_dir, tree) = tree();
        let open = |path: &str| tree.open(Path::new(path)).map(|file| io::read_to_string(file).unwrap());
        assert_eq!(open("d/file").unwrap(), "content");
        assert_eq!(tree.content(Path::new("d/file")).unwrap(), ContentDigest::of(b"content"));
        for path in ["link/file", "d", "pipe", "no"] {
            assert!(open(path).is_err(), "{path}");
        }
    }
}
