//! House rules that no other tool checks.
//!
//! - A crate uses only the crates that the map of `ARCHITECTURE.md` allows, and the map shows no other ([`map`]). Each
//!   crate has a section there.
//! - The modules of a crate do not form a cycle ([`cycles`]).
//! - Comments, Markdown and names of tests follow the mechanical rules of `docs/style.md` ([`english`]).
//! - A source file has a header (`//!`) and at most [`MAX_LINES`] lines.
//! - Unsafe code is allowed in the crates of [`UNSAFE`] only.
//! - Few files read environment variables, clocks, or start programs ([`CALLS`]).
//! - A test that does not run by itself gives a reason: `#[ignore = "..."]`, which is for measurements.

mod cycles;
mod english;
mod map;
mod paths;

use std::path::{Path, PathBuf};

use map::Map;

/// Name of the package in the root folder of the workspace.
const ROOT: &str = "dsbuild";

/// Crates that can hold `unsafe` code.
const UNSAFE: [&str; 1] = ["sandbox"];

/// Calls whose result depends on the machine, each with the files that can make it. Tests, and what only developers run,
/// can make all of them.
const CALLS: [(&str, &[&str]); 3] = [
    // The arguments of a library decide what it does.
    ("env::var", &["src/environment.rs"]),
    // A clock makes results differ. Ages in the store, times that are shown, and times of new files need it.
    (
        "SystemTime::now(",
        &[
            "builder/src/op/file/mod.rs",
            "builder/src/step/cached.rs",
            "cache/src/files.rs",
            "cache/src/gc.rs",
            "cache/src/stat_cache.rs",
            "context/src/folder/copies.rs",
            "pipeline/src/build.rs",
            "printable/src/units.rs",
            "runner/src/clock.rs",
            "sources/src/context.rs",
            "sources/src/git/fetch.rs",
            "src/command/run/options.rs",
            "src/progress/rawjson.rs",
        ],
    ),
    // Everything outside the sandbox is our own code, except these programs of the machine.
    (
        "Command::new(",
        &[
            "registry/src/auth/credential_helper.rs",
            "sandbox/src/network/pasta.rs",
            "sandbox/src/privilege/subordinate_ids.rs",
            "sources/src/git/command.rs",
            // A build changes the namespaces of its process, so that several need one each.
            "src/command/bake/child.rs",
            "src/command/build/ssh.rs",
            "src/command/container/monitor.rs",
        ],
    ),
];

/// Crates that only developers run.
const FOR_DEVELOPERS: [&str; 5] = ["benches", "fuzz", "sweeps", "testing", "xtask"];

/// Longest source file; 150 lines are typical.
const MAX_LINES: usize = 500;

/// Markdown that quotes what the rules forbid.
const UNCHECKED_MARKDOWN: [&str; 1] = ["docs/style.md"];

/// Checks all rules, and prints the violations.
pub fn passes(root: &Path) -> bool {
    let problems = problems(root);
    problems.iter().for_each(|problem| eprintln!("tidy: {problem}"));
    problems.is_empty()
}

fn problems(root: &Path) -> Vec<String> {
    let architecture = read(&root.join("ARCHITECTURE.md"));
    let map = Map::read(&architecture);
    let workspace = read(&root.join("Cargo.toml"));
    let mut problems = map.member_problems(&members(&workspace));
    for name in map.crates() {
        let dir = if name == ROOT { root.to_owned() } else { root.join(name) };
        let manifest = read(&dir.join("Cargo.toml"));
        problems.extend(map.manifest_problems(name, &manifest));
        if !manifest.contains("[lints]\nworkspace = true") {
            problems.push(format!("`{name}` does not take the lints of the workspace"));
        }
        if !architecture.contains(&format!("`{name}`")) {
            problems.push(format!("ARCHITECTURE.md has no section for `{name}`"));
        }
        problems.extend(crate_problems(root, name, &dir));
    }
    problems.extend(markdown_problems(root));
    problems
}

/// Returns the members that the manifest of the workspace lists, on one line or on several.
fn members(workspace: &str) -> Vec<&str> {
    let list = workspace.split_once("members = [").map_or("", |(_, rest)| rest);
    let list = list.split(']').next().unwrap_or_default();
    list.split('"').skip(1).step_by(2).collect()
}

fn crate_problems(root: &Path, name: &str, dir: &Path) -> Vec<String> {
    let mut problems = Vec::new();
    let mut modules = Vec::new();
    for file in sources(dir, name == ROOT) {
        let text = read(&file);
        let shown = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        problems.extend(source_problems(name, &shown, &text));
        problems.extend(english::source_problems(&shown, &text));
        if let Ok(path) = file.strip_prefix(dir.join("src")) {
            modules.push((path.display().to_string(), text));
        }
    }
    problems.extend(cycles::problems(name, &modules));
    problems
}

/// Checks the Markdown of the root folder and of `docs`.
fn markdown_problems(root: &Path) -> Vec<String> {
    let folders = [root.to_owned(), root.join("docs")];
    let mut files: Vec<PathBuf> = folders.iter().flat_map(|folder| entries(folder)).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.sort_unstable();
    let shown = files.iter().map(|file| file.strip_prefix(root).unwrap_or(file).display().to_string());
    let checked = files.iter().zip(shown).filter(|(_, shown)| !UNCHECKED_MARKDOWN.contains(&shown.as_str()));
    checked.flat_map(|(file, shown)| english::markdown_problems(&shown, &read(file))).collect()
}

/// Returns the text of a file. A missing file is empty, and fails the rules on its content.
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Returns the `.rs` files of a crate, sorted. The folder of the root package holds the other crates as well, so only
/// its own folders count.
fn sources(dir: &Path, is_root: bool) -> Vec<PathBuf> {
    let starts = if is_root { vec![dir.join("src"), dir.join("tests")] } else { vec![dir.to_owned()] };
    let mut found = Vec::new();
    starts.iter().for_each(|start| collect(start, &mut found));
    found.sort_unstable();
    found
}

fn collect(dir: &Path, found: &mut Vec<PathBuf>) {
    for path in entries(dir) {
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// Reports the calls that `file` cannot make.
fn call_problems(name: &str, file: &str, text: &str) -> Vec<String> {
    let is_test = file.contains("tests/") || file.ends_with("tests.rs") || file.ends_with("/testing.rs");
    if is_test || FOR_DEVELOPERS.contains(&name) {
        return Vec::new();
    }
    let body = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let made = CALLS.iter().filter(|(call, files)| body.contains(call) && !files.contains(&file));
    made.map(|(call, _)| format!("{file} calls {call}; see CALLS in xtask/src/tidy/mod.rs")).collect()
}

fn source_problems(name: &str, file: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if !text.starts_with("//!") {
        problems.push(format!("{file} does not open with //!"));
    }
    let lines = text.lines().count();
    if lines > MAX_LINES {
        problems.push(format!("{file} has {lines} lines, more than {MAX_LINES}"));
    }
    problems.extend(call_problems(name, file, text));
    let is_attribute = |line: &str| line.starts_with("#[") || line.starts_with("#![");
    let attributes = || text.lines().map(str::trim_start).filter(|line| is_attribute(line));
    if !UNSAFE.contains(&name) && attributes().any(|line| line.contains("unsafe_code")) {
        problems.push(format!("{file} allows unsafe code"));
    }
    if attributes().any(|line| line.starts_with("#[ignore]")) {
        problems.push(format!("{file} has a test that is ignored for no reason"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_explained_and_short() {
        let check = |name, text: &str| source_problems(name, "f.rs", text);
        assert!(check("oci", "//! Says what it is for.\n").is_empty());
        assert_eq!(check("oci", "fn f() {}\n"), ["f.rs does not open with //!"]);
        assert_eq!(check("oci", &"//!\n".repeat(501)), ["f.rs has 501 lines, more than 500"]);
        assert_eq!(check("oci", "//! A.\n#![allow(unsafe_code)]\n"), ["f.rs allows unsafe code"]);
        assert!(check("sandbox", "//! A.\n#![allow(unsafe_code)]\n").is_empty());
        assert_eq!(
            check("oci", "//! A.\n    #[ignore]\n"),
            ["f.rs has a test that is ignored for no reason"]
        );
    }

    #[test]
    fn calls_that_depend_on_the_machine_have_a_home() {
        let check = |name, file, expected: &[&str]| {
            assert_eq!(source_problems(name, file, "//! A.\nlet x = std::env::var(\"X\");\n"), expected);
        };
        check(
            "oci",
            "oci/src/lib.rs",
            &["oci/src/lib.rs calls env::var; see CALLS in xtask/src/tidy/mod.rs"],
        );
        check("dsbuild", "src/environment.rs", &[]);
        check("oci", "oci/tests/it/main.rs", &[]);
        check("benches", "benches/src/main.rs", &[]);
    }

    #[test]
    fn members_are_read_from_the_workspace() {
        assert_eq!(members("[workspace]\nmembers = [\"a\", \"b\"]\n"), ["a", "b"]);
    }
}
