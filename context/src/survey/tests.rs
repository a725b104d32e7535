//! Directories with ignore files: the files that are in, the lines that decide, and messages about lines.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use super::*;
use crate::ContextTree;
use patterns::parse_lines;

struct Folder(tempfile::TempDir);

impl Folder {
    /// Makes files that hold their names; a name that ends in a slash is an empty directory.
    fn new(names: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for name in names {
            let path = dir.path().join(name);
            if name.ends_with('/') {
                fs::create_dir_all(path).expect("made");
            } else {
                fs::create_dir_all(path.parent().expect("has one")).expect("made");
                fs::write(path, name).expect("written");
            }
        }
        Self(dir)
    }

    fn survey(&self, ignore: &str) -> Survey {
        self.within(ignore, 100)
    }

    fn within(&self, ignore: &str, ignored_entries: u64) -> Survey {
        let lines = parse_lines(ignore.as_bytes()).expect("short lines");
        Survey::of(self.0.path(), &lines, Limits { ignored_entries }).expect("a survey")
    }
}

/// Returns every node: `path`, `path/` for a directory, `path/...` for a directory that is only measured; with `-LINE` or `+LINE` for
/// the line that decided.
fn shown(survey: &Survey) -> Vec<String> {
    let mut all = Vec::new();
    survey.visit(&mut |path, node| {
        let end = match node.kind {
            NodeKind::Folder(_) => "/",
            NodeKind::LeftOut(_) => "/...",
            _ => "",
        };
        let line = node.decision.map(|decision| {
            let sign = if decision.exception { '+' } else { '-' };
            format!(" {sign}{}", survey.lines()[decision.pattern].number)
        });
        all.push(format!("{}{end}{}", path.display(), line.unwrap_or_default()));
    });
    all
}

#[test]
fn each_path_has_the_line_that_decided() {
    let folder =
        Folder::new(&["a.md", "README.md", "src/a.rs", "src/b.o", "data/raw/x", "data/raw/y", "data/keep/z"]);
    let survey = folder.survey("# notes\n*.md\n!README.md\n\ndata\n!data/keep\n**/*.o\n");
    assert_eq!(
        shown(&survey),
        [
            "README.md +3",
            "a.md -2",
            "data/ -5",
            "data/keep/ +6",
            "data/keep/z +6",
            "data/raw/... -5",
            "src/",
            "src/a.rs",
            "src/b.o -7"
        ]
    );
    let sum = survey.sum();
    assert_eq!((sum.files, sum.folders, sum.size_bytes), (3, 3, 9 + 11 + 8));
}

/// A survey and a build must see the same.
#[test]
fn a_survey_has_the_files_that_a_build_sees() {
    let names =
        ["a.md", "x/a.md", "x/y/b.o", "x/y/keep", "v/good/a", "v/bad/b", "w/only/out.o", "e/", "z.o/inner"];
    let folder = Folder::new(&names);
    for ignore in
        ["", "*.md", "**/*.md", "v\n!v/good", "*\n!x/y/keep", "**\n!**/a*", "**/*.o", "w/**", "x/*\n!x/y"]
    {
        let survey = folder.survey(ignore);
        let lines = parse_lines(ignore.as_bytes()).expect("short lines");
        let texts: Vec<String> = lines.into_iter().map(|line| line.pattern).collect();
        let patterns = Patterns::new(&texts).expect("good patterns");
        let build = ContextTree::open(folder.0.path(), patterns, None).expect("opened");
        assert_eq!(paths(&survey, Path::new("")), paths(&build, Path::new("")), "{ignore:?}");
    }
}

fn paths(tree: &dyn trees::tree::Tree, at: &Path) -> Vec<PathBuf> {
    let children = tree.children(at).expect("a directory");
    let all = children.into_iter().flat_map(|trees::tree::Child { name, entry, .. }| {
        let path = at.join(name);
        let below = if entry.is_dir() { paths(tree, &path) } else { Vec::new() };
        std::iter::once(path).chain(below)
    });
    all.collect()
}

#[test]
fn ignored_directories_are_measured_up_to_a_limit() {
    let folder = Folder::new(&["d/1", "d/s/22", "d/s/333", "a"]);
    let measure = |limit| folder.within("d\n", limit).nodes()[1].measure();
    let all = Sum { files: 3, folders: 2, size_bytes: 3 + 6 + 7, is_partial: false };
    assert_eq!(measure(4), all);
    let some = measure(3);
    assert!(some.is_partial && some.files < 3, "{some:?}");
    assert_eq!(measure(0), Sum { folders: 1, is_partial: true, ..Sum::default() });
}

#[track_caller]
fn idle(names: &[&str], ignore: &str, expected: &[(u32, bool)]) {
    let survey = Folder::new(names).survey(ignore);
    let found = survey.idle();
    let found: Vec<(u32, bool)> =
        found.iter().map(|idle| (survey.lines()[idle.line].number, idle.agrees)).collect();
    assert_eq!(found, expected, "{ignore:?}");
}

#[test]
fn lines_that_change_nothing_are_idle() {
    let names = ["a.log", "data/raw/x", "src/a.rs"];
    idle(&names, "*.log\ndata\n", &[]);
    idle(&names, "*.swp\n.git\n", &[(1, false), (2, false)]);
    idle(&names, "*.log\na.log\n", &[(2, true)]);
    idle(&names, "data\ndata/raw\ndata/none/**\n", &[(2, true), (3, true)]);
    idle(&names, "!src\n!none\n", &[(1, true), (2, false)]);
    idle(&names, "data\n!data/raw/x\n!data/raw/y\n", &[(3, false)]);
    // Each of them is undone by the next, and still has a say.
    idle(&names, "*.log\n!*.log\n*.log\n", &[]);
}

/// `LINE KIND INSTEAD: PATH ...`
#[track_caller]
fn habits(names: &[&str], ignore: &str, expected: &[&str]) {
    let survey = Folder::new(names).survey(ignore);
    let shown: Vec<String> = survey
        .habits()
        .iter()
        .map(|habit| {
            let paths: Vec<String> =
                habit.paths.iter().map(|found| found.path.display().to_string()).collect();
            let number = survey.lines()[habit.line].number;
            format!("{number} {:?} {}: {}", habit.kind, habit.instead, paths.join(" "))
        })
        .collect();
    assert_eq!(shown, expected, "{ignore:?}");
}

#[test]
fn a_name_without_a_slash_matches_at_the_top() {
    let names = ["node_modules/a", "web/node_modules/b", "web/x/node_modules/c", "src/m.pyc", "m.pyc"];
    habits(
        &names,
        "node_modules\n*.pyc\n",
        &[
            "1 AnyDepth **/node_modules: web/node_modules web/x/node_modules",
            "2 AnyDepth **/*.pyc: src/m.pyc",
        ],
    );
    habits(&names, "node_modules/\n", &["1 AnyDepth **/node_modules: web/node_modules web/x/node_modules"]);
    // The same in both, or made up for by other lines.
    habits(&names, "/node_modules\n**/*.pyc\nweb/node_modules\n", &[]);
    habits(&names, "node_modules\n**/node_modules\n", &[]);
    habits(&names, "web\nnode_modules\n", &[]);
    habits(&["node_modules/a", "src/b"], "node_modules\n*.pyc\n", &[]);
    // `*` is left out with all that is below, but for what is taken back in.
    habits(&names, "*\n!src\n", &[]);
}

#[test]
fn an_exception_without_a_slash_matches_at_the_top() {
    let names = ["README.md", "docs/README.md", "docs/a.md"];
    habits(&names, "**/*.md\n!README.md\n", &["2 AnyDepthBack !**/README.md: docs/README.md"]);
    habits(&names, "**/*.md\n!/README.md\n", &[]);
    habits(&names, "**/*.md\n!README.md\ndocs/*.md\n", &[]);
}

#[test]
fn a_slash_at_the_end_does_not_mean_directories() {
    habits(&["build"], "build/\n", &["1 FoldersOnly build/**: build"]);
    habits(&["build/a"], "build/\n", &[]);
    habits(&["build", "x"], "build/\nbuild\n", &[]);
    habits(&["web/build"], "web/build/\n", &["1 FoldersOnly web/build/**: web/build"]);
    // .gitignore would not leave out a file of that name, at any depth.
    habits(&["web/build"], "build/\n", &[]);
}

#[test]
fn the_suggested_line_does_as_announced() {
    let survey = Folder::new(&["build", "web/build/x"]).survey("build/**\n**/build/**\n");
    assert_eq!(shown(&survey), ["build", "web/", "web/build/", "web/build/x -2"]);
}

#[test]
fn a_class_is_negated_by_a_caret() {
    let names = ["a1", "b1", "!1"];
    habits(&names, "/[!a]1\n", &["1 Negation [^a]1: a1 b1"]);
    habits(&names, "/[^a]1\n", &[]);
}

#[test]
fn files_that_nothing_takes_are_grouped_by_directory() {
    let folder = Folder::new(&["a", "b/c", "b/d", "e/f/g", "out"]);
    let survey = folder.survey("out\n");
    let taken = |path: &Path| path == Path::new("b/c");
    let found = survey.not_taken(&taken);
    let found: Vec<(&str, bool)> =
        found.iter().map(|found| (found.path.to_str().expect("ASCII"), found.is_folder)).collect();
    assert_eq!(found, [("a", false), ("b/d", false), ("e", true)]);
}

#[test]
fn secrets_and_outward_symlinks_are_found() {
    let folder = Folder::new(&["app/.env", ".env.example", "keys/id_rsa", "ca.pem", "out/.env", "sub/x"]);
    fs::write(folder.0.path().join("key.pem"), "-----BEGIN PRIVATE KEY-----").expect("written");
    for (name, target) in
        [("abs", "/etc/passwd"), ("up", "../x"), ("sub/in", "../ca.pem"), ("sub/up", "../../y")]
    {
        symlink(target, folder.0.path().join(name)).expect("linked");
    }
    let survey = folder.survey("out\n");
    let secrets: Vec<(PathBuf, Likelihood)> = survey.secrets();
    let names: Vec<&str> = secrets.iter().map(|(path, _)| path.to_str().expect("ASCII")).collect();
    assert_eq!(names, ["app/.env", "key.pem", "keys/id_rsa"]);
    let links = survey.outward_links();
    let links: Vec<&str> = links.iter().map(|(path, _)| path.to_str().expect("ASCII")).collect();
    assert_eq!(links, ["abs", "sub/up", "up"]);
}

#[test]
fn names_can_be_any_bytes_and_paths_long() {
    let folder = Folder::new(&[]);
    let odd = std::ffi::OsStr::from_bytes(b"caf\xe9\n");
    fs::write(folder.0.path().join(odd), "x").expect("written");
    // Deeper than there are descriptors, as deep as a path can be.
    let deep = PathBuf::from("d/".repeat(1900));
    let mut at = rustix::fs::open(folder.0.path(), rustix::fs::OFlags::PATH, rustix::fs::Mode::empty())
        .expect("opened");
    for _ in 0..1900 {
        rustix::fs::mkdirat(&at, "d", 0o755.into()).expect("made");
        at = rustix::fs::openat(&at, "d", rustix::fs::OFlags::PATH, rustix::fs::Mode::empty())
            .expect("opened");
    }
    let survey = folder.survey("*.log\n");
    assert!(survey.unreadable().is_empty(), "{:?}", survey.unreadable());
    let sum = survey.sum();
    assert_eq!((sum.files, sum.folders), (1, 1900));
    let mut deepest = PathBuf::new();
    survey.visit(&mut |path, _| {
        if path.as_os_str().len() > deepest.as_os_str().len() {
            deepest = path.to_owned();
        }
    });
    assert_eq!(deepest.components().count(), deep.components().count());
    assert_eq!(survey.nodes()[0].name, odd);
}

#[test]
fn symlinks_in_a_context_are_not_followed() {
    let folder = Folder::new(&["real/a"]);
    symlink("real", folder.0.path().join("link")).expect("linked");
    let survey = folder.survey("link/a\n");
    assert_eq!(shown(&survey), ["link", "real/", "real/a"]);
    assert_eq!(survey.idle(), [IdleLine { line: 0, agrees: false }]);
}
