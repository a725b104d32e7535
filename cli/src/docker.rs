//! Flags and commands that docker's scripts use and dsbuild does not have.
//!
//! A flag that changes nothing about the image is taken without a word, one whose effect is missing gets a note, and one
//! whose absence would change the result is an error. A command gets an answer that names it.

use clap::Args;

use super::values::switch;
use crate::UsageError;

/// Flags of `docker build` without an effect here.
#[derive(Debug, Default, Args)]
pub struct DockerArgs {
    /// Builder to use; dsbuild has no builders
    #[arg(long, hide = true, value_name = "NAME")]
    pub builder: Option<String>,
    /// Cache to import; not supported yet
    #[arg(long, hide = true, value_name = "NAME")]
    pub cache_from: Vec<String>,
    /// Cache to export; not supported yet
    #[arg(long, hide = true, value_name = "NAME")]
    pub cache_to: Vec<String>,
    /// Memory and swap limit of docker's classic builder
    #[arg(long, hide = true, value_name = "BYTES", allow_hyphen_values = true)]
    pub memory_swap: Option<String>,
    /// Processor limits of docker's classic builder
    #[arg(long, hide = true, value_name = "N")]
    pub cpu_period: Option<String>,
    /// Processor limits of docker's classic builder
    #[arg(long, hide = true, value_name = "N")]
    pub cpu_quota: Option<String>,
    /// Processor limits of docker's classic builder
    #[arg(short = 'c', long, hide = true, value_name = "N")]
    pub cpu_shares: Option<String>,
    /// Processors of docker's classic builder
    #[arg(long, hide = true, value_name = "LIST")]
    pub cpuset_cpus: Option<String>,
    /// Memory nodes of docker's classic builder
    #[arg(long, hide = true, value_name = "LIST")]
    pub cpuset_mems: Option<String>,
    /// Parent cgroup of RUN
    #[arg(long, hide = true, value_name = "CGROUP")]
    pub cgroup_parent: Option<String>,
    /// Isolation technology of Windows
    #[arg(long, hide = true, value_name = "NAME")]
    pub isolation: Option<String>,
    /// Security options of docker's classic builder
    #[arg(long, hide = true, value_name = "OPTION")]
    pub security_opt: Vec<String>,
    /// Merge all new layers into one; not supported
    #[arg(long, hide = true, value_name = "BOOL", value_parser = switch)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub squash: Option<bool>,
    /// Remove intermediate containers; there are none
    #[arg(long, hide = true, value_name = "BOOL", value_parser = switch)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub rm: Option<bool>,
    /// Remove intermediate containers; there are none
    #[arg(long, hide = true, value_name = "BOOL", value_parser = switch)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub force_rm: Option<bool>,
    /// Compress the context for the daemon; there is no daemon
    #[arg(long, hide = true, value_name = "BOOL", value_parser = switch)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub compress: Option<bool>,
    /// Docker's content trust, whose signatures dsbuild does not verify
    #[arg(long, hide = true, value_name = "BOOL", value_parser = switch)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub disable_content_trust: Option<bool>,
    /// Debug output of buildx
    #[arg(short = 'D', long, hide = true, value_name = "BOOL", value_parser = switch)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub debug: Option<bool>,
}

impl DockerArgs {
    /// Returns notes about flags that have no effect. A flag without which the result would be another is an error.
    pub fn check(&self) -> Result<Vec<String>, UsageError> {
        if self.squash == Some(true) {
            return Err(UsageError::new("--squash is not supported")
                .with_hint("copy the result into one layer: FROM scratch, then COPY --from=STAGE / /"));
        }
        if self.disable_content_trust == Some(false) {
            return Err(UsageError::new(
                "--disable-content-trust=false: signatures of docker's content trust are not verified",
            )
            .with_hint("pin base images by digest: FROM NAME@sha256:…"));
        }
        let limits = [
            ("--memory-swap", &self.memory_swap),
            ("--cpu-period", &self.cpu_period),
            ("--cpu-quota", &self.cpu_quota),
            ("--cpu-shares", &self.cpu_shares),
            ("--cpuset-cpus", &self.cpuset_cpus),
            ("--cpuset-mems", &self.cpuset_mems),
            ("--cgroup-parent", &self.cgroup_parent),
        ];
        let mut notes = Vec::new();
        for (flag, _) in limits.iter().filter(|(_, value)| value.is_some()) {
            notes.push(format!(
                "{flag} has no effect: of all limits, builds have --memory and --pids-limit only"
            ));
        }
        if !self.security_opt.is_empty() {
            notes.push("--security-opt has no effect: see --allow".to_owned());
        }
        if !self.cache_from.is_empty() {
            notes.push("--cache-from is not supported yet: no cache is imported".to_owned());
        }
        if !self.cache_to.is_empty() {
            notes.push("--cache-to is not supported yet: no cache is exported".to_owned());
        }
        Ok(notes)
    }
}

/// Commands of docker that dsbuild lacks, with the way to get the same, if there is one.
const COMMANDS: &[(&str, &str)] = &[
    ("builder", "dsbuild prune frees the space of the cache"),
    ("buildx", "dsbuild build takes the flags of docker buildx build"),
    ("config", ""),
    ("debug", ""),
    ("events", ""),
    ("info", "dsbuild du shows the space that the store uses"),
    ("init", ""),
    ("network", ""),
    ("node", ""),
    ("plugin", ""),
    ("scout", ""),
    ("search", ""),
    ("secret", ""),
    ("service", ""),
    ("stack", ""),
    ("swarm", ""),
    ("trust", ""),
];

/// Returns the error of a command line that begins with a command of docker that dsbuild lacks.
pub fn missing_command(word: &str) -> Option<UsageError> {
    let (_, hint) = COMMANDS
        .iter()
        .chain(&[("version", "dsbuild --version prints the version")])
        .find(|(name, _)| *name == word)?;
    let error = UsageError::new(format!("no command `{word}` yet"));
    Some(if hint.is_empty() {
        error.with_hint("`dsbuild --help` lists all commands")
    } else {
        error.with_hint(*hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_dsbuild_has_is_not_listed_as_missing() {
        use clap::CommandFactory;
        for command in crate::Cli::command().get_subcommands() {
            assert!(missing_command(command.get_name()).is_none(), "{}", command.get_name());
        }
        assert!(missing_command("swarm").is_some() && missing_command("trust").is_some());
    }
}
