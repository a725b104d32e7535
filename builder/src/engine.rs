//! Engines, which solve build graphs.
//!
//! [`LocalEngine`] does it on this machine. Other engines take the same request and bring the same results into the store.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use cache::Store;
use graph::{Graph, InputIndex, Op, Step, StepId};
use oci::DiffId;
use progress::{Cancel, EventKind, Progress, StepLocation, Vertex};
use rootfs::layers::Layers;
use sources::Sources;
use trees::tree::Tree;

use crate::StepError;
use crate::devices::{self, DevicesNotAllowed};
use crate::error::PreflightFailure;
use crate::materials::Materials;
use crate::not_found;
use crate::op::exec::BuildNetwork;
use crate::op::file::FileOpError;
use crate::options::RunOptions;
use crate::result::{InputError, StepResult};
use crate::schedule::{self, Stopped};
use crate::step::{Preflight, Solver};

/// An engine that solves build graphs.
pub trait Engine {
    /// Solves the steps that the targets need, and returns the layers of each target, from the base up. The layers are
    /// in the store when this returns.
    fn solve(
        &self,
        request: &SolveRequest<'_>,
        progress: &Progress,
        cancel: &Cancel,
    ) -> Result<Vec<Vec<DiffId>>, SolveError>;
}

/// A graph to solve.
#[derive(Debug, Clone, Copy)]
pub struct SolveRequest<'a> {
    /// Steps of the build.
    pub graph: &'a Graph,
    /// Steps whose results are wanted; each is a root file system.
    pub targets: &'a [StepId],
    /// Settings that no key contains.
    pub options: &'a RunOptions,
    /// Receives the identities of fetched sources, if somebody wants to know them.
    pub materials: Option<&'a Materials>,
}

/// A graph that could not be solved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SolveError {
    /// A step failed: the first one that did.
    #[error("{cause}")]
    Step {
        /// Id of the step that failed.
        step: StepId,
        /// Reason of the failure.
        #[source]
        cause: Box<StepError>,
    },
    /// A RUN asks for devices that are not allowed. Nothing was run.
    #[error(transparent)]
    Devices(#[from] DevicesNotAllowed),
    /// The build was canceled.
    #[error("canceled")]
    Canceled,
    /// The store reported an error.
    #[error(transparent)]
    Store(#[from] cache::StoreError),
}

/// Solves graphs on this machine.
pub struct LocalEngine {
    /// Store that results are kept in.
    pub store: Arc<Store>,
    /// Layers of the store.
    pub layers: Layers,
    /// Connections to registries and other servers.
    pub sources: Sources,
    /// Number of steps that run at once.
    pub jobs: usize,
}

impl Engine for LocalEngine {
    fn solve(
        &self,
        request: &SolveRequest<'_>,
        progress: &Progress,
        cancel: &Cancel,
    ) -> Result<Vec<Vec<DiffId>>, SolveError> {
        let SolveRequest { graph, targets, options, materials } = *request;
        let solver = Solver {
            store: &self.store,
            layers: &self.layers,
            sources: &self.sources,
            options,
            cancel,
            materials,
            default_network: BuildNetwork::default(),
            inventory: devices::inventory(graph, options)?,
            preflight: Preflight {
                graph,
                needed: schedule::needed(graph, targets),
                is_done: AtomicBool::new(false),
            },
            renewed_caches: Mutex::default(),
            stat_caches: Mutex::default(),
        };
        let solving = Solving {
            solver: &solver,
            graph,
            ordinals: ordinals(graph),
            vertices: announce(graph, progress),
        };
        let solve = |id: StepId, inputs: &[StepResult]| solving.step(id, inputs);
        let solved = schedule::run(graph, targets, self.jobs, cancel, solve);
        drop(solving);
        for stat_cache in solver.stat_caches.into_inner().unwrap_or_default() {
            stat_cache.save()?;
        }
        let results = solved.map_err(|stopped| match stopped {
            Stopped::Canceled => SolveError::Canceled,
            Stopped::Failed(StepFailure { error: StepError::Canceled, .. }) => SolveError::Canceled,
            Stopped::Failed(StepFailure { step, error }) => SolveError::Step { step, cause: Box::new(error) },
            Stopped::Panicked(step, message) => {
                SolveError::Step { step, cause: Box::new(StepError::Internal { message }) }
            }
        })?;
        targets.iter().map(|target| layers_of(*target, &results)).collect()
    }
}

/// One graph while it is solved.
struct Solving<'a> {
    solver: &'a Solver<'a>,
    graph: &'a Graph,
    ordinals: Vec<usize>,
    vertices: Vec<Vertex>,
}

/// A failed step, which need not be the one that ran: see [`StepError::Preflight`].
struct StepFailure {
    step: StepId,
    error: StepError,
}

impl Solving<'_> {
    fn step(&self, id: StepId, inputs: &[StepResult]) -> Result<StepResult, StepFailure> {
        let (step, vertex) = (&self.graph.steps[id.0], &self.vertices[id.0]);
        vertex.started();
        match self.solver.solve(step, self.ordinals[id.0], inputs, vertex) {
            Ok((result, cached)) => {
                vertex.finished(cached);
                Ok(result)
            }
            Err(StepError::Preflight { failure }) => {
                vertex.send(EventKind::Canceled);
                Err(self.foreseen(failure))
            }
            Err(error) => {
                report_failure(vertex, &error);
                let tree_of = |input: InputIndex| inputs[input.0].files.tree(self.solver.layers).ok();
                Err(StepFailure { step: id, error: self.diagnosed(error, step, tree_of) })
            }
        }
    }

    /// Fails the step that could not succeed.
    fn foreseen(&self, PreflightFailure { step: id, error }: PreflightFailure) -> StepFailure {
        let (step, vertex) = (&self.graph.steps[id.0], &self.vertices[id.0]);
        vertex.started();
        vertex.failed(&error);
        let tree_of = |input: InputIndex| match &self.graph.steps[step.inputs[input.0].0].op {
            Op::Source(source) => self.solver.open_context(source),
            _ => None,
        };
        StepFailure { step: id, error: self.diagnosed(*error, step, tree_of) }
    }

    /// Adds a diagnosis to an error about a missing file.
    fn diagnosed(
        &self,
        error: StepError,
        step: &Step,
        tree_of: impl Fn(InputIndex) -> Option<Arc<dyn Tree>>,
    ) -> StepError {
        let StepError::File(cause @ FileOpError::NotFound { .. }) = error else { return error };
        let FileOpError::NotFound { path } = &cause else { return StepError::File(cause) };
        let ignore_files = &self.solver.options.ignore_files;
        match not_found::diagnose(path, self.graph, step, tree_of, ignore_files) {
            Some(diagnosis) => StepError::NotFound { cause, diagnosis },
            None => StepError::File(cause),
        }
    }
}

fn report_failure(vertex: &Vertex, error: &StepError) {
    match error {
        StepError::Canceled => vertex.send(EventKind::Canceled),
        error => vertex.failed(error),
    }
}

fn layers_of(target: StepId, results: &[Option<StepResult>]) -> Result<Vec<DiffId>, SolveError> {
    let result = results[target.0].as_ref().expect("a target that was solved has a result");
    let no_layers = |error: InputError| SolveError::Step { step: target, cause: Box::new(error.into()) };
    Ok(result.files.layers().map_err(no_layers)?.to_vec())
}

/// Returns the position of each step within its stage.
fn ordinals(graph: &Graph) -> Vec<usize> {
    let mut counters: BTreeMap<&str, usize> = BTreeMap::new();
    let mut count = |stage| {
        let counter = counters.entry(stage).or_default();
        *counter += 1;
        *counter
    };
    graph.steps.iter().map(|step| count(step.meta.stage.as_str())).collect()
}

/// Announces a vertex for each step.
fn announce(graph: &Graph, progress: &Progress) -> Vec<Vertex> {
    let mut vertices: Vec<Vertex> = Vec::with_capacity(graph.steps.len());
    for step in &graph.steps {
        let inputs = step.inputs.iter().map(|input| vertices[input.0].id()).collect();
        let location = StepLocation { stage: step.meta.stage.clone(), lines: step.meta.lines };
        vertices.push(progress.vertex(&step.meta.name, inputs, Some(location)));
    }
    vertices
}
