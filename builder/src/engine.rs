//! One build: Dockerfile text to results.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use cache::Store;
use cdi::Inventory;
use oci::{DiffId, Digest, Platform, Reference};
use rootfs::layers::Layers;

use crate::absence;
use crate::devices;
use crate::lower::origin::Origin;
use crate::lower::{self, Dated, LowerError};
use crate::op::exec::BuildNetwork;
use crate::options::{BuildOptions, Context};
use crate::plan::{Plan, PlannedImage, ResolveError, ResolvedImage, Resolver, UnusedArg};
use crate::remote::context::{ContextFrom, FetchedContext};
use crate::remote::fetcher::Fetcher;
use crate::schedule::{self, Stopped};
use crate::source::Sources;
use crate::step::{Solver, StepError, StepResult};
use graph::url::without_user;
use graph::{Graph, Lines, StepId};
use progress::Cancel;
use progress::{EventKind, Phase, Place, Progress, Vertex};

/// Builds on one store.
pub struct Engine {
    /// The store.
    pub store: Arc<Store>,
    /// Its layers.
    pub layers: Layers,
    /// Images.
    pub sources: Sources,
    /// How many steps run at once.
    pub jobs: usize,
}

/// A finished build.
#[derive(Debug)]
pub struct Built {
    /// One for each platform, in order.
    pub images: Vec<BuiltImage>,
    /// True if the result must be an index.
    pub multi_platform: bool,
    /// What the user should know about the Dockerfile.
    pub warnings: Vec<crate::plan::Warning>,
    /// Build arguments that nothing took.
    pub unused_args: Vec<UnusedArg>,
    /// `SOURCE_DATE_EPOCH`, resolved.
    pub source_date_s: Option<i64>,
}

/// The image of one platform.
#[derive(Debug, Clone)]
pub struct BuiltImage {
    /// What was planned: platform and config.
    pub planned: PlannedImage,
    /// Its layers, from the base up.
    pub layers: Vec<DiffId>,
}

/// A build without a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The text is no Dockerfile.
    #[error(transparent)]
    Parse(#[from] parser::ParseError),
    /// An instruction cannot be.
    #[error(transparent)]
    Lower(#[from] LowerError),
    /// A step failed.
    #[error("{cause}")]
    Step {
        /// Its name: `[build 2/5] RUN make`.
        name: String,
        /// Its lines.
        lines: Option<Lines>,
        /// Where the variables come from that led to it.
        origins: Vec<Origin>,
        /// Why.
        #[source]
        cause: Box<StepError>,
    },
    /// The user asked.
    #[error("canceled")]
    Canceled,
    /// The store refused.
    #[error(transparent)]
    Store(#[from] cache::StoreError),
}

impl Engine {
    /// Builds the Dockerfile `text`.
    pub fn build(
        &self,
        text: &[u8],
        options: &BuildOptions,
        progress: &Progress,
        cancel: &Cancel,
    ) -> Result<Built, BuildError> {
        let plan = self.plan(text, options, progress, cancel)?;
        let devices = devices::inventory(&plan.graph, options)?;
        let solved = self.solve(&plan, devices, options, progress, cancel);
        let results = solved.map_err(|error| traced(error, text, options))?;
        let images = plan.images.iter().map(|image| built(image, &results)).collect();
        Ok(Built {
            images,
            multi_platform: plan.multi_platform,
            warnings: plan.warnings,
            unused_args: plan.unused_args,
            source_date_s: plan.source_date_s,
        })
    }

    /// Brings a context here that is no folder. `options` has the logins.
    pub fn fetch_context(
        &self,
        from: ContextFrom<'_>,
        options: &BuildOptions,
        progress: &Progress,
        cancel: &Cancel,
    ) -> Result<FetchedContext, StepError> {
        let name = match &from {
            ContextFrom::Git(url) | ContextFrom::Http(url) => without_user(url),
            ContextFrom::Stream(_) => "-".to_owned(),
        };
        let vertex = progress.start(&format!("[internal] load remote build context {name}"));
        vertex.enter(Phase::Fetch);
        let fetched = self.fetcher(options, cancel).context(from, &vertex);
        let fetched = fetched.inspect_err(|error| tell_failure(&vertex, error))?;
        vertex.finished(false);
        Ok(fetched)
    }

    /// Fetching on this store.
    pub fn fetcher<'a>(&'a self, options: &'a BuildOptions, cancel: &'a Cancel) -> Fetcher<'a> {
        Fetcher { store: &self.store, layers: &self.layers, sources: &self.sources, options, cancel }
    }

    /// Parses and lowers: everything that can be told without running a step.
    pub fn plan(
        &self,
        text: &[u8],
        options: &BuildOptions,
        progress: &Progress,
        cancel: &Cancel,
    ) -> Result<Plan, BuildError> {
        let vertex =
            progress.start(&format!("[internal] load build definition from {}", options.dockerfile_name));
        vertex.status("transferring dockerfile", text.len() as u64, Some(text.len() as u64), true);
        vertex.enter(Phase::Parse);
        let dockerfile = parser::parse(text).inspect_err(|error| vertex.failed(error))?;
        vertex.finished(false);
        let resolver = ShownResolver { sources: &self.sources, progress };
        let Some(dated) = lower::dated(&dockerfile, options)? else {
            return Ok(lower::lower(&dockerfile, options, &resolver)?);
        };
        let time = self.time_of(&dated, options, progress, cancel)?;
        let mut options = options.clone();
        let time = time.map_or_else(String::new, |time_s| time_s.to_string());
        options.build_args.insert(lower::EPOCH.to_owned(), time);
        Ok(lower::lower(&dockerfile, &options, &resolver)?)
    }

    /// The time that a build is to carry; `None` if a server does not say when a file was changed.
    fn time_of(
        &self,
        dated: &Dated,
        options: &BuildOptions,
        progress: &Progress,
        cancel: &Cancel,
    ) -> Result<Option<i64>, BuildError> {
        let (Dated::Repository(url) | Dated::Context(url) | Dated::File(url)) = dated;
        let name = format!("[internal] load the source date of {}", without_user(url));
        let vertex = progress.start(&name);
        let fetcher = self.fetcher(options, cancel);
        let found = fetcher.time_of(dated, &vertex).inspect_err(|error| tell_failure(&vertex, error));
        let found = found.map_err(|error| match error {
            StepError::Canceled => BuildError::Canceled,
            cause => BuildError::Step { name, lines: None, origins: Vec::new(), cause: Box::new(cause) },
        })?;
        vertex.finished(false);
        Ok(found)
    }

    fn solve(
        &self,
        plan: &Plan,
        devices: Inventory,
        options: &BuildOptions,
        progress: &Progress,
        cancel: &Cancel,
    ) -> Result<Vec<Option<StepResult>>, BuildError> {
        let solver = Solver {
            store: &self.store,
            layers: &self.layers,
            sources: &self.sources,
            options,
            cancel,
            project: project(options),
            default_network: BuildNetwork::default(),
            devices,
            stat_caches: Mutex::default(),
        };
        let ordinals = ordinals(&plan.graph);
        let vertices = announce(&plan.graph, progress);
        let targets: Vec<StepId> = plan.images.iter().map(|image| image.step).collect();
        let solve = |id: StepId, inputs: &[StepResult]| {
            let (step, vertex) = (&plan.graph.steps[id.0], &vertices[id.0]);
            vertex.started();
            let (result, cached) = solver
                .solve(step, ordinals[id.0], inputs, vertex)
                .inspect_err(|error| tell_failure(vertex, error))
                .map_err(|error| {
                    absence::explained(error, &plan.graph, step, inputs, &self.layers, options)
                })?;
            vertex.finished(cached);
            Ok(result)
        };
        let solved = schedule::run(&plan.graph, &targets, self.jobs, cancel, solve);
        for stat_cache in solver.stat_caches.into_inner().unwrap_or_default() {
            stat_cache.save()?;
        }
        solved.map_err(|stopped| match stopped {
            Stopped::Canceled | Stopped::Failed(_, StepError::Canceled) => BuildError::Canceled,
            Stopped::Failed(id, cause) => {
                let meta = &plan.graph.steps[id.0].meta;
                let (name, lines) = (meta.name.clone(), meta.lines);
                BuildError::Step { name, lines, origins: Vec::new(), cause: Box::new(cause) }
            }
        })
    }
}

/// Adds to the error of a step where the variables in it come from.
fn traced(error: BuildError, text: &[u8], options: &BuildOptions) -> BuildError {
    match error {
        BuildError::Step { name, lines: Some(lines), cause, .. } => {
            let origins = lower::origin::of_step(text, options, lines, &cause);
            BuildError::Step { name, lines: Some(lines), origins, cause }
        }
        error => error,
    }
}

fn tell_failure(vertex: &Vertex, error: &StepError) {
    match error {
        StepError::Canceled => vertex.send(EventKind::Canceled),
        error => vertex.failed(error),
    }
}

fn built(image: &PlannedImage, results: &[Option<StepResult>]) -> BuiltImage {
    let result = results[image.step.0].as_ref().expect("a target that was solved has a result");
    let layers = result.files.layers().expect("lowering ends in root file systems only").to_vec();
    BuiltImage { planned: image.clone(), layers }
}

/// Which Dockerfile of which folder: two builds of the same one are compared when a step misses.
fn project(options: &BuildOptions) -> String {
    let context = match &options.context {
        Context::Stored { origin, .. } => origin.clone(),
        other => format!("{other:?}"),
    };
    format!("{context}\0{}", options.dockerfile_name)
}

/// The position of each step among those of its stage.
fn ordinals(graph: &Graph) -> Vec<usize> {
    let mut counters: BTreeMap<&str, usize> = BTreeMap::new();
    let mut count = |stage| {
        let counter = counters.entry(stage).or_default();
        *counter += 1;
        *counter
    };
    graph.steps.iter().map(|step| count(step.meta.stage.as_str())).collect()
}

/// One vertex for each step that people see.
fn announce(graph: &Graph, progress: &Progress) -> Vec<Vertex> {
    let mut vertices: Vec<Vertex> = Vec::with_capacity(graph.steps.len());
    for step in &graph.steps {
        let inputs = step.inputs.iter().map(|input| vertices[input.0].id()).collect();
        let place = Place { stage: step.meta.stage.clone(), lines: step.meta.lines };
        vertices.push(progress.vertex(&step.meta.name, inputs, Some(place)));
    }
    vertices
}

/// Shows the resolving of names as vertices.
struct ShownResolver<'a> {
    sources: &'a Sources,
    progress: &'a Progress,
}

impl ShownResolver<'_> {
    fn shown(
        &self,
        name: &str,
        resolve: impl FnOnce() -> Result<ResolvedImage, ResolveError>,
    ) -> Result<ResolvedImage, ResolveError> {
        let vertex = self.progress.start(&format!("[internal] load metadata for {name}"));
        vertex.enter(Phase::Resolve);
        let resolved = resolve().inspect_err(|error| vertex.failed(error))?;
        vertex.finished(false);
        Ok(resolved)
    }
}

impl Resolver for ShownResolver<'_> {
    fn image(&self, name: &Reference, platform: &Platform) -> Result<ResolvedImage, ResolveError> {
        self.shown(&name.to_string(), || self.sources.image(name, platform))
    }

    fn layout(
        &self,
        path: &std::path::Path,
        tag: Option<&str>,
        digest: Option<&Digest>,
        platform: &Platform,
    ) -> Result<ResolvedImage, ResolveError> {
        self.shown(&format!("oci-layout://{}", path.display()), || {
            self.sources.layout(path, tag, digest, platform)
        })
    }
}
