//! What a target takes from outside: ARGs, secrets, agents, caches.
//!
//! Source: buildx, `build --call outline`.

use std::collections::BTreeSet;

use parser::ast::Dockerfile;
use parser::expand::{Expander, Variables};

use super::args::Env;
use super::check::{Checks, allowing_all};
use super::error::{LowerError, lines_of};
use super::stages::Table;
use crate::lower::lower_for;
use crate::options::Options;
use crate::plan::{PlannedArg, Resolver};
use crate::session::Purpose;
use graph::{Exec, Lines, MountKind, Op};

/// What a target takes from outside. Lists are in the order of the lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// Its name.
    pub name: Option<String>,
    /// What the comment above it says.
    pub description: Option<String>,
    /// ARGs of the stages it needs, and those above the first FROM that they use.
    pub args: Vec<PlannedArg>,
    /// Secrets.
    pub secrets: Vec<OutlinedMount>,
    /// SSH agents.
    pub ssh: Vec<OutlinedMount>,
    /// Cache mounts.
    pub caches: Vec<OutlinedMount>,
}

/// A mount of something that is not in the Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutlinedMount {
    /// First and last line of the RUN.
    pub lines: Lines,
    /// Its id.
    pub id: String,
    /// The build fails without it.
    pub required: bool,
}

/// Tells what the target takes from outside. Nothing need be there or allowed.
pub fn outline(
    dockerfile: &Dockerfile,
    options: &Options,
    resolver: &dyn Resolver,
) -> Result<Outline, LowerError> {
    let options = allowing_all(options);
    let plan = lower_for(dockerfile, &options, resolver, Purpose::Look, &Checks::default())?;
    let named = options.target.as_ref().map(|name| name.to_lowercase());
    let stage = match &named {
        Some(_) => dockerfile.stages.iter().rfind(|stage| stage.name == named),
        None => dockerfile.stages.last(),
    };
    let mut outline = Outline {
        name: stage.and_then(|stage| stage.name.clone()),
        description: stage.and_then(|stage| stage.description()).map(str::to_owned),
        args: plan.args,
        secrets: Vec::new(),
        ssh: Vec::new(),
        caches: Vec::new(),
    };
    for step in &plan.graph.steps {
        if let (Op::Exec(exec), Some(lines)) = (&step.op, step.meta.lines) {
            outline.add(exec, lines);
        }
    }
    outline.settle();
    Ok(outline)
}

impl Outline {
    fn add(&mut self, exec: &Exec, lines: Lines) {
        for secret in &exec.secret_env {
            self.secrets.push(OutlinedMount { lines, id: secret.id.clone(), required: secret.required });
        }
        for mount in &exec.mounts {
            let (list, id, required) = match &mount.kind {
                MountKind::Secret { id, required, .. } => (&mut self.secrets, id.as_str(), *required),
                MountKind::Ssh { id, required, .. } => (&mut self.ssh, id.as_str(), *required),
                MountKind::Cache { id, .. } => (&mut self.caches, id.strip_prefix('/').unwrap_or(id), false),
                _ => continue,
            };
            list.push(OutlinedMount { lines, id: id.to_owned(), required });
        }
    }

    /// Each thing once, in the order of the lines.
    fn settle(&mut self) {
        for list in [&mut self.secrets, &mut self.ssh, &mut self.caches] {
            list.sort();
            list.dedup();
        }
    }
}

/// The ARGs above the first FROM that needed stages use: in FROM, by declaring them again, or through the
/// defaults of others.
pub(super) fn used_globals(
    dockerfile: &Dockerfile,
    globals: &Env,
    table: &Table<'_>,
    reachable: &[bool],
    redeclared: &BTreeSet<String>,
) -> Vec<PlannedArg> {
    let expander = Expander::new(dockerfile.directives.escape);
    let mut wanted = redeclared.clone();
    let stages = dockerfile.stages.iter().zip(reachable).take(table.written);
    for (stage, _) in stages.filter(|(_, reachable)| **reachable) {
        for word in std::iter::once(&stage.base).chain(&stage.platform) {
            wanted.extend(names(word, globals, expander));
        }
    }
    let mut args = Vec::new();
    let definitions = dockerfile.globals.iter().rev().flat_map(|instruction| {
        super::args::definitions(instruction).iter().rev().map(move |definition| (instruction, definition))
    });
    for (instruction, definition) in definitions {
        if !wanted.contains(&definition.name) {
            continue;
        }
        wanted.extend(definition.default.iter().flat_map(|default| names(default, globals, expander)));
        args.push(PlannedArg {
            lines: lines_of(instruction),
            name: definition.name.clone(),
            value: globals.value(&definition.name).map(str::to_owned),
            description: instruction.description(&definition.name).map(str::to_owned),
        });
    }
    args
}

/// The variables of a word that are set.
fn names(word: &str, globals: &Env, expander: Expander) -> Vec<String> {
    expander.word(word, globals).map(|expanded| expanded.used).unwrap_or_default()
}
