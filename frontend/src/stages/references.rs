//! The instructions of stages, and the entries that they take files from.

use std::borrow::Cow;

use graph::Lines;
use parser::ast::{Copy, Instruction, Kind, Run, Stage};
use parser::expand::Expander;
use parser::mount;

use super::{StageCommand, StageEntry, StageId, StageTable};
use crate::env::Env;
use crate::error::{Errors, LowerError, Problem, lines_of};

impl<'a> StageTable<'a> {
    /// Adds the instructions of a stage, unless a named context replaces it.
    pub(super) fn add_commands(&mut self, id: StageId, stage: &'a Stage, errors: &mut Errors) {
        let mut commands = Vec::with_capacity(stage.instructions.len());
        for instruction in &stage.instructions {
            let lines = lines_of(instruction);
            commands.extend(errors.keep(self.command(id, Cow::Borrowed(instruction), lines)));
        }
        let entry = &mut self.entries[id.0];
        if entry.is_source {
            entry.replaced_sources = commands.iter().flat_map(StageCommand::sources).collect();
        } else {
            entry.commands = commands;
        }
    }

    /// Adds triggers in front of a stage's own instructions.
    pub fn prepend(&mut self, id: StageId, triggers: Vec<Cow<'a, Instruction>>, errors: &mut Errors) {
        let lines = self.entry(id).lines;
        let mut commands = Vec::with_capacity(triggers.len());
        for trigger in triggers {
            let command = errors.keep(self.command(id, trigger, lines));
            commands.extend(command.map(|command| StageCommand { is_trigger: true, ..command }));
        }
        let entry = &mut self.entries[id.0];
        entry.commands.splice(0..0, commands);
        entry.has_triggers = true;
    }

    /// Finds the entries that an instruction of stage `id` takes files from.
    fn command(
        &mut self,
        id: StageId,
        instruction: Cow<'a, Instruction>,
        lines: Lines,
    ) -> Result<StageCommand<'a>, LowerError> {
        let (mut from, mut mounts) = (None, Vec::new());
        match &instruction.kind {
            Kind::Copy(copy) => from = self.copy_source(id, copy, lines)?,
            Kind::Run(run) => mounts = self.mount_sources(id, run, lines)?,
            _ => {}
        }
        Ok(StageCommand { instruction, lines, from, mounts, is_trigger: false })
    }

    /// Finds the entry of `COPY --from`, which is a name or the index of a stage.
    fn copy_source(&mut self, id: StageId, copy: &Copy, lines: Lines) -> Result<Option<StageId>, LowerError> {
        let Some(from) = copy.from.as_ref().filter(|from| !from.is_empty()) else { return Ok(None) };
        if !is_constant(from, self.expander) {
            return Err(Problem::VariableInFrom.at(lines));
        }
        let Ok(index) = from.parse::<i64>() else { return self.named_source(id, from, lines).map(Some) };
        match usize::try_from(index).ok().filter(|index| *index < self.written_stages) {
            Some(found) => Ok(Some(StageId(found))),
            None => Err(Problem::BadStageIndex { index, written: from.clone() }.at(lines)),
        }
    }

    /// Finds the entries of `from=` in the mounts of a RUN.
    fn mount_sources(
        &mut self,
        id: StageId,
        run: &Run,
        lines: Lines,
    ) -> Result<Vec<Option<StageId>>, LowerError> {
        let mut sources = Vec::with_capacity(run.mounts.len());
        for mount in &run.mounts {
            let from = mount_from(mount, self.expander).map_err(|problem| problem.at(lines))?;
            sources.push(match from {
                Some(from) => Some(self.named_source(id, &from, lines)?),
                None => None,
            });
        }
        Ok(sources)
    }

    /// Finds the entry of a name: the last stage of that name before `id`, else a stage further down (an error if it is
    /// lowered), else a named context or an image.
    fn named_source(&mut self, id: StageId, name: &str, lines: Lines) -> Result<StageId, LowerError> {
        if let Some(ids) = self.by_name.get(&name.to_lowercase()) {
            let earlier = ids.iter().rfind(|other| **other < id);
            return Ok(*earlier.unwrap_or(&ids[0]));
        }
        if let Some(known) = self.sources.get(name) {
            return Ok(*known);
        }
        let base = self.outside_base(name, None).map_err(|problem| problem.at(lines))?;
        let new = StageId(self.entries.len());
        self.entries.push(StageEntry {
            name: None,
            label: name.to_owned(),
            base,
            base_text: name.to_owned(),
            platform: None,
            lines,
            commands: Vec::new(),
            replaced_sources: Vec::new(),
            has_triggers: true,
            is_source: true,
            is_circular: false,
        });
        self.sources.insert(name.to_owned(), new);
        Ok(new)
    }
}

/// Returns the stage or image that a mount takes files from, or `None` if it names none.
fn mount_from(value: &str, expander: Expander) -> Result<Option<String>, Problem> {
    let from = mount::from(value).map_err(Problem::Mount)?;
    let Some(from) = from.filter(|from| !from.is_empty()) else { return Ok(None) };
    if is_constant(&from, expander) { Ok(Some(from)) } else { Err(Problem::VariableInMountFrom) }
}

/// Reports whether expansion leaves a word as it is.
fn is_constant(word: &str, expander: Expander) -> bool {
    expander.word(word, &Env::default()).is_ok_and(|expanded| expanded.text == word)
}
