//! Failures that can be foreseen, found before the first step runs: sources in build contexts that do not exist, and
//! processes with more layers below them than can be mounted.
//!
//! A misspelt COPY would otherwise fail only when its turn comes, minutes after slow RUNs. The check costs one lookup per
//! source. It is made when the first step misses the cache, so that a build that finds everything cached does not pay for it.
//!
//! Sources with wildcards are not checked, since listing directories could cost as much as the copy.

use std::sync::Arc;

use graph::{CopySource, FileAction, Graph, InputIndex, MountKind, Op, Source, Step, StepId};
use rootfs::snapshot::MAX_LAYERS;
use rootfs::tree::Tree;

use crate::error::{PreflightFailure, StepError};
use crate::op::file::{FileOpError, require_source};

/// Finds sources in build contexts that the needed steps take and that do not exist, in the order of the graph.
///
/// `open` opens the context of a source step, or returns `None` if it cannot be opened; the step itself reports why.
pub fn missing_sources(
    graph: &Graph,
    needed: &[bool],
    open: impl Fn(&Source) -> Option<Arc<dyn Tree>>,
) -> Vec<PreflightFailure> {
    let mut contexts: Vec<Option<Arc<dyn Tree>>> = vec![None; graph.steps.len()];
    let mut missing = Vec::new();
    for (at, step) in graph.steps.iter().enumerate().filter(|(at, _)| needed[*at]) {
        if let Op::Source(source @ (Source::Local { .. } | Source::Stored { .. })) = &step.op {
            contexts[at] = open(source);
        }
        let context = |input: InputIndex| contexts[step.inputs[input.0].0].as_deref();
        if let Err(error) = check_step(step, context) {
            missing.push(PreflightFailure { step: StepId(at), error: Box::new(error.into()) });
        }
    }
    missing
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

fn check_step<'t>(
    step: &Step,
    context: impl Fn(InputIndex) -> Option<&'t dyn Tree>,
) -> Result<(), FileOpError> {
    match &step.op {
        Op::File(op) => op.actions.iter().try_for_each(|action| {
            let FileAction::Copy(copy) = action else { return Ok(()) };
            let CopySource::Input { input, path, .. } = &copy.from else { return Ok(()) };
            context(*input).map_or(Ok(()), |tree| require_source(tree, path, copy.parents))
        }),
        Op::Exec(exec) => exec.mounts.iter().try_for_each(|mount| {
            let (MountKind::Bind { from: Some(input), source }
            | MountKind::Cache { from: Some(input), source, .. }) = &mount.kind
            else {
                return Ok(());
            };
            context(*input).map_or(Ok(()), |tree| require_source(tree, source, false))
        }),
        Op::Source(_) | Op::Merge => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use graph::{Exec, StepMeta};

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
