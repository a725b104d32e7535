//! The provenance of an image: options, sources and steps of its build.

use std::collections::{BTreeMap, BTreeSet};

use attest::{
    BuildStep, ConfigSource, OptionalId, Provenance, ProvenanceMode, ProvenanceRequest, SourceFile,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use builder::Materials;
use frontend::options::Context;
use frontend::{Options, is_proxy};
use graph::{Exec, Graph, MountKind, NetworkMode, Op, Source, Step, StepId};
use oci::Platform;

use super::dependency;
use super::operation;
use crate::request::BuildRequest;

/// Name of the program in a provenance.
const PROGRAM: &str = "dsbuild";

/// Name that the directory of the Dockerfile has among the local directories, as with BuildKit.
const DOCKERFILE: &str = "dockerfile";

/// The build of one image.
pub(super) struct ImageBuild<'a> {
    pub request: &'a BuildRequest,
    pub wanted: &'a ProvenanceRequest,
    pub graph: &'a Graph,
    /// Step whose result is the image.
    pub target: StepId,
    /// Identities of the sources that were fetched.
    pub materials: &'a Materials,
}

impl ImageBuild<'_> {
    /// Returns everything that is known about the build.
    pub fn provenance(&self) -> Provenance {
        let needed = needed(self.graph, self.target);
        let steps: Vec<&Step> = needed.iter().map(|id| &self.graph.steps[id.0]).collect();
        let processes: Vec<&Exec> = steps.iter().filter_map(|step| exec(step)).collect();
        let locals = self.locals(&steps);
        let has_network = processes.iter().any(|exec| exec.network != NetworkMode::None);
        let options = &self.request.options;
        Provenance {
            request: self.wanted.clone(),
            builder_version: (PROGRAM, env!("CARGO_PKG_VERSION")),
            builder_platform: Platform::host().to_string(),
            config_source: config_source(options),
            args: args(options),
            is_hermetic: !has_network && locals.is_empty(),
            locals,
            secrets: secrets(&processes),
            ssh: agents(&processes),
            dependencies: self.dependencies(&steps),
            steps: self.steps(&needed),
            source: self.dockerfile(),
            vcs: None,
        }
    }

    /// Returns the names of the local directories that the build has read.
    fn locals(&self, steps: &[&Step]) -> Vec<String> {
        let name = |step: &&Step| match &step.op {
            Op::Source(Source::Local { name, .. }) => Some(name.clone()),
            _ => None,
        };
        let mut locals: BTreeSet<String> = steps.iter().filter_map(name).collect();
        match &self.request.options.context {
            Context::Local { .. } | Context::Empty => drop(locals.insert(DOCKERFILE.to_owned())),
            // The archive came on standard input.
            Context::Stored { origin, .. } if origin == "-" => drop(locals.insert("context".to_owned())),
            _ => {}
        }
        locals.into_iter().collect()
    }

    fn dependencies(&self, steps: &[&Step]) -> Vec<attest::Dependency> {
        let of_steps = steps.iter().filter_map(|step| match &step.op {
            Op::Source(source) => dependency::of(source, &step.platform, self.materials),
            _ => None,
        });
        let context = dependency::of_context(&self.request.options.context);
        let dependencies: BTreeSet<_> = of_steps.chain(context).collect();
        dependencies.into_iter().collect()
    }

    /// Returns the steps with all details, which only the larger form of a provenance shows.
    fn steps(&self, needed: &BTreeSet<StepId>) -> Vec<BuildStep> {
        if self.wanted.mode == ProvenanceMode::Min {
            return Vec::new();
        }
        let positions: BTreeMap<StepId, usize> =
            needed.iter().enumerate().map(|(position, id)| (*id, position)).collect();
        let step = |id: &StepId| {
            let step = &self.graph.steps[id.0];
            let lines = step.meta.lines.map(|lines| (lines.first as usize, lines.last as usize));
            let inputs = step.inputs.iter().map(|input| positions[input]).collect();
            let (operation, platform) = (operation::of(step), operation::platform(step));
            BuildStep { operation, platform, inputs, lines }
        };
        needed.iter().map(step).collect()
    }

    fn dockerfile(&self) -> Option<SourceFile> {
        let BuildRequest { dockerfile, options, .. } = self.request;
        let data_base64 = STANDARD.encode(dockerfile);
        (self.wanted.mode == ProvenanceMode::Max)
            .then(|| SourceFile { name: options.dockerfile_name.clone(), data_base64 })
    }
}

/// Returns the steps that the target needs, itself included.
fn needed(graph: &Graph, target: StepId) -> BTreeSet<StepId> {
    let mut needed = BTreeSet::new();
    let mut open = vec![target];
    while let Some(id) = open.pop() {
        if needed.insert(id) {
            open.extend(&graph.steps[id.0].inputs);
        }
    }
    needed
}

fn exec(step: &Step) -> Option<&Exec> {
    match &step.op {
        Op::Exec(exec) => Some(exec),
        _ => None,
    }
}

fn config_source(options: &Options) -> ConfigSource {
    let path = options.dockerfile_name.clone();
    let Some(context) = dependency::of_context(&options.context) else {
        return ConfigSource { path, ..ConfigSource::default() };
    };
    ConfigSource { uri: Some(context.uri), digest: context.digest, path }
}

/// Returns the options of the build by BuildKit's names. Proxies say something about this machine only, and can contain
/// passwords.
fn args(options: &Options) -> BTreeMap<String, String> {
    let build_args = options.build_args.iter().filter(|(name, _)| !is_proxy(name));
    let build_args = build_args.map(|(name, value)| (format!("build-arg:{name}"), value.clone()));
    let labels = options.labels.iter().map(|(name, value)| (format!("label:{name}"), value.clone()));
    let target = options.target.iter().map(|target| ("target".to_owned(), target.clone()));
    let network = match options.network {
        NetworkMode::Default => None,
        NetworkMode::None => Some("none"),
        NetworkMode::Host => Some("host"),
    };
    let network = network.map(|mode| ("force-network-mode".to_owned(), mode.to_owned()));
    build_args.chain(labels).chain(target).chain(network).collect()
}

/// Returns the ids of the secrets that processes get. One that a process requires is not optional.
fn secrets(processes: &[&Exec]) -> Vec<OptionalId> {
    let mounted = |exec: &&Exec| -> Vec<(String, bool)> {
        let mounts = exec.mounts.iter().filter_map(|mount| match &mount.kind {
            MountKind::Secret { id, required, .. } => Some((id.clone(), *required)),
            _ => None,
        });
        let variables = exec.secret_env.iter().map(|secret| (secret.id.clone(), secret.required));
        mounts.chain(variables).collect()
    };
    optional_ids(processes.iter().flat_map(mounted))
}

fn agents(processes: &[&Exec]) -> Vec<OptionalId> {
    let mounts = processes.iter().flat_map(|exec| &exec.mounts);
    optional_ids(mounts.filter_map(|mount| match &mount.kind {
        MountKind::Ssh { id, required, .. } => Some((id.clone(), *required)),
        _ => None,
    }))
}

fn optional_ids(ids: impl Iterator<Item = (String, bool)>) -> Vec<OptionalId> {
    let mut required: BTreeMap<String, bool> = BTreeMap::new();
    for (id, is_required) in ids {
        *required.entry(id).or_default() |= is_required;
    }
    required.into_iter().map(|(id, is_required)| OptionalId { id, optional: !is_required }).collect()
}
