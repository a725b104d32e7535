//! The steps of continuous integration. Each is a cargo command or a rule of our own.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use crate::{dist, skips, tidy};

/// Step that passes or fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Formatting of the code.
    Fmt,
    /// Lints of the compiler and of clippy.
    Clippy,
    /// Tests of all crates, and the count of skipped ones.
    Test,
    /// Links in the documentation.
    Doc,
    /// Rules that no other tool checks.
    Tidy,
    /// Licences, sources and known vulnerabilities of dependencies.
    Deny,
    /// The binary that users get; not part of [`Step::ALL`].
    Dist,
    /// The file `docs/cli.md`, written anew; not part of [`Step::ALL`]. A test of `dsbuild` checks that it is up to date.
    CliDocs,
}

impl Step {
    /// Steps of continuous integration in their order: those that fail often and fast come first.
    pub const ALL: [Self; 6] = [Self::Fmt, Self::Tidy, Self::Clippy, Self::Test, Self::Doc, Self::Deny];

    /// Steps that are run by name only.
    pub const OTHERS: [Self; 2] = [Self::Dist, Self::CliDocs];

    /// Returns the name on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::Test => "test",
            Self::Doc => "doc",
            Self::Tidy => "tidy",
            Self::Deny => "deny",
            Self::Dist => "dist",
            Self::CliDocs => "cli-docs",
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
            Self::Dist => dist::dist(),
            Self::CliDocs => cli_docs(),
        }
    }
}

/// Runs `steps` in order, up to the first that fails.
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

/// Runs all tests. Skipped tests are counted in nextest's report, so that continuous integration needs nextest.
fn test() -> bool {
    let report = skips::report_path(&workspace_root());
    // An old report must not be taken for that of this run; it may not exist.
    let _ = std::fs::remove_file(&report);
    if !has_subcommand("nextest") {
        println!(
            "cargo-nextest is not installed (cargo install --locked cargo-nextest): skipped tests are not counted"
        );
        return cargo("test --quiet --workspace") && skips::are_accepted(&report);
    }
    // nextest does not run the tests in documentation.
    let passed = cargo("nextest run --workspace") && cargo("test --quiet --workspace --doc");
    skips::are_accepted(&report) && passed
}

/// Writes the reference of all commands.
fn cli_docs() -> bool {
    let output = cargo_command("run --quiet --bin dsbuild -- __cli-docs").stderr(Stdio::inherit()).output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else { return false };
    std::fs::write(workspace_root().join("docs/cli.md"), output.stdout).is_ok()
}

/// Builds the binary that users get and measures it (package `benches`) with these flags. Paths in flags are relative to
/// the caller's directory. With `--dsbuild` another binary is measured; with `--from` and `--list` none is needed.
pub fn bench(flags: &[String]) -> ExitCode {
    let need_no_binary = ["--dsbuild", "--from", "--list", "--help", "-h"];
    let is_given =
        flags.iter().any(|flag| need_no_binary.contains(&flag.split('=').next().unwrap_or_default()));
    if !is_given && run(&[Step::Dist]) != ExitCode::SUCCESS {
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

/// Runs cargo with arguments that are separated by blanks.
pub(crate) fn cargo(arguments: &str) -> bool {
    run_command(&mut cargo_command(arguments))
}

fn cargo_command(arguments: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments.split(' ')).current_dir(workspace_root());
    command
}

/// Runs a command; returns whether it succeeded.
pub(crate) fn run_command(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}

fn is_quietly_done(command: &mut Command) -> bool {
    run_command(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
}

/// Returns the root directory of the workspace.
pub(crate) fn workspace_root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().expect("xtask is a directory of the workspace").to_owned()
}
