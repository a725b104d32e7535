//! What is kept of a repository between builds: the commits that were asked for, without their history.
//!
//! ```text
//! <cache mount>/sha1/     a bare repository
//!               sha256/   one of the other kind of hash
//! ```
//!
//! It is a cache mount of the store, used by one process at a time and collected like any other. Its id has no slash; ids
//! of `RUN --mount=type=cache` have one, so that no process of a build ever sees it.

use std::path::PathBuf;

use cache::{CacheMount, Key, Sharing, Store};

use super::address::Address;
use super::command::Git;
use super::refs::{self, Named};
use super::{GitContext, GitError};
use crate::RemoteError;

/// A repository, asked by one process at a time.
pub(super) struct Mirror<'a> {
    git: Git<'a>,
    url: String,
    mount: CacheMount,
}

impl<'a> Mirror<'a> {
    /// Takes the mirror of the repository at `address`. `is_named`: the user's files name it, not another repository.
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
        let mount =
            store.cache_mount(&mount_id(store, &address.url, authorization.as_deref()), Sharing::Locked)?;
        let git = Git {
            variables: context.variables,
            is_canceled: context.is_canceled,
            repository: None,
            folder: mount.path().to_owned(),
            protocols: address.protocols().to_owned(),
            ssh_agent: context.ssh_agent.map(std::path::Path::to_owned),
            known_hosts: store.root().join("known_hosts"),
            configuration,
        };
        Ok(Self { git, url: address.url.clone(), mount })
    }

    /// Asks the server what `reference` stands for.
    pub fn resolve(&self, reference: Option<&str>) -> Result<Named, GitError> {
        let action = format!("list the refs of {}", self.url);
        let listed = self.git.text(&action, &["ls-remote", "--quiet", "--", &self.url])?;
        refs::find(&listed, reference).ok_or_else(|| GitError::NoRef {
            url: self.url.clone(),
            reference: reference.unwrap_or("HEAD").to_owned(),
        })
    }

    /// Brings an object here, and returns the commit that it is or leads to, with the repository it is in. That is read
    /// without a lock: others only add to it, and it is collected only when nobody has the store open. (A repository may
    /// be its own submodule, and would wait for itself.)
    pub fn bring(mut self, object: &str) -> Result<(String, Git<'a>), GitError> {
        let brought = self.find_or_fetch(object)?;
        // One that cannot be kept is made again.
        let _ = self.mount.set_ready();
        Ok(brought)
    }

    fn find_or_fetch(&self, object: &str) -> Result<(String, Git<'a>), GitError> {
        let git = self.repository(object)?;
        if let Some(commit) = commit_of(&git, object) {
            return Ok((commit, git));
        }
        let alone = [format!("{object}:refs/dsbuild/{object}")];
        let fetched = self.fetch(&git, &["--depth=1"], &alone);
        if matches!(fetched, Err(GitError::Canceled)) {
            return fetched.map(|()| (String::new(), git));
        }
        if commit_of(&git, object).is_none() {
            // A server that gives what it names only, or that knows nothing of depth.
            let all =
                ["+refs/heads/*:refs/dsbuild/heads/*", "+refs/tags/*:refs/dsbuild/tags/*"].map(str::to_owned);
            let fetched_all = self.fetch(&git, &[], &all);
            if commit_of(&git, object).is_none() {
                fetched_all.and(fetched)?;
            }
        }
        match commit_of(&git, object) {
            Some(commit) => Ok((commit, git)),
            None => Err(GitError::NoRef { url: self.url.clone(), reference: object.to_owned() }),
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

    /// The repository for objects of this kind of hash, made if absent.
    fn repository(&self, object: &str) -> Result<Git<'a>, GitError> {
        let format = if object.len() == 64 { "sha256" } else { "sha1" };
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

/// The commit that an object is or leads to, if it is here.
fn commit_of(git: &Git<'_>, object: &str) -> Option<String> {
    let name = format!("{object}^{{commit}}");
    git.text("find the commit", &["rev-parse", "--quiet", "--verify", &name])
        .ok()
        .filter(|text| refs::is_hash(text))
}

/// One for each store, URL and login; it has no slash.
fn mount_id(store: &Store, url: &str, authorization: Option<&str>) -> String {
    let scope = format!("{}\0{url}\0{}", store.root().display(), authorization.unwrap_or_default());
    format!("git {}", Key::of(scope.as_bytes()))
}
