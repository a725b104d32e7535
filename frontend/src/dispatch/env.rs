//! ENV and ARG: variables of a stage.

use parser::ast::{ArgDefinition, Pairs};
use parser::expand::Variables;

use super::{CurrentStage, Dispatcher};
use crate::args::{ArgSources, ArgValue};
use crate::build_args::HIDDEN_FROM_RUN;
use crate::error::Problem;
use crate::plan::PlannedArg;
use crate::session::UsedArg;
use crate::{check, history};

impl Dispatcher<'_> {
    /// Sets variables of the image. All pairs of a line are expanded with the values before the line.
    pub(super) fn env(&self, current: &mut CurrentStage<'_>, pairs: &Pairs) -> Result<(), Problem> {
        let expanded = self.pairs(current, pairs)?;
        self.found(current, check::legacy_pairs(&current.command.instruction.keyword, pairs.legacy));
        if expanded.iter().any(|(name, _)| name.is_empty()) {
            return Err(Problem::BlankName { keyword: "ENV" });
        }
        let mut text = "ENV".to_owned();
        for (name, value) in &expanded {
            self.found(current, check::secret_name("ENV", name));
            current.state.env.check_room(name, value)?;
            current.state.set_env(name, value, current.lines);
            text.push_str(&format!(" {name}={value}"));
        }
        self.record(current, history::empty, text);
        Ok(())
    }

    /// Expands names and values of ENV or LABEL.
    pub(super) fn pairs(
        &self,
        current: &CurrentStage<'_>,
        pairs: &Pairs,
    ) -> Result<Vec<(String, String)>, Problem> {
        let expand = |word: &str| self.expand(current, word);
        pairs.pairs.iter().map(|(name, value)| Ok((expand(name)?, expand(value)?))).collect()
    }

    /// Declares variables of the stage. Each definition sees those before it on the line.
    ///
    /// Names are not expanded, as in BuildKit: `ARG ${x}=1` declares a variable of that very name.
    pub(super) fn arg(
        &self,
        current: &mut CurrentStage<'_>,
        definitions: &[ArgDefinition],
    ) -> Result<(), Problem> {
        let mut text = "ARG".to_owned();
        for (position, definition) in definitions.iter().enumerate() {
            let name = definition.name.as_str();
            if name.is_empty() {
                return Err(Problem::BlankName { keyword: "ARG" });
            }
            self.found(current, check::secret_name("ARG", name));
            let found = self.arg_value(current, definition)?;
            let value = found.as_ref().map(|found| found.value.as_str());
            self.note_arg(current, definition, position, value);
            current.state.args.declare(name, value.unwrap_or_default(), current.lines);
            text.push_str(&format!(" {name}"));
            if let Some(ArgValue { value, origin }) = found {
                text.push_str(&format!("={value}"));
                if !HIDDEN_FROM_RUN.contains(&name) {
                    current.state.env.check_room(name, &value)?;
                    current.state.env.set(name, &value, origin);
                }
            }
        }
        self.record(current, history::empty, text);
        Ok(())
    }

    fn arg_value(
        &self,
        current: &CurrentStage<'_>,
        definition: &ArgDefinition,
    ) -> Result<Option<ArgValue>, Problem> {
        let sources = ArgSources { build_args: &self.session.build_args, outer: Some(&self.globals.env) };
        sources.value_of(definition, current.lines, |default| self.expand(current, default))
    }

    /// Notes an ARG for the outline. An ARG that only repeats a global one counts as the global one.
    fn note_arg(
        &self,
        current: &CurrentStage<'_>,
        definition: &ArgDefinition,
        position: usize,
        value: Option<&str>,
    ) {
        let ArgDefinition { name, default } = definition;
        let mut notes = self.session.arg_notes.borrow_mut();
        let has_own_value = default.is_some() || self.session.build_args.contains_key(name);
        if !has_own_value && self.globals.value(name).is_some() {
            notes.redeclared.insert(name.clone());
            return;
        }
        let description = current.command.instruction.description(name).map(str::to_owned);
        let (lines, value) = (current.lines, value.map(str::to_owned));
        let arg = PlannedArg { lines, name: name.clone(), value, description };
        notes.used.push(UsedArg { stage: Some(current.id.0), position, arg });
    }
}
