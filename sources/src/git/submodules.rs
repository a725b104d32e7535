//! Repositories in a repository.
//!
//! `git submodule` is not used: it reads configuration that a repository brings, and writes files. What `.gitmodules` says
//! of URLs is checked like any other address, and each submodule is read from a mirror of its own. A repository of the
//! public internet cannot name one on this machine or a private network.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rootfs::diff::Diff;
use rootfs::entry::Kind;

use super::address::Address;
use super::command::Git;
use super::mirror::Mirror;
use super::tree::{self, Listed, ListedKind, Objects};
use super::{GitContext, GitError, commit};
use crate::RemoteError;

/// Submodules in submodules, and no deeper.
const MAX_DEPTH: u32 = 10;

/// The files of one commit.
pub(super) struct Folder<'a> {
    pub context: &'a GitContext<'a>,
    pub address: &'a Address,
    /// The repository that has the commit.
    pub git: &'a Git<'a>,
    pub commit: &'a str,
    pub time_s: i64,
    /// 0 for the repository that the user's files name.
    pub depth: u32,
    /// Their folders stay empty.
    pub skip_submodules: bool,
}

impl Folder<'_> {
    /// Puts what is below `subdir` into `diff` at `target`, which is made.
    pub fn put(
        &self,
        diff: &mut Diff,
        subdir: &Path,
        target: &Path,
        scratch: &Path,
    ) -> Result<(), RemoteError> {
        let listed = tree::list(self.git, self.commit)?;
        let is_folder = |path: &Path| {
            path.as_os_str().is_empty()
                || listed.iter().any(|entry| entry.path == path && entry.kind == ListedKind::Directory)
        };
        if !subdir.ancestors().all(is_folder) {
            return Err(GitError::Subdir { subdir: subdir.display().to_string() }.into());
        }
        let below: Vec<(&Path, &Listed)> = listed
            .iter()
            .filter_map(|entry| Some((entry.path.strip_prefix(subdir).ok()?, entry)))
            .filter(|(path, _)| !path.as_os_str().is_empty())
            .collect();
        let request: Vec<Listed> = below.iter().map(|(_, entry)| (*entry).clone()).collect();
        let objects = Objects::read(self.git, &request, scratch)?;
        diff.put(target, tree::made(Kind::Directory { opaque: false }, 0o755, self.time_s), None)?;
        for (path, entry) in &below {
            objects.put(diff, entry, &target.join(path), self.time_s)?;
        }
        if self.skip_submodules {
            return Ok(());
        }
        let mut modules =
            below.into_iter().filter(|(_, entry)| entry.kind == ListedKind::Submodule).peekable();
        let urls = if modules.peek().is_some() { self.urls(&listed)? } else { HashMap::new() };
        modules.try_for_each(|(path, entry)| {
            self.module(diff, entry, &urls, (&target.join(path), scratch)).map_err(|source| {
                GitError::Submodule { path: entry.path.clone(), source: Box::new(source) }.into()
            })
        })
    }

    /// Puts a submodule into `diff`.
    fn module(
        &self,
        diff: &mut Diff,
        entry: &Listed,
        urls: &HashMap<PathBuf, String>,
        (target, scratch): (&Path, &Path),
    ) -> Result<(), RemoteError> {
        let bad = |reason: &str| GitError::Tree { reason: reason.to_owned() };
        if self.depth >= MAX_DEPTH {
            return Err(bad("its submodules have submodules without end").into());
        }
        let url = urls.get(&entry.path).ok_or_else(|| bad("no submodule mapping found in .gitmodules"))?;
        let address = self.address.submodule(url)?;
        let mirror = Mirror::open(&address, false, self.address.is_inside(), self.context)?;
        let (commit, git) = mirror.bring(&entry.hash)?;
        let time_s = commit::time(&git, &commit)?;
        let inner = Folder {
            context: self.context,
            address: &address,
            git: &git,
            commit: &commit,
            time_s,
            depth: self.depth + 1,
            skip_submodules: false,
        };
        inner.put(diff, Path::new(""), target, scratch)
    }

    /// The URLs of `.gitmodules`, by path.
    fn urls(&self, listed: &[Listed]) -> Result<HashMap<PathBuf, String>, GitError> {
        let is_file = |entry: &&Listed| {
            entry.path == Path::new(".gitmodules") && matches!(entry.kind, ListedKind::File { .. })
        };
        let Some(file) = listed.iter().find(is_file) else { return Ok(HashMap::new()) };
        let pattern = r"^submodule\..*\.(path|url)$";
        let arguments = ["config", "--no-includes", "-z", "--blob", &file.hash, "--get-regexp", pattern];
        // It fails if nothing matches.
        let answer = match self.git.run("read .gitmodules", &arguments) {
            Err(GitError::Failed { .. }) => Vec::new(),
            answer => answer?,
        };
        Ok(by_path(&answer))
    }
}

/// Reads `submodule.<name>.<path|url>\n<value>\0`.
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
    fn paths_and_their_urls() {
        let answer =
            b"submodule.a.b.path\nx/y\0submodule.a.b.url\n../z\0submodule.c.path\nw\0submodule.d.url\nq\0";
        assert_eq!(by_path(answer), HashMap::from([(PathBuf::from("x/y"), "../z".to_owned())]));
        assert_eq!(by_path(b""), HashMap::new());
    }
}
