//! COPY, ADD and WORKDIR: changes to a root file system, from other trees, from text, from archives.
//!
//! ```text
//! select       the files that a source pattern selects, and their digest
//! walk         selected files below a directory, one after another
//! taken        the files that a whole graph takes from the build context
//! copy         a selection to changes
//! destination  symlinks in the destination
//! ```
//!
//! Nothing is written: the changes are a [`Diff`], whose files are read when it becomes a layer. Symlinks of the source are
//! followed inside the source, symlinks of the destination inside the tree below. Conflicts between files and directories
//! are resolved as in BuildKit, and errors have its wording.
//!
//! Knows nothing of keys except [`Selection::digest`], and nothing of where trees come from.
//!
//! Source: moby/buildkit, `solver/llbsolver/file/backend.go`; tonistiigi/fsutil, `copy/copy.go`.

#[cfg(test)]
mod archive_tests;
mod copy;
mod destination;
mod select;
pub mod taken;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod walk;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use archive::ArchiveError;
use rootfs::RootfsError;
use rootfs::diff::Diff;
use rootfs::mkdir::{MkdirError, NewDirectory, mkdir_all};
use trees::entry::Timestamp;
use trees::tree::Tree;
use users::{UserError, resolve_owner};

use graph::{CopyAction, CopySource, FileAction, FileOp, InputIndex};
use patterns::PatternError;
use patterns::glob::BadPattern;

use copy::Copier;
use destination::destination;
pub use select::{Selection, SelectionDigest, digest_of, matches_nothing, require_source, select};

/// COPY, ADD or WORKDIR that cannot be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileOpError {
    /// The source does not exist, or an ignore file excludes it.
    #[error("failed to compute cache key: failed to calculate checksum of ref: {path:?}: not found")]
    NotFound {
        /// Path as written, cleaned; it starts with a slash.
        path: String,
    },
    /// A wildcard has a syntax error.
    #[error("{pattern}: {source}")]
    Pattern {
        /// Pattern as the user wrote it.
        pattern: String,
        /// Description of the syntax error.
        source: BadPattern,
    },
    /// A pattern of `--exclude` or `--parents` has a syntax error.
    #[error(transparent)]
    Patterns(#[from] PatternError),
    /// The owner given by `--chown` cannot be resolved.
    #[error(transparent)]
    Owner(#[from] UserError),
    /// A directory would replace something that is not a directory.
    #[error("cannot copy to non-directory: {}", path.display())]
    NonDirectory {
        /// Path in the image, with a leading slash.
        path: PathBuf,
    },
    /// A file would replace a directory.
    #[error("cannot replace to directory {} with file", path.display())]
    ReplaceDirectory {
        /// Path in the image, with a leading slash.
        path: PathBuf,
    },
    /// A directory is needed where something else exists.
    #[error(transparent)]
    Mkdir(#[from] MkdirError),
    /// An archive cannot be unpacked.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The source cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Path in the source.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The changes cannot be recorded.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
}

impl FileOpError {
    /// Returns a closure for `map_err` that wraps the error of reading `path`.
    fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { path: path.to_owned(), source }
    }
}

/// The outcome of a [`FileOp`].
pub struct Applied {
    /// Changes on top of the base.
    pub diff: Diff,
    /// Warnings for the user, one line each.
    pub warnings: Vec<String>,
}

/// Computes the changes of `op` on top of `base`.
///
/// `inputs` returns the trees of the step's inputs. `scratch` is a directory for the bytes of archives: files there have no
/// name, and exist as long as the changes do.
pub fn apply(
    op: &FileOp,
    base: Arc<dyn Tree>,
    inputs: &dyn Fn(InputIndex) -> Arc<dyn Tree>,
    scratch: &Path,
) -> Result<Applied, FileOpError> {
    let owners = Owners { tree: base.clone(), warnings: Vec::new() };
    let mut applying = Applying { diff: Diff::new(base), owners, scratch };
    for action in &op.actions {
        match action {
            FileAction::Copy(copy) => applying.copy(copy, inputs)?,
            FileAction::Mkdir { path, mode, owner, mtime_s } => {
                applying.mkdir(path, *mode, owner, *mtime_s)?
            }
        }
    }
    Ok(Applied { diff: applying.diff, warnings: applying.owners.warnings })
}

struct Applying<'a> {
    diff: Diff,
    owners: Owners,
    scratch: &'a Path,
}

/// Looks up names of owners in the base, as it was before the first action.
struct Owners {
    tree: Arc<dyn Tree>,
    warnings: Vec<String>,
}

impl Owners {
    fn resolve(&mut self, owner: &str) -> Result<(u32, u32), FileOpError> {
        let (uid, gid, unknown) = resolve_owner(&*self.tree, owner)?;
        for name in unknown {
            let warning = format!(
                "{name:?} is not in /etc/passwd or /etc/group of the image: 0 (root) is used instead"
            );
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
        Ok((uid, gid))
    }
}

impl Applying<'_> {
    fn mkdir(&mut self, path: &str, mode: u32, owner: &str, mtime_s: Option<i64>) -> Result<(), FileOpError> {
        let (uid, gid) = if owner.is_empty() { (0, 0) } else { self.owners.resolve(owner)? };
        let new = NewDirectory { mode, uid, gid, mtime: made_at(mtime_s) };
        let path = destination(&self.diff, path)?;
        Ok(mkdir_all(&mut self.diff, &path, &new)?)
    }

    fn copy(
        &mut self,
        action: &CopyAction,
        inputs: &dyn Fn(InputIndex) -> Arc<dyn Tree>,
    ) -> Result<(), FileOpError> {
        let owner = action.owner.as_deref().map(|owner| self.owners.resolve(owner)).transpose()?;
        let mode = action.mode.as_ref();
        let mtime = made_at(action.mtime_s);
        let mut copier = Copier { diff: &mut self.diff, action, owner, mode, mtime, scratch: self.scratch };
        match &action.from {
            CopySource::Text { name, content } => copier.text(name, content),
            CopySource::Input { input, .. } => {
                let source = inputs(*input);
                let selection = select(action, &*source)?;
                copier.selection(&source, &selection)
            }
        }
    }
}

/// Returns the modification time of directories and files that an action creates by itself.
fn made_at(mtime_s: Option<i64>) -> Timestamp {
    match mtime_s {
        Some(seconds) => Timestamp { seconds, nanoseconds: 0 },
        None => {
            let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Timestamp {
                seconds: i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX),
                nanoseconds: since_1970.subsec_nanos(),
            }
        }
    }
}

/// Returns a path of a tree with a leading slash, as messages show it.
fn shown(path: &Path) -> PathBuf {
    Path::new("/").join(path)
}

/// Joins a path below a directory. An empty path is the directory itself (`Path::join` would add a slash).
fn below(directory: &Path, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { directory.to_owned() } else { directory.join(path) }
}
