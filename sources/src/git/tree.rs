//! The files of a commit, read from git's objects.
//!
//! `ls-tree` lists the paths, and `cat-file --batch` writes the content of the files into a file without a name, from which
//! the layer is written. [`super::attributes`] adds the files that differ in a checkout.
//!
//! Invariant: a name that would leave its directory, or that is git's own, ends the build before a file is made of it.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::command::Git;
use super::error::{GitError, io_error};
use super::refs::is_hash;

/// Largest number of paths in a commit.
const MAX_ENTRIES: usize = 5_000_000;
/// Longest target of a symlink that Linux accepts.
const MAX_TARGET_BYTES: u64 = 4095;
/// Longest line that git writes in front of an object.
const MAX_HEADER_BYTES: usize = 128;

/// A path of a commit, as `ls-tree` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub kind: ListedKind,
    /// Hash of the object.
    pub hash: String,
    /// Path from the root of the repository.
    pub path: PathBuf,
}

/// Kind of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListedKind {
    File { mode: u32 },
    Symlink,
    Directory,
    Submodule,
}

impl Listed {
    /// Reports whether the path has content of its own: a file or a symlink.
    fn has_content(&self) -> bool {
        matches!(self.kind, ListedKind::File { .. } | ListedKind::Symlink)
    }
}

/// Lists all paths of a commit.
pub(super) fn list(git: &Git<'_>, commit: &str) -> Result<Vec<Listed>, GitError> {
    let answer =
        git.run("list the files of the commit", &["ls-tree", "-r", "-t", "-z", "--full-tree", commit])?;
    let mut all = Vec::new();
    for line in answer.split(|&byte| byte == 0).filter(|line| !line.is_empty()) {
        let listed = parse(line).ok_or_else(|| bad_tree(line))?;
        all.push(listed);
        if all.len() > MAX_ENTRIES {
            return Err(GitError::Tree { reason: format!("it has more than {MAX_ENTRIES} files") });
        }
    }
    Ok(all)
}

/// Parses a line `<mode> <type> <hash>\t<path>`; `None` if it is not one, or has a dangerous name.
fn parse(line: &[u8]) -> Option<Listed> {
    let tab = line.iter().position(|&byte| byte == b'\t')?;
    let mut words = std::str::from_utf8(&line[..tab]).ok()?.split(' ');
    let (mode, _, hash) = (words.next()?, words.next()?, words.next()?);
    let mode = u32::from_str_radix(mode, 8).ok()?;
    let kind = match mode & 0o170_000 {
        0o100_000 if mode & 0o100 != 0 => ListedKind::File { mode: 0o755 },
        0o100_000 => ListedKind::File { mode: 0o644 },
        0o120_000 => ListedKind::Symlink,
        0o040_000 => ListedKind::Directory,
        0o160_000 => ListedKind::Submodule,
        _ => return None,
    };
    let path = OsStr::from_bytes(&line[tab + 1..]);
    let is_safe = path.as_bytes().split(|&byte| byte == b'/').all(is_safe_name);
    (is_safe && is_hash(hash)).then(|| Listed { kind, hash: hash.to_owned(), path: path.into() })
}

fn is_safe_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.eq_ignore_ascii_case(b".git") && !name.contains(&0)
}

fn bad_tree(line: &[u8]) -> GitError {
    GitError::Tree { reason: format!("it has a bad entry: {}", line.escape_ascii()) }
}

/// Content of files and symlinks, all in one file.
pub(super) struct Objects {
    spool: Arc<File>,
    /// Offset and size of each object, by its hash.
    positions: HashMap<String, (u64, u64)>,
}

impl Objects {
    /// Reads the files and symlinks among `listed`. `scratch` is a directory for the file, which has no name when this
    /// returns.
    pub fn read<'a>(
        git: &Git<'_>,
        listed: impl Iterator<Item = &'a Listed>,
        scratch: &Path,
    ) -> Result<Self, GitError> {
        let mut hashes: Vec<&str> =
            listed.filter(|entry| entry.has_content()).map(|entry| entry.hash.as_str()).collect();
        hashes.sort_unstable();
        hashes.dedup();
        let file = Self::spool(git, &hashes, scratch)?;
        let mut positions = HashMap::with_capacity(hashes.len());
        let mut at = 0;
        for hash in hashes {
            let (start, size_bytes) = header(&file, at, hash)?;
            positions.insert(hash.to_owned(), (start, size_bytes));
            at = start + size_bytes + 1;
        }
        Ok(Self { spool: Arc::new(file), positions })
    }

    /// Lets git write objects into a file without a name.
    fn spool(git: &Git<'_>, hashes: &[&str], scratch: &Path) -> Result<File, GitError> {
        let (input, spool) = (scratch.join("request"), scratch.join("objects"));
        let mut request = std::io::BufWriter::new(File::create_new(&input).map_err(io_error)?);
        hashes.iter().try_for_each(|hash| writeln!(request, "{hash}")).map_err(io_error)?;
        request.flush().map_err(io_error)?;
        let file = File::options().read(true).write(true).create_new(true).open(&spool).map_err(io_error)?;
        let files = (File::open(&input).map_err(io_error)?, file.try_clone().map_err(io_error)?);
        let done = git.pass("read the files of the commit", &["cat-file", "--batch", "--buffer"], files);
        std::fs::remove_file(&input).and_then(|()| std::fs::remove_file(&spool)).map_err(io_error)?;
        done.map(|()| file)
    }

    /// Returns the file that holds an entry's content, and its offset and size there.
    pub fn content(&self, entry: &Listed) -> (Arc<File>, u64, u64) {
        let (offset, size_bytes) = self.position(entry);
        (Arc::clone(&self.spool), offset, size_bytes)
    }

    fn position(&self, entry: &Listed) -> (u64, u64) {
        self.positions.get(&entry.hash).copied().expect("every entry with content was read")
    }

    /// Returns the content of an entry, or `None` if it has more than `limit_bytes`.
    pub fn read_all(&self, entry: &Listed, limit_bytes: u64) -> Result<Option<Vec<u8>>, GitError> {
        let (_, size_bytes) = self.position(entry);
        if size_bytes > limit_bytes {
            return Ok(None);
        }
        self.start(entry, usize::try_from(size_bytes).unwrap_or(usize::MAX)).map(Some)
    }

    /// Returns the first `count` bytes of an entry, or all of them if it has fewer.
    pub fn start(&self, entry: &Listed, count: usize) -> Result<Vec<u8>, GitError> {
        let (offset, size_bytes) = self.position(entry);
        let mut bytes = vec![0; count.min(usize::try_from(size_bytes).unwrap_or(usize::MAX))];
        self.spool.read_exact_at(&mut bytes, offset).map_err(io_error)?;
        Ok(bytes)
    }

    /// Returns the target of a symlink.
    pub fn target(&self, entry: &Listed) -> Result<PathBuf, GitError> {
        let bad = || GitError::Tree { reason: format!("the link {} has a bad target", entry.path.display()) };
        let target = self.read_all(entry, MAX_TARGET_BYTES)?.ok_or_else(bad)?;
        if target.is_empty() || target.contains(&0) {
            return Err(bad());
        }
        Ok(PathBuf::from(OsStr::from_bytes(&target)))
    }
}

/// Parses `<hash> blob <size>\n` at `at`; returns the offset of the content behind it, and its size.
fn header(file: &File, at: u64, hash: &str) -> Result<(u64, u64), GitError> {
    let mut buffer = [0; MAX_HEADER_BYTES];
    let length = file.read_at(&mut buffer, at).map_err(io_error)?;
    let line = buffer[..length].split(|&byte| byte == b'\n').next().unwrap_or_default();
    let size_bytes = std::str::from_utf8(line).ok().and_then(|line| {
        let rest = line.strip_prefix(hash)?.strip_prefix(" blob ")?;
        rest.parse::<u64>().ok()
    });
    match size_bytes {
        Some(size_bytes) => Ok((at + line.len() as u64 + 1, size_bytes)),
        None => Err(GitError::Tree { reason: format!("the file {hash} is missing") }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_with_dangerous_names_are_refused() {
        let hash = "a".repeat(40);
        let kind = |mode: &str, path: &str| {
            parse(format!("{mode} x {hash}\t{path}").as_bytes()).map(|entry| entry.kind)
        };
        assert_eq!(kind("100644", "a/b c"), Some(ListedKind::File { mode: 0o644 }));
        assert_eq!(kind("100664", "a"), Some(ListedKind::File { mode: 0o644 }));
        assert_eq!(kind("100755", "a"), Some(ListedKind::File { mode: 0o755 }));
        assert_eq!(kind("120000", "a"), Some(ListedKind::Symlink));
        assert_eq!(kind("040000", "a"), Some(ListedKind::Directory));
        assert_eq!(kind("160000", "a"), Some(ListedKind::Submodule));
        assert_eq!(kind("060000", "a"), None);
        for path in ["", "/a", "a/", "a//b", "../a", "a/..", ".", ".git/config", "a/.GIT/x"] {
            assert_eq!(kind("100644", path), None, "{path}");
        }
        assert_eq!(parse(b"100644 blob --flag\ta"), None);
        assert_eq!(parse(b"nonsense"), None);
    }
}
