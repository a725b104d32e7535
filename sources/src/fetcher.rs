//! Fetching with the logins, the SSH agent and the progress of a build.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use cache::Store;
use oci::Digest;
use progress::{Cancel, Vertex};
use rootfs::layers::Layers;

use crate::login::{self, Logins};
use crate::secrets::Secrets;
use crate::{FetchError, Sources, git, http};

/// How a build fetches: the credentials and settings that the user gave.
#[derive(Debug, Clone, Default)]
pub struct FetchOptions {
    /// Secrets of the build, some of which are logins (see [`login`]).
    pub secrets: Secrets,
    /// Sockets of SSH agents by id (`--ssh`); git uses the one called `default`.
    pub ssh: BTreeMap<String, PathBuf>,
    /// Environment variables that the git program gets: search path, proxies, certificates. It gets no others.
    pub git_variables: BTreeMap<String, OsString>,
    /// `BUILDKIT_CONTEXT_KEEP_GIT_DIR`: whether a context that is a repository keeps `.git`; `None` if not given.
    pub keep_git_dir: Option<bool>,
}

/// Fetches on behalf of one build.
#[derive(Clone, Copy)]
pub struct Fetcher<'a> {
    /// Store that blobs and notes are kept in.
    pub store: &'a Arc<Store>,
    /// Layers of the store.
    pub layers: &'a Layers,
    /// Clients for registries and for files by HTTP.
    pub sources: &'a Sources,
    /// Credentials and settings of the build.
    pub options: &'a FetchOptions,
    /// Flag that ends a fetch early.
    pub cancel: &'a Cancel,
}

impl Fetcher<'_> {
    /// Fetches a file by HTTP(S), which gets the name `filename`.
    pub fn http(
        &self,
        url: &str,
        filename: &str,
        checksum: Option<&Digest>,
        vertex: &Vertex,
    ) -> Result<http::HttpFile, FetchError> {
        let logins = self.logins()?;
        let authorization = login::for_file(url, &logins);
        let request = http::HttpRequest { url, filename, checksum, authorization: authorization.as_deref() };
        let progress = |current, done| vertex.status("downloading", current, None, done);
        let is_canceled = || self.cancel.is_canceled();
        let context = http::HttpContext {
            store: self.store,
            web: self.sources.web(),
            progress: &progress,
            is_canceled: &is_canceled,
        };
        let fetched = http::fetch(&request, &context)?;
        vertex.status(&format!("resolved {}", fetched.tree.digest), 0, None, true);
        Ok(fetched)
    }

    /// Fetches a commit of a repository. Warnings about its files go to the vertex.
    pub fn git(
        &self,
        request: &git::GitRequest<'_>,
        vertex: &Vertex,
    ) -> Result<git::FetchedCommit, FetchError> {
        let logins = self.logins()?;
        let context = git::GitContext {
            layers: self.layers,
            secrets: &logins,
            ssh_agent: self.options.ssh.get("default").map(PathBuf::as_path),
            variables: &self.options.git_variables,
            is_canceled: &|| self.cancel.is_canceled(),
        };
        let fetched = git::fetch(request, &context)?;
        if let Some(pointers) = &fetched.lfs_pointers {
            vertex.warning(pointers);
        }
        vertex.status(&format!("resolved {}", fetched.commit), 0, None, true);
        Ok(fetched)
    }

    /// Reads the secrets that can be logins for files and repositories.
    fn logins(&self) -> Result<Logins, FetchError> {
        let secrets = &self.options.secrets;
        let ids = secrets.ids().filter(|id| id.starts_with("HTTP_AUTH_") || id.starts_with("GIT_AUTH_"));
        let pairs = ids.map(|id| Ok(secrets.read(id)?.map(|bytes| (id.to_owned(), bytes))));
        pairs.filter_map(Result::transpose).collect()
    }
}
