//! Why a file that a step takes does not exist: ignored, misspelt, or in another directory.
//!
//! This is looked into only after a step has failed for it.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use trees::tree::{Child, Tree};

use graph::{CopySource, FileAction, Graph, ImageOrigin, InputIndex, MountKind, Op, Source, Step};
use patterns::clean;
use patterns::{IgnoreFile, Patterns};

/// Number of names of a directory that are compared with the missing one.
const MAX_NAMES: usize = 5_000;
/// Number of files that are searched for one of the same name.
const MAX_FILES: usize = 20_000;

/// Facts about a file that a step takes and that does not exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotFound {
    /// Files among which the step looked for this one.
    pub searched: Searched,
    /// Line of the ignore file that excludes the file, which does exist in the directory of the context.
    pub ignored_by: Option<IgnoredBy>,
    /// Similar path that exists.
    pub suggestion: Option<String>,
    /// True if the path, as written, begins outside of the context.
    pub is_outside: bool,
}

/// Line of an ignore file that excludes a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredBy {
    /// Name of the ignore file, such as `.dockerignore`.
    pub file: String,
    /// Number of the line, counted from 1.
    pub line: u32,
    /// Text of the line as written.
    pub written: String,
}

/// Files among which a step looks for a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Searched {
    /// The main context of the build.
    #[default]
    Context,
    /// Another stage, identified by its name.
    Stage(String),
    /// An image, identified by its name.
    Image(String),
    /// A context of `--build-context`, a repository or a download.
    Other,
}

/// The source of a step that does not exist.
struct MissingPath<'s> {
    input: InputIndex,
    path: &'s str,
    as_written: &'s str,
}

/// Finds out why `missing` does not exist. Returns `None` if no source of the step has that path.
///
/// `missing` is the path of [`FileOpError::NotFound`](crate::op::file::FileOpError::NotFound). `tree_of` returns the files
/// of an input, if they are known. `ignore_files` has the ignore files of local contexts by the name of the context.
pub fn diagnose(
    missing: &str,
    graph: &Graph,
    step: &Step,
    tree_of: impl Fn(InputIndex) -> Option<Arc<dyn Tree>>,
    ignore_files: &BTreeMap<String, IgnoreFile>,
) -> Option<NotFound> {
    let wanted = wanted(&step.op, missing)?;
    let source = &graph.steps[step.inputs[wanted.input.0].0];
    let (searched, ignored_by) = match &source.op {
        Op::Source(Source::Local { name, path, .. }) => {
            let searched = if name == "context" { Searched::Context } else { Searched::Other };
            let ignore = ignore_files.get(name);
            (searched, ignore.and_then(|ignore| ignored_by(path, ignore, wanted.path)))
        }
        Op::Source(Source::Stored { .. }) => (Searched::Context, None),
        Op::Source(Source::Http { .. } | Source::Git { .. }) => (Searched::Other, None),
        Op::Source(Source::Image { name, .. }) => (Searched::Image(image_name(name)), None),
        _ => (Searched::Stage(source.meta.stage.clone()), None),
    };
    let is_outside = searched == Searched::Context && clean(wanted.as_written).starts_with("../");
    let suggestion = match (&ignored_by, tree_of(wanted.input)) {
        (None, Some(tree)) => suggestion(&*tree, &wanted),
        _ => None,
    };
    Some(NotFound { searched, ignored_by, suggestion, is_outside })
}

/// Returns a similar path, absolute if the written one is.
fn suggestion(tree: &dyn Tree, wanted: &MissingPath<'_>) -> Option<String> {
    let path = meant(tree, wanted.path)?;
    Some(if wanted.as_written.starts_with('/') { format!("/{path}") } else { path })
}

fn image_name(origin: &ImageOrigin) -> String {
    match origin {
        ImageOrigin::Registry(name) | ImageOrigin::Store { name } => name.to_string(),
        ImageOrigin::Layout { path } => path.display().to_string(),
    }
}

/// Finds the source of a step whose path is missing.
fn wanted<'s>(op: &'s Op, missing: &str) -> Option<MissingPath<'s>> {
    let is_missing = |path: &str| clean(&format!("/{path}")) == missing;
    match op {
        Op::File(op) => op.actions.iter().find_map(|action| match action {
            FileAction::Copy(copy) => match &copy.from {
                CopySource::Input { input, path, as_written } if is_missing(path) => {
                    Some(MissingPath { input: *input, path, as_written })
                }
                _ => None,
            },
            FileAction::Mkdir { .. } => None,
        }),
        Op::Exec(exec) => exec.mounts.iter().find_map(|mount| match &mount.kind {
            MountKind::Bind { from: Some(input), source }
            | MountKind::Cache { from: Some(input), source, .. }
                if is_missing(source) =>
            {
                Some(MissingPath { input: *input, path: source, as_written: source })
            }
            _ => None,
        }),
        _ => None,
    }
}

/// Finds the line that excludes `path`, if the file exists in the directory `context`.
fn ignored_by(context: &Path, ignore: &IgnoreFile, path: &str) -> Option<IgnoredBy> {
    let path = clean(path.trim_start_matches('/'));
    std::fs::symlink_metadata(context.join(&path)).ok()?;
    let decision = Patterns::new(&ignore.patterns()).ok()?.decide_from_root(path.as_bytes())?;
    let line = ignore.lines.get(decision.pattern).filter(|_| !decision.exception)?;
    Some(IgnoredBy { file: ignore.name(), line: line.number, written: line.written.clone() })
}

/// Finds the name that differs from `word` by the fewest edits, at most two.
fn suggest<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    const MAX_EDITS: usize = 2;
    // Comparing costs the product of both lengths, and no long name is a misspelling of another.
    const MAX_WORD_BYTES: usize = 64;
    if word.len() > MAX_WORD_BYTES {
        return None;
    }
    let near = names.iter().filter(|name| name.len() <= MAX_WORD_BYTES + MAX_EDITS);
    let near = near.map(|name| (strsim::levenshtein(word, name), *name));
    near.filter(|(edits, _)| *edits <= MAX_EDITS).min_by_key(|(edits, _)| *edits).map(|(_, name)| name)
}

/// Finds a similar path in the tree: with nearly the same name, or with the same name in another directory.
fn meant(tree: &dyn Tree, path: &str) -> Option<String> {
    let path = Path::new(path.trim_start_matches('/'));
    let found = similar(tree, path).or_else(|| elsewhere(tree, path.file_name()?))?;
    found.into_os_string().into_string().ok()
}

/// Replaces the first element that does not exist by a similar one that does.
fn similar(tree: &dyn Tree, path: &Path) -> Option<PathBuf> {
    let mut folder = PathBuf::new();
    let mut elements = path.iter();
    for element in elements.by_ref() {
        let next = folder.join(element);
        if tree.lookup(&next).ok()?.is_some() {
            folder = next;
            continue;
        }
        let names = tree.children(&folder).ok()?;
        let names: Vec<&str> = names.iter().take(MAX_NAMES).filter_map(|child| child.name.to_str()).collect();
        let mut corrected = folder.join(nearest(element.to_str()?, &names)?);
        corrected.extend(elements);
        return tree.lookup(&corrected).ok()?.map(|_| corrected);
    }
    None
}

/// Finds the name that differs in case only, or else by few edits.
fn nearest<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    let same = names.iter().find(|name| name.eq_ignore_ascii_case(word)).copied();
    // Short names are all similar to each other.
    let is_near = |name: &&str| word.chars().count() > 3 || name.chars().count() > 3;
    same.or_else(|| suggest(word, names).filter(is_near))
}

/// Finds the file with this name that is nearest to the root.
fn elsewhere(tree: &dyn Tree, name: &OsStr) -> Option<PathBuf> {
    let mut folders = VecDeque::from([PathBuf::new()]);
    let mut looked_at = 0;
    while let Some(folder) = folders.pop_front() {
        let children = tree.children(&folder).ok()?;
        if children.iter().any(|child| child.name == name) {
            return Some(folder.join(name));
        }
        looked_at += children.len();
        if looked_at > MAX_FILES {
            return None;
        }
        let is_folder = |child: &Child| child.entry.is_dir() && child.name != ".git";
        folders.extend(children.into_iter().filter(is_folder).map(|child| folder.join(child.name)));
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use context::ContextTree;

    fn context() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for file in ["app.py", "Main.java", "src/lib/core.rs", "docs/a.log", "docs/keep.log"] {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("made");
            fs::write(path, "").expect("written");
        }
        dir
    }

    #[test]
    fn a_similar_path_is_suggested() {
        let dir = context();
        let tree = ContextTree::open(dir.path(), Patterns::default(), None).expect("a folder");
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(meant(&tree, path).as_deref(), expected, "{path}");
        };
        check("/app.pyy", Some("app.py"));
        check("/main.java", Some("Main.java"));
        check("/scr/lib/core.rs", Some("src/lib/core.rs"));
        check("/src/lib/cor.rs", Some("src/lib/core.rs"));
        check("/core.rs", Some("src/lib/core.rs"));
        check("/nothing", None);
        check("/", None);
    }

    #[test]
    fn the_line_that_excludes_a_file_is_named() {
        let dir = context();
        let check = |text: &str, path: &str, expected: Option<(u32, &str)>| {
            let ignore = IgnoreFile::parse(".dockerignore".into(), text.as_bytes()).expect("good patterns");
            let found = ignored_by(dir.path(), &ignore, path);
            let found = found.as_ref().map(|by| (by.line, by.written.as_str()));
            assert_eq!(found, expected, "{text:?} {path}");
        };
        check("# all\napp.py\n", "/app.py", Some((2, "app.py")));
        check("*.py\n\ndocs/\n", "/docs/a.log", Some((3, "docs/")));
        check("docs\n!docs/keep.log\n**/*.log\n", "/docs/keep.log", Some((3, "**/*.log")));
        check("docs\n!docs/keep.log\n", "/docs/keep.log", None);
        check("nothing\n", "/nothing", None);
        check("", "/app.py", None);
    }
}
