//! Mirrors: the objects of a repository that are kept between builds, which are commits without their history.
//!
//! ```text
//! <cache mount>/sha1/     a bare repository
//!               sha256/   another for the other kind of hash
//! ```
//!
//! A mirror is a cache mount of the store, used by one process at a time and collected like any other. Its ID has no slash;
//! IDs of `RUN --mount=type=cache` have one, so that no process of a build ever sees a mirror.

use std::path::PathBuf;

use cache::{CacheMount, Sharing, Store, hashed_name};

use progress::wait_for;

use super::address::Address;
use super::command::Git;
use super::refs::{self, Named};
use super::request::GitContext;
use crate::RemoteError;
use crate::error::GitError;

/// Names of a server under which all its commits can be reached.
const ALL_REFS: [&str; 2] = ["+refs/heads/*:refs/dsbuild/heads/*", "+refs/tags/*:refs/dsbuild/tags/*"];
/// Depth that stands for the whole history, also of a repository that has a part of it.
const WHOLE_HISTORY: &str = "--depth=2147483647";

/// The mirror of one repository, locked for this process.
pub(super) struct Mirror<'a> {
    git: Git<'a>,
    url: String,
    mount: CacheMount,
}

impl<'a> Mirror<'a> {
    /// Takes the mirror of the repository at `address`.
    ///
    /// `is_named` says that the user's files name the repository, rather than another repository (a submodule). `inside`
    /// allows a server on this machine or a private network.
    pub fn open(
        address: &Address,
        is_named: bool,
        inside: bool,
        context: &GitContext<'a>,
    ) -> Result<Self, RemoteError> {
        let authorization = address.authorization(is_named, context.secrets);
        let mut configuration = address.judge(inside)?;
        if let Some(authorization) = &authorization {
            configuration.extend(address.show(authorization));
        }
        let store = context.layers.store();
        let id = mount_id(store, &address.url, authorization.as_deref());
        let take = || store.try_cache_mount(&id, Sharing::Locked);
        let mount = wait_for(context.is_canceled, &|_| {}, take)?.ok_or(RemoteError::Canceled)?;
        let git = Git {
            variables: context.variables,
            is_canceled: context.is_canceled,
            repository: None,
            work_tree: None,
            folder: mount.path().to_owned(),
            protocols: address.protocols().to_owned(),
            ssh_agent: context.ssh_agent.map(std::path::Path::to_owned),
            known_hosts: store.root().join("known_hosts"),
            configuration,
        };
        Ok(Self { git, url: address.url.clone(), mount })
    }

    /// Asks the server for the branch, tag or commit that `reference` names.
    pub fn resolve(&self, reference: Option<&str>) -> Result<Named, GitError> {
        let action = format!("list the refs of {}", self.url);
        let listed = self.git.text(&action, &["ls-remote", "--quiet", "--", &self.url])?;
        if let Some(named) = refs::find(&listed, reference) {
            return Ok(named);
        }
        let abbreviated = reference.map(str::to_ascii_lowercase).filter(|text| refs::is_abbreviation(text));
        let found =
            abbreviated.map(|digits| self.resolve_abbreviated(&listed, &digits)).transpose()?.flatten();
        found.ok_or_else(|| self.no_ref(reference.unwrap_or("HEAD")))
    }

    /// Finds the only commit whose hash begins with `digits`. If no name of the server leads to it directly, the whole
    /// history has to be fetched: servers do not look up the beginning of a hash.
    fn resolve_abbreviated(&self, listed: &str, digits: &str) -> Result<Option<Named>, GitError> {
        if let Some(named) = refs::find_abbreviated(listed, digits) {
            return Ok(Some(named));
        }
        let Some(length) = refs::hash_length(listed) else { return Ok(None) };
        let git = self.repository(length)?;
        if digits.len() >= length {
            return Ok(None);
        }
        self.fetch(&git, &[WHOLE_HISTORY], &ALL_REFS.map(str::to_owned))?;
        let commit = commit_of(&git, digits);
        Ok(commit.map(|commit| Named { object: commit.clone(), commit, name: None }))
    }

    fn no_ref(&self, reference: &str) -> GitError {
        GitError::NoRef { url: self.url.clone(), reference: reference.to_owned() }
    }

    /// Brings an object here, and returns the commit that it is or leads to, with the repository that it is in.
    ///
    /// The repository is then read without a lock: other processes only add to it, and it is collected only while no process
    /// has the store open. With a lock, a repository that is its own submodule would wait for itself.
    pub fn bring(mut self, object: &str) -> Result<(String, Git<'a>), GitError> {
        let brought = self.find_or_fetch(object)?;
        // A mirror that cannot be kept is made again.
        let _ = self.mount.set_ready();
        Ok(brought)
    }

    fn find_or_fetch(&self, object: &str) -> Result<(String, Git<'a>), GitError> {
        let git = self.repository(object.len())?;
        if let Some(commit) = commit_of(&git, object) {
            return Ok((commit, git));
        }
        let alone = [format!("{object}:refs/dsbuild/{object}")];
        let fetched = self.fetch(&git, &["--depth=1"], &alone);
        if matches!(fetched, Err(GitError::Canceled)) {
            return fetched.map(|()| (String::new(), git));
        }
        if commit_of(&git, object).is_none() {
            // Some servers send only commits that they name, and some know nothing of depth.
            let fetched_all = self.fetch(&git, &[], &ALL_REFS.map(str::to_owned));
            if commit_of(&git, object).is_none() {
                fetched_all.and(fetched)?;
            }
        }
        match commit_of(&git, object) {
            Some(commit) => Ok((commit, git)),
            None => Err(self.no_ref(object)),
        }
    }

    fn fetch(&self, git: &Git<'_>, flags: &[&str], refspecs: &[String]) -> Result<(), GitError> {
        let mut arguments =
            vec!["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--update-shallow"];
        arguments.extend(flags);
        arguments.extend(["--", &self.url]);
        arguments.extend(refspecs.iter().map(String::as_str));
        git.run(&format!("fetch {}", self.url), &arguments).map(drop)
    }

    /// Returns the repository for hashes of this length, which is made if absent.
    fn repository(&self, hash_length: usize) -> Result<Git<'a>, GitError> {
        let format = if hash_length == 64 { "sha256" } else { "sha1" };
        let folder = self.folder(format);
        if !folder.join("HEAD").exists() {
            let git = Git { repository: None, ..self.git.clone() };
            let format = format!("--object-format={format}");
            let folder = folder.to_string_lossy();
            git.run("make a repository", &["init", "--quiet", "--bare", &format, "--", &folder])?;
        }
        Ok(Git { repository: Some(folder), ..self.git.clone() })
    }

    fn folder(&self, format: &str) -> PathBuf {
        self.mount.path().join(format)
    }
}

/// Returns the commit that an object is or leads to, if the repository has it.
fn commit_of(git: &Git<'_>, object: &str) -> Option<String> {
    let name = format!("{object}^{{commit}}");
    git.text("find the commit", &["rev-parse", "--quiet", "--verify", &name])
        .ok()
        .filter(|text| refs::is_hash(text))
}

/// Returns the ID of the cache mount: one for each store, URL and login, without a slash.
fn mount_id(store: &Store, url: &str, authorization: Option<&str>) -> String {
    let scope = format!("{}\0{url}\0{}", store.root().display(), authorization.unwrap_or_default());
    format!("git {}", hashed_name(scope.as_bytes()))
}
