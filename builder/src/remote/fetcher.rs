//! Fetching with what a build has: its logins, its agent, its progress.

use std::path::PathBuf;
use std::sync::Arc;

use cache::Store;
use oci::Digest;
use rootfs::layers::Layers;

use super::git::{self, GitError};
use super::{RemoteError, Secrets, http, login};
use crate::op::exec;
use crate::options::BuildOptions;
use crate::source::Sources;
use crate::step::StepError;
use progress::Cancel;
use progress::Vertex;

/// What fetching needs from a build.
#[derive(Clone, Copy)]
pub struct Fetcher<'a> {
    /// The store.
    pub store: &'a Arc<Store>,
    /// Its layers.
    pub layers: &'a Layers,
    /// Who asks servers.
    pub sources: &'a Sources,
    /// Logins, agents, variables.
    pub options: &'a BuildOptions,
    /// Whether to stop.
    pub cancel: &'a Cancel,
}

impl Fetcher<'_> {
    /// A file by HTTP(S), under the name `filename`.
    pub fn http(
        &self,
        url: &str,
        filename: &str,
        checksum: Option<&Digest>,
        vertex: &Vertex,
    ) -> Result<http::Fetched, StepError> {
        let secrets = self.secrets()?;
        let authorization = login::for_file(url, &secrets);
        let wanted = http::Wanted { url, filename, checksum, authorization: authorization.as_deref() };
        let progress = |current, done| vertex.status("downloading", current, None, done);
        let is_canceled = || self.cancel.is_canceled();
        let around = http::Around {
            store: self.store,
            web: self.sources.web(),
            progress: &progress,
            is_canceled: &is_canceled,
        };
        let fetched = http::fetch(&wanted, &around).map_err(|error| match error {
            RemoteError::Canceled => StepError::Canceled,
            error => error.into(),
        })?;
        vertex.status(&format!("resolved {}", fetched.tree.digest), 0, None, true);
        Ok(fetched)
    }

    /// A commit of a repository.
    pub fn git(&self, wanted: &git::Wanted<'_>, vertex: &Vertex) -> Result<git::Fetched, StepError> {
        let secrets = self.secrets()?;
        let around = git::Around {
            layers: self.layers,
            secrets: &secrets,
            ssh_agent: self.options.ssh.get("default").map(PathBuf::as_path),
            variables: &self.options.git_variables,
            is_canceled: &|| self.cancel.is_canceled(),
        };
        let fetched = git::fetch(wanted, &around).map_err(|error| match error {
            RemoteError::Git(GitError::Canceled) => StepError::Canceled,
            error => error.into(),
        })?;
        vertex.status(&format!("resolved {}", fetched.commit), 0, None, true);
        Ok(fetched)
    }

    /// The secrets that may be logins for files and repositories.
    fn secrets(&self) -> Result<Secrets, StepError> {
        let all = self.options.secrets.keys();
        let ids = all.filter(|id| id.starts_with("HTTP_AUTH_") || id.starts_with("GIT_AUTH_"));
        let pairs = ids.map(|id| {
            let bytes = exec::secret_bytes(self.options, id, false)?;
            Ok(bytes.map(|bytes| (id.clone(), bytes)))
        });
        pairs.filter_map(Result::transpose).collect()
    }
}
