//! One step: its result from the cache, or by running its operation.
//!
//! ```text
//! cached    looked up by its keys, else run and recorded
//! ```

mod cached;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use cache::{StatCache, Store};
use context::ContextTree;
use graph::{Exec, FileOp, Graph, Op, Source, Step};
use oci::{DiffId, Document};
use patterns::Patterns;
use progress::{Cancel, Phase, Vertex};
use rootfs::layers::Layers;
use sources::{Fetcher, Sources, git};
use trees::tree::Tree;

use crate::StepError;
use crate::chain::Chain;
use crate::holes;
use crate::key::Parts;
use crate::materials::{Material, Materials};
use crate::op::exec::{self, BuildNetwork, ExecContext};
use crate::op::file;
use crate::options::RunOptions;
use crate::preflight;
use crate::result::{Files, Recipe, StepResult};
use cached::CachedStep;

/// Largest manifest that is read to count layers.
const MAX_MANIFEST_BYTES: u64 = 4 << 20;

/// Solves the steps of one build.
pub struct Solver<'a> {
    /// Store that results are recorded in.
    pub store: &'a Arc<Store>,
    /// Layers of the store.
    pub layers: &'a Layers,
    /// Connections to registries and other servers.
    pub sources: &'a Sources,
    /// Settings that the user gives to the steps.
    pub options: &'a RunOptions,
    /// Flag that ends the build early.
    pub cancel: &'a Cancel,
    /// Receives the identities of fetched sources, if somebody wants to know them.
    pub materials: Option<&'a Materials>,
    /// Network that RUNs share unless they ask for another.
    pub default_network: BuildNetwork,
    /// Devices of this machine, if a RUN asks for one.
    pub inventory: cdi::Inventory,
    /// Failures that can be foreseen are looked for once, before the first step runs.
    pub preflight: Preflight<'a>,
    /// Ids of the cache mounts that steps with `--no-cache` have emptied in this build.
    pub renewed_caches: Mutex<BTreeSet<String>>,
    /// Stat caches that were opened; the engine saves them when the build ends.
    pub stat_caches: Mutex<Vec<Arc<StatCache>>>,
}

/// Check for failures that can be foreseen, made when the first step misses the cache.
pub struct Preflight<'a> {
    /// Steps of the build.
    pub graph: &'a Graph,
    /// For each step, whether a target needs it.
    pub needed: Vec<bool>,
    /// True once a step has made the check.
    pub is_done: AtomicBool,
}

/// Largest number of times that a step is tried whose sources change while they are copied.
const MAX_COPIES: u64 = 5;

impl Solver<'_> {
    /// Fails if a source in a build context does not exist, or if a process would have too many layers below it. Checks
    /// once per build.
    fn preflight(&self) -> Result<(), StepError> {
        let Preflight { graph, needed, is_done } = &self.preflight;
        if is_done.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let missing = preflight::missing_sources(graph, needed, |source| self.open_context(source));
        let too_deep = || preflight::too_many_layers(graph, needed, |source| self.layer_count(source));
        match missing.into_iter().next().or_else(too_deep) {
            Some(failure) => Err(StepError::Preflight { failure }),
            None => Ok(()),
        }
    }

    /// Returns the number of layers of a source step; 0 if it is not known yet.
    fn layer_count(&self, source: &Source) -> usize {
        let Source::Image { manifest, .. } = source else { return 0 };
        let text = self.store.get_blob(manifest, MAX_MANIFEST_BYTES).unwrap_or_default();
        match Document::parse(None, &text) {
            Ok(Document::Manifest(manifest)) => manifest.layers.len(),
            _ => 0,
        }
    }

    /// Opens a build context for lookups.
    pub fn open_context(&self, source: &Source) -> Option<Arc<dyn Tree>> {
        match source {
            Source::Local { path, ignore, .. } => {
                let patterns = Patterns::new(ignore).ok()?;
                Some(Arc::new(ContextTree::open(path, patterns, None).ok()?))
            }
            Source::Stored { layer, .. } => {
                self.layers.view(&[*layer]).ok().map(|tree| tree as Arc<dyn Tree>)
            }
            _ => None,
        }
    }

    /// Solves `step`, the `ordinal`th of its stage. Also returns whether its result was there already.
    pub fn solve(
        &self,
        step: &Step,
        ordinal: usize,
        inputs: &[StepResult],
        vertex: &Vertex,
    ) -> Result<(StepResult, bool), StepError> {
        let cached = CachedStep { solver: self, step, ordinal, inputs, vertex };
        match &step.op {
            Op::Source(source) => self.source(source, vertex),
            Op::Merge => Ok((merged(inputs)?, true)),
            Op::Exec(exec) => cached.solve(&|files| self.exec(exec, step, files, vertex)),
            Op::File(op) => {
                self.settled(inputs, vertex, || cached.solve(&|files| self.file(op, files, vertex)))
            }
        }
    }

    /// Solves a step again while its sources change under it, a few times, with copies of the files that change.
    ///
    /// The keys are computed anew each time: they must be those of the files that are copied in the end.
    fn settled<T>(
        &self,
        inputs: &[StepResult],
        vertex: &Vertex,
        solve: impl Fn() -> Result<T, StepError>,
    ) -> Result<T, StepError> {
        for attempt in 1..MAX_COPIES {
            let error = match solve() {
                Err(error) if error.is_changed_source() => error,
                solved => return solved,
            };
            // Every input has to settle, not only the first that can.
            let can_settle = inputs.iter().filter(|input| input.files.settle()).count() > 0;
            if !can_settle || self.cancel.is_canceled() {
                return Err(error);
            }
            vertex.status("a source file is being written, copying again", attempt, None, true);
        }
        solve()
    }

    fn source(&self, source: &Source, vertex: &Vertex) -> Result<(StepResult, bool), StepError> {
        let (files, cached) = match source {
            Source::Scratch => (Files::Layers(Chain::default()), true),
            Source::Image { name, manifest } => {
                let fetched = AtomicBool::new(false);
                let progress = |id: &str, current, total, done| {
                    fetched.store(true, Ordering::Relaxed);
                    vertex.status(id, current, total, done);
                };
                vertex.enter(Phase::Fetch);
                let layers = self.sources.fetch(name, manifest, &progress)?;
                (Files::Layers(Chain::of_image(layers)), !fetched.into_inner())
            }
            Source::Local { path, ignore, .. } => {
                vertex.enter(Phase::Scan);
                let stat_cache = Arc::new(StatCache::load(self.store, path));
                let tree = ContextTree::open(path, Patterns::new(ignore)?, Some(Arc::clone(&stat_cache)))
                    .map_err(|source| StepError::Context { source })?;
                self.stat_caches.lock().expect("no thread panics while it holds the lock").push(stat_cache);
                (Files::Tree(Arc::new(tree)), false)
            }
            Source::Http { url, filename, checksum } => {
                vertex.enter(Phase::Fetch);
                let fetched = self.fetcher().http(url, filename, checksum.as_ref(), vertex)?;
                self.note(source, || Material::File(fetched.tree.digest));
                (Files::Tree(Arc::new(fetched.tree)), fetched.is_cached)
            }
            Source::Git { remote, reference, subdir, keep_git_dir, checksum, skip_submodules } => {
                let request = git::GitRequest {
                    remote,
                    reference: reference.as_deref(),
                    subdir: subdir.as_deref(),
                    keep_git_dir: *keep_git_dir,
                    checksum: checksum.as_deref(),
                    skip_submodules: *skip_submodules,
                };
                vertex.enter(Phase::Fetch);
                let fetched = self.fetcher().git(&request, vertex)?;
                self.note(source, || Material::Commit(fetched.commit.clone()));
                (Files::Tree(self.layers.view(&[fetched.layer])?), fetched.is_cached)
            }
            Source::Stored { layer, .. } => (Files::Tree(self.layers.view(&[*layer])?), true),
        };
        Ok((StepResult { files, recipe: Recipe::EMPTY }, cached))
    }

    /// Remembers the identity of a source for those who want to know it.
    fn note(&self, source: &Source, material: impl FnOnce() -> Material) {
        if let Some(materials) = self.materials {
            materials.add(source, material());
        }
    }

    fn fetcher(&self) -> Fetcher<'_> {
        Fetcher {
            store: self.store,
            layers: self.layers,
            sources: self.sources,
            options: &self.options.fetch,
            cancel: self.cancel,
        }
    }

    fn exec(&self, exec: &Exec, step: &Step, files: &[Files], vertex: &Vertex) -> Result<DiffId, StepError> {
        let context = ExecContext {
            renewed_caches: step.meta.ignore_cache.then_some(&self.renewed_caches),
            store: self.store,
            layers: self.layers,
            options: self.options,
            vertex,
            cancel: self.cancel,
            default_network: &self.default_network,
            inventory: &self.inventory,
            platform: &step.platform,
        };
        let layer = exec::run(exec, files, &context)?;
        self.report_holes(&layer, vertex)?;
        Ok(layer)
    }

    fn file(&self, op: &FileOp, files: &[Files], vertex: &Vertex) -> Result<DiffId, StepError> {
        vertex.enter(Phase::Copy);
        let base = match op.base {
            Some(input) => files[input.0].tree(self.layers)?,
            None => Arc::new(trees::tree::Scratch),
        };
        let scratch = self.store.scratch()?;
        let inputs: Vec<Arc<dyn Tree>> =
            files.iter().map(|files| files.tree(self.layers)).collect::<Result<_, _>>()?;
        let applied = file::apply(op, base, &|input| Arc::clone(&inputs[input.0]), scratch.path())?;
        applied.warnings.iter().for_each(|warning| vertex.warning(warning));
        vertex.enter(Phase::Commit);
        let layer = self.layers.commit(applied.diff)?;
        self.report_holes(&layer, vertex)?;
        Ok(layer)
    }

    fn report_holes(&self, layer: &DiffId, vertex: &Vertex) -> Result<(), StepError> {
        if let Some(warning) = holes::warning(self.layers, layer)? {
            vertex.warning(&warning);
        }
        Ok(())
    }
}

/// The layers of all inputs on top of each other.
fn merged(inputs: &[StepResult]) -> Result<StepResult, StepError> {
    let mut layers = Vec::new();
    for input in inputs {
        layers.extend_from_slice(input.files.layers()?);
    }
    let recipes: Vec<Recipe> = inputs.iter().map(|input| input.recipe).collect();
    Ok(StepResult { files: Files::Layers(layers.into()), recipe: Recipe::then(&recipes, &Parts::default()) })
}
