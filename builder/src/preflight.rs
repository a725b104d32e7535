//! Failures that can be foreseen, found before the first step runs: sources in build contexts that do not exist, and
//! processes with more layers below them than can be mounted.
//!
//! A misspelt COPY would otherwise fail only when its turn comes, minutes after slow RUNs. The check costs one lookup per
//! source. It is made when the first step misses the cache, so that a build that finds everything cached does not pay for it.
//!
//! Sources with wildcards are looked up for a build check only, since listing directories could cost as much as the copy.

use std::sync::Arc;

use graph::{CopySource, FileAction, Graph, InputIndex, MountKind, Op, Source, StepId};
use rootfs::snapshot::MAX_LAYERS;
use trees::tree::Tree;

use crate::error::{PreflightFailure, StepError};
use crate::op::file::{matches_nothing, require_source};

/// Finds sources in build contexts that the needed steps take and that do not exist, in the order of the graph and of the
/// instruction.
///
/// `open` opens the context of a source step, or returns `None` if it cannot be opened; the step itself reports why.
pub fn missing_sources(
    graph: &Graph,
    needed: &[bool],
    open: impl Fn(&Source) -> Option<Arc<dyn Tree>>,
) -> Vec<PreflightFailure> {
    let mut missing = Vec::new();
    for_each_taken(graph, needed, open, |step, tree, taken| {
        if let Err(error) = require_source(tree, taken.path, taken.parents) {
            missing.push(PreflightFailure { step, error: Box::new(error.into()) });
        }
    });
    missing
}

/// Finds sources with wildcards in build contexts that match no file: a build takes nothing, without an error. Lists
/// directories, which a build does only when it copies. `open` is that of [`missing_sources`].
pub fn unmatched_sources(
    graph: &Graph,
    needed: &[bool],
    open: impl Fn(&Source) -> Option<Arc<dyn Tree>>,
) -> Vec<(StepId, String)> {
    let mut unmatched = Vec::new();
    for_each_taken(graph, needed, open, |step, tree, taken| {
        // A wildcard that cannot be read is one of the missing sources.
        if matches_nothing(tree, taken.path, taken.parents).unwrap_or(false) {
            unmatched.push((step, taken.path.to_owned()));
        }
    });
    unmatched
}

/// A path that a step takes from one of its inputs.
struct Taken<'g> {
    input: InputIndex,
    path: &'g str,
    /// Whether `--parents` gives the path its meaning.
    parents: bool,
}

/// Calls `visit` with each path that a needed step takes from a build context, and with the files of that context.
fn for_each_taken(
    graph: &Graph,
    needed: &[bool],
    open: impl Fn(&Source) -> Option<Arc<dyn Tree>>,
    mut visit: impl FnMut(StepId, &dyn Tree, &Taken<'_>),
) {
    let mut contexts: Vec<Option<Arc<dyn Tree>>> = vec![None; graph.steps.len()];
    for (at, step) in graph.steps.iter().enumerate().filter(|(at, _)| needed[*at]) {
        if let Op::Source(source @ (Source::Local { .. } | Source::Stored { .. })) = &step.op {
            contexts[at] = open(source);
        }
        for taken in taken_by(&step.op) {
            if let Some(tree) = &contexts[step.inputs[taken.input.0].0] {
                visit(StepId(at), &**tree, &taken);
            }
        }
    }
}

/// Lists the paths that an operation takes from inputs.
fn taken_by(op: &Op) -> Vec<Taken<'_>> {
    match op {
        Op::File(op) => {
            let copies = op.actions.iter().filter_map(|action| match action {
                FileAction::Copy(copy) => Some(copy),
                _ => None,
            });
            let taken = copies.filter_map(|copy| match &copy.from {
                CopySource::Input { input, path, .. } => {
                    Some(Taken { input: *input, path, parents: copy.parents })
                }
                _ => None,
            });
            taken.collect()
        }
        Op::Exec(exec) => {
            let taken = exec.mounts.iter().filter_map(|mount| match &mount.kind {
                MountKind::Bind { from: Some(input), source }
                | MountKind::Cache { from: Some(input), source, .. } => {
                    Some(Taken { input: *input, path: source, parents: false })
                }
                _ => None,
            });
            taken.collect()
        }
        Op::Source(_) | Op::Merge => Vec::new(),
    }
}

/// Finds the first process among the needed steps that would have too many layers below it. `layer_count` returns the number
/// of layers of a source.
pub fn too_many_layers(
    graph: &Graph,
    needed: &[bool],
    layer_count: impl Fn(&Source) -> usize,
) -> Option<PreflightFailure> {
    let mut counts: Vec<usize> = Vec::with_capacity(graph.steps.len());
    for (at, step) in graph.steps.iter().enumerate() {
        let below = |input: Option<InputIndex>| input.map_or(0, |input| counts[step.inputs[input.0].0]);
        let count = match &step.op {
            Op::Source(source) => layer_count(source),
            Op::File(op) => below(op.base) + 1,
            Op::Exec(exec) => below(exec.root) + 1,
            Op::Merge => step.inputs.iter().map(|input| counts[input.0]).sum(),
        };
        if needed[at] && matches!(step.op, Op::Exec(_)) && count > MAX_LAYERS + 1 {
            let error = StepError::TooManyLayers { count: count - 1, limit: MAX_LAYERS };
            return Some(PreflightFailure { step: StepId(at), error: Box::new(error) });
        }
        counts.push(count);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use graph::{Exec, Step, StepMeta};

    /// A source and a chain of RUNs on it.
    fn chain(runs: usize) -> Graph {
        let step =
            |op, inputs| Step { op, inputs, platform: oci::Platform::host(), meta: StepMeta::default() };
        let mut steps = vec![step(Op::Source(Source::Scratch), Vec::new())];
        for below in 0..runs {
            let exec = Exec { root: Some(InputIndex(0)), ..Exec::default() };
            steps.push(step(Op::Exec(Box::new(exec)), vec![StepId(below)]));
        }
        Graph { steps }
    }

    /// Returns the first RUN that has too many layers below it, on a base with `base` layers.
    fn first_failure(base: usize, runs: usize) -> Option<StepId> {
        let graph = chain(runs);
        let needed = vec![true; graph.steps.len()];
        too_many_layers(&graph, &needed, |_| base).map(|failure| failure.step)
    }

    #[test]
    fn layers_are_counted_before_anything_runs() {
        assert_eq!(first_failure(0, MAX_LAYERS + 1), None);
        assert_eq!(first_failure(0, MAX_LAYERS + 2), Some(StepId(MAX_LAYERS + 2)));
        assert_eq!(first_failure(10, MAX_LAYERS), Some(StepId(MAX_LAYERS - 8)));
        assert_eq!(first_failure(MAX_LAYERS, 1), None);
        let error = too_many_layers(&chain(2), &[true; 3], |_| MAX_LAYERS).expect("too many").error;
        let limit = format!("1000 layers lie below this step, more than the limit of {MAX_LAYERS}");
        assert!(error.to_string().contains(&limit), "{error}");
    }

    #[test]
    fn a_step_that_no_target_needs_is_not_counted() {
        let graph = chain(2);
        assert!(too_many_layers(&graph, &[false; 3], |_| MAX_LAYERS).is_none());
    }
}
