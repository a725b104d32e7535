//! Flags of `dsbuild rollback` and `diff`. The list of versions is a flag of `dsbuild history`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Arguments of `dsbuild rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// Name of an image, also with a version: NAME@3, NAME~2
    pub name: String,
    /// Version to go back to: a number, or ~2 for two versions ago [default: the last one with another image]
    pub version: Option<String>,
}

/// Arguments of `dsbuild diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// Form of the result
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: DiffFormat,
    /// Write a page to this file, which a browser shows without a network
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// List every file, also those in directories that were added or removed as a whole
    #[arg(short, long)]
    pub all: bool,
    /// Platform to compare of images for several [default: that of this machine]
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
    /// First image: a name, an ID, or a version (NAME@3, NAME~1)
    #[arg(value_name = "BEFORE")]
    pub before: String,
    /// Second image [default: the present version of BEFORE, compared with the one before it]
    #[arg(value_name = "AFTER")]
    pub after: Option<String>,
}

/// Form of the result of `dsbuild diff`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// Text that people read
    #[default]
    Text,
    /// A single JSON document
    Json,
}
