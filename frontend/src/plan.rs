//! What lowering gives: a graph, and beside it what becomes of its results.

use std::path::PathBuf;

use oci::{Digest, ImageConfig, Platform, Reference};

use graph::{Graph, Lines, ResolvedImage, StepId};

/// A graph and the images that it ends in.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The steps.
    pub graph: Graph,
    /// One for each platform asked for, in order.
    pub images: Vec<PlannedImage>,
    /// True if the result must be an index (several platforms asked for, or `BUILDKIT_MULTI_PLATFORM`).
    pub multi_platform: bool,
    /// What the user should know; BuildKit's build checks among them.
    pub warnings: Vec<Warning>,
    /// `SOURCE_DATE_EPOCH` as it was resolved, in seconds since 1970.
    pub source_date_s: Option<i64>,
    /// Build arguments that no ARG of the Dockerfile takes.
    pub unused_args: Vec<UnusedArg>,
    /// The ARGs that needed stages use, in the order of their lines; those of the first platform.
    pub args: Vec<PlannedArg>,
}

/// A build argument that nothing takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusedArg {
    /// Its name.
    pub name: String,
    /// The ARG that may have been meant.
    pub meant: Option<String>,
}

/// An ARG and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlannedArg {
    /// First and last line.
    pub lines: Lines,
    /// Its name.
    pub name: String,
    /// Its value; `None` if it has none.
    pub value: Option<String>,
    /// What the comment above says about it.
    pub description: Option<String>,
}

/// One image.
#[derive(Debug, Clone)]
pub struct PlannedImage {
    /// Its platform.
    pub platform: Platform,
    /// Whose result its files are.
    pub step: StepId,
    /// Its config: complete but for `rootfs.diff_ids`, which holds the base image's only, and the `created` times of
    /// its own history entries, which the exporter fills.
    pub config: ImageConfig,
}

/// Something the user should know about the Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Warning {
    /// The check: `LegacyKeyValueFormat`.
    pub rule: &'static str,
    /// The ignore file that it is about; absent if it is about the Dockerfile.
    pub ignore_file: Option<PathBuf>,
    /// First and last line.
    pub lines: Lines,
    /// BuildKit's wording.
    pub message: String,
}

/// Finds images; asked by lowering, answered by `source`. Called from several threads.
pub trait Resolver: Sync {
    /// The image of a name, for a platform. Our own store is looked at first unless `--pull` was given.
    fn image(&self, name: &Reference, platform: &Platform) -> Result<ResolvedImage, ResolveError>;

    /// An image of an OCI layout: the one of that digest or tag, or the only one.
    fn layout(
        &self,
        path: &std::path::Path,
        tag: Option<&str>,
        digest: Option<&Digest>,
        platform: &Platform,
    ) -> Result<ResolvedImage, ResolveError>;
}

/// An image that cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct ResolveError {
    /// As asked for.
    pub name: String,
    /// In one line, with the chain of causes.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
}
