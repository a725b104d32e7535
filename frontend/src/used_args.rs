//! The ARGs that a target uses: those of needed stages, and the global ones that they refer to.
//!
//! Source: BuildKit, `dockerfile2llb/outline.go`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use parser::ast::Dockerfile;
use parser::expand::{Expander, Variables};

use crate::args::{GlobalScope, definitions};
use crate::error::lines_of;
use crate::plan::PlannedArg;
use crate::session::UsedArg;
use crate::stages::{Base, StageId, StageTable};

/// Lists each name once, in the order of the lines.
///
/// If several ARGs have the same name, the one nearest to the target counts: its own, its base's, those of other stages
/// from the last to the first, global ones. Within a stage the last one counts.
pub(crate) fn list(used: Vec<UsedArg>, table: &StageTable<'_>, target: StageId) -> Vec<PlannedArg> {
    let chain = base_chain(table, target);
    let distance = |stage: Option<usize>| match stage {
        Some(at) => match chain.iter().position(|id| id.0 == at) {
            Some(steps) => (0, steps),
            None => (1, usize::MAX - at),
        },
        None => (2, 0),
    };
    let mut nearest: BTreeMap<String, UsedArg> = BTreeMap::new();
    for arg in used {
        let rank = |arg: &UsedArg| (distance(arg.stage), Reverse((arg.arg.lines, arg.position)));
        let is_nearer = nearest.get(&arg.arg.name).is_none_or(|known| rank(&arg) < rank(known));
        if is_nearer {
            nearest.insert(arg.arg.name.clone(), arg);
        }
    }
    let mut list: Vec<UsedArg> = nearest.into_values().collect();
    list.sort_by_key(|arg| (arg.arg.lines, arg.position));
    list.into_iter().map(|arg| arg.arg).collect()
}

/// Returns the target and the stages that it is built on, from the nearest.
fn base_chain(table: &StageTable<'_>, target: StageId) -> Vec<StageId> {
    let base = |id: &StageId| match table.entry(*id).base {
        Base::Stage(base) => Some(base),
        _ => None,
    };
    std::iter::successors(Some(target), base).collect()
}

/// Finds the ARGs above the first FROM that needed stages use: in FROM, by declaring them again, or through the defaults
/// of others.
pub(crate) fn global_args(
    dockerfile: &Dockerfile,
    globals: &GlobalScope,
    table: &StageTable<'_>,
    reachable: &[bool],
    redeclared: &BTreeSet<String>,
) -> Vec<UsedArg> {
    let expander = table.expander;
    let mut names = redeclared.clone();
    let stages = dockerfile.stages.iter().zip(reachable).take(table.written_stages);
    for (stage, _) in stages.filter(|(_, reachable)| **reachable) {
        for word in std::iter::once(&stage.base).chain(&stage.platform) {
            names.extend(set_variables(word, globals, expander));
        }
    }
    let mut args = Vec::new();
    let all = dockerfile.globals.iter().rev().flat_map(|instruction| {
        definitions(instruction).iter().enumerate().rev().map(move |(at, arg)| (instruction, at, arg))
    });
    for (instruction, position, definition) in all {
        if !names.contains(&definition.name) {
            continue;
        }
        names.extend(definition.default.iter().flat_map(|word| set_variables(word, globals, expander)));
        let arg = PlannedArg {
            lines: lines_of(instruction),
            name: definition.name.clone(),
            value: globals.value(&definition.name).map(str::to_owned),
            description: instruction.description(&definition.name).map(str::to_owned),
        };
        args.push(UsedArg { stage: None, position, arg });
    }
    args
}

/// Returns the names of the variables in a word that are set.
fn set_variables(word: &str, globals: &GlobalScope, expander: Expander) -> Vec<String> {
    expander.word(word, globals).map(|expanded| expanded.used).unwrap_or_default()
}
