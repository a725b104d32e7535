//! Fetching a commit: from a request to the layer that holds the files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use cache::{Record, StepKey};
use rootfs::diff::Diff;
use trees::tree::Scratch;

use super::address::Address;
use super::commit;
use super::keep::GitDir;
use super::mirror::Mirror;
use super::refs::{Named, is_hash};
use super::request::{FetchedCommit, GitContext, GitRequest};
use super::submodules::CommitFiles;
use crate::RemoteError;
use crate::error::GitError;

/// Version of the files that are made of a commit; part of the key under which a layer is found again.
const VERSION: &str = "git 2";
/// Name under which a record keeps the time of the commit.
const TIME: &str = "commit time";
/// Name under which a record keeps the warning about Git LFS pointers.
const LFS_POINTERS: &str = "lfs pointers";

/// Fetches a commit, unless an earlier build made its layer.
pub fn fetch(request: &GitRequest<'_>, context: &GitContext<'_>) -> Result<FetchedCommit, RemoteError> {
    let address = Address::new(request.remote)?;
    let fetch = CommitFetch { request, context, address };
    if let Some(commit) = request.reference.filter(|reference| is_hash(reference)) {
        fetch.check(&[commit])?;
        if let Some(known) = fetch.known(commit, None)? {
            return Ok(known);
        }
        return fetch.make(Mirror::open(&fetch.address, true, true, context)?, commit, None);
    }
    let mirror = Mirror::open(&fetch.address, true, true, context)?;
    let named = mirror.resolve(request.reference)?;
    fetch.check(&[&named.commit, &named.object])?;
    if let Some(known) = fetch.known(&named.commit, Some(&named))? {
        return Ok(known);
    }
    fetch.make(mirror, &named.object, Some(&named))
}

struct CommitFetch<'a> {
    request: &'a GitRequest<'a>,
    context: &'a GitContext<'a>,
    address: Address,
}

impl CommitFetch<'_> {
    /// Checks that the commit, or the tag that leads to it, is the one that the checksum gives.
    fn check(&self, found: &[&str]) -> Result<(), GitError> {
        let Some(expected) = self.request.checksum else { return Ok(()) };
        let prefix = expected.to_ascii_lowercase();
        if found.iter().any(|hash| hash.starts_with(&prefix)) {
            return Ok(());
        }
        Err(GitError::Checksum { expected: expected.to_owned(), found: found[0].to_owned() })
    }

    /// Returns the key under which the layer of a commit is recorded.
    fn key(&self, commit: &str, named: Option<&Named>) -> StepKey {
        let login = self.address.authorization(true, self.context.secrets);
        // The content of `.git` depends on the name that was asked for, too.
        let git_dir_name = self
            .request
            .keep_git_dir
            .then(|| named.and_then(|named| named.name.as_deref()).unwrap_or_default());
        let GitRequest { subdir, skip_submodules, .. } = self.request;
        let url = &self.address.url;
        let parts =
            format!("{VERSION}\0{url}\0{login:?}\0{commit}\0{subdir:?}\0{git_dir_name:?}\0{skip_submodules}");
        StepKey::of(parts.as_bytes())
    }

    /// Returns the layer that an earlier build made of a commit.
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
                lfs_pointers: record.inputs.get(LFS_POINTERS).cloned(),
            }),
            _ => None,
        })
    }

    /// Brings an object here and makes a layer of the commit that it is or leads to.
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
        let files = CommitFiles {
            context: self.context,
            address: &self.address,
            git: &git,
            commit: &commit,
            time_s,
            depth: 0,
            skip_submodules: self.request.skip_submodules,
            scratch: scratch.path(),
        };
        let pointers = files.put(&mut diff, &subdir_of(self.request)?, Path::new(""))?;
        if self.request.keep_git_dir {
            let url = &self.address.url;
            GitDir { mirror: &git, url, named, commit: &commit, time_s }.put(&mut diff, scratch.path())?;
        }
        let layer = self.context.layers.commit(diff)?;
        let lfs_pointers = pointers.warning();
        let fetched = FetchedCommit { layer, commit, time_s, is_cached: false, lfs_pointers };
        self.record(&fetched, named, started)?;
        Ok(fetched)
    }

    fn record(
        &self,
        fetched: &FetchedCommit,
        named: Option<&Named>,
        started: Instant,
    ) -> Result<(), RemoteError> {
        let mut inputs = BTreeMap::from([
            ("repository".to_owned(), self.address.url.clone()),
            ("commit".to_owned(), fetched.commit.clone()),
            (TIME.to_owned(), fetched.time_s.to_string()),
        ]);
        inputs.extend(fetched.lfs_pointers.clone().map(|text| (LFS_POINTERS.to_owned(), text)));
        let record = Record {
            layer: fetched.layer,
            created_ms: since_1970_ms(),
            duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            inputs,
        };
        let key = self.key(&fetched.commit, named);
        Ok(self.context.layers.store().save_record(&key, &record)?)
    }
}

/// Returns the directory that is wanted, as a path of plain names.
fn subdir_of(request: &GitRequest<'_>) -> Result<PathBuf, GitError> {
    let subdir = request.subdir.unwrap_or_default();
    let bad = || GitError::Subdir { subdir: subdir.to_owned() };
    let mut path = PathBuf::new();
    for name in subdir.trim_matches('/').split('/').filter(|name| !matches!(*name, "" | ".")) {
        if name == ".." || name.contains('\0') {
            return Err(bad());
        }
        path.push(name);
    }
    Ok(path)
}

fn since_1970_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
