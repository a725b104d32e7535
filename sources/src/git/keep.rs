//! `.git` beside the files, where it is asked for: a repository with the one commit, and an index that says that the files
//! are as committed.
//!
//! It is made by git in a scratch folder without any of the files, so that nothing of the repository has a say in it. `HEAD`
//! is the commit itself, as BuildKit leaves it; submodules have none of their own.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use rootfs::diff::{Content, Diff};
use rootfs::entry::Kind;

use super::GitError;
use super::command::Git;
use super::refs::Named;
use super::tree::made;
use crate::RemoteError;

/// What `.git` is made of.
pub(super) struct Kept<'a> {
    /// The mirror that has the commit.
    pub mirror: &'a Git<'a>,
    /// What people fetch from later.
    pub url: &'a str,
    /// The name that was asked for, if it was one.
    pub named: Option<&'a Named>,
    /// The commit.
    pub commit: &'a str,
    /// Its time.
    pub time_s: i64,
}

impl Kept<'_> {
    /// Makes it in `scratch` and puts it into `diff`.
    pub fn put(&self, diff: &mut Diff, scratch: &Path) -> Result<(), RemoteError> {
        let place = scratch.join("git");
        self.make(&place)?;
        let time_s = self.time_s;
        put_folder(diff, &place, Path::new(".git"), time_s)?;
        fs::remove_dir_all(&place).map_err(|source| GitError::Io { source })?;
        Ok(())
    }

    fn make(&self, place: &Path) -> Result<(), GitError> {
        let mirror = self.mirror.repository.as_deref().expect("a mirror is a repository").to_string_lossy();
        let place_text = place.to_string_lossy();
        let outside = Git { repository: None, protocols: "file".to_owned(), ..self.mirror.clone() };
        let format = if self.commit.len() == 64 { "--object-format=sha256" } else { "--object-format=sha1" };
        outside.run("make a repository", &["init", "--quiet", "--bare", format, "--", &place_text])?;
        let git = Git { repository: Some(place.to_owned()), ..outside };
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
        let io = |source| GitError::Io { source };
        fs::write(place.join("HEAD"), format!("{}\n", self.commit)).map_err(io)
    }
}

/// Puts a folder of ours into `diff`, names in order.
fn put_folder(diff: &mut Diff, from: &Path, to: &Path, time_s: i64) -> Result<(), RemoteError> {
    let io = |source| RemoteError::from(GitError::Io { source });
    diff.put(to, made(Kind::Directory { opaque: false }, 0o755, time_s), None)?;
    for entry in fs::read_dir(from).map_err(io)? {
        let entry = entry.map_err(io)?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().map_err(io)?.is_dir() {
            put_folder(diff, &path, &target, time_s)?;
            continue;
        }
        let file = File::open(&path).map_err(io)?;
        let size_bytes = file.metadata().map_err(io)?.len();
        let content = (size_bytes > 0).then(|| Content::Range { file: Arc::new(file), offset: 0 });
        diff.put(&target, made(Kind::File { size_bytes }, 0o644, time_s), content)?;
    }
    Ok(())
}
