//! Roots: lists of blobs that collection must keep.
//!
//! ```text
//! roots/<name>    sha256:<64 hex>    a blob, or the diff ID of a layer; one line for each, in any number
//!                 blake3:<64 hex>    the hash of the lines above
//! ```
//!
//! A user of blobs that no image name leads to writes a root, and removes it when the need ends. `runner` writes
//! `roots/container-<id>` before it creates `containers/<id>/`, and removes it after that directory is gone.
//!
//! A root protects the digests it lists and everything derived from them. It never leads further: a root that lists a
//! manifest does not protect the layers of the manifest.
//!
//! Collection errs on the safe side. If a root is damaged, or a container has none (older versions of dsbuild wrote
//! none), it removes nothing and reports the file. A full disk can be explained to the user; a running container whose
//! layers disappear cannot.
//!
//! Concurrency: a root is written while the store is open, so never during a collection. It can be removed at any time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use oci::Digest;

use crate::files::{IoContext, names_in, read_if_present, remove_file, replace};
use crate::sealed::{seal, unseal};
use crate::tmp::ensure_private_dir;
use crate::{Problem, Store, StoreError, reserve};

/// Name of a container's root without its id: `roots/container-<id>` belongs to `containers/<id>/`.
pub const CONTAINER_ROOT_PREFIX: &str = "container-";

/// Handle on one root, which may or may not exist. It does not keep the store open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcRoot {
    path: PathBuf,
}

impl GcRoot {
    /// Returns whether the root exists, intact or not.
    pub fn exists(&self) -> bool {
        self.path.symlink_metadata().is_ok()
    }

    /// Ends the protection; returns whether the root existed.
    pub fn remove(&self) -> Result<bool, StoreError> {
        remove_file(&self.path)
    }
}

impl Store {
    /// Returns the root `name` without reading it.
    pub fn gc_root(&self, name: &str) -> GcRoot {
        GcRoot { path: roots_dir(self.root()).join(name) }
    }

    /// Lists the names of all roots, sorted.
    pub fn gc_root_names(&self) -> Result<Vec<String>, StoreError> {
        names_in(&roots_dir(self.root()))
    }

    /// Protects blobs from collection by writing the root `name`, replacing an older one. It is on disk when this
    /// returns.
    ///
    /// A name consists of letters, digits, `-`, `_` and `.`, and does not begin with a dot.
    pub fn protect(&self, name: &str, digests: impl IntoIterator<Item = Digest>) -> Result<(), StoreError> {
        let path = self.new_root(name)?;
        replace(&path, &self.session.tmp_path()?, encode(digests).as_bytes(), true)
    }

    /// Like [`Store::protect`], but takes the store's reserve on a full disk: for a root without which nothing can be
    /// collected, and thus no room be made.
    pub fn protect_from_reserve(
        &self,
        name: &str,
        digests: impl IntoIterator<Item = Digest>,
    ) -> Result<(), StoreError> {
        let path = self.new_root(name)?;
        reserve::replace_file(&self.session, &path, encode(digests).as_bytes())
    }

    /// Returns the path of a root that is about to be written.
    fn new_root(&self, name: &str) -> Result<PathBuf, StoreError> {
        let dir = roots_dir(self.root());
        if !is_name(name) {
            let invalid = std::io::Error::from(std::io::ErrorKind::InvalidInput);
            return Err(invalid).at("name a root", &dir.join(name));
        }
        ensure_private_dir(&dir)?;
        Ok(dir.join(name))
    }
}

/// Returns every digest that a root protects. An error means that nothing may be collected.
pub(crate) fn protected(root: &Path) -> Result<BTreeSet<Digest>, StoreError> {
    if let Some(container) = unprotected_containers(root)?.into_iter().next() {
        return Err(StoreError::NoRoot { container });
    }
    let dir = roots_dir(root);
    let mut digests = BTreeSet::new();
    for name in names_in(&dir)? {
        digests.extend(load(&dir.join(name))?);
    }
    Ok(digests)
}

/// Lists the roots that cannot be understood.
pub(crate) fn damaged_roots(root: &Path) -> Result<Vec<Problem>, StoreError> {
    let dir = roots_dir(root);
    let problem = |name: String| match load(&dir.join(name)) {
        Err(StoreError::BadRoot { path, reason }) => Some(Problem::Root { path, reason }),
        _ => None,
    };
    Ok(names_in(&dir)?.into_iter().filter_map(problem).collect())
}

/// Lists the directories of containers that have no root.
pub(crate) fn unprotected_containers(root: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let (containers, roots) = (root.join("containers"), roots_dir(root));
    let is_unprotected = |id: &String| {
        !roots.join(format!("{CONTAINER_ROOT_PREFIX}{id}")).exists() && containers.join(id).is_dir()
    };
    Ok(names_in(&containers)?.into_iter().filter(is_unprotected).map(|id| containers.join(id)).collect())
}

fn roots_dir(root: &Path) -> PathBuf {
    root.join("roots")
}

fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(is_allowed)
}

/// Reads a root. One that was removed in the meantime protects nothing.
fn load(path: &Path) -> Result<Vec<Digest>, StoreError> {
    let bad = |reason: String| StoreError::BadRoot { path: path.to_owned(), reason };
    let bytes = read_if_present(path).map_err(|error| bad(error.to_string()))?;
    bytes.map_or(Ok(Vec::new()), |bytes| decode(&bytes).map_err(|reason| bad(reason.to_owned())))
}

fn encode(digests: impl IntoIterator<Item = Digest>) -> String {
    let lines: String = digests.into_iter().map(|digest| format!("{digest}\n")).collect();
    seal(&lines)
}

/// Parses the content of a root. The error is the defect, as a clause.
fn decode(bytes: &[u8]) -> Result<Vec<Digest>, &'static str> {
    unseal(bytes)?.lines().map(|line| line.parse().map_err(|_| "a line is not a digest")).collect()
}
