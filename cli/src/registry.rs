//! Flags of `dsbuild pull`, `push`, `login` and `logout`, which are those of docker.

use clap::Args;

use super::values::switch;

/// Flags of commands that talk to registries.
#[derive(Debug, Args)]
pub struct RegistryArgs {
    /// Registry that is reached by plain HTTP
    #[arg(long = "insecure-registry", value_name = "HOST[:PORT]")]
    pub insecure_registries: Vec<String>,
    /// Signatures of docker's content trust; dsbuild checks none
    #[arg(long, hide = true, value_name = "BOOL", value_parser = switch)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub disable_content_trust: Option<bool>,
}

/// Arguments of `dsbuild pull`.
#[derive(Debug, Args)]
pub struct PullArgs {
    /// Pull all tags of the repository
    #[arg(short, long)]
    pub all_tags: bool,
    /// Platform to pull [default: that of this machine]
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
    /// Print only the name of the image
    #[arg(short, long)]
    pub quiet: bool,
    /// Mirror to pull a registry's images from
    #[arg(long = "registry-mirror", value_name = "REGISTRY=URL")]
    pub registry_mirrors: Vec<String>,
    /// Flags that all commands with registries have.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// Image to pull, by its name
    #[arg(value_name = "NAME[:TAG|@DIGEST]")]
    pub name: String,
}

/// Arguments of `dsbuild push`.
#[derive(Debug, Args)]
pub struct PushArgs {
    /// Push all tags of the repository that the store has
    #[arg(short, long)]
    pub all_tags: bool,
    /// Push only the image for this platform
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
    /// Print only the name of the image
    #[arg(short, long)]
    pub quiet: bool,
    /// Flags that all commands with registries have.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// Image to push, which names its registry
    #[arg(value_name = "NAME[:TAG]")]
    pub name: String,
}

/// Arguments of `dsbuild login`.
#[derive(Debug, Args)]
pub struct LoginArgs {
    /// Name of the user
    #[arg(short, long, value_name = "USER")]
    pub username: Option<String>,
    /// Password or token; other users of this machine can see it there: prefer --password-stdin
    #[arg(short, long, value_name = "PASSWORD", conflicts_with = "password_stdin")]
    pub password: Option<String>,
    /// Read the password from stdin
    #[arg(long)]
    pub password_stdin: bool,
    /// Registry that is reached by plain HTTP
    #[arg(long = "insecure-registry", value_name = "HOST[:PORT]")]
    pub insecure_registries: Vec<String>,
    /// Registry [default: Docker Hub]
    #[arg(value_name = "REGISTRY")]
    pub server: Option<String>,
}

/// Arguments of `dsbuild logout`.
#[derive(Debug, Args)]
pub struct LogoutArgs {
    /// Registry [default: Docker Hub]
    #[arg(value_name = "REGISTRY")]
    pub server: Option<String>,
}
