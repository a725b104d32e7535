//! The steps of continuous integration, each a cargo command or our own rules.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use crate::tidy;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The code is formatted.
    Fmt,
    /// No lint speaks up.
    Clippy,
    /// The tests pass.
    Test,
    /// The documentation has no broken link.
    Doc,
    /// Our own rules hold.
    Tidy,
    /// Licences, sources and known vulnerabilities of what we use.
    Deny,
    /// `target/release/dsbuild`: one static binary, as users get it. No part of [`Step::ALL`].
    Dist,
}

impl Step {
    /// What continuous integration runs, in this order; what fails often and fast comes first.
    pub const ALL: [Self; 6] = [Self::Fmt, Self::Tidy, Self::Clippy, Self::Test, Self::Doc, Self::Deny];

    /// What it is called on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::Test => "test",
            Self::Doc => "doc",
            Self::Tidy => "tidy",
            Self::Deny => "deny",
            Self::Dist => "dist",
        }
    }

    fn passes(self) -> bool {
        match self {
            Self::Fmt => cargo("fmt --all --check"),
            Self::Clippy => cargo("clippy --quiet --workspace --all-targets -- -D warnings"),
            Self::Test => test(),
            Self::Doc => run_command(
                cargo_command("doc --quiet --workspace --no-deps --document-private-items")
                    .env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links"),
            ),
            Self::Tidy => tidy::passes(&workspace_root()),
            Self::Deny => deny(),
            Self::Dist => dist(),
        }
    }
}

/// Runs `steps` in order up to the first that fails.
pub fn run(steps: &[Step]) -> ExitCode {
    for step in steps {
        println!("== {}", step.name());
        let start = Instant::now();
        if !step.passes() {
            eprintln!("xtask: {} failed", step.name());
            return ExitCode::FAILURE;
        }
        println!("== {} passed in {:.1} s", step.name(), start.elapsed().as_secs_f64());
    }
    ExitCode::SUCCESS
}

fn test() -> bool {
    match has_subcommand("nextest") {
        // Documentation tests are not nextest's.
        true => cargo("nextest run --workspace") && cargo("test --quiet --workspace --doc"),
        false => cargo("test --quiet --workspace"),
    }
}

/// The C library goes into the binary: it runs on any Linux, and nothing of the machine that it runs on (a replaced
/// library, name services) gets into it. Only the binary itself can be linked so; a flag for all would stop procedural
/// macros. Machines with the musl target: `cargo build --release --locked --target x86_64-unknown-linux-musl`.
fn dist() -> bool {
    cargo("rustc --quiet --release --locked --bin dsbuild -- -C target-feature=+crt-static")
}

/// Makes the binary that users get, and measures it (package `benches`) with these flags, in the caller's folder: paths in
/// flags are relative to it. With `--dsbuild` another one is measured, and with `--from` and `--list` none.
pub fn bench(flags: &[String]) -> ExitCode {
    let needs_none = ["--dsbuild", "--from", "--list", "--help", "-h"];
    let is_there = flags.iter().any(|flag| needs_none.contains(&flag.split('=').next().unwrap_or_default()));
    if !is_there && run(&[Step::Dist]) != ExitCode::SUCCESS {
        return ExitCode::FAILURE;
    }
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["run", "--quiet", "--release", "--locked", "--package", "benches", "--manifest-path"]);
    command.arg(workspace_root().join("Cargo.toml")).arg("--").args(flags);
    let code = command.status().ok().and_then(|status| status.code());
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(2))
}

/// Checks licences, sources and advisories of the dependencies. A missing cargo-deny is a failure. The database of
/// advisories lives on GitHub; where it cannot be fetched, the advisories alone are skipped, and the output says so.
fn deny() -> bool {
    if !has_subcommand("deny") {
        eprintln!("xtask: cargo-deny is not installed; scripts/setup installs it");
        return false;
    }
    if !cargo("deny --log-level error check licenses bans sources") {
        return false;
    }
    if !is_quietly_done(&mut cargo_command("deny --log-level off fetch db")) {
        println!("advisories skipped: their database cannot be fetched here");
        return true;
    }
    cargo("deny --log-level error check advisories")
}

fn has_subcommand(name: &str) -> bool {
    is_quietly_done(cargo_command(name).arg("--version"))
}

fn cargo(arguments: &str) -> bool {
    run_command(&mut cargo_command(arguments))
}

/// `arguments` are separated by blanks.
fn cargo_command(arguments: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments.split(' ')).current_dir(workspace_root());
    command
}

pub(crate) fn run_command(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}

fn is_quietly_done(command: &mut Command) -> bool {
    run_command(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
}

pub(crate) fn workspace_root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().expect("xtask is a folder of the workspace").to_owned()
}
