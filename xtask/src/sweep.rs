//! `cargo xtask sweep`: provokes faults against the binary that users get (package `sweeps`).
//!
//! A sweep needs root for its namespaces and volumes: other users run it with `sudo -n`. Where that is impossible, or a
//! program is missing, the sweep says so and fails: nothing was shown.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::command::{cargo, target_dir};
use crate::dist;

/// Builds the binary that users get, unless `--dsbuild` or `--help` is given, and runs the sweeps with these arguments.
pub fn sweep(arguments: &[String]) -> ExitCode {
    let needs_binary = needs_binary(arguments);
    if needs_binary && !dist::dist() {
        return ExitCode::FAILURE;
    }
    if !cargo("build --quiet --locked --package sweeps") {
        return ExitCode::FAILURE;
    }
    let target = target_dir();
    let mut command = as_root(&target.join("debug/sweeps"));
    command.args(arguments);
    if needs_binary {
        command.arg("--dsbuild").arg(target.join("release/dsbuild"));
    }
    let code = command.status().ok().and_then(|status| status.code());
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(2))
}

fn needs_binary(arguments: &[String]) -> bool {
    let names = ["--dsbuild", "--help", "-h"];
    !arguments.iter().any(|argument| names.contains(&argument.split('=').next().unwrap_or_default()))
}

/// Prepares a program that runs as root.
fn as_root(program: &Path) -> Command {
    let id = Command::new("id").arg("-u").output();
    if id.is_ok_and(|output| output.stdout == b"0\n") {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg("-n").arg(program);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(arguments: &[&str], expected: bool) {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        assert_eq!(needs_binary(&arguments), expected);
    }

    #[test]
    fn a_given_binary_is_not_built() {
        check(&["kill", "20"], true);
        check(&["all"], true);
        check(&["kill", "--dsbuild", "/tmp/dsbuild"], false);
        check(&["kill", "--dsbuild=/tmp/dsbuild"], false);
        check(&["--help"], false);
    }
}
