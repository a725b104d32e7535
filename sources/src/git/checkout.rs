//! Checkouts of the user: which commit a local directory is a checkout of, its time, and whether files differ from it.
//!
//! The configuration of the checkout is never read, because it can name programs that git then runs. `HEAD` and refs are
//! read here. git reads the commit in an empty repository of dsbuild's own, which borrows the objects of the checkout. The
//! time of a commit is remembered, so that git runs once for each commit.
//!
//! ```text
//! <root>/commits/<hash>-<blake3 of the path of its objects>    a note: the time in seconds since 1970
//! ```

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use cache::{NoteKind, Store, hashed_name};

use super::command::Git;
use super::commit;
use super::refs::is_hash;
use crate::error::{GitError, io_error};

/// Longest file with one ref.
const MAX_REF_BYTES: u64 = 4096;
/// Longest list of refs (`packed-refs`).
const MAX_LIST_BYTES: u64 = 256 << 20;
/// Longest time that the comparison of a checkout with its commit can take.
const MAX_STATUS_TIME: Duration = Duration::from_secs(10);
/// Largest number of refs that lead to each other.
const MAX_LINKS: u32 = 5;

/// A checkout whose commit cannot be read, so that its time is unknown.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the date of the commit in {}: {reason}", repository.display())]
pub struct UnknownTime {
    /// Directory of the repository that the checkout belongs to.
    pub repository: PathBuf,
    /// Cause, as a clause.
    pub reason: String,
}

/// Returns the time of the commit that is checked out in `folder` or a directory above, in seconds since 1970.
///
/// Returns `None` if there is no checkout, no commit yet, or no git on this machine. Without a checkout the call costs one
/// `stat` for each directory above.
pub fn time(
    store: &Store,
    folder: &Path,
    variables: &BTreeMap<String, OsString>,
) -> Result<Option<i64>, UnknownTime> {
    let Some(repository) = Repository::around(folder) else { return Ok(None) };
    let unknown = |reason: String| UnknownTime { repository: repository.own.clone(), reason };
    match repository.commit().map_err(|error| unknown(error.to_string()))? {
        Some(commit) => time_of(store, &repository, &commit, variables).map_err(unknown),
        None => Ok(None),
    }
}

/// Returns the time of a commit, by its note or else from git; the error is a clause.
fn time_of(
    store: &Store,
    repository: &Repository,
    commit: &str,
    variables: &BTreeMap<String, OsString>,
) -> Result<Option<i64>, String> {
    let objects = repository.common.join("objects");
    let note = format!("{commit}-{}", hashed_name(objects.as_os_str().as_encoded_bytes()));
    let known = store.load_note(NoteKind::Commit, &note).ok().flatten();
    if let Some(known) = known.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.trim().parse().ok()) {
        return Ok(Some(known));
    }
    let found = match ask(store, &objects, commit, variables) {
        Ok(found) => found,
        Err(GitError::Start { source }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(GitError::Start { source }) => return Err(format!("cannot run git: {source}")),
        Err(GitError::Io { source }) => return Err(source.to_string()),
        Err(error) => return Err(error.to_string()),
    };
    // A note that cannot be kept is made again.
    let _ = store.save_note(NoteKind::Commit, &note, format!("{found}\n").as_bytes());
    Ok(Some(found))
}

/// Commit of a checkout, and whether its files are those of the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutState {
    /// Full hash of the commit.
    pub commit: String,
    /// Whether a file below the folder differs from the commit, or is not in it and not ignored; `None` if git cannot
    /// tell.
    pub is_dirty: Option<bool>,
}

/// Returns the state of the checkout that `folder` is in; `None` if there is no checkout or no commit.
///
/// git looks at every file below the folder, so this is for the moment when something is recorded, not for every build.
/// Filters that only the configuration of the checkout names do not run: a file whose time and size are those of the index
/// is clean, and any other one is compared as it is.
pub fn state(store: &Store, folder: &Path, variables: &BTreeMap<String, OsString>) -> Option<CheckoutState> {
    let repository = Repository::around(folder)?;
    let commit = repository.commit().ok()??;
    let is_dirty = has_changes(store, &repository, &commit, folder, variables).ok();
    Some(CheckoutState { commit, is_dirty })
}

/// Asks git for changes below a folder, in an empty repository that borrows the objects and has copies of the index
/// and of the list of excluded files.
fn has_changes(
    store: &Store,
    repository: &Repository,
    commit: &str,
    folder: &Path,
    variables: &BTreeMap<String, OsString>,
) -> Result<bool, GitError> {
    let scratch = store.scratch().map_err(|error| io_error(io::Error::other(error)))?;
    let git = sealed(variables, scratch.path());
    let empty = borrowing(&git, &repository.common.join("objects"), commit)?;
    fs::write(empty.join("HEAD"), format!("{commit}\n")).map_err(io_error)?;
    let index = fs::File::open(repository.own.join("index")).map_err(io_error)?;
    let mut copy = fs::File::create(empty.join("index")).map_err(io_error)?;
    io::copy(&mut index.take(MAX_LIST_BYTES), &mut copy).map_err(io_error)?;
    let exclude = repository.common.join("info/exclude");
    if let Some(text) = read(&exclude, MAX_LIST_BYTES).map_err(io_error)? {
        fs::create_dir_all(empty.join("info")).map_err(io_error)?;
        fs::write(empty.join("info/exclude"), text).map_err(io_error)?;
    }
    let started = Instant::now();
    let is_late = || started.elapsed() > MAX_STATUS_TIME;
    let work_tree = Some(repository.top.clone());
    let git = Git { repository: Some(empty), work_tree, is_canceled: &is_late, ..git };
    let git = git.with_configuration("core.bare", "false");
    let below = folder.strip_prefix(&repository.top).ok().filter(|below| !below.as_os_str().is_empty());
    let below = below.unwrap_or(Path::new("."));
    let flags = ["status", "--porcelain", "-z", "--untracked-files=normal", "--ignore-submodules=all", "--"];
    let arguments: Vec<&OsStr> = flags.iter().map(OsStr::new).chain([below.as_os_str()]).collect();
    Ok(!git.run("compare the checkout with its commit", &arguments)?.is_empty())
}

/// Directories of the repository that a checkout belongs to.
struct Repository {
    /// Directory of `HEAD`, and of everything else that belongs to this checkout alone.
    own: PathBuf,
    /// Directory of refs and objects; another one if the repository has several checkouts.
    common: PathBuf,
    /// Directory with the files of the checkout.
    top: PathBuf,
}

impl Repository {
    /// Finds the repository of `folder` or the nearest directory above.
    ///
    /// A repository of another user does not count: anybody who can write to a directory above, such as `/tmp`, could
    /// influence the build.
    fn around(folder: &Path) -> Option<Self> {
        let (git_dir, metadata) = folder.ancestors().find_map(|directory| {
            let git_dir = directory.join(".git");
            let metadata = git_dir.symlink_metadata().ok()?;
            Some((git_dir, metadata))
        })?;
        let owner_of_folder = folder.metadata().ok()?.uid();
        let us = rustix::process::geteuid().as_raw();
        if ![us, owner_of_folder].contains(&metadata.uid()) {
            return None;
        }
        let top = git_dir.parent()?.to_owned();
        let own = if metadata.is_dir() { git_dir } else { pointed(&git_dir, "gitdir: ")? };
        let link = own.join("commondir");
        let common = if link.exists() { pointed(&link, "")? } else { own.clone() };
        Some(Self { own, common, top })
    }

    /// Returns the hash of the commit that `HEAD` leads to; `None` if it leads to no commit.
    fn commit(&self) -> io::Result<Option<String>> {
        let Some(mut text) = read(&self.own.join("HEAD"), MAX_REF_BYTES)? else { return Ok(None) };
        for _ in 0..MAX_LINKS {
            let Some(name) = text.trim_end().strip_prefix("ref: ") else { break };
            let Some(target) = self.reference(name)? else { return Ok(None) };
            text = target;
        }
        Ok(Some(text.trim_end().to_owned()).filter(|text| is_hash(text)))
    }

    fn reference(&self, name: &str) -> io::Result<Option<String>> {
        let path = Path::new(name);
        if !name.starts_with("refs/") || !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return Ok(None);
        }
        for at in [&self.own, &self.common] {
            if let Some(loose) = read(&at.join(path), MAX_REF_BYTES)? {
                return Ok(Some(loose));
            }
        }
        let Some(packed) = read(&self.common.join("packed-refs"), MAX_LIST_BYTES)? else { return Ok(None) };
        let mut lines = packed.lines().filter_map(|line| line.split_once(' '));
        Ok(lines.find(|(_, packed)| *packed == name).map(|(hash, _)| hash.to_owned()))
    }
}

/// Returns the directory that a file names after `prefix`, relative to the directory of the file.
fn pointed(file: &Path, prefix: &str) -> Option<PathBuf> {
    let text = read(file, MAX_REF_BYTES).ok()??;
    let path = text.trim_end_matches('\n').strip_prefix(prefix)?;
    Some(file.parent()?.join(path))
}

/// Reads the text of a regular file, also through a symlink; `None` if there is no such file. A pipe in its place is not
/// waited for.
fn read(path: &Path, limit_bytes: u64) -> io::Result<Option<String>> {
    let read = || {
        if !path.metadata()?.is_file() {
            return Ok(None);
        }
        let mut text = String::new();
        fs::File::open(path)?.take(limit_bytes).read_to_string(&mut text)?;
        Ok(Some(text))
    };
    read().or_else(|error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
        kind => Err(io::Error::new(kind, format!("{}: {error}", path.display()))),
    })
}

/// Reads the commit with git, in an empty repository that borrows the objects.
fn ask(
    store: &Store,
    objects: &Path,
    hash: &str,
    variables: &BTreeMap<String, OsString>,
) -> Result<i64, GitError> {
    let scratch = store.scratch().map_err(|error| io_error(io::Error::other(error)))?;
    let git = sealed(variables, scratch.path());
    let empty = borrowing(&git, objects, hash)?;
    commit::time(&Git { repository: Some(empty), ..git }, hash)
}

/// Returns the settings of a git that talks to nobody and works in `folder`.
fn sealed<'a>(variables: &'a BTreeMap<String, OsString>, folder: &Path) -> Git<'a> {
    Git {
        variables,
        is_canceled: &|| false,
        repository: None,
        work_tree: None,
        folder: folder.to_owned(),
        protocols: "none".to_owned(),
        ssh_agent: None,
        known_hosts: PathBuf::from("/dev/null"),
        configuration: Vec::new(),
    }
}

/// Makes an empty repository, for hashes like `hash`, that borrows the objects of another one.
fn borrowing(git: &Git<'_>, objects: &Path, hash: &str) -> Result<PathBuf, GitError> {
    let empty = git.folder.join("empty");
    let format = if hash.len() == 64 { "--object-format=sha256" } else { "--object-format=sha1" };
    git.run("make a repository", &["init", "--quiet", "--bare", format, "--", &empty.to_string_lossy()])?;
    let mut objects = objects.as_os_str().to_owned();
    objects.push("\n");
    fs::create_dir_all(empty.join("objects/info")).map_err(io_error)?;
    fs::write(empty.join("objects/info/alternates"), objects.as_encoded_bytes()).map_err(io_error)?;
    Ok(empty)
}
