//! ONBUILD: the triggers of a base become the first instructions of the stages made on it.
//!
//! Triggers may need further stages and images, so that putting them in place alternates with finding
//! out what is needed. Each stage gets its base's triggers once; a stage made on it does not get them again.

use std::borrow::Cow;

use parser::ast::{Instruction, Kind};

use super::bases::Resolved;
use super::error::{Errors, Problem};
use super::limits;
use super::stages::{Base, StageId, Table};
use crate::session::Target;

/// Puts the triggers of all needed stages in place whose base is known. Returns whether there were any.
pub(super) fn fire(
    table: &mut Table<'_>,
    reachable: &[bool],
    resolved: &Resolved,
    target: &Target,
    escape: char,
    errors: &mut Errors,
) -> bool {
    let mut any = false;
    for (at, _) in reachable.iter().enumerate().filter(|(_, reachable)| **reachable) {
        let id = StageId(at);
        let entry = table.entry(id);
        if entry.fired || entry.is_source {
            continue;
        }
        let triggers = triggers(table, id, resolved, target);
        let lines = entry.lines;
        let parsed = parse_all(&triggers, escape).map_err(|problem| problem.at(lines));
        let instructions = errors.keep(parsed).unwrap_or_default();
        any |= !instructions.is_empty();
        table.prepend(id, instructions, errors);
    }
    any
}

/// The triggers of a stage's base.
fn triggers<'t>(table: &'t Table<'_>, id: StageId, resolved: &'t Resolved, target: &Target) -> Vec<&'t str> {
    let entry = table.entry(id);
    let of_image = |entry| match resolved.image(entry, target) {
        Some(found) => found.image.config.config.on_build.iter().map(String::as_str).collect(),
        None => Vec::new(),
    };
    match entry.base {
        Base::Stage(base) if table.entry(base).is_source => of_image(table.entry(base)),
        // What the base itself was made on has been taken out of its config before these came in.
        Base::Stage(base) => table.entry(base).commands.iter().filter_map(own_trigger).collect(),
        _ => of_image(entry),
    }
}

fn own_trigger<'c>(command: &'c super::stages::Command<'_>) -> Option<&'c str> {
    match &command.instruction.kind {
        Kind::Onbuild(text) => Some(text),
        _ => None,
    }
}

fn parse_all(triggers: &[&str], escape: char) -> Result<Vec<Cow<'static, Instruction>>, Problem> {
    limits::check_triggers(triggers.len())?;
    triggers.iter().map(|trigger| parse(trigger, escape)).collect()
}

fn parse(text: &str, escape: char) -> Result<Cow<'static, Instruction>, Problem> {
    parser::parse_trigger(text, escape).map(Cow::Owned).map_err(|error| Problem::Trigger {
        trigger: text.to_owned(),
        message: error.message,
        hint: error.hint,
    })
}
