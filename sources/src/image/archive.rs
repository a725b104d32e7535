//! Archives of images: tars whose members are read in place.
//!
//! Invariant: a member is found by its name in the archive alone. Links lead to other members, in a few steps at most, and
//! never to the file system around the archive.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use oci::VerifiedReader;
use oci::{Descriptor, Digest};

use super::layout::blob_name;
use super::uninterrupted::repeat;
use images::{BlobSource, ImageError};

/// Largest number of members of an archive of images. A tar with more is a root file system.
const MAX_MEMBERS: usize = 50_000;

/// Largest number of links that are followed from one member; `docker save` needed one.
const MAX_LINKS: usize = 8;

/// An archive, and the positions of its members.
pub(super) struct Archive {
    path: PathBuf,
    file: Arc<File>,
    members: HashMap<PathBuf, Member>,
}

#[derive(Debug, Clone)]
enum Member {
    File { offset: u64, size_bytes: u64 },
    Link { target: PathBuf },
}

impl Archive {
    /// Lists the members of the tar `file`, which errors call `path`. A tar with too many members counts as empty.
    pub fn open(file: File, path: &Path) -> Result<Self, ImageError> {
        let broken = |source| ImageError::Io { action: "read the archive", path: path.to_owned(), source };
        let mut archive = Self { path: path.to_owned(), file: Arc::new(file), members: HashMap::new() };
        let mut tar = tar::Archive::new(io::BufReader::new(archive.whole()));
        for entry in tar.entries_with_seek().map_err(broken)? {
            let entry = entry.map_err(broken)?;
            let Some((name, member)) = member(&entry).map_err(broken)? else { continue };
            archive.members.insert(name, member);
            if archive.members.len() > MAX_MEMBERS {
                archive.members.clear();
                break;
            }
        }
        Ok(archive)
    }

    /// Reports whether the archive has a member of this name.
    pub fn has(&self, name: &str) -> bool {
        self.members.contains_key(Path::new(name))
    }

    /// Returns a reader of the whole file, from its start.
    pub fn whole(&self) -> MemberReader {
        MemberReader { file: Arc::clone(&self.file), start: 0, at: 0, end: u64::MAX }
    }

    /// Opens a member, which can be a link to another one.
    pub fn member(&self, name: &Path) -> Result<MemberReader, ImageError> {
        let mut name = clean(name).ok_or_else(|| self.bad(name, "leads out of the archive"))?;
        for _ in 0..MAX_LINKS {
            match self.members.get(&name) {
                Some(Member::Link { target }) => name.clone_from(target),
                Some(Member::File { offset, size_bytes }) => {
                    let end = offset.saturating_add(*size_bytes);
                    return Ok(MemberReader {
                        file: Arc::clone(&self.file),
                        start: *offset,
                        at: *offset,
                        end,
                    });
                }
                None => {
                    let name = format!("{} in {}", name.display(), self.path.display());
                    return Err(ImageError::NotFound { name });
                }
            }
        }
        Err(self.bad(&name, "is a link that leads nowhere"))
    }

    /// Reads a member whose size is at most `limit_bytes`.
    pub fn read(&self, name: &Path, limit_bytes: u64) -> Result<Vec<u8>, ImageError> {
        let mut part = self.member(name)?;
        if part.size_bytes() > limit_bytes {
            return Err(self.bad(name, &format!("has more than {limit_bytes} bytes")));
        }
        let mut bytes = Vec::new();
        part.read_to_end(&mut bytes).map_err(|source| ImageError::Io {
            action: "read the archive",
            path: self.path.clone(),
            source,
        })?;
        Ok(bytes)
    }

    /// Returns the error for a flaw of a member; `flaw` completes the sentence that begins with its name.
    pub fn bad(&self, name: &Path, flaw: &str) -> ImageError {
        ImageError::Layout { path: self.path.clone(), reason: format!("{} {flaw}", name.display()) }
    }
}

impl BlobSource for Archive {
    fn describe(&self, digest: &Digest) -> Result<Descriptor, ImageError> {
        Ok(Descriptor::new("", *digest, self.member(&blob_name(digest))?.size_bytes()))
    }

    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>, ImageError> {
        let part = self.member(&blob_name(&blob.digest))?;
        Ok(Box::new(VerifiedReader::new(part, blob.digest, blob.size_bytes)))
    }
}

/// Returns the member that an entry of the tar is; `None` for directories, devices and the like.
fn member<R: Read>(entry: &tar::Entry<'_, R>) -> io::Result<Option<(PathBuf, Member)>> {
    let Some(name) = clean(&entry.path()?) else { return Ok(None) };
    let link = || entry.link_name();
    let member = match entry.header().entry_type() {
        tar::EntryType::Regular | tar::EntryType::Continuous => {
            Some(Member::File { offset: entry.raw_file_position(), size_bytes: entry.size() })
        }
        tar::EntryType::Link => {
            link()?.and_then(|target| clean(&target)).map(|target| Member::Link { target })
        }
        tar::EntryType::Symlink => {
            let parent = name.parent().unwrap_or(Path::new(""));
            link()?.and_then(|target| clean(&parent.join(target))).map(|target| Member::Link { target })
        }
        _ => None,
    };
    Ok(member.map(|member| (name, member)))
}

/// Returns the path without `.` and `..`; `None` if it leads out of the archive, or to its root.
///
/// An absolute path begins at the root of the archive, as for docker.
fn clean(path: &Path) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir if clean.pop() => {}
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    (!clean.as_os_str().is_empty()).then_some(clean)
}

/// Reader of a part of a file, which does not move the position of the file's descriptor.
pub(super) struct MemberReader {
    file: Arc<File>,
    start: u64,
    at: u64,
    end: u64,
}

impl MemberReader {
    /// Returns the size of the part.
    pub fn size_bytes(&self) -> u64 {
        self.end - self.start
    }
}

impl Read for MemberReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        // The reader of tars does not repeat a read that was interrupted.
        let count = repeat(|| self.file.read_at(&mut buffer[..length], self.at))?;
        self.at += count as u64;
        Ok(count)
    }
}

impl io::Seek for MemberReader {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        let target = match to {
            io::SeekFrom::Start(offset) => self.start.checked_add(offset),
            io::SeekFrom::Current(step) => self.at.checked_add_signed(step),
            io::SeekFrom::End(step) => self.end.checked_add_signed(step),
        };
        let target = target.filter(|target| (self.start..=self.end).contains(target));
        self.at = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at - self.start)
    }
}
