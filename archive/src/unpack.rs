//! The members of an archive as changes below a directory.
//!
//! The directory is the root of all symlinks while unpacking: absolute targets are below it, and `..` stays below it.
//! Symlinks are followed on the way to a member, never in its last element. A member replaces an existing file; a
//! directory keeps its content and gets the metadata of the member. Directories that no member names belong to root and
//! have mode 0755. Names that mean a removal in layers (`.wh.`) are ordinary names here.
//!
//! Source: moby/moby `pkg/archive`, `Unpack`; BuildKit's tests of ADD.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rootfs::diff::{Content, Diff};
use tarball::Member;
use trees::entry::{Entry, Kind, Timestamp};
use trees::sparse::SparseRead;
use trees::tree::{Child, Tree, resolve};

use super::{Archive, ArchiveError};
use rootfs::mkdir::{NewDirectory, mkdir_all};

/// Adds the members of an archive to a diff.
pub struct Unpacker<'a> {
    diff: &'a mut Diff,
    /// Directory of the diff that members are unpacked to.
    destination: PathBuf,
    owner: Option<(u32, u32)>,
    /// Modification time of directories that no member names.
    mtime: Timestamp,
}

impl<'a> Unpacker<'a> {
    /// Returns an unpacker into `destination`, a directory of `diff`. Files get `owner`; `None` keeps the owners of the
    /// archive. Directories that no member names get `mtime`.
    pub fn new(
        diff: &'a mut Diff,
        destination: PathBuf,
        owner: Option<(u32, u32)>,
        mtime: Timestamp,
    ) -> Self {
        Self { diff, destination, owner, mtime }
    }

    /// Unpacks all members of an archive.
    pub fn all(mut self, archive: Archive) -> Result<(), ArchiveError> {
        archive.each(|member, spool, offset| self.member(&archive, member, spool, offset))
    }

    fn member(
        &mut self,
        archive: &Archive,
        member: &Member,
        spool: &Arc<File>,
        offset: u64,
    ) -> Result<(), ArchiveError> {
        let name = relative(&member.name);
        // A member for the destination itself changes nothing.
        let Some(target) = self.target(&name)? else { return Ok(()) };
        if member.typeflag == b'1' {
            return self.hard_link(archive, member, &target);
        }
        let entry = self.entry(member);
        let content = match entry.kind {
            Kind::File { size_bytes } if size_bytes > 0 => {
                Some(Content::Range { file: spool.clone(), offset })
            }
            _ => None,
        };
        Ok(self.diff.put(&target, entry, content)?)
    }

    /// Returns the path of a member, and creates missing directories above it. Returns `None` for the destination itself.
    fn target(&mut self, name: &Path) -> Result<Option<PathBuf>, ArchiveError> {
        let (Some(parent), Some(last)) = (name.parent(), name.file_name()) else { return Ok(None) };
        let parent = below(&self.destination, &self.resolve(parent)?);
        let new = NewDirectory { mode: 0o755, uid: 0, gid: 0, mtime: self.mtime };
        mkdir_all(self.diff, &parent, &new)?;
        Ok(Some(parent.join(last)))
    }

    /// Follows symlinks below the destination.
    fn resolve(&self, path: &Path) -> Result<PathBuf, ArchiveError> {
        let below = Below { tree: self.diff, root: &self.destination };
        resolve(&below, path, true).map_err(ArchiveError::read(path))
    }

    fn entry(&self, member: &Member) -> Entry {
        let (major, minor) = member.device;
        let kind = match member.typeflag {
            b'2' => Kind::Symlink { target: std::ffi::OsStr::from_bytes(&member.link).into() },
            b'3' => Kind::CharDevice { major, minor },
            b'4' => Kind::BlockDevice { major, minor },
            b'5' => Kind::Directory { opaque: false },
            b'6' => Kind::Fifo,
            _ => Kind::File { size_bytes: member.size_bytes },
        };
        let (uid, gid) = self.owner.unwrap_or((member.uid, member.gid));
        let mode = if member.typeflag == b'2' { 0o777 } else { member.mode };
        let mut entry = Entry { kind, mode, uid, gid, mtime: member.mtime, xattrs: member.xattrs.clone() };
        entry.xattrs = entry.kept_xattrs();
        entry
    }

    /// Adds another name for a file of an earlier member or of the image below.
    fn hard_link(&mut self, archive: &Archive, member: &Member, target: &Path) -> Result<(), ArchiveError> {
        let name = relative(&member.link);
        let first = match (name.parent(), name.file_name()) {
            (Some(parent), Some(last)) => below(&self.destination, &self.resolve(parent)?).join(last),
            _ => self.destination.clone(),
        };
        if first == target {
            return Ok(());
        }
        let entry = match self.lookup(&first)? {
            Some(entry) if !entry.is_dir() => entry,
            _ => {
                let (link, name) = (member.link.escape_ascii(), member.name.escape_ascii());
                return Err(
                    archive.broken(format!("the hard link {name} leads to {link}, which is no file there"))
                );
            }
        };
        match entry.kind {
            Kind::File { .. } => self.link_file(&first, entry, target),
            // Symlinks, devices and FIFOs have no content to share.
            _ => Ok(self.diff.put(target, entry, None)?),
        }
    }

    fn link_file(&mut self, first: &Path, entry: Entry, target: &Path) -> Result<(), ArchiveError> {
        if self.diff.link(target, first).is_ok() {
            return Ok(());
        }
        // The file is in the image below: it becomes a change first, as overlayfs would copy it up.
        let content = match entry.kind {
            Kind::File { size_bytes } if size_bytes > 0 => {
                let tree = self.diff.base().clone();
                Some(Content::Tree { tree, path: first.to_owned(), digest: None })
            }
            _ => None,
        };
        self.diff.put(first, entry, content)?;
        Ok(self.diff.link(target, first)?)
    }

    fn lookup(&self, path: &Path) -> Result<Option<Entry>, ArchiveError> {
        self.diff.lookup(path).map_err(ArchiveError::read(path))
    }
}

/// Joins a path below a directory; an empty path is the directory itself (`Path::join` would add a slash).
fn below(directory: &Path, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { directory.to_owned() } else { directory.join(path) }
}

/// Returns a member name, which can contain `..` or be absolute, as a path below the destination.
fn relative(name: &[u8]) -> PathBuf {
    let mut path = PathBuf::new();
    for component in Path::new(std::ffi::OsStr::from_bytes(name)).components() {
        match component {
            Component::Normal(element) => path.push(element),
            Component::ParentDir => drop(path.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    path
}

/// The content of a directory of a tree, as a tree of its own.
struct Below<'a> {
    tree: &'a Diff,
    root: &'a Path,
}

impl Tree for Below<'_> {
    fn lookup(&self, path: &Path) -> io::Result<Option<Entry>> {
        self.tree.lookup(&below(self.root, path))
    }

    fn children(&self, path: &Path) -> io::Result<Vec<Child>> {
        self.tree.children(&below(self.root, path))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        self.tree.open(&below(self.root, path))
    }

    fn open_sparse(&self, path: &Path) -> io::Result<Box<dyn SparseRead>> {
        self.tree.open_sparse(&below(self.root, path))
    }

    fn content(&self, path: &Path) -> io::Result<cache::ContentDigest> {
        self.tree.content(&below(self.root, path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_below_the_destination() {
        for (name, expected) in [
            ("a/b", "a/b"),
            ("/a", "a"),
            ("./a/.", "a"),
            ("../../a", "a"),
            ("a/../../b", "b"),
            ("", ""),
            ("/", ""),
            ("..", ""),
        ] {
            assert_eq!(relative(name.as_bytes()), Path::new(expected), "{name}");
        }
    }
}
