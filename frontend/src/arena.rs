//! The graph while it grows: a step that is there already is not added twice.
//!
//! Two stages, or two platforms, that do the same to the same share the step. What is compared is all of
//! the op, inputs, platform and `ignore_cache`; name and lines are the first one's.

use std::collections::HashMap;

use oci::Platform;

use graph::{Graph, Op, Source, Step, StepId, StepMeta};

/// A growing graph.
#[derive(Debug, Default)]
pub(super) struct Arena {
    graph: Graph,
    /// Candidates for equality, by serialised op and inputs.
    index: HashMap<(String, Vec<StepId>), Vec<StepId>>,
}

impl Arena {
    /// The step that does `op` on `inputs`: a new one, or an equal one.
    pub fn add(&mut self, op: Op, inputs: Vec<StepId>, platform: &Platform, meta: StepMeta) -> StepId {
        // Some fields are left out of the serialised form, so that it can only preselect.
        let text = serde_json::to_string(&op).expect("ops are plain data with text keys");
        let candidates = self.index.entry((text, inputs.clone())).or_default();
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

    /// The step with no files at all.
    pub fn scratch(&mut self, platform: &Platform) -> StepId {
        let meta = StepMeta { name: "scratch".to_owned(), ..StepMeta::default() };
        self.add(Op::Source(Source::Scratch), Vec::new(), platform, meta)
    }

    /// A step of the graph.
    pub fn step(&self, id: StepId) -> &Step {
        &self.graph.steps[id.0]
    }

    /// The finished graph.
    pub fn into_graph(self) -> Graph {
        self.graph
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_steps_are_shared_unless_one_must_run() {
        let platform = Platform::host();
        let mut arena = Arena::default();
        let scratch = arena.scratch(&platform);
        let merge = |arena: &mut Arena, name: &str, ignore_cache| {
            let meta = StepMeta { name: name.to_owned(), ignore_cache, ..StepMeta::default() };
            arena.add(Op::Merge, vec![scratch], &platform, meta)
        };
        let first = merge(&mut arena, "first", false);
        assert_eq!(merge(&mut arena, "second", false), first);
        assert_ne!(merge(&mut arena, "third", true), first);
        assert_eq!(arena.step(first).meta.name, "first");
        assert_eq!(arena.into_graph().steps.len(), 3);
    }

    #[test]
    fn fields_outside_the_key_tell_steps_apart() {
        let platform = Platform::host();
        let local = |ignore: &str| {
            let ignore = vec![ignore.to_owned()];
            Op::Source(Source::Local { name: "context".to_owned(), path: "/x".into(), ignore })
        };
        let mut arena = Arena::default();
        let one = arena.add(local("a"), Vec::new(), &platform, StepMeta::default());
        let two = arena.add(local("b"), Vec::new(), &platform, StepMeta::default());
        assert_ne!(one, two);
    }
}
