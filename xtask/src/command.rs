//! Commands that the steps start, and the directories in which they work.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Reports whether cargo has the subcommand `name`.
pub fn has_subcommand(name: &str) -> bool {
    is_quietly_done(cargo_command(name).arg("--version"))
}

/// Runs cargo with arguments that are separated by blanks.
pub fn cargo(arguments: &str) -> bool {
    run_command(&mut cargo_command(arguments))
}

/// Prepares cargo with arguments that are separated by blanks, in the root directory of the workspace.
pub fn cargo_command(arguments: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments.split(' ')).current_dir(workspace_root());
    command
}

/// Runs a command; returns whether it succeeded.
pub fn run_command(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}

/// Runs a command without output; returns whether it succeeded.
pub fn is_quietly_done(command: &mut Command) -> bool {
    run_command(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
}

/// Returns the directory of what cargo builds.
pub fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace_root().join("target"), PathBuf::from)
}

/// Returns the root directory of the workspace.
pub fn workspace_root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().expect("xtask is a directory of the workspace").to_owned()
}
