//! ENV and ARG.

use parser::ast::{ArgDefinition, Pairs};
use parser::expand::Variables;

use super::{Current, Dispatcher};
use crate::check;
use crate::error::Problem;
use crate::history;
use crate::plan::PlannedArg;

/// ARGs that speak to the builder: no RUN sees them.
pub(crate) const OUTSIDE_ENV: [&str; 2] = ["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"];

impl Dispatcher<'_> {
    /// All pairs of a line are expanded with what was there before the line.
    pub(super) fn env(&self, current: &mut Current<'_>, pairs: &Pairs) -> Result<(), Problem> {
        let expanded = self.pairs(current, pairs)?;
        self.found(current, check::legacy_pairs(&current.command.instruction.keyword, pairs.legacy));
        if expanded.iter().any(|(name, _)| name.is_empty()) {
            return Err(Problem::BlankName { keyword: "ENV" });
        }
        let mut text = "ENV".to_owned();
        for (name, value) in &expanded {
            self.found(current, check::secret_name("ENV", name));
            current.state.env.check_room(name, value)?;
            current.state.set_env(name, value);
            text.push_str(&format!(" {name}={value}"));
        }
        self.record(current, history::empty, text);
        Ok(())
    }

    /// Expands names and values of ENV or LABEL.
    pub(super) fn pairs(
        &self,
        current: &Current<'_>,
        pairs: &Pairs,
    ) -> Result<Vec<(String, String)>, Problem> {
        let expand = |word: &str| self.expand(current, word);
        pairs.pairs.iter().map(|(name, value)| Ok((expand(name)?, expand(value)?))).collect()
    }

    /// Each definition sees those before it on the line.
    pub(super) fn arg(
        &self,
        current: &mut Current<'_>,
        definitions: &[ArgDefinition],
    ) -> Result<(), Problem> {
        let mut text = "ARG".to_owned();
        for definition in definitions {
            let name = self.expand(current, &definition.name)?;
            if name.is_empty() {
                return Err(Problem::BlankName { keyword: "ARG" });
            }
            self.found(current, check::secret_name("ARG", &name));
            let value = self.arg_value(current, &name, definition.default.as_deref())?;
            self.note_arg(current, &name, value.clone(), definition.default.is_some());
            current.state.args.declare(&name, value.as_deref().unwrap_or_default());
            text.push_str(&format!(" {name}"));
            if let Some(value) = value {
                if !OUTSIDE_ENV.contains(&name.as_str()) {
                    current.state.env.check_room(&name, &value)?;
                    current.state.env.set(&name, &value);
                }
                text.push_str(&format!("={value}"));
            }
        }
        self.record(current, history::empty, text);
        Ok(())
    }

    /// Remembers an ARG for the outline. One that only takes over a global's value is that global.
    fn note_arg(&self, current: &Current<'_>, name: &str, value: Option<String>, has_default: bool) {
        let mut notes = self.session.args.borrow_mut();
        let is_given = has_default || self.session.build_args.contains_key(name);
        if !is_given && self.globals.value(name).is_some() {
            notes.redeclared.insert(name.to_owned());
            return;
        }
        let description = current.command.instruction.description(name).map(str::to_owned);
        notes.used.push(PlannedArg { lines: current.lines, name: name.to_owned(), value, description });
    }

    /// The build argument, else the default, else the value of the global scope, else nothing. A default
    /// that is not used is not expanded: it may fail.
    fn arg_value(
        &self,
        current: &Current<'_>,
        name: &str,
        default: Option<&str>,
    ) -> Result<Option<String>, Problem> {
        if let Some(given) = self.session.build_args.get(name) {
            return Ok(Some(given.clone()));
        }
        match default {
            Some(default) => self.expand(current, default).map(Some),
            None => Ok(self.globals.value(name).map(str::to_owned)),
        }
    }
}
