//! Runs the fuzz targets one after the other: `cargo xtask fuzz [MINUTES]`.
//!
//! Needs a nightly toolchain (`rustup toolchain install nightly`) and `cargo install --locked cargo-fuzz`. New inputs go
//! to `target/fuzz/corpus`. Findings go to `fuzz/artifacts`, and cargo-fuzz prints how to repeat them.

use std::num::NonZeroU32;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::steps::{run_command, workspace_root};

/// Runs each target for `minutes`. Stops at the first finding.
pub fn run(minutes: NonZeroU32) -> ExitCode {
    let root = workspace_root();
    let mut targets: Vec<String> = names(&root.join("fuzz/corpus"));
    targets.sort_unstable();
    for target in targets {
        println!("== fuzz {target}");
        if !passes(&root, &target, minutes) {
            eprintln!(
                "xtask: fuzz {target} failed; it needs cargo-fuzz and a nightly toolchain (see xtask/src/fuzz.rs)"
            );
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Returns the names of the targets: each has a corpus of its name.
fn names(corpora: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(corpora).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Runs one target without a sanitizer: the fuzzed crates have no unsafe code that it could watch, and run twice as
/// fast without it.
fn passes(root: &Path, target: &str, minutes: NonZeroU32) -> bool {
    let found = format!("target/fuzz/corpus/{target}");
    if let Err(error) = std::fs::create_dir_all(root.join(&found)) {
        eprintln!("xtask: cannot make {found}: {error}");
        return false;
    }
    let mut command = Command::new("rustup");
    command.current_dir(root).env_remove("CARGO").env_remove("RUSTC");
    command.args(["run", "nightly", "cargo", "fuzz", "run", "--sanitizer", "none"]);
    command.args(["--features", "libfuzzer", "--target-dir", "target/fuzz"]);
    // libFuzzer writes new inputs to the first directory.
    command.args([target, &found, &format!("fuzz/corpus/{target}"), "--", "-timeout=10", "-max_len=4096"]);
    // Targets that generate their input from numbers have no words.
    let dictionary = format!("fuzz/dictionaries/{target}");
    if root.join(&dictionary).is_file() {
        command.arg(format!("-dict={dictionary}"));
    }
    command.arg(format!("-max_total_time={}", u64::from(minutes.get()) * 60));
    run_command(&mut command)
}
