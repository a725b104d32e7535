//! The graph while it grows. Equal steps are shared.
//!
//! Two stages, or two platforms, that do the same to the same inputs share the step. Steps are equal if operation,
//! inputs, platform and `ignore_cache` are. Name and lines are those of the first step.

use std::collections::HashMap;

use oci::Platform;

use graph::{ContentHash, Graph, Op, Source, Step, StepId, StepMeta};

/// A graph to which steps are added.
#[derive(Debug, Default)]
pub(crate) struct GraphBuilder {
    graph: Graph,
    /// Candidates for equality, by the [`preselection`] of the operation and by the inputs.
    index: HashMap<(Vec<u8>, Vec<StepId>), Vec<StepId>>,
}

impl GraphBuilder {
    /// Returns the step that does `op` on `inputs`: an equal step if there is one, or else a new step.
    pub fn add(&mut self, op: Op, inputs: Vec<StepId>, platform: &Platform, meta: StepMeta) -> StepId {
        let candidates = self.index.entry((preselection(&op), inputs.clone())).or_default();
        let steps = &mut self.graph.steps;
        let equal = candidates.iter().copied().find(|id| {
            let step = &steps[id.0];
            step.op == op && step.platform == *platform && step.meta.ignore_cache == meta.ignore_cache
        });
        equal.unwrap_or_else(|| {
            let id = StepId(steps.len());
            steps.push(Step { op, inputs, platform: platform.clone(), meta });
            candidates.push(id);
            id
        })
    }

    /// Returns the step without files, `FROM scratch`.
    pub fn scratch(&mut self, platform: &Platform) -> StepId {
        let meta = StepMeta { name: "scratch".to_owned(), ..StepMeta::default() };
        self.add(Op::Source(Source::Scratch), Vec::new(), platform, meta)
    }

    /// Returns a step that was added.
    pub fn step(&self, id: StepId) -> &Step {
        &self.graph.steps[id.0]
    }

    /// Returns the graph with all steps.
    pub fn into_graph(self) -> Graph {
        self.graph
    }
}

/// Returns bytes that are the same for equal operations.
///
/// They can be the same for different operations too, since encodings for keys leave out some fields.
fn preselection(op: &Op) -> Vec<u8> {
    let mut bytes = Vec::new();
    match op {
        Op::Source(source) => bytes.extend_from_slice(format!("source {source:?}").as_bytes()),
        Op::Exec(exec) => {
            bytes.push(b'x');
            exec.args.encode(&mut bytes);
            exec.env.encode(&mut bytes);
            exec.mounts.encode(&mut bytes);
        }
        Op::File(file) => {
            bytes.push(b'f');
            file.actions.encode(&mut bytes);
        }
        Op::Merge => bytes.push(b'm'),
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_steps_are_shared_unless_one_must_run() {
        let platform = Platform::host();
        let mut builder = GraphBuilder::default();
        let scratch = builder.scratch(&platform);
        let merge = |builder: &mut GraphBuilder, name: &str, ignore_cache| {
            let meta = StepMeta { name: name.to_owned(), ignore_cache, ..StepMeta::default() };
            builder.add(Op::Merge, vec![scratch], &platform, meta)
        };
        let first = merge(&mut builder, "first", false);
        assert_eq!(merge(&mut builder, "second", false), first);
        assert_ne!(merge(&mut builder, "third", true), first);
        assert_eq!(builder.step(first).meta.name, "first");
        assert_eq!(builder.into_graph().steps.len(), 3);
    }

    #[test]
    fn steps_that_differ_only_outside_the_key_are_not_shared() {
        let platform = Platform::host();
        let local = |ignore: &str| {
            let ignore = vec![ignore.to_owned()];
            Op::Source(Source::Local { name: "context".to_owned(), path: "/x".into(), ignore })
        };
        let mut builder = GraphBuilder::default();
        let one = builder.add(local("a"), Vec::new(), &platform, StepMeta::default());
        let two = builder.add(local("b"), Vec::new(), &platform, StepMeta::default());
        assert_ne!(one, two);
    }
}
