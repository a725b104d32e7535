//! Sources in build contexts that do not exist, found before the first step runs.
//!
//! A misspelt COPY would otherwise fail only when its turn comes, minutes after slow RUNs. The check costs one lookup per
//! source. It is made when the first step misses the cache, so that a build that finds everything cached does not pay for it.
//!
//! Sources with wildcards are not checked, since listing directories could cost as much as the copy.

use std::sync::Arc;

use graph::{CopySource, FileAction, Graph, InputIndex, MountKind, Op, Source, Step, StepId};
use rootfs::tree::Tree;

use crate::op::file::{FileOpError, require_source};

/// A source that does not exist.
#[derive(Debug)]
pub struct MissingSource {
    /// Step that takes it.
    pub step: StepId,
    /// Error that the step would fail with.
    pub error: FileOpError,
}

/// Finds sources in build contexts that the needed steps take and that do not exist, in the order of the graph.
///
/// `open` opens the context of a source step, or returns `None` if it cannot be opened; the step itself reports why.
pub fn missing_sources(
    graph: &Graph,
    needed: &[bool],
    open: impl Fn(&Source) -> Option<Arc<dyn Tree>>,
) -> Vec<MissingSource> {
    let mut contexts: Vec<Option<Arc<dyn Tree>>> = vec![None; graph.steps.len()];
    let mut missing = Vec::new();
    for (at, step) in graph.steps.iter().enumerate().filter(|(at, _)| needed[*at]) {
        if let Op::Source(source @ (Source::Local { .. } | Source::Stored { .. })) = &step.op {
            contexts[at] = open(source);
        }
        let context = |input: InputIndex| contexts[step.inputs[input.0].0].as_deref();
        if let Err(error) = check_step(step, context) {
            missing.push(MissingSource { step: StepId(at), error });
        }
    }
    missing
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
