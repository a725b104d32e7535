//! Flags of `dsbuild inspect` and `history`, which look into images and containers.

use clap::{Args, ValueEnum};

use super::list::ListArgs;
use super::values::switch;

/// Kind of object that `dsbuild inspect` looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ObjectKind {
    /// A container, by name or ID.
    Container,
    /// An image, by name or ID.
    Image,
}

/// Arguments of `dsbuild inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Look for this kind of object only [default: containers, then images]
    #[arg(long = "type", value_name = "KIND", value_enum)]
    pub kind: Option<ObjectKind>,
    /// Flags that do not depend on the kind.
    #[command(flatten)]
    pub shared: InspectOneKindArgs,
}

/// Arguments of `dsbuild image inspect` and `dsbuild container inspect`.
#[derive(Debug, Args)]
pub struct InspectOneKindArgs {
    /// Form of the output: json, or a template such as '{{.Id}}'
    #[arg(short, long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// Show the sizes of containers
    #[arg(short, long)]
    pub size: bool,
    /// Show the SBOM of an image instead
    #[arg(long)]
    pub sbom: bool,
    /// Show the provenance of an image instead
    #[arg(long, conflicts_with = "sbom")]
    pub provenance: bool,
    /// Platform of an image for several [default: that of this machine]
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
    /// Names or IDs to look for
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
}

/// Arguments of `dsbuild history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Print sizes and dates in a form for people
    #[arg(short = 'H', long, value_name = "BOOL", value_parser = switch)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true")]
    pub human: bool,
    /// List where the name has pointed, since when, and what each image was built from
    #[arg(long)]
    pub versions: bool,
    /// Platform of an image for several [default: that of this machine]
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
    /// Form of the list.
    #[command(flatten)]
    pub list: ListArgs,
    /// Image, by name or ID
    pub image: String,
}
