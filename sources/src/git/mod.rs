//! A commit of a git repository as a layer of the store.
//!
//! ```text
//! address    who may be asked, and how
//! command    the git program, sealed
//! mirror     what is kept of a repository between builds
//! refs       names -> commits
//! tree       the files of a commit;  submodules: repositories in it;  keep: `.git` beside the files
//! commit     when a commit was made;  checkout: which one a folder of the user's is a checkout of
//! ```
//!
//! The layer is recorded under repository, login, commit, folder and whether `.git` is kept: a build that names a commit by
//! its whole hash asks nobody once it has been built. Times are the commit's.
//!
//! Everything of a repository is hostile: see `command` for what keeps it from running anything, `address` for where it may
//! lead, `tree` for what its names may be. A folder of it is found by real directories, never through a link.

mod address;
pub mod checkout;
mod command;
mod commit;
mod keep;
mod mirror;
mod refs;
mod submodules;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use cache::{Key, Record};
use oci::DiffId;
use rootfs::diff::Diff;
use rootfs::layers::Layers;
use rootfs::tree::Scratch;

use crate::RemoteError;
use crate::login::Logins;
use address::Address;
use mirror::Mirror;
use refs::{Named, is_hash};

/// Changes whenever what is made of a commit does.
const VERSION: &str = "git 1";
/// Where a record keeps the commit's time.
const TIME: &str = "commit time";

/// What to fetch.
#[derive(Debug, Clone, Copy, Default)]
pub struct GitRequest<'a> {
    /// The repository.
    pub remote: &'a str,
    /// Branch, tag or commit; the default branch if absent.
    pub reference: Option<&'a str>,
    /// A folder of it.
    pub subdir: Option<&'a str>,
    /// Keep `.git`.
    pub keep_git_dir: bool,
    /// The commit it must be, or its beginning.
    pub checksum: Option<&'a str>,
    /// Leave its submodules out: their folders are empty.
    pub skip_submodules: bool,
}

/// What fetching needs from context it.
#[derive(Clone, Copy)]
pub struct GitContext<'a> {
    /// Where layers are kept.
    pub layers: &'a Layers,
    /// Logins.
    pub secrets: &'a Logins,
    /// The agent that ssh may ask.
    pub ssh_agent: Option<&'a Path>,
    /// What git gets of the user's environment.
    pub variables: &'a BTreeMap<String, OsString>,
    /// Whether to stop.
    pub is_canceled: &'a (dyn Fn() -> bool + Sync),
}

/// A commit's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedCommit {
    /// The files.
    pub layer: DiffId,
    /// The whole hash of the commit.
    pub commit: String,
    /// When it was made, in seconds since 1970.
    pub time_s: i64,
    /// True if it was here.
    pub is_cached: bool,
}

/// A commit that cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// The program cannot be run.
    #[error("cannot run git: is it installed?")]
    Start {
        /// Why not.
        source: io::Error,
    },
    /// The program failed.
    #[error("failed to {action}: {reason}")]
    Failed {
        /// What was tried.
        action: String,
        /// Its own words.
        reason: String,
    },
    /// A URL that nobody is asked for.
    #[error("git URL {url:?} is refused: {reason}")]
    Url {
        /// The URL, without user and password.
        url: String,
        /// Why.
        reason: String,
    },
    /// The server has no such name.
    #[error("repository does not contain ref {reference} ({url})")]
    NoRef {
        /// The repository.
        url: String,
        /// What was asked for.
        reference: String,
    },
    /// `--checksum` says something else.
    #[error("expected checksum to match {expected}, got {found}")]
    Checksum {
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// There is no such folder in the commit.
    #[error("subdir {subdir:?} is not a directory of the repository")]
    Subdir {
        /// As written.
        subdir: String,
    },
    /// Nobody would make such a tree by accident.
    #[error("bad commit: {reason}")]
    Tree {
        /// What is wrong.
        reason: String,
    },
    /// A submodule cannot be had.
    #[error("submodule {}", path.display())]
    Submodule {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        source: Box<RemoteError>,
    },
    /// The build was canceled.
    #[error("canceled")]
    Canceled,
    /// The file system refused.
    #[error("cannot keep the files of a commit")]
    Io {
        /// Why not.
        source: io::Error,
    },
}

/// Fetches a commit, or finds that it is here.
pub fn fetch(request: &GitRequest<'_>, context: &GitContext<'_>) -> Result<FetchedCommit, RemoteError> {
    let address = Address::new(request.remote)?;
    let work = Work { request, context, address };
    if let Some(commit) = request.reference.filter(|reference| is_hash(reference)) {
        work.check(&[commit])?;
        if let Some(known) = work.known(commit, None)? {
            return Ok(known);
        }
        return work.make(Mirror::open(&work.address, true, true, context)?, commit, None);
    }
    let mirror = Mirror::open(&work.address, true, true, context)?;
    let named = mirror.resolve(request.reference)?;
    work.check(&[&named.commit, &named.object])?;
    if let Some(known) = work.known(&named.commit, Some(&named))? {
        return Ok(known);
    }
    work.make(mirror, &named.object, Some(&named))
}

struct Work<'a> {
    request: &'a GitRequest<'a>,
    context: &'a GitContext<'a>,
    address: Address,
}

impl Work<'_> {
    /// Fails if none of `found` (a commit, the tag that leads to it) is what it must be.
    fn check(&self, found: &[&str]) -> Result<(), GitError> {
        let Some(expected) = self.request.checksum else { return Ok(()) };
        match found.iter().any(|hash| hash.starts_with(&expected.to_ascii_lowercase())) {
            true => Ok(()),
            false => Err(GitError::Checksum { expected: expected.to_owned(), found: found[0].to_owned() }),
        }
    }

    /// The name of a commit's files before they are made.
    fn key(&self, commit: &str, named: Option<&Named>) -> Key {
        let login = self.address.authorization(true, self.context.secrets);
        // What `.git` is, the name that was asked for decides, too.
        let kept = self
            .request
            .keep_git_dir
            .then(|| named.and_then(|named| named.name.as_deref()).unwrap_or_default());
        let GitRequest { subdir, skip_submodules, .. } = self.request;
        let url = &self.address.url;
        let parts = format!("{VERSION}\0{url}\0{login:?}\0{commit}\0{subdir:?}\0{kept:?}\0{skip_submodules}");
        Key::of(parts.as_bytes())
    }

    fn known(&self, commit: &str, named: Option<&Named>) -> Result<Option<FetchedCommit>, RemoteError> {
        let store = self.context.layers.store();
        let Some(record) = store.load_record(&self.key(commit, named))? else { return Ok(None) };
        let time_s = record.inputs.get(TIME).and_then(|text| text.parse().ok());
        Ok(match (self.context.layers.contains(&record.layer)?, time_s) {
            (true, Some(time_s)) => Some(FetchedCommit {
                layer: record.layer,
                commit: commit.to_owned(),
                time_s,
                is_cached: true,
            }),
            _ => None,
        })
    }

    fn make(
        &self,
        mirror: Mirror<'_>,
        object: &str,
        named: Option<&Named>,
    ) -> Result<FetchedCommit, RemoteError> {
        let started = Instant::now();
        let (commit, git) = mirror.bring(object)?;
        self.check(&[&commit, object])?;
        let time_s = commit::time(&git, &commit)?;
        let scratch = self.context.layers.store().scratch()?;
        let mut diff = Diff::new(Arc::new(Scratch));
        let folder = submodules::Folder {
            context: self.context,
            address: &self.address,
            git: &git,
            commit: &commit,
            time_s,
            depth: 0,
            skip_submodules: self.request.skip_submodules,
        };
        folder.put(&mut diff, &subdir_of(self.request)?, Path::new(""), scratch.path())?;
        if self.request.keep_git_dir {
            let url = &self.address.url;
            keep::Kept { mirror: &git, url, named, commit: &commit, time_s }
                .put(&mut diff, scratch.path())?;
        }
        let layer = self.context.layers.commit(diff)?;
        let record = Record {
            layer,
            created_ms: since_1970_ms(),
            duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            inputs: BTreeMap::from([
                ("repository".to_owned(), self.address.url.clone()),
                ("commit".to_owned(), commit.clone()),
                (TIME.to_owned(), time_s.to_string()),
            ]),
        };
        self.context.layers.store().save_record(&self.key(&commit, named), &record)?;
        Ok(FetchedCommit { layer, commit, time_s, is_cached: false })
    }
}

/// The folder that is request: plain names only.
fn subdir_of(request: &GitRequest<'_>) -> Result<PathBuf, GitError> {
    let subdir = request.subdir.unwrap_or_default();
    let bad = || GitError::Subdir { subdir: subdir.to_owned() };
    let mut path = PathBuf::new();
    for name in subdir.trim_matches('/').split('/').filter(|name| !matches!(*name, "" | ".")) {
        match name {
            ".." => return Err(bad()),
            name if name.contains('\0') => return Err(bad()),
            name => path.push(name),
        }
    }
    Ok(path)
}

fn since_1970_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
