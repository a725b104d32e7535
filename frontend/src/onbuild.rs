//! ONBUILD: the triggers of a base become the first instructions of the stages on it.
//!
//! Triggers can need further stages and images, so adding them alternates with finding out what is needed. Each stage gets
//! the triggers of its base once. A stage on that stage does not get them again.

use std::borrow::Cow;

use parser::ast::{Instruction, Kind};

use crate::base_images::BaseImages;
use crate::error::{Errors, Problem};
use crate::limits;
use crate::session::TargetPlatform;
use crate::stages::{Base, StageCommand, StageEntry, StageId, StageTable};

/// Adds the triggers of all needed stages whose base is known. Returns whether there were any.
pub(crate) fn add_triggers(
    table: &mut StageTable<'_>,
    reachable: &[bool],
    images: &BaseImages,
    target: &TargetPlatform,
    errors: &mut Errors,
) -> bool {
    let mut found_any = false;
    for (at, _) in reachable.iter().enumerate().filter(|(_, reachable)| **reachable) {
        let id = StageId(at);
        let entry = table.entry(id);
        if entry.has_triggers || entry.is_source {
            continue;
        }
        let triggers = triggers_of(table, id, images, target);
        let lines = entry.lines;
        let parsed = parse_all(&triggers, table.expander.escape).map_err(|problem| problem.at(lines));
        let instructions = errors.keep(parsed).unwrap_or_default();
        found_any |= !instructions.is_empty();
        table.prepend(id, instructions, errors);
    }
    found_any
}

/// Returns the triggers of a stage's base.
fn triggers_of<'t>(
    table: &'t StageTable<'_>,
    id: StageId,
    images: &'t BaseImages,
    target: &TargetPlatform,
) -> Vec<&'t str> {
    let in_image = |entry: &StageEntry<'_>| match images.image(entry, target) {
        Some(found) => found.image.config.config.on_build.iter().map(String::as_str).collect(),
        None => Vec::new(),
    };
    let entry = table.entry(id);
    match entry.base {
        Base::Stage(base) if table.entry(base).is_source => in_image(table.entry(base)),
        // The triggers of the base's own base were removed from its config before its instructions ran.
        Base::Stage(base) => table.entry(base).commands.iter().filter_map(own_trigger).collect(),
        _ => in_image(entry),
    }
}

fn own_trigger<'c>(command: &'c StageCommand<'_>) -> Option<&'c str> {
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
