//! Outlines: the ARGs, secrets, SSH agents and caches that a target takes from outside.
//!
//! Source: buildx, `build --call outline`; BuildKit, `frontend/subrequests/outline`.

use std::collections::BTreeMap;

use graph::{Exec, Lines, MountKind, Op};
use parser::ast::Dockerfile;

use crate::base_images::BaseImages;
use crate::check::Checks;
use crate::error::LowerError;
use crate::inspect::allowing_all;
use crate::lower::{LowerRequest, lower_for};
use crate::options::Options;
use crate::plan::{PlannedArg, Resolver};
use crate::session::Purpose;

/// Everything that a target takes from outside. Lists are in the order of the lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// Name of the target; `None` if the stage has no name.
    pub name: Option<String>,
    /// Description from the comment above the target; `None` if there is no such comment.
    pub description: Option<String>,
    /// ARGs of the needed stages, and the global ARGs that they use. Each name is listed once.
    pub args: Vec<PlannedArg>,
    /// Secrets of the needed stages, each ID once.
    pub secrets: Vec<OutlinedMount>,
    /// SSH agents of the needed stages, each ID once.
    pub ssh: Vec<OutlinedMount>,
    /// Cache mounts of the needed stages, each ID once.
    pub caches: Vec<OutlinedMount>,
}

/// A mount of something that is not in the Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlinedMount {
    /// Lines of the first RUN with the mount.
    pub lines: Lines,
    /// ID of the secret, the agent or the cache.
    pub id: String,
    /// Whether the build fails without it; false for caches.
    pub required: bool,
}

/// Returns the outline of the target. Images can be unavailable, and nothing has to be allowed.
pub fn outline(
    dockerfile: &Dockerfile,
    options: &Options,
    resolver: &dyn Resolver,
) -> Result<Outline, LowerError> {
    let options = &allowing_all(options);
    let (purpose, checks) = (Purpose::Inspect, &Checks::default());
    let request = LowerRequest { dockerfile, options, resolver, purpose, checks, probe: None };
    let plan = lower_for(&request, &mut BaseImages::default())?;
    let name = options.target.as_ref().map(|name| name.to_lowercase());
    let stage = match &name {
        Some(_) => dockerfile.stages.iter().rfind(|stage| stage.name == name),
        None => dockerfile.stages.last(),
    };
    let mut mounts = Mounts::default();
    for step in &plan.graph.steps {
        if let (Op::Exec(exec), Some(lines)) = (&step.op, step.meta.lines) {
            mounts.add(exec, lines);
        }
    }
    Ok(Outline {
        name: stage.and_then(|stage| stage.name.clone()),
        description: stage.and_then(|stage| stage.description()).map(str::to_owned),
        args: plan.args,
        secrets: in_order(mounts.secrets),
        ssh: in_order(mounts.ssh),
        caches: in_order(mounts.caches),
    })
}

/// Mounts of all RUNs, by ID.
#[derive(Default)]
struct Mounts {
    secrets: BTreeMap<String, OutlinedMount>,
    ssh: BTreeMap<String, OutlinedMount>,
    caches: BTreeMap<String, OutlinedMount>,
}

impl Mounts {
    fn add(&mut self, exec: &Exec, lines: Lines) {
        for secret in &exec.secret_env {
            add_once(&mut self.secrets, &secret.id, secret.required, lines);
        }
        for mount in &exec.mounts {
            match &mount.kind {
                MountKind::Secret { id, required, .. } => add_once(&mut self.secrets, id, *required, lines),
                MountKind::Ssh { id, required, .. } => add_once(&mut self.ssh, id, *required, lines),
                MountKind::Cache { id, .. } => {
                    add_once(&mut self.caches, id.strip_prefix('/').unwrap_or(id), false, lines);
                }
                _ => {}
            }
        }
    }
}

/// Adds a mount unless its ID is known. It is required if any RUN requires it, and its lines are the first ones.
fn add_once(mounts: &mut BTreeMap<String, OutlinedMount>, id: &str, required: bool, lines: Lines) {
    let new = || OutlinedMount { lines, id: id.to_owned(), required: false };
    let mount = mounts.entry(id.to_owned()).or_insert_with(new);
    mount.lines = mount.lines.min(lines);
    mount.required |= required;
}

fn in_order(mounts: BTreeMap<String, OutlinedMount>) -> Vec<OutlinedMount> {
    let mut mounts: Vec<OutlinedMount> = mounts.into_values().collect();
    mounts.sort_by_key(|mount| mount.lines);
    mounts
}
