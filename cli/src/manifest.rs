//! Flags of `dsbuild manifest`, which are those of docker.

use clap::{Args, Subcommand};

/// Commands of `dsbuild manifest`.
#[derive(Debug, Subcommand)]
pub enum ManifestCommand {
    /// Change the platform that a manifest list says of an image
    Annotate(AnnotateArgs),
    /// Put images of several platforms together under one name
    Create(CreateArgs),
    /// Print a manifest or a manifest list, of the store or else of its registry
    Inspect(InspectArgs),
    /// Push a manifest list and its images to the registry in its name
    Push(PushArgs),
    /// Remove manifest lists from the store; the images stay
    Rm(RmArgs),
}

/// Arguments of `dsbuild manifest create`.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Add to a list that exists already
    #[arg(short, long)]
    pub amend: bool,
    /// Accepted as in docker: no registry is asked
    #[arg(long)]
    pub insecure: bool,
    /// Name of the list
    #[arg(value_name = "LIST")]
    pub list: String,
    /// Images of the store to put together, by name or ID
    #[arg(required = true, value_name = "IMAGE")]
    pub images: Vec<String>,
}

/// Arguments of `dsbuild manifest annotate`.
#[derive(Debug, Args)]
pub struct AnnotateArgs {
    /// Architecture of the image
    #[arg(long, value_name = "ARCH")]
    pub arch: Option<String>,
    /// Operating system of the image
    #[arg(long, value_name = "OS")]
    pub os: Option<String>,
    /// Version of the operating system
    #[arg(long, value_name = "VERSION")]
    pub os_version: Option<String>,
    /// Variant of the architecture
    #[arg(long, value_name = "VARIANT")]
    pub variant: Option<String>,
    /// Name of the list
    #[arg(value_name = "LIST")]
    pub list: String,
    /// Image in the list, by name, ID or digest
    #[arg(value_name = "IMAGE")]
    pub image: String,
}

/// Arguments of `dsbuild manifest inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Reach the registry by plain HTTP
    #[arg(long)]
    pub insecure: bool,
    /// Name of an image or a list
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Arguments of `dsbuild manifest push`.
#[derive(Debug, Args)]
pub struct PushArgs {
    /// Reach the registry by plain HTTP
    #[arg(long)]
    pub insecure: bool,
    /// Remove the list from the store when it is pushed
    #[arg(short, long)]
    pub purge: bool,
    /// Name of the list
    #[arg(value_name = "LIST")]
    pub list: String,
}

/// Arguments of `dsbuild manifest rm`.
#[derive(Debug, Args)]
pub struct RmArgs {
    /// Lists to remove, by name
    #[arg(required = true, value_name = "LIST")]
    pub lists: Vec<String>,
}
