//! Dependencies between stages: the entries that the target needs, and cycles.

use super::{StageBase, StageCommand, StageId, StageTable};
use crate::error::{Errors, LowerError, Problem};
use crate::strong_components::{Cycle, cycles};

impl StageTable<'_> {
    /// Returns the entries that an entry's instructions take files from.
    fn sources(&self, id: StageId) -> impl Iterator<Item = StageId> + '_ {
        self.entry(id).commands.iter().flat_map(StageCommand::sources)
    }

    /// Reports whether an instruction of stage `id` is part of a cycle.
    pub fn is_circular(&self, id: StageId, command: &StageCommand<'_>) -> bool {
        let mut sources = command.sources();
        self.entry(id).is_circular && sources.any(|source| self.entry(source).is_circular)
    }

    /// Returns for each entry whether the target needs it.
    pub fn reachable(&self, target: StageId) -> Vec<bool> {
        let mut seen = vec![false; self.entries.len()];
        let mut open = vec![target];
        while let Some(id) = open.pop() {
            if !std::mem::replace(&mut seen[id.0], true) {
                if let StageBase::Stage(base) = self.entry(id).base {
                    open.push(base);
                }
                open.extend(self.sources(id));
            }
        }
        seen
    }

    /// Reports cycles of stages whose instructions take files from each other, needed or not. Each cycle is reported
    /// once, however often this is called.
    ///
    /// Two rules follow BuildKit. The instructions of a stage that a named context replaces count too. Bases do not
    /// count: they are earlier stages, so a cycle through a base has an instruction that takes files from a later stage,
    /// which is an error of its own.
    pub fn check_cycles(&mut self, errors: &mut Errors) {
        let sources = |at| {
            let replaced = self.entry(StageId(at)).replaced_sources.iter().copied();
            self.sources(StageId(at)).chain(replaced).map(|source| source.0)
        };
        let found = cycles(self.entries.len(), sources);
        let is_reported = |cycle: &Cycle| self.entries[cycle.members[0]].is_circular;
        let new: Vec<Cycle> = found.into_iter().filter(|cycle| !is_reported(cycle)).collect();
        for (nth, Cycle { root, members }) in new.into_iter().enumerate() {
            // BuildKit names the stage from which it found the first cycle, whether or not that is part of the cycle.
            let named = StageId(if nth == 0 { root } else { members[0] });
            errors.add(|| self.circular(named));
            members.into_iter().for_each(|at| self.entries[at].is_circular = true);
        }
    }

    fn circular(&self, id: StageId) -> LowerError {
        let entry = self.entry(id);
        let label = || Some(entry.label.clone()).filter(|label| !label.is_empty());
        let stage = entry.name.clone().or_else(label).unwrap_or_else(|| format!("stage-{}", id.0));
        Problem::Circular { stage }.at(entry.lines)
    }
}
