//! The commit that is asked for, and the answer.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use oci::DiffId;
use rootfs::layers::Layers;

use crate::login::Logins;

/// A commit to fetch, and the part of it that is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct GitRequest<'a> {
    /// URL of the repository.
    pub remote: &'a str,
    /// Branch, tag or commit (also abbreviated); the default branch if absent.
    pub reference: Option<&'a str>,
    /// Directory of the repository whose files are wanted; all of it if absent.
    pub subdir: Option<&'a str>,
    /// True to add `.git` to the files.
    pub keep_git_dir: bool,
    /// Hash that the commit must have, or its beginning.
    pub checksum: Option<&'a str>,
    /// True to leave the directories of submodules empty.
    pub skip_submodules: bool,
}

/// Store, logins and settings that a fetch uses.
#[derive(Clone, Copy)]
pub struct GitContext<'a> {
    /// Layers of the store, which the commit becomes one of.
    pub layers: &'a Layers,
    /// Secrets that can be logins for the server.
    pub secrets: &'a Logins,
    /// Socket of the SSH agent that git can use.
    pub ssh_agent: Option<&'a Path>,
    /// Variables that git gets from the environment of the user.
    pub variables: &'a BTreeMap<String, OsString>,
    /// Reports whether the build was canceled.
    pub is_canceled: &'a (dyn Fn() -> bool + Sync),
}

/// The files of a commit as a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedCommit {
    /// Layer that holds the files.
    pub layer: DiffId,
    /// Full hash of the commit.
    pub commit: String,
    /// Time of the commit, in seconds since 1970.
    pub time_s: i64,
    /// True if an earlier build made the layer.
    pub is_cached: bool,
    /// Warning about files that are Git LFS pointers instead of their content; `None` if there are none.
    pub lfs_pointers: Option<String>,
}
