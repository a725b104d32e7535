//! The files that a graph takes from the build context.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use trees::tree::{Tree, resolve};

use super::select::select;
use graph::{
    CopyAction, CopySource, ExecMount, FileAction, Graph, InputIndex, Lines, MountKind, Op, Source, Step,
};

/// Paths that COPY, ADD and mounts take from a context.
#[derive(Debug, Default)]
pub struct Taken {
    paths: HashSet<PathBuf>,
    /// Directories that are taken with everything below them.
    whole: Vec<PathBuf>,
    /// Sources that do not exist, and other reasons why a step could not take its files.
    pub failures: Vec<Failure>,
}

/// A step that could not take its files.
#[derive(Debug)]
pub struct Failure {
    /// Lines of the instruction in the Dockerfile.
    pub lines: Option<Lines>,
    /// Reason why the files cannot be taken.
    pub error: super::FileOpError,
}

/// Finds the files that the steps of `graph` take from `tree`, the context called `name`. Only names and kinds of files
/// are used.
pub fn taken(graph: &Graph, name: &str, tree: &dyn Tree) -> Taken {
    let mut taken = Taken::default();
    for step in &graph.steps {
        let is_context = |input: InputIndex| {
            let step = step.inputs.get(input.0).and_then(|id| graph.steps.get(id.0));
            matches!(step.map(|step| &step.op), Some(Op::Source(Source::Local { name: other, .. })) if other == name)
        };
        match &step.op {
            Op::File(op) => {
                for action in &op.actions {
                    if let FileAction::Copy(copy) = action
                        && let CopySource::Input { input, path, .. } = &copy.from
                        && is_context(*input)
                    {
                        taken.copy(step, copy, path, tree);
                    }
                }
            }
            Op::Exec(exec) => {
                exec.mounts
                    .iter()
                    .filter_map(source)
                    .filter(|(input, _)| is_context(*input))
                    .for_each(|(_, source)| taken.mount(source, tree));
            }
            Op::Source(_) | Op::Merge => {}
        }
    }
    taken
}

/// Returns the input and the path that a mount shows.
fn source(mount: &ExecMount) -> Option<(InputIndex, &str)> {
    match &mount.kind {
        MountKind::Bind { from, source } | MountKind::Cache { from, source, .. } => Some(((*from)?, source)),
        _ => None,
    }
}

impl Taken {
    /// Reports whether a step takes this path.
    pub fn has(&self, path: &Path) -> bool {
        self.paths.contains(path) || self.whole.iter().any(|whole| path.starts_with(whole))
    }

    fn copy(&mut self, step: &Step, copy: &CopyAction, path: &str, tree: &dyn Tree) {
        // `COPY . .` takes everything, so that no list is needed.
        if path == "/" && !copy.parents && copy.excludes.is_empty() {
            return self.whole.push(PathBuf::new());
        }
        match select(copy, tree).and_then(|selection| selection.paths()) {
            Ok(paths) => self.paths.extend(paths),
            Err(error) => self.failures.push(Failure { lines: step.meta.lines, error }),
        }
        // A symlink on the way is used, too.
        self.paths.insert(path.trim_start_matches('/').into());
    }

    fn mount(&mut self, source: &str, tree: &dyn Tree) {
        let source = Path::new(source.trim_start_matches('/'));
        self.whole.push(resolve(tree, source, true).unwrap_or_else(|_| source.to_owned()));
    }
}
