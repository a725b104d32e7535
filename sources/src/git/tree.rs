//! The files of a commit, read from git's objects.
//!
//! `ls-tree` names them, `cat-file --batch` writes their bytes into a file without a name, from where the layer is written.
//! Attributes of the repository (line ends, filters) do not apply: a file is what was committed.
//!
//! Invariant: a name that would leave its folder, or that is git's own, ends the build before anything is made of it.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rootfs::diff::{Content, Diff};
use rootfs::entry::{Entry, Kind, Timestamp};

use super::GitError;
use super::command::Git;
use super::refs::is_hash;

/// More files than any repository has.
const MAX_ENTRIES: usize = 5_000_000;
/// The longest target that Linux gives a link.
const MAX_TARGET_BYTES: u64 = 4095;
/// The longest line before an object's bytes.
const MAX_HEADER_BYTES: usize = 128;

/// What `ls-tree` says of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub kind: ListedKind,
    /// The object's hash.
    pub hash: String,
    /// From the root of the repository.
    pub path: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListedKind {
    File { mode: u32 },
    Symlink,
    Directory,
    Submodule,
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

/// `<mode> <type> <hash>\t<path>`
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
    let path = std::ffi::OsStr::from_bytes(&line[tab + 1..]);
    let is_safe = path.as_bytes().split(|&byte| byte == b'/').all(is_safe_name);
    (is_safe && is_hash(hash)).then(|| Listed { kind, hash: hash.to_owned(), path: path.into() })
}

fn is_safe_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.eq_ignore_ascii_case(b".git") && !name.contains(&0)
}

fn bad_tree(line: &[u8]) -> GitError {
    GitError::Tree { reason: format!("it has a bad entry: {}", line.escape_ascii()) }
}

/// The bytes of files, in one file.
pub(super) struct Objects {
    spool: Arc<File>,
    /// Where each begins, and its size.
    places: HashMap<String, (u64, u64)>,
}

impl Objects {
    /// Reads the files and links among `listed`. `scratch` is a folder for the file, which has no name when this returns.
    pub fn read(git: &Git<'_>, listed: &[Listed], scratch: &Path) -> Result<Self, GitError> {
        let has_bytes = |entry: &&Listed| matches!(entry.kind, ListedKind::File { .. } | ListedKind::Symlink);
        let mut hashes: Vec<&str> =
            listed.iter().filter(has_bytes).map(|entry| entry.hash.as_str()).collect();
        hashes.sort_unstable();
        hashes.dedup();
        let (input, spool) = (scratch.join("request"), scratch.join("objects"));
        let io = |source| GitError::Io { source };
        let mut request = std::io::BufWriter::new(File::create_new(&input).map_err(io)?);
        hashes.iter().try_for_each(|hash| writeln!(request, "{hash}")).map_err(io)?;
        request.flush().map_err(io)?;
        let file = File::options().read(true).write(true).create_new(true).open(&spool).map_err(io)?;
        let files = (File::open(&input).map_err(io)?, file.try_clone().map_err(io)?);
        let done = git.pass("read the files of the commit", &["cat-file", "--batch", "--buffer"], files);
        std::fs::remove_file(&input).and_then(|()| std::fs::remove_file(&spool)).map_err(io)?;
        done?;
        let mut places = HashMap::with_capacity(hashes.len());
        let mut at = 0;
        for hash in hashes {
            let (start, size_bytes) = header(&file, at, hash)?;
            places.insert(hash.to_owned(), (start, size_bytes));
            at = start + size_bytes + 1;
        }
        Ok(Self { spool: Arc::new(file), places })
    }

    fn place(&self, entry: &Listed) -> (u64, u64) {
        self.places.get(&entry.hash).copied().expect("all that have bytes were read")
    }

    /// Puts a path into `diff`, below `folder`.
    pub fn put(
        &self,
        diff: &mut Diff,
        entry: &Listed,
        at: &Path,
        mtime_s: i64,
    ) -> Result<(), crate::RemoteError> {
        let (kind, mode, content) = match entry.kind {
            ListedKind::Directory | ListedKind::Submodule => (Kind::Directory { opaque: false }, 0o755, None),
            ListedKind::Symlink => (Kind::Symlink { target: self.target(entry)? }, 0o777, None),
            ListedKind::File { mode } => {
                let (offset, size_bytes) = self.place(entry);
                let content =
                    (size_bytes > 0).then(|| Content::Range { file: Arc::clone(&self.spool), offset });
                (Kind::File { size_bytes }, mode, content)
            }
        };
        Ok(diff.put(at, made(kind, mode, mtime_s), content)?)
    }

    fn target(&self, entry: &Listed) -> Result<PathBuf, GitError> {
        let (offset, size_bytes) = self.place(entry);
        let bad = || GitError::Tree { reason: format!("the link {} has a bad target", entry.path.display()) };
        if size_bytes == 0 || size_bytes > MAX_TARGET_BYTES {
            return Err(bad());
        }
        let mut target = vec![0; usize::try_from(size_bytes).map_err(|_| bad())?];
        self.spool.read_exact_at(&mut target, offset).map_err(|source| GitError::Io { source })?;
        match target.contains(&0) {
            true => Err(bad()),
            false => Ok(PathBuf::from(std::ffi::OsStr::from_bytes(&target))),
        }
    }
}

/// An entry of root's.
pub(super) fn made(kind: Kind, mode: u32, mtime_s: i64) -> Entry {
    Entry { kind, mode, mtime: Timestamp { seconds: mtime_s, nanoseconds: 0 }, ..Entry::directory(mode) }
}

/// Reads `<hash> blob <size>\n` at `at`; returns where the bytes begin, and how many they are.
fn header(file: &File, at: u64, hash: &str) -> Result<(u64, u64), GitError> {
    let mut buffer = [0; MAX_HEADER_BYTES];
    let length = file.read_at(&mut buffer, at).map_err(|source| GitError::Io { source })?;
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
    fn entries() {
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
