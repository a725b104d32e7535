//! Unpacking a tar into a directory of a container, as `docker cp -` does.
//!
//! Directories are merged, all else is replaced. Names lead nowhere but below the directory, and no symlink in them is
//! followed out of the container.

use std::ffi::OsStr;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};
use tarball::{Member, Members};
use trees::create::{Creator, Location};
use trees::entry::{Entry, Kind};
use trees::safe_path::{DIRECTORY, open_beneath};
use trees::xattr::Flavor;
use trees::{TreeError, failed};

use super::replace::{kind_of, remove};
use crate::RunnerError;
use crate::error::io_error;

/// Unpacks a tar into the directory `dir`.
pub(super) fn unpack(input: &mut dyn Read, dir: &OwnedFd, keeps_owner: bool) -> Result<(), RunnerError> {
    let mut unpacker = Unpacker {
        members: Members::new(input),
        dir,
        creator: Creator::new(Flavor::current()),
        keeps_owner,
        directories: Vec::new(),
    };
    while let Some(member) = unpacker.members.next()? {
        unpacker.member(&member)?;
    }
    // The times of directories last, as their entries change them.
    for (path, entry) in unpacker.directories.iter().rev() {
        let parent = unpacker.parent(path)?;
        unpacker.creator.finish_directory(Location::new(&parent, path), entry)?;
    }
    Ok(())
}

struct Unpacker<'a> {
    members: Members<&'a mut dyn Read>,
    dir: &'a OwnedFd,
    creator: Creator,
    keeps_owner: bool,
    directories: Vec<(PathBuf, Entry)>,
}

impl Unpacker<'_> {
    fn member(&mut self, member: &Member) -> Result<(), RunnerError> {
        let path = trees::path::clean(&member.name)?;
        let path = trees::path::to_path(&path).to_owned();
        let Some(name) = path.file_name() else { return Ok(()) };
        self.make_parents(&path)?;
        let parent = self.parent(&path)?;
        let is_present = kind_of(&parent, name);
        let entry = self.entry(member);
        let at = Location { dir: parent.as_fd(), name, path: &path };
        match member.typeflag {
            b'5' => {
                if is_present != Some(true) {
                    remove(&parent, name, is_present)?;
                    self.creator.begin_directory(at)?;
                }
                self.directories.push((path, entry));
                return Ok(());
            }
            b'1' => {
                remove(&parent, name, is_present)?;
                return self.link(member, &parent, name);
            }
            _ => remove(&parent, name, is_present)?,
        }
        let Kind::File { .. } = entry.kind else { return Ok(self.creator.special(at, &entry)?) };
        let members = &mut self.members;
        Ok(self.creator.file(at, &entry, |file| copy_data(members, member, file, &path))?)
    }

    fn link(&self, member: &Member, parent: &OwnedFd, name: &OsStr) -> Result<(), RunnerError> {
        let target = trees::path::clean(&member.link)?;
        let target = trees::path::to_path(&target).to_owned();
        let of_target = self.parent(&target)?;
        let from = target.file_name().unwrap_or_default();
        rustix::fs::linkat(of_target, from, parent, name, AtFlags::empty())
            .map_err(|error| io_error("link", Path::new(name))(error.into()))
    }

    /// Makes the directories that lead to a path, as far as they are missing.
    fn make_parents(&self, path: &Path) -> Result<(), RunnerError> {
        let mut above: Vec<&Path> = path.ancestors().skip(1).collect();
        above.reverse();
        for path in above.into_iter().filter(|path| !path.as_os_str().is_empty()) {
            let parent = self.parent(path)?;
            let name = path.file_name().unwrap_or_default();
            if kind_of(&parent, name).is_none() {
                rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o755))
                    .map_err(|error| io_error("make", path)(error.into()))?;
            }
        }
        Ok(())
    }

    fn parent(&self, path: &Path) -> Result<OwnedFd, RunnerError> {
        let parent = path.parent().unwrap_or(Path::new(""));
        open_beneath(self.dir, parent, DIRECTORY | OFlags::RDONLY)
            .map_err(|error| io_error("open", path)(error.into()))
    }

    fn entry(&self, member: &Member) -> Entry {
        let target = || trees::path::to_path(&member.link).to_owned();
        let (major, minor) = member.device;
        let kind = match member.typeflag {
            b'2' => Kind::Symlink { target: target() },
            b'3' => Kind::CharDevice { major, minor },
            b'4' => Kind::BlockDevice { major, minor },
            b'5' => Kind::Directory { opaque: false },
            b'6' => Kind::Fifo,
            _ => Kind::File { size_bytes: member.size_bytes },
        };
        let own = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let (uid, gid) = if self.keeps_owner { (member.uid, member.gid) } else { own };
        Entry { kind, mode: member.mode, uid, gid, mtime: member.mtime, xattrs: member.xattrs.clone() }
    }
}

/// Writes the data of a file, whose holes stay holes.
fn copy_data(
    members: &mut Members<&mut dyn Read>,
    member: &Member,
    file: &std::fs::File,
    path: &Path,
) -> Result<(), TreeError> {
    use std::os::unix::fs::FileExt;
    file.set_len(member.size_bytes).map_err(failed("write", path))?;
    let whole = [tarball::Extent { at: 0, length: member.size_bytes }];
    let extents = member.sparse.as_deref().unwrap_or(&whole);
    let mut buffer = vec![0; 64 * 1024];
    for extent in extents {
        let mut done = 0;
        while done < extent.length {
            let wanted = usize::try_from(extent.length - done).unwrap_or(usize::MAX).min(buffer.len());
            let count = members.read_data(&mut buffer[..wanted]).map_err(std::io::Error::other);
            let count = count.map_err(failed("read", path))?;
            if count == 0 {
                return Err(failed("read", path)(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)));
            }
            file.write_all_at(&buffer[..count], extent.at + done).map_err(failed("write", path))?;
            done += count as u64;
        }
    }
    Ok(())
}
