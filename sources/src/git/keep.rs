//! `.git` beside the files, for builds that ask for it: a repository with the one commit, and an index for its files.
//!
//! git makes it in a scratch directory without any of the files, so that nothing in the repository can influence it. `HEAD`
//! is the commit itself, as in BuildKit. Submodules have no `.git` of their own.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use rootfs::diff::{Content, Diff};
use trees::entry::Kind;

use super::command::Git;
use super::refs::Named;
use super::submodules::entry_of;
use crate::RemoteError;
use crate::error::{GitError, io_error};

/// The directory `.git` of a commit.
pub(super) struct GitDir<'a> {
    /// Mirror that has the commit.
    pub mirror: &'a Git<'a>,
    /// URL of `origin`, without user and password.
    pub url: &'a str,
    /// Branch or tag that was asked for; `None` for a commit that was named by its full hash.
    pub named: Option<&'a Named>,
    /// Full hash of the commit.
    pub commit: &'a str,
    /// Time of the commit, in seconds since 1970, which all files get.
    pub time_s: i64,
}

impl GitDir<'_> {
    /// Makes `.git` in `scratch` and puts it into `diff`.
    pub fn put(&self, diff: &mut Diff, scratch: &Path) -> Result<(), RemoteError> {
        let made = scratch.join("git");
        self.make(&made)?;
        put_directory(diff, &made, Path::new(".git"), self.time_s)?;
        fs::remove_dir_all(&made).map_err(io_error)?;
        Ok(())
    }

    fn make(&self, target: &Path) -> Result<(), GitError> {
        let mirror = self.mirror.repository.as_deref().expect("a mirror is a repository").to_string_lossy();
        let target_text = target.to_string_lossy();
        let outside = Git { repository: None, protocols: "file".to_owned(), ..self.mirror.clone() };
        let format = if self.commit.len() == 64 { "--object-format=sha256" } else { "--object-format=sha1" };
        outside.run("make a repository", &["init", "--quiet", "--bare", format, "--", &target_text])?;
        let git = Git { repository: Some(target.to_owned()), ..outside };
        let run = |arguments: &[&str]| git.run("make .git", arguments).map(drop);
        let tag = self
            .named
            .filter(|named| named.name.as_deref().is_some_and(|name| name.starts_with("refs/tags/")));
        let object = tag.map_or(self.commit, |named| &named.object);
        let refspec = match tag.and_then(|named| named.name.as_deref()) {
            Some(name) => format!("{object}:{name}"),
            None => object.to_owned(),
        };
        run(&[
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--depth=1",
            "--",
            &mirror,
            &refspec,
        ])?;
        run(&["read-tree", self.commit])?;
        run(&["config", "core.bare", "false"])?;
        run(&["config", "remote.origin.url", self.url])?;
        run(&["config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"])?;
        fs::write(target.join("HEAD"), format!("{}\n", self.commit)).map_err(io_error)
    }
}

/// Puts a directory that dsbuild made into `diff`.
fn put_directory(diff: &mut Diff, from: &Path, to: &Path, time_s: i64) -> Result<(), RemoteError> {
    let io = |source| RemoteError::from(io_error(source));
    diff.put(to, entry_of(Kind::Directory { opaque: false }, 0o755, time_s), None)?;
    for entry in fs::read_dir(from).map_err(io)? {
        let entry = entry.map_err(io)?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().map_err(io)?.is_dir() {
            put_directory(diff, &path, &target, time_s)?;
            continue;
        }
        let file = File::open(&path).map_err(io)?;
        let size_bytes = file.metadata().map_err(io)?.len();
        let content = (size_bytes > 0).then(|| Content::Range { file: Arc::new(file), offset: 0 });
        diff.put(&target, entry_of(Kind::File { size_bytes }, 0o644, time_s), content)?;
    }
    Ok(())
}
