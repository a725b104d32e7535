//! One step: what it is solved with, what it leaves, how it fails.
//!
//! ```text
//! cached    looked up by its keys, else run and recorded
//! chain     the layers of a root file system, and their chain ID
//! ```

mod cached;
pub mod chain;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use cache::{StatCache, Store};
use oci::DiffId;
use rootfs::layers::Layers;
use rootfs::tree::Tree;
use rootfs::users::UserError;
use sandbox::Exit;

use crate::absence::Absence;
use crate::context::ContextTree;
use crate::key::{Parts, Recipe};
use crate::op::exec::{self, Around, BuildNetwork, Outcome};
use crate::op::file::{self, FileOpError};
use crate::options::BuildOptions;
use crate::remote::fetcher::Fetcher;
use crate::remote::{RemoteError, git};
use crate::source::{SourceError, Sources};
use graph::{Exec, FileOp, Op, Source, Step};
use patterns::PatternError;
use patterns::Patterns;
use progress::Cancel;
use progress::{Phase, Vertex};

use cached::CachedStep;
use chain::Chain;

/// What a step left: files, and how they came about.
#[derive(Clone)]
pub struct StepResult {
    /// The files.
    pub files: Files,
    /// What was done to get them.
    pub recipe: Recipe,
}

/// The files that a step left.
#[derive(Clone)]
pub enum Files {
    /// A root file system: layers from the base up.
    Layers(Chain),
    /// Files to take from: a build context, a download.
    Tree(Arc<dyn Tree>),
}

impl Files {
    /// The layers; files that are no root file system cannot be built upon.
    pub fn layers(&self) -> Result<&Chain, StepError> {
        match self {
            Self::Layers(layers) => Ok(layers),
            Self::Tree(_) => Err(StepError::NoLayers),
        }
    }

    /// As a tree.
    pub fn tree(&self, layers: &Layers) -> Result<Arc<dyn Tree>, StepError> {
        match self {
            Self::Layers(stack) => Ok(layers.view(stack)?),
            Self::Tree(tree) => Ok(Arc::clone(tree)),
        }
    }
}

/// A step that has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// Its process failed.
    #[error("process {command:?} did not complete successfully: {}", shown(exit))]
    Process {
        /// What was run, as BuildKit shows it.
        command: String,
        /// How it ended.
        exit: Exit,
        /// The last lines of its output.
        tail: String,
    },
    /// `RUN []`: no error of a Dockerfile, as BuildKit has it, unless it is run.
    #[error("RUN needs a command")]
    NoCommand,
    /// A secret that it requires was not given.
    #[error("secret {id}: not found")]
    NoSecret {
        /// Which.
        id: String,
    },
    /// A secret cannot be read.
    #[error("cannot read secret {id} from {}", path.display())]
    UnreadableSecret {
        /// Which.
        id: String,
        /// From where.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A secret is too large.
    #[error("secret {id} is larger than {limit_bytes} bytes")]
    LargeSecret {
        /// Which.
        id: String,
        /// The limit.
        limit_bytes: u64,
    },
    /// An agent that it requires was not given.
    #[error("unset ssh forward key {id}")]
    NoSshAgent {
        /// Which.
        id: String,
    },
    /// It builds on files that are no root file system.
    #[error("a build context cannot be used as a base image")]
    NoLayers,
    /// The build was canceled.
    #[error("canceled")]
    Canceled,
    /// A device of the machine.
    #[error(transparent)]
    Device(#[from] cdi::CdiError),
    /// COPY or ADD.
    #[error(transparent)]
    File(#[from] FileOpError),
    /// A file that COPY, ADD or a mount takes is not there.
    #[error("{cause}")]
    Missing {
        /// BuildKit's words.
        cause: FileOpError,
        /// What is known about it.
        absence: Absence,
    },
    /// A URL or a repository.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// An image.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Layers and trees.
    #[error(transparent)]
    Rootfs(#[from] rootfs::RootfsError),
    /// USER.
    #[error(transparent)]
    User(#[from] UserError),
    /// The sandbox could not be built.
    #[error(transparent)]
    Sandbox(#[from] sandbox::SandboxError),
    /// The store.
    #[error(transparent)]
    Store(#[from] cache::StoreError),
    /// The patterns of an ignore file.
    #[error("failed parsing .dockerignore")]
    Ignore(#[from] PatternError),
    /// The file system refused.
    #[error("cannot {action}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Why not.
        source: std::io::Error,
    },
}

impl StepError {
    /// The word of the instruction that is to blame, expanded; `None` if that is not one alone.
    pub fn culprit(&self) -> Option<&str> {
        match self {
            Self::Missing { cause: FileOpError::NotFound { path }, .. } => Some(path.trim_start_matches('/')),
            Self::File(FileOpError::Owner(error)) | Self::User(error) => match error {
                UserError::UnknownUser { name } | UserError::UnknownGroup { name } => Some(name),
                UserError::OutOfRange { text } => Some(text),
                _ => None,
            },
            _ => None,
        }
    }
}

/// As a shell tells it: a signal is 128 and its number.
fn shown(exit: &Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exit code: {code}"),
        Exit::Signal(signal) => format!("exit code: {} (signal {signal})", 128 + signal),
    }
}

/// What steps need from around them: one for each build.
pub struct Solver<'a> {
    /// The store.
    pub store: &'a Arc<Store>,
    /// Its layers.
    pub layers: &'a Layers,
    /// Images.
    pub sources: &'a Sources,
    /// What the user asked for.
    pub options: &'a BuildOptions,
    /// Whether to stop.
    pub cancel: &'a Cancel,
    /// What identifies this Dockerfile among those built here: for telling what changed.
    pub project: String,
    /// The network that `RUN` has by default.
    pub default_network: BuildNetwork,
    /// The devices of this machine.
    pub devices: cdi::Inventory,
    /// The stat caches that were opened; saved when the build ends.
    pub stat_caches: Mutex<Vec<Arc<StatCache>>>,
}

impl Solver<'_> {
    /// Solves `step`, the `ordinal`th of its stage; tells whether its result was there already.
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
            Op::Exec(exec) => cached.solve(&|files| self.exec(exec, files, vertex)),
            Op::File(op) => cached.solve(&|files| self.file(op, files, vertex)),
        }
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
                (Files::Layers(layers.into()), !fetched.into_inner())
            }
            Source::Local { path, ignore, .. } => {
                vertex.enter(Phase::Scan);
                let stat_cache = Arc::new(StatCache::load(self.store, path));
                let tree = ContextTree::open(path, Patterns::new(ignore)?, Some(Arc::clone(&stat_cache)))
                    .map_err(|source| StepError::Io { action: "open the build context", source })?;
                self.stat_caches.lock().expect("no thread panics while it holds the lock").push(stat_cache);
                (Files::Tree(Arc::new(tree)), false)
            }
            Source::Http { url, filename, checksum } => {
                vertex.enter(Phase::Fetch);
                let fetched = self.fetcher().http(url, filename, checksum.as_ref(), vertex)?;
                (Files::Tree(Arc::new(fetched.tree)), fetched.is_cached)
            }
            Source::Git { remote, reference, subdir, keep_git_dir, checksum, skip_submodules } => {
                let wanted = git::Wanted {
                    remote,
                    reference: reference.as_deref(),
                    subdir: subdir.as_deref(),
                    keep_git_dir: *keep_git_dir,
                    checksum: checksum.as_deref(),
                    skip_submodules: *skip_submodules,
                };
                vertex.enter(Phase::Fetch);
                let fetched = self.fetcher().git(&wanted, vertex)?;
                (Files::Tree(self.layers.view(&[fetched.layer])?), fetched.is_cached)
            }
            Source::Stored { layer, .. } => (Files::Tree(self.layers.view(&[*layer])?), true),
        };
        Ok((StepResult { files, recipe: Recipe::EMPTY }, cached))
    }

    fn fetcher(&self) -> Fetcher<'_> {
        Fetcher {
            store: self.store,
            layers: self.layers,
            sources: self.sources,
            options: self.options,
            cancel: self.cancel,
        }
    }

    fn exec(&self, exec: &Exec, files: &[Files], vertex: &Vertex) -> Result<DiffId, StepError> {
        if exec.args.is_empty() {
            return Err(StepError::NoCommand);
        }
        let around = Around {
            store: self.store,
            layers: self.layers,
            options: self.options,
            vertex,
            cancel: self.cancel,
            default_network: &self.default_network,
            devices: &self.devices,
        };
        match exec::run(exec, files, &around)? {
            Outcome::Done(layer) => Ok(layer),
            Outcome::Failed { exit, tail } => {
                Err(StepError::Process { command: exec.args.join(" "), exit, tail })
            }
        }
    }

    fn file(&self, op: &FileOp, files: &[Files], vertex: &Vertex) -> Result<DiffId, StepError> {
        vertex.enter(Phase::Copy);
        let base = match op.base {
            Some(input) => files[input.0].tree(self.layers)?,
            None => Arc::new(rootfs::tree::Scratch),
        };
        let scratch = self.store.scratch()?;
        let inputs: Vec<Arc<dyn Tree>> =
            files.iter().map(|files| files.tree(self.layers)).collect::<Result<_, _>>()?;
        let applied = file::apply(op, base, &|input| Arc::clone(&inputs[input.0]), scratch.path())?;
        applied.warnings.iter().for_each(|warning| vertex.warning(warning));
        vertex.enter(Phase::Commit);
        Ok(self.layers.commit(applied.diff)?)
    }
}

/// The layers of all inputs on top of each other.
fn merged(inputs: &[StepResult]) -> Result<StepResult, StepError> {
    let mut layers = Vec::new();
    for input in inputs {
        layers.extend_from_slice(input.files.layers()?);
    }
    let recipes: Vec<Recipe> = inputs.iter().map(|input| input.recipe).collect();
    Ok(StepResult {
        files: Files::Layers(layers.into()),
        recipe: Recipe::then(&recipes, &Parts::of_nothing()),
    })
}
