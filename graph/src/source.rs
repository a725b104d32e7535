//! Operations that bring files in from outside.

use std::path::PathBuf;

use oci::{DiffId, Digest, ImageConfig, Reference};
use serde::Serialize;

/// Where the files of a source step come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// No files at all: `FROM scratch`.
    Scratch,
    /// An image of a registry, of an OCI layout or of the local store. The frontend has resolved its name.
    Image {
        /// Place that the layers are fetched from. Not part of the key: the digest decides.
        #[serde(skip)]
        name: ImageOrigin,
        /// Digest of the manifest for one platform.
        manifest: Digest,
    },
    /// A directory of this machine: the build context or a named one.
    Local {
        /// Name of the context: `context`, or the name given to `--build-context`.
        name: String,
        /// Absolute path of the directory.
        #[serde(skip)]
        path: PathBuf,
        /// Patterns of its ignore file, in order.
        #[serde(skip)]
        ignore: Vec<String>,
    },
    /// A layer of the store: a build context that arrived as an archive or a repository.
    Stored {
        /// Name of the context, as in [`Source::Local`].
        name: String,
        /// Layer that holds the files.
        layer: DiffId,
    },
    /// One file, downloaded by HTTP or HTTPS.
    Http {
        /// URL of the file, with credentials if it was written with them.
        url: String,
        /// Name of the file in the resulting tree.
        filename: String,
        /// Digest that the file must have, from `--checksum`.
        checksum: Option<Digest>,
    },
    /// The tree of a commit of a git repository.
    Git {
        /// URL of the repository, as git understands it.
        remote: String,
        /// Branch, tag or commit; the default branch if `None`.
        reference: Option<String>,
        /// Directory of the repository that becomes the root; the whole repository if `None`.
        subdir: Option<String>,
        /// True if `.git` is kept beside the files.
        keep_git_dir: bool,
        /// Commit that the reference must lead to, or a prefix of its hash.
        checksum: Option<String>,
        /// True if the directories of submodules stay empty.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        skip_submodules: bool,
    },
}

/// Place that the blobs of an image are fetched from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageOrigin {
    /// A repository of a registry.
    Registry(Reference),
    /// An OCI image layout on this machine.
    Layout {
        /// Directory of the layout.
        path: PathBuf,
    },
    /// The local store, which has all blobs already.
    Store {
        /// Name under which the image was asked for.
        name: Reference,
    },
}

impl Default for ImageOrigin {
    fn default() -> Self {
        Self::Layout { path: PathBuf::new() }
    }
}

/// An image that a name was resolved to, for one platform.
#[derive(Debug, Clone)]
pub struct ResolvedImage {
    /// Place that its blobs are fetched from.
    pub origin: ImageOrigin,
    /// Digest of the manifest for the platform.
    pub manifest: Digest,
    /// Config of the image.
    pub config: ImageConfig,
}

impl ResolvedImage {
    /// Returns the layers of the image, from the base up.
    pub fn layers(&self) -> &[DiffId] {
        &self.config.rootfs.diff_ids
    }
}
