//! Flags of `dsbuild images`, `rmi` and `import`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `dsbuild images`.
#[derive(Debug, Args)]
pub struct ImagesArgs {
    /// Print only the IDs of images
    #[arg(short, long)]
    pub quiet: bool,
}

/// Arguments of `dsbuild rmi`.
#[derive(Debug, Args)]
pub struct RmiArgs {
    /// Images to remove, by name or ID
    #[arg(required = true)]
    pub images: Vec<String>,
}

/// Arguments of `dsbuild import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Name for the image, in addition to the names in the archive
    #[arg(short, long = "tag", value_name = "NAME")]
    pub tags: Vec<String>,
    /// Archive, plain or compressed, or directory with an OCI layout; `-` reads an archive from stdin
    pub file: PathBuf,
}
