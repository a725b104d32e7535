//! Which commit a folder of the user's is a checkout of, and when that was made.
//!
//! The folder's configuration is never read: it may name programs that git then runs. `HEAD` and refs are read here, and
//! the commit by git in an empty repository of ours that has the folder's objects. The time of a commit is remembered, so
//! that git runs once for each commit.
//!
//! ```text
//! <root>/commits/<hash>-<blake3 of the folder of its objects>    its time in seconds since 1970
//! ```

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use cache::{Key, Store};

use super::command::Git;
use super::refs::is_hash;
use super::{GitError, commit};

/// No ref is longer; lists of refs may be.
const REF_LIMIT_BYTES: u64 = 4096;
const LIST_LIMIT_BYTES: u64 = 256 << 20;
/// Refs that name refs.
const MAX_LINKS: u32 = 5;

/// The time of the commit that is checked out in `folder` or a folder above, in seconds since 1970. `None` if there is
/// none, or it cannot be found out: a build does not fail for that. Costs a `stat` for each folder above where there is no
/// repository.
pub fn time(store: &Store, folder: &Path, variables: &BTreeMap<String, OsString>) -> Option<i64> {
    let repository = Repository::context(folder)?;
    let commit = repository.commit()?;
    let objects = repository.common.join("objects");
    let place = Key::of(objects.as_os_str().as_encoded_bytes());
    let note = store.root().join("commits").join(format!("{commit}-{place}"));
    if let Some(known) = read(&note, REF_LIMIT_BYTES).and_then(|text| text.trim().parse().ok()) {
        return Some(known);
    }
    let found = ask(store, &objects, &commit, variables).ok()?;
    // A note that cannot be kept is made again.
    let _ = keep(store, &note, found);
    Some(found)
}

/// Where a checkout keeps what it is.
struct Repository {
    /// `HEAD` and what belongs to this checkout alone.
    own: PathBuf,
    /// Refs and objects: another folder where there are several checkouts.
    common: PathBuf,
}

impl Repository {
    /// That of `folder` or the nearest folder above. One that belongs to someone else is none: whoever can write to a
    /// folder above (`/tmp`) would have a say in our builds.
    fn context(folder: &Path) -> Option<Self> {
        let (place, metadata) = folder.ancestors().find_map(|folder| {
            let place = folder.join(".git");
            let metadata = place.symlink_metadata().ok()?;
            Some((place, metadata))
        })?;
        let owner_of_folder = folder.metadata().ok()?.uid();
        let us = rustix::process::geteuid().as_raw();
        if ![us, owner_of_folder].contains(&metadata.uid()) {
            return None;
        }
        let own = if metadata.is_dir() { place } else { pointed(&place, "gitdir: ")? };
        let common = match own.join("commondir").exists() {
            true => pointed(&own.join("commondir"), "")?,
            false => own.clone(),
        };
        Some(Self { own, common })
    }

    /// The commit that `HEAD` stands for.
    fn commit(&self) -> Option<String> {
        let mut text = read(&self.own.join("HEAD"), REF_LIMIT_BYTES)?;
        for _ in 0..MAX_LINKS {
            let Some(name) = text.trim_end().strip_prefix("ref: ") else { break };
            text = self.reference(name)?;
        }
        Some(text.trim_end().to_owned()).filter(|text| is_hash(text))
    }

    fn reference(&self, name: &str) -> Option<String> {
        let path = Path::new(name);
        if !name.starts_with("refs/") || !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return None;
        }
        let loose =
            [&self.own, &self.common].into_iter().find_map(|at| read(&at.join(path), REF_LIMIT_BYTES));
        loose.or_else(|| {
            let packed = read(&self.common.join("packed-refs"), LIST_LIMIT_BYTES)?;
            let mut lines = packed.lines().filter_map(|line| line.split_once(' '));
            lines.find(|(_, packed)| *packed == name).map(|(hash, _)| hash.to_owned())
        })
    }
}

/// The folder that a file names after `prefix`, relative to where the file is.
fn pointed(file: &Path, prefix: &str) -> Option<PathBuf> {
    let text = read(file, REF_LIMIT_BYTES)?;
    let path = text.trim_end_matches('\n').strip_prefix(prefix)?;
    Some(file.parent()?.join(path))
}

/// A small regular file's text; a link to one counts too, a pipe does not keep us waiting.
fn read(path: &Path, limit_bytes: u64) -> Option<String> {
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    fs::File::open(path).ok()?.take(limit_bytes).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Reads the commit with git, in an empty repository that borrows the objects.
fn ask(
    store: &Store,
    objects: &Path,
    hash: &str,
    variables: &BTreeMap<String, OsString>,
) -> Result<i64, GitError> {
    let io = |source| GitError::Io { source };
    let scratch = store.scratch().map_err(|error| GitError::Io { source: std::io::Error::other(error) })?;
    let git = Git {
        variables,
        is_canceled: &|| false,
        repository: None,
        folder: scratch.path().to_owned(),
        protocols: "none".to_owned(),
        ssh_agent: None,
        known_hosts: PathBuf::from("/dev/null"),
        configuration: Vec::new(),
    };
    let empty = scratch.path().join("empty");
    let format = if hash.len() == 64 { "--object-format=sha256" } else { "--object-format=sha1" };
    git.run("make a repository", &["init", "--quiet", "--bare", format, "--", &empty.to_string_lossy()])?;
    let mut objects = objects.as_os_str().to_owned();
    objects.push("\n");
    fs::create_dir_all(empty.join("objects/info")).map_err(io)?;
    fs::write(empty.join("objects/info/alternates"), objects.as_encoded_bytes()).map_err(io)?;
    commit::time(&Git { repository: Some(empty), ..git }, hash)
}

fn keep(store: &Store, note: &Path, time_s: i64) -> std::io::Result<()> {
    let scratch = store.scratch().map_err(std::io::Error::other)?;
    let draft = scratch.path().join("time");
    fs::create_dir_all(note.parent().unwrap_or(Path::new("/")))?;
    fs::write(&draft, format!("{time_s}\n"))?;
    fs::rename(&draft, note)
}
