//! Everything that is known about a build.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::request::{ProvenanceMode, ProvenanceRequest};

/// Provenance of one image.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Provenance {
    /// Amount of detail, and the values that the user states.
    pub request: ProvenanceRequest,
    /// Program and its version, as in `dsbuild` and `0.1.0`.
    pub builder_version: (&'static str, &'static str),
    /// Platform of the machine that builds: `linux/amd64`.
    pub builder_platform: String,
    /// Source of the Dockerfile.
    pub config_source: ConfigSource,
    /// Options of the build by BuildKit's names, such as `target` and `build-arg:NAME`.
    pub args: BTreeMap<String, String>,
    /// Names of the local directories that files come from, sorted.
    pub locals: Vec<String>,
    /// Secrets that the steps ask for, sorted. No value is known here.
    pub secrets: Vec<OptionalId>,
    /// SSH agents that the steps ask for, sorted.
    pub ssh: Vec<OptionalId>,
    /// Images, repositories and files that the build has read, sorted.
    pub dependencies: Vec<Dependency>,
    /// True if no step could reach a network.
    pub is_hermetic: bool,
    /// Steps of the build, inputs first.
    pub steps: Vec<BuildStep>,
    /// Dockerfile; `None` if it is unknown.
    pub source: Option<SourceFile>,
    /// Commit that the local context is a checkout of; `None` without a checkout.
    pub vcs: Option<Vcs>,
}

/// Source of the Dockerfile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigSource {
    /// URL of the build context; `None` for a directory of this machine.
    pub uri: Option<String>,
    /// Digest of the context by algorithm, such as `sha1` for a commit.
    pub digest: BTreeMap<&'static str, String>,
    /// Name of the Dockerfile.
    pub path: String,
}

/// An image, a repository or a file that a build has read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Dependency {
    /// URL of the repository or file, or purl of the image.
    pub uri: String,
    /// Digest of the content by algorithm.
    pub digest: BTreeMap<&'static str, String>,
}

/// A secret or an SSH agent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct OptionalId {
    /// Id of the secret or the agent.
    pub id: String,
    /// True if the build works without it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// A file with instructions of the build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Name of the file.
    pub name: String,
    /// Content of the file in base64.
    pub data_base64: String,
}

/// A commit that the local context is a checkout of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Vcs {
    /// Hash of the commit.
    pub revision: String,
}

/// A step of a build.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildStep {
    /// Operation in the form of BuildKit's LLB: an object with the one key `source`, `exec`, `file` or `merge`.
    pub operation: Value,
    /// Platform that the step runs on, as `Architecture`, `OS` and `Variant`; null for steps that run nowhere.
    pub platform: Value,
    /// Positions of the steps that this one uses.
    pub inputs: Vec<usize>,
    /// First and last line of the instruction, from 1; `None` for a step without an instruction.
    pub lines: Option<(usize, usize)>,
}

impl Provenance {
    /// Reports whether values of build arguments and the steps are part of the provenance.
    pub(super) fn is_detailed(&self) -> bool {
        self.request.mode == ProvenanceMode::Max
    }

    /// Returns the options that this amount of detail allows. Values of build arguments and labels can be private.
    pub(super) fn shown_args(&self) -> BTreeMap<&str, &str> {
        let is_private = |name: &str| name.starts_with("build-arg:") || name.starts_with("label:");
        let shown = self.args.iter().filter(|(name, _)| self.is_detailed() || !is_private(name));
        shown.map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// Reports whether all sources are dependencies with a digest. Files of a local directory have none.
    pub(super) fn has_all_dependencies(&self) -> bool {
        self.locals.is_empty()
    }
}
