//! Flags of `dsbuild images`, `rmi`, `tag`, `import`, `save` and `load`, which are those of docker.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::build::BuildArgs;
use super::inspect::{HistoryArgs, InspectOneKindArgs};
use super::list::ListArgs;
use super::registry::{PullArgs, PushArgs};

/// Commands of `dsbuild image`.
#[derive(Debug, Subcommand)]
pub enum ImageCommand {
    /// Build an image from a Dockerfile
    #[command(args_override_self = true)]
    Build(Box<BuildArgs>),
    /// Import the images of an archive of `save`
    Load(LoadArgs),
    /// Write images to an archive that docker, podman and skopeo read
    Save(SaveArgs),
    /// Remove images that nothing needs
    Prune(PruneImagesArgs),
    /// Show the instructions that an image was made by, and the sizes of its layers
    History(HistoryArgs),
    /// Import an image from an archive: OCI layout, docker save, or root file system
    Import(ImportArgs),
    /// Print everything that is known about images
    Inspect(InspectOneKindArgs),
    /// List the images in the store
    #[command(visible_alias = "list")]
    Ls(LsArgs),
    /// Pull an image from its registry into the store
    Pull(PullArgs),
    /// Push an image of the store to its registry
    Push(PushArgs),
    /// Remove images from the store
    #[command(visible_alias = "remove")]
    Rm(RmArgs),
    /// Give an image another name
    Tag(TagArgs),
}

/// Arguments of `dsbuild images`.
#[derive(Debug, Args)]
pub struct LsArgs {
    /// Accepted as in docker: the store has no intermediate images to hide
    #[arg(short, long)]
    pub all: bool,
    /// Show the digests of the manifests
    #[arg(long)]
    pub digests: bool,
    /// List only images that match: before, dangling, label, reference, since, until
    #[arg(short, long = "filter", value_name = "KEY=VALUE")]
    pub filters: Vec<String>,
    /// Form of the list.
    #[command(flatten)]
    pub list: ListArgs,
    /// List only images of this repository, with `*` for any part of a name
    #[arg(value_name = "REPOSITORY[:TAG]")]
    pub reference: Option<String>,
}

/// Arguments of `dsbuild rmi`.
#[derive(Debug, Args)]
pub struct RmArgs {
    /// Remove an image although it has several names
    #[arg(short, long)]
    pub force: bool,
    /// Accepted as in docker: there are no untagged parents to keep
    #[arg(long)]
    pub no_prune: bool,
    /// Images to remove, by name or ID
    #[arg(required = true)]
    pub images: Vec<String>,
}

/// Arguments of `dsbuild tag`.
#[derive(Debug, Args)]
pub struct TagArgs {
    /// Image, by name or ID
    #[arg(value_name = "IMAGE")]
    pub source: String,
    /// Name to give it
    #[arg(value_name = "NAME[:TAG]")]
    pub target: String,
}

/// Arguments of `dsbuild save`.
#[derive(Debug, Args)]
pub struct SaveArgs {
    /// File to write [default: stdout, unless it is a terminal]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Platform to save of an image for several [default: all that the store has]
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
    /// Images to save, by name or ID
    #[arg(required = true)]
    pub images: Vec<String>,
}

/// Arguments of `dsbuild load`.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// Archive to read, plain or compressed [default: stdin]
    #[arg(short, long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// Accepted as in docker: no progress is printed in any case
    #[arg(short, long)]
    pub quiet: bool,
    /// Accepted as in docker: all platforms of the archive are imported
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
    /// Name for the image in place of the names in the archive
    #[arg(short, long = "tag", value_name = "NAME")]
    pub tags: Vec<String>,
    /// Archive to read, as --input, or directory with an OCI layout
    #[arg(conflicts_with = "input")]
    pub file: Option<PathBuf>,
}

/// Arguments of `dsbuild image prune`.
#[derive(Debug, Args)]
pub struct PruneImagesArgs {
    /// Remove all images that no container needs, not only those without a name
    #[arg(short, long)]
    pub all: bool,
    /// Do not ask before anything is removed
    #[arg(short, long)]
    pub force: bool,
    /// Remove only images that match: label, until
    #[arg(long = "filter", value_name = "KEY=VALUE")]
    pub filters: Vec<String>,
}

/// Arguments of `dsbuild import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Name for the image, in addition to the names in the archive
    #[arg(short, long = "tag", value_name = "NAME")]
    pub tags: Vec<String>,
    /// Archive, plain or compressed, or directory with an OCI layout; `-` reads an archive from stdin
    pub file: PathBuf,
    /// Name for the image, as --tag
    #[arg(value_name = "NAME[:TAG]")]
    pub name: Option<String>,
}
