//! The result of lowering: a graph, and beside it the images that its results become.

use std::path::{Path, PathBuf};

use oci::{Digest, ImageConfig, Platform, Reference};

use graph::{Graph, Lines, ResolvedImage, StepId};

/// A graph and the images that it ends in.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Steps of all platforms.
    pub graph: Graph,
    /// One image for each requested platform, in the order of the request.
    pub images: Vec<PlannedImage>,
    /// Whether the result is an index: several platforms were requested, or `BUILDKIT_MULTI_PLATFORM` is set.
    pub multi_platform: bool,
    /// Findings of the build checks in the order of their lines.
    pub warnings: Vec<Warning>,
    /// Resolved `SOURCE_DATE_EPOCH` in seconds since 1970; `None` if it is not set.
    pub source_date_s: Option<i64>,
    /// Build arguments that no ARG of the Dockerfile takes.
    pub unused_args: Vec<UnusedArg>,
    /// ARGs that the needed stages of the first platform use, each name once, in the order of their lines.
    pub args: Vec<PlannedArg>,
}

/// A build argument that no ARG takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusedArg {
    /// Name of the build argument.
    pub name: String,
    /// Name of an ARG that the user may have meant; `None` if no name is close.
    pub meant: Option<String>,
}

/// An ARG and its value in a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedArg {
    /// Lines of the ARG instruction.
    pub lines: Lines,
    /// Name of the variable.
    pub name: String,
    /// Value of the variable; `None` if it has no value.
    pub value: Option<String>,
    /// Description from the comment above the instruction; `None` if there is no such comment.
    pub description: Option<String>,
}

/// An image that the build makes.
#[derive(Debug, Clone)]
pub struct PlannedImage {
    /// Platform that the image is for.
    pub platform: Platform,
    /// Step whose result holds the files of the image.
    pub step: StepId,
    /// Config of the image. Two things are missing, which the exporter adds: the diff IDs of the layers above the base
    /// image, and the `created` times of the build's own history entries.
    pub config: ImageConfig,
}

/// A finding of the build checks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Warning {
    /// Name of the rule, such as `LegacyKeyValueFormat`.
    pub rule: &'static str,
    /// Path of the ignore file that the lines are in; `None` if they are in the Dockerfile.
    pub ignore_file: Option<PathBuf>,
    /// Lines that the finding is about.
    pub lines: Lines,
    /// Description in BuildKit's words.
    pub message: String,
    /// Way out for this very finding; `None` if the rule's own advice is all there is.
    pub hint: Option<String>,
}

/// Lookup of images, which lowering calls from several threads.
pub trait Resolver: Sync {
    /// Looks up the image of a name for a platform. The local store is searched first unless `--pull` was given.
    fn image(&self, name: &Reference, platform: &Platform) -> Result<ResolvedImage, ResolveError>;

    /// Looks up an image of an OCI layout: the image with that digest or tag, or the only image.
    fn layout(
        &self,
        path: &Path,
        tag: Option<&str>,
        digest: Option<&Digest>,
        platform: &Platform,
    ) -> Result<ResolvedImage, ResolveError>;
}

/// An image that is unavailable.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct ResolveError {
    /// Name of the image as it was looked up.
    pub name: String,
    /// Reason in one line, with the chain of causes.
    pub reason: String,
    /// Way out, such as another platform; `None` if the reason says all.
    pub hint: Option<String>,
}
