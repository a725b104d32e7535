//! Flags of `dsbuild prune` and `check`, which look after the store.

use clap::Args;

/// Arguments of `dsbuild prune`.
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Remove everything that no named image and no container needs
    #[arg(short, long, conflicts_with = "keep_storage")]
    pub all: bool,
    /// Size to which the store is reduced [default: a fifth of the disk]
    #[arg(long, value_name = "BYTES")]
    pub keep_storage: Option<String>,
    /// Number of versions of each name that keep their image; 1 is the present one alone [default: 10]
    #[arg(long, value_name = "COUNT", env = "DSBUILD_KEEP_VERSIONS")]
    pub keep_versions: Option<usize>,
    /// Days for which a version keeps its image after the name has moved on [default: 90]
    #[arg(long, value_name = "DAYS", env = "DSBUILD_KEEP_VERSIONS_DAYS")]
    pub keep_versions_days: Option<u32>,
}

/// Arguments of `dsbuild check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Also hash the content of every blob and of every unpacked layer
    #[arg(long)]
    pub read_data: bool,
    /// Read all data as well, and remove what is damaged, so that it is fetched or built again
    #[arg(long)]
    pub repair: bool,
}
