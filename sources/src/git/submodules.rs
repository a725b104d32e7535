//! The files of a commit and of the repositories inside it, its submodules.
//!
//! `git submodule` is not used: it reads configuration that a repository brings, and writes files. The URLs in `.gitmodules`
//! are checked like any other address, and each submodule is read from a mirror of its own. A repository of the public
//! internet cannot name one on this machine or a private network.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rootfs::diff::{Content, Diff};
use trees::entry::{Entry, Kind, Timestamp};

use super::address::Address;
use super::attributes::{ConvertedFiles, is_attribute_file};
use super::command::Git;
use super::commit;
use super::mirror::Mirror;
use super::request::GitContext;
use super::tree::{self, Objects, TreeEntry, TreeEntryKind};
use crate::RemoteError;
use crate::error::GitError;

/// Largest number of repositories inside each other.
const MAX_DEPTH: u32 = 10;
/// The way out of a warning about Git LFS pointers. git-lfs is no help here: it is configured by the repository, and a
/// repository must not decide which programs run and which servers are asked.
const LFS_REMEDY: &str =
    "dsbuild does not fetch from Git LFS servers; build from a directory that `git lfs pull` has filled";

/// Largest number of Git LFS pointers that a warning names.
const MAX_NAMED_POINTERS: usize = 3;

/// A commit whose files are put into a layer.
pub(super) struct CommitFiles<'a> {
    pub context: &'a GitContext<'a>,
    pub address: &'a Address,
    /// Repository that has the commit.
    pub git: &'a Git<'a>,
    pub commit: &'a str,
    /// Time of the commit in seconds since 1970, which all files get.
    pub time_s: i64,
    /// Number of repositories around this one; 0 for the one that the user's files name.
    pub depth: u32,
    /// True to leave the directories of submodules empty.
    pub skip_submodules: bool,
    /// Directory for files that are needed meanwhile.
    pub scratch: &'a Path,
}

/// Files that are Git LFS pointers instead of their content, by their path in the layer.
#[derive(Debug, Default)]
pub(super) struct LfsPointers(Vec<PathBuf>);

impl LfsPointers {
    /// Returns the warning about the pointers, or `None` if there are none.
    pub fn warning(&self) -> Option<String> {
        let named: Vec<String> = self
            .0
            .iter()
            .take(MAX_NAMED_POINTERS)
            .map(|path| format!("{:?}", path.display().to_string()))
            .collect();
        let first = named.join(", ");
        let text = match self.0.len() {
            0 => return None,
            1 => format!("{first} is a Git LFS pointer, not the content of the file"),
            count if count == named.len() => {
                format!("{first} are Git LFS pointers, not the content of the files")
            }
            count => format!(
                "{first} and {} more files are Git LFS pointers, not the content of the files",
                count - named.len()
            ),
        };
        Some(format!("{text}: {LFS_REMEDY}"))
    }
}

impl CommitFiles<'_> {
    /// Puts the files below `subdir` into `diff` at `target`, a directory that is made.
    ///
    /// A `subdir` can lie in a submodule, or be one.
    pub fn put(&self, diff: &mut Diff, subdir: &Path, target: &Path) -> Result<LfsPointers, RemoteError> {
        let listed = tree::list(self.git, self.commit)?;
        if let Some(module) = self.submodule_of(&listed, subdir) {
            let urls = self.urls(&listed)?;
            let below = subdir.strip_prefix(&module.path).unwrap_or(Path::new(""));
            return self.put_submodule(diff, module, &urls, (below, target));
        }
        if !subdir.ancestors().all(|path| is_directory(&listed, path)) {
            return Err(GitError::Subdir { subdir: subdir.display().to_string() }.into());
        }
        let below: Vec<(&Path, &TreeEntry)> = listed
            .iter()
            .filter_map(|entry| Some((entry.path.strip_prefix(subdir).ok()?, entry)))
            .filter(|(path, _)| !path.as_os_str().is_empty())
            .collect();
        let mut pointers = self.put_own(diff, &listed, &below, target)?;
        if self.skip_submodules {
            return Ok(pointers);
        }
        let modules: Vec<_> =
            below.iter().filter(|(_, entry)| entry.kind == TreeEntryKind::Submodule).collect();
        let urls = if modules.is_empty() { HashMap::new() } else { self.urls(&listed)? };
        for (path, entry) in modules {
            let inner = self.put_submodule(diff, entry, &urls, (Path::new(""), &target.join(path)))?;
            pointers.0.extend(inner.0);
        }
        Ok(pointers)
    }

    /// Returns the submodule that `subdir` is, or lies in.
    fn submodule_of<'l>(&self, listed: &'l [TreeEntry], subdir: &Path) -> Option<&'l TreeEntry> {
        let is_above =
            |entry: &&TreeEntry| entry.kind == TreeEntryKind::Submodule && subdir.starts_with(&entry.path);
        listed.iter().find(is_above).filter(|_| !self.skip_submodules)
    }

    /// Puts the entries of this repository into `diff`; `below` has their paths from `target`.
    fn put_own(
        &self,
        diff: &mut Diff,
        listed: &[TreeEntry],
        below: &[(&Path, &TreeEntry)],
        target: &Path,
    ) -> Result<LfsPointers, RemoteError> {
        let wanted = below.iter().map(|(_, entry)| *entry);
        // Attributes of the directories above count, too.
        let attribute_files = listed.iter().filter(|entry| is_attribute_file(entry));
        let objects = Objects::read(self.git, wanted.clone().chain(attribute_files), self.scratch)?;
        let files: Vec<&TreeEntry> =
            wanted.filter(|entry| matches!(entry.kind, TreeEntryKind::File { .. })).collect();
        let checkout = ConvertedFiles::convert(self.git, listed, &files, &objects, self.scratch)?;
        let directory = Kind::Directory { opaque: false };
        diff.put(target, entry_of(directory, 0o755, self.time_s), None)?;
        let mut pointers = LfsPointers::default();
        for (path, entry) in below {
            let (kind, mode, content) = node(&objects, &checkout, entry)?;
            diff.put(&target.join(path), entry_of(kind, mode, self.time_s), content)?;
            if checkout.pointers.contains(&entry.path) {
                pointers.0.push(target.join(path));
            }
        }
        Ok(pointers)
    }

    /// Puts the files below `subdir` of a submodule into `diff` at `target`.
    fn put_submodule(
        &self,
        diff: &mut Diff,
        entry: &TreeEntry,
        urls: &HashMap<PathBuf, String>,
        (subdir, target): (&Path, &Path),
    ) -> Result<LfsPointers, RemoteError> {
        self.put_files_of(diff, entry, urls, (subdir, target)).map_err(|source| {
            GitError::Submodule { path: entry.path.clone(), source: Box::new(source) }.into()
        })
    }

    fn put_files_of(
        &self,
        diff: &mut Diff,
        entry: &TreeEntry,
        urls: &HashMap<PathBuf, String>,
        (subdir, target): (&Path, &Path),
    ) -> Result<LfsPointers, RemoteError> {
        let (address, mirror) = self.open_submodule(entry, urls)?;
        let (commit, git) = mirror.bring(&entry.hash)?;
        let time_s = commit::time(&git, &commit)?;
        let inner = CommitFiles {
            address: &address,
            git: &git,
            commit: &commit,
            time_s,
            depth: self.depth + 1,
            skip_submodules: false,
            ..*self
        };
        inner.put(diff, subdir, target)
    }

    fn open_submodule(
        &self,
        entry: &TreeEntry,
        urls: &HashMap<PathBuf, String>,
    ) -> Result<(Address, Mirror<'_>), RemoteError> {
        let bad = |reason: &str| GitError::Tree { reason: reason.to_owned() };
        if self.depth >= MAX_DEPTH {
            return Err(bad("its submodules have submodules without end").into());
        }
        let url = urls.get(&entry.path).ok_or_else(|| bad("no submodule mapping found in .gitmodules"))?;
        let address = self.address.submodule(url)?;
        let mirror = Mirror::open(&address, false, self.address.is_inside(), self.context)?;
        Ok((address, mirror))
    }

    /// Reads the URLs in `.gitmodules`, by the path of the submodule.
    fn urls(&self, listed: &[TreeEntry]) -> Result<HashMap<PathBuf, String>, GitError> {
        let is_file = |entry: &&TreeEntry| {
            entry.path == Path::new(".gitmodules") && matches!(entry.kind, TreeEntryKind::File { .. })
        };
        let Some(file) = listed.iter().find(is_file) else { return Ok(HashMap::new()) };
        let pattern = r"^submodule\..*\.(path|url)$";
        let arguments = ["config", "--no-includes", "-z", "--blob", &file.hash, "--get-regexp", pattern];
        // git fails if nothing matches.
        let answer = match self.git.run("read .gitmodules", &arguments) {
            Err(GitError::Failed { .. }) => Vec::new(),
            answer => answer?,
        };
        Ok(by_path(&answer))
    }
}

/// Returns kind, mode and content that an entry of a commit has in a checkout.
fn node(
    objects: &Objects,
    checkout: &ConvertedFiles,
    entry: &TreeEntry,
) -> Result<(Kind, u32, Option<Content>), GitError> {
    Ok(match entry.kind {
        TreeEntryKind::Directory | TreeEntryKind::Submodule => {
            (Kind::Directory { opaque: false }, 0o755, None)
        }
        TreeEntryKind::Symlink => (Kind::Symlink { target: objects.target(entry)? }, 0o777, None),
        TreeEntryKind::File { mode } => {
            let converted = checkout.content(&entry.path).cloned();
            let (file, offset, size_bytes) = converted.unwrap_or_else(|| objects.content(entry));
            let content = (size_bytes > 0).then_some(Content::Range { file, offset });
            (Kind::File { size_bytes }, mode, content)
        }
    })
}

/// Reports whether a path is a directory of the commit; the empty path is its root.
fn is_directory(listed: &[TreeEntry], path: &Path) -> bool {
    let is_it = |entry: &TreeEntry| {
        entry.path == path && matches!(entry.kind, TreeEntryKind::Directory | TreeEntryKind::Submodule)
    };
    path.as_os_str().is_empty() || listed.iter().any(is_it)
}

/// Returns an entry that belongs to root.
pub(super) fn entry_of(kind: Kind, mode: u32, mtime_s: i64) -> Entry {
    Entry { kind, mode, mtime: Timestamp { seconds: mtime_s, nanoseconds: 0 }, ..Entry::directory(mode) }
}

/// Parses entries of the form `submodule.<name>.<path|url>\n<value>\0`.
fn by_path(answer: &[u8]) -> HashMap<PathBuf, String> {
    let (mut paths, mut urls) = (HashMap::new(), HashMap::new());
    for pair in answer.split(|&byte| byte == 0) {
        let Some(end) = pair.iter().position(|&byte| byte == b'\n') else { continue };
        let (key, value) = (&pair[..end], &pair[end + 1..]);
        if let Some(name) = key.strip_suffix(b".path") {
            paths.insert(name, PathBuf::from(OsStr::from_bytes(value)));
        } else if let Some(name) = key.strip_suffix(b".url") {
            urls.insert(name, String::from_utf8_lossy(value).into_owned());
        }
    }
    paths.into_iter().filter_map(|(name, path)| Some((path, urls.get(name)?.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gitmodules_maps_paths_to_urls() {
        let answer =
            b"submodule.a.b.path\nx/y\0submodule.a.b.url\n../z\0submodule.c.path\nw\0submodule.d.url\nq\0";
        assert_eq!(by_path(answer), HashMap::from([(PathBuf::from("x/y"), "../z".to_owned())]));
        assert_eq!(by_path(b""), HashMap::new());
    }

    #[test]
    fn pointers_are_named_up_to_a_limit() {
        let warning = |names: &[&str]| LfsPointers(names.iter().map(PathBuf::from).collect()).warning();
        assert_eq!(warning(&[]), None);
        let check = |names: &[&str], expected: &str| {
            let text = warning(names).expect("a warning");
            assert_eq!(text, format!("{expected}: {LFS_REMEDY}"));
        };
        check(&["a"], "\"a\" is a Git LFS pointer, not the content of the file");
        check(&["a", "b\n"], "\"a\", \"b\\n\" are Git LFS pointers, not the content of the files");
        check(
            &["a", "b", "c", "d", "e"],
            "\"a\", \"b\", \"c\" and 2 more files are Git LFS pointers, not the content of the files",
        );
    }
}
