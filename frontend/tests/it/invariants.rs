//! Invariants for every Dockerfile: no panic, and a well-formed graph.

use frontend::plan::Plan;
use frontend::{dump, lower};
use graph::{CopySource, FileAction, InputIndex, MountKind, Op, Step};
use proptest::prelude::*;

use super::images::Images;
use super::options;

/// Lines that are valid together in some orders and errors in others.
const LINES: [&str; 34] = [
    "FROM busybox AS a",
    "FROM a AS b",
    "FROM scratch",
    "FROM triggers AS c",
    "FROM no-layers",
    "FROM --platform=linux/arm64 busybox AS a",
    "ARG x=1 y",
    "ARG x",
    "ARG z=${x:-$y}",
    "ENV x=2 p=$x",
    "ENV $x=3",
    "LABEL l=$x-$p",
    "WORKDIR /w/$x",
    "WORKDIR ../../..",
    "COPY a b /c/",
    "COPY --from=a /x /",
    "COPY --from=b --link /x y/",
    "COPY --from=0 /x $none",
    "COPY --link --chmod=u+x . .",
    "ADD https://h/$x /d",
    "RUN make $x",
    "RUN [\"a\", \"$x\"]",
    "RUN --mount=from=a,target=m --mount=type=cache,target=/$x true",
    "RUN --mount=type=secret,id=$x,env=S --mount=type=ssh true",
    "ONBUILD RUN t",
    "ONBUILD COPY --from=b /t /",
    "ONBUILD ENV x=4",
    "CMD c",
    "ENTRYPOINT [\"e\"]",
    "USER $x",
    "EXPOSE $x 80-90/udp",
    "VOLUME /v $p",
    "SHELL [\"/bin/sh\", \"-ec\"]",
    "HEALTHCHECK --retries=3 CMD h",
];

fn dockerfile() -> impl Strategy<Value = String> {
    let lines = proptest::collection::vec(proptest::sample::select(&LINES[..]), 0..24);
    lines.prop_map(|lines| format!("FROM busybox AS start\n{}\n", lines.join("\n")))
}

fn plan(text: &str) -> Option<Plan> {
    let dockerfile = parser::parse(text.as_bytes()).ok()?;
    let mut options = options();
    options.platforms.push("linux/arm64".parse().expect("a platform"));
    lower(&dockerfile, &options, &Images::default()).ok()
}

/// Returns the inputs that an operation refers to.
fn used(op: &Op, inputs: usize) -> Vec<InputIndex> {
    match op {
        Op::Exec(exec) => {
            let mounted = exec.mounts.iter().filter_map(|mount| match &mount.kind {
                MountKind::Bind { from, .. } | MountKind::Cache { from, .. } => *from,
                _ => None,
            });
            exec.root.into_iter().chain(mounted).collect()
        }
        Op::File(file) => {
            let copied = file.actions.iter().filter_map(|action| match action {
                FileAction::Copy(copy) => match &copy.from {
                    CopySource::Input { input, .. } => Some(*input),
                    CopySource::Text { .. } => None,
                },
                _ => None,
            });
            file.base.into_iter().chain(copied).collect()
        }
        Op::Merge => (0..inputs).map(InputIndex).collect(),
        _ => Vec::new(),
    }
}

fn check_step(at: usize, step: &Step) {
    assert!(step.inputs.iter().all(|input| input.0 < at), "inputs come first: {}", step.meta.name);
    let used = used(&step.op, step.inputs.len());
    for input in 0..step.inputs.len() {
        assert!(used.contains(&InputIndex(input)), "each input is used: {}", step.meta.name);
    }
    assert!(used.iter().all(|input| input.0 < step.inputs.len()), "every input exists: {}", step.meta.name);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn graphs_are_well_formed(text in dockerfile()) {
        let Some(plan) = plan(&text) else { return Ok(()) };
        plan.graph.steps.iter().enumerate().for_each(|(at, step)| check_step(at, step));
        for image in &plan.images {
            assert!(image.step.0 < plan.graph.steps.len());
        }
    }

    #[test]
    fn the_same_input_gives_the_same_plan(text in dockerfile()) {
        let (one, two) = (plan(&text), plan(&text));
        prop_assert_eq!(one.map(|plan| dump::plan(&plan)), two.map(|plan| dump::plan(&plan)));
    }

    /// Each layer of the image has a history entry.
    #[test]
    fn history_and_layers_agree(text in dockerfile()) {
        let Some(plan) = plan(&text) else { return Ok(()) };
        for image in &plan.images {
            let entries = image.config.history.iter().filter(|entry| !entry.empty_layer).count();
            prop_assert_eq!(layers(&plan, image.step.0) + no_layers_base(&plan, image), entries);
        }
    }
}

/// Counts the layers of a step's result.
fn layers(plan: &Plan, at: usize) -> usize {
    let step = &plan.graph.steps[at];
    let below = |input: InputIndex| layers(plan, step.inputs[input.0].0);
    match &step.op {
        Op::Source(graph::Source::Image { .. }) => 1,
        Op::Source(_) => 0,
        Op::Exec(exec) => exec.root.map_or(0, below) + 1,
        Op::File(file) => file.base.map_or(0, below) + 1,
        Op::Merge => (0..step.inputs.len()).map(|input| below(InputIndex(input))).sum(),
    }
}

/// Counts the history entry of the image without layers, which claims to have a layer.
fn no_layers_base(_plan: &Plan, image: &frontend::plan::PlannedImage) -> usize {
    usize::from(image.config.config.labels.contains_key("kept"))
}
