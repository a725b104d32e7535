//! Rules of ours that no other tool checks.
//!
//! - A crate uses only the crates of ours that [`EDGES`] allows; `ARCHITECTURE.md` says why, and has a section for each.
//! - A source file says at its top what it is for, and is no longer than [`MAX_LINES`].
//! - Unsafe code is allowed in the crates of [`UNSAFE`] only.
//! - The environment is read in [`ENVIRONMENT`] only, and by tests: what a library does, its arguments say.
//! - A test that does not run by itself says why: `#[ignore = "..."]`, which is for measurements.

use std::path::{Path, PathBuf};

/// What a crate may use of ours, in tests too.
const EDGES: [(&str, &[&str]); 27] = [
    ("parser", &[]),
    ("oci", &[]),
    ("patterns", &[]),
    ("graph", &["oci"]),
    ("progress", &["graph"]),
    ("frontend", &["parser", "oci", "graph", "patterns", "cdi"]),
    ("cache", &["oci"]),
    ("registry", &["oci"]),
    ("tarball", &[]),
    ("rootfs", &["oci", "cache", "tarball"]),
    ("archive", &["cache", "rootfs", "tarball"]),
    ("users", &["rootfs"]),
    ("images", &["oci", "cache"]),
    ("context", &["patterns", "rootfs", "cache"]),
    ("sources", &["graph", "progress", "oci", "cache", "rootfs", "archive", "registry", "images", "testing"]),
    ("sandbox", &[]),
    ("cdi", &["sandbox"]),
    (
        "builder",
        &[
            "graph", "progress", "patterns", "context", "sources", "oci", "cache", "rootfs", "archive",
            "users", "sandbox", "cdi", "testing",
        ],
    ),
    ("export", &["progress", "oci", "cache", "rootfs", "registry", "images", "testing"]),
    (
        "pipeline",
        &[
            "parser", "frontend", "graph", "progress", "patterns", "context", "images", "sources", "builder",
            "export", "oci", "cache", "rootfs", "archive", "registry", "testing",
        ],
    ),
    ("runner", &["oci", "cache", "rootfs", "images", "users", "sandbox"]),
    (
        "dsbuild",
        &[
            "parser", "frontend", "graph", "progress", "patterns", "context", "images", "sources", "builder",
            "export", "pipeline", "oci", "cache", "rootfs", "users", "sandbox", "cdi", "registry", "runner",
        ],
    ),
    ("testing", &["oci", "cache", "rootfs"]),
    ("benches", &["parser", "patterns", "cache", "rootfs", "export"]),
    ("sweeps", &[]),
    ("xtask", &[]),
    ("fuzz", &["parser", "patterns", "graph", "oci", "cache", "rootfs", "archive", "registry", "cdi"]),
];

/// Where `unsafe` may be.
const UNSAFE: [&str; 2] = ["rootfs", "sandbox"];

/// Where variables may be read, besides tests and what only developers run.
const ENVIRONMENT: &str = "src/environment.rs";

const MAX_LINES: usize = 800;

/// Checks everything, prints what is wrong.
pub fn passes(root: &Path) -> bool {
    let problems = problems(root);
    problems.iter().for_each(|problem| eprintln!("tidy: {problem}"));
    problems.is_empty()
}

fn problems(root: &Path) -> Vec<String> {
    let architecture = read(&root.join("ARCHITECTURE.md"));
    let mut problems = Vec::new();
    for (name, _) in EDGES {
        let dir = if name == "dsbuild" { root.to_owned() } else { root.join(name) };
        problems.extend(manifest_problems(name, &read(&dir.join("Cargo.toml"))));
        if !architecture.contains(&format!("`{name}`")) {
            problems.push(format!("ARCHITECTURE.md does not speak of `{name}`"));
        }
        for file in sources(&dir, name == "dsbuild") {
            let shown = file.strip_prefix(root).unwrap_or(&file).display().to_string();
            problems.extend(source_problems(name, &shown, &read(&file)));
        }
    }
    problems
}

/// A file that is not there reads as empty, and fails the rules on its content.
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The `.rs` files of a crate, sorted. The root package's folder holds the other crates, too: only its own folders count.
fn sources(dir: &Path, is_root: bool) -> Vec<PathBuf> {
    let starts = match is_root {
        true => vec![dir.join("src"), dir.join("tests")],
        false => vec![dir.to_owned()],
    };
    let mut found = Vec::new();
    starts.iter().for_each(|start| collect(start, &mut found));
    found.sort_unstable();
    found
}

fn collect(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn manifest_problems(name: &str, manifest: &str) -> Vec<String> {
    let (_, allowed) = EDGES.iter().find(|(known, _)| *known == name).expect("the caller took it from there");
    let mut problems: Vec<String> = dependencies(manifest)
        .into_iter()
        .filter(|used| EDGES.iter().any(|(known, _)| known == used) && !allowed.contains(used))
        .map(|used| format!("`{name}` must not use `{used}`"))
        .collect();
    if !manifest.contains("[lints]\nworkspace = true") {
        problems.push(format!("`{name}` does not take the lints of the workspace"));
    }
    problems
}

/// The keys of every section of dependencies, the workspace's list of versions excepted.
fn dependencies(manifest: &str) -> Vec<&str> {
    let mut is_inside = false;
    let mut keys = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_inside = line.ends_with("dependencies]") && line != "[workspace.dependencies]";
        } else if let Some(key) = line.split(['.', ' ', '=']).next().filter(|_| is_inside) {
            keys.push(key);
        }
    }
    keys
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
    let is_test = file.contains("tests/") || file.ends_with("/tests.rs");
    let is_library = !["benches", "xtask"].contains(&name) && !is_test && file != ENVIRONMENT;
    if is_library && ["env::var(", "env::var_os(", "env::vars"].iter().any(|call| text.contains(call)) {
        problems.push(format!("{file} reads the environment"));
    }
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

    const LINTS: &str = "[lints]\nworkspace = true\n";

    #[track_caller]
    fn check_manifest(name: &str, dependencies: &str, expected: &[&str]) {
        assert_eq!(manifest_problems(name, &format!("{dependencies}\n{LINTS}")), expected);
    }

    #[test]
    fn edges_go_one_way() {
        check_manifest("cache", "[dependencies]\noci.workspace = true\nserde.workspace = true", &[]);
        check_manifest("oci", "[dependencies]\ncache.workspace = true", &["`oci` must not use `cache`"]);
        check_manifest(
            "oci",
            "[dev-dependencies]\nparser = { path = \"x\" }",
            &["`oci` must not use `parser`"],
        );
        check_manifest(
            "oci",
            "[target.'cfg(unix)'.dependencies]\nrootfs = \"1\"",
            &["`oci` must not use `rootfs`"],
        );
        check_manifest("dsbuild", "[workspace.dependencies]\nxtask = { path = \"xtask\" }", &[]);
        check_manifest("oci", "[features]\ncache = []", &[]);
    }

    #[test]
    fn lints_of_the_workspace_are_taken() {
        assert_eq!(manifest_problems("oci", ""), ["`oci` does not take the lints of the workspace"]);
    }

    #[test]
    fn sources_are_explained_and_short() {
        let check = |name, text: &str| source_problems(name, "f.rs", text);
        assert!(check("oci", "//! Says what it is for.\n").is_empty());
        assert_eq!(check("oci", "fn f() {}\n"), ["f.rs does not open with //!"]);
        assert_eq!(check("oci", &"//!\n".repeat(801)), ["f.rs has 801 lines, more than 800"]);
        assert_eq!(check("oci", "//! A.\n#![allow(unsafe_code)]\n"), ["f.rs allows unsafe code"]);
        assert!(check("sandbox", "//! A.\n#![allow(unsafe_code)]\n").is_empty());
        assert_eq!(
            check("oci", "//! A.\n    #[ignore]\n"),
            ["f.rs has a test that is ignored for no reason"]
        );
    }

    #[test]
    fn one_file_reads_the_environment() {
        let check = |name, file| source_problems(name, file, "//! A.\nlet x = std::env::var(\"X\");\n");
        assert_eq!(check("oci", "oci/src/lib.rs"), ["oci/src/lib.rs reads the environment"]);
        assert!(check("dsbuild", "src/environment.rs").is_empty());
        assert!(check("oci", "oci/tests/it/main.rs").is_empty());
    }

    #[test]
    fn every_member_has_its_edges() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let manifest = read(&root.join("Cargo.toml"));
        let members = manifest.lines().find(|line| line.starts_with("members")).unwrap();
        for member in members.split('"').skip(1).step_by(2) {
            assert!(EDGES.iter().any(|(name, _)| *name == member), "{member}");
        }
    }
}
