//! What a graph takes of the build context.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rootfs::tree::{Tree, resolve};

use super::select::select;
use graph::{
    CopyAction, CopySource, ExecMount, FileAction, Graph, InputIndex, Lines, MountKind, Op, Source, Step,
};

/// The paths that COPY, ADD and mounts take of a context.
#[derive(Debug, Default)]
pub struct Taken {
    paths: HashSet<PathBuf>,
    /// With all that is below.
    whole: Vec<PathBuf>,
    /// Sources that are not there, and other reasons why a step could not take what it asks for.
    pub failures: Vec<Failure>,
}

/// A step that could not take what it asks for.
#[derive(Debug)]
pub struct Failure {
    /// Its lines in the Dockerfile.
    pub lines: Option<Lines>,
    /// Why not.
    pub error: super::FileOpError,
}

/// What the steps of `graph` take of `tree`, the context called `name`. Of its files nothing but names and kinds is used.
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

/// Whose files a mount shows, and which.
fn source(mount: &ExecMount) -> Option<(InputIndex, &str)> {
    match &mount.kind {
        MountKind::Bind { from, source } | MountKind::Cache { from, source, .. } => Some(((*from)?, source)),
        _ => None,
    }
}

impl Taken {
    /// True if something takes this path.
    pub fn has(&self, path: &Path) -> bool {
        self.paths.contains(path) || self.whole.iter().any(|whole| path.starts_with(whole))
    }

    fn copy(&mut self, step: &Step, copy: &CopyAction, path: &str, tree: &dyn Tree) {
        // What most do needs no list of all files.
        if path == "/" && !copy.parents && copy.excludes.is_empty() {
            return self.whole.push(PathBuf::new());
        }
        match select(copy, tree).and_then(|selection| selection.paths()) {
            Ok(paths) => self.paths.extend(paths),
            Err(error) => self.failures.push(Failure { lines: step.meta.lines, error }),
        }
        // A link on the way there is used, too.
        self.paths.insert(path.trim_start_matches('/').into());
    }

    fn mount(&mut self, source: &str, tree: &dyn Tree) {
        let source = Path::new(source.trim_start_matches('/'));
        self.whole.push(resolve(tree, source, true).unwrap_or_else(|_| source.to_owned()));
    }
}
