//! `UndefinedVar`: variables that nothing defines.

use super::{Finding, rules, with_suggestion};
use crate::args::GlobalScope;
use crate::build_args::HIDDEN_FROM_RUN;
use crate::state::State;

/// Finds the variables among the unset ones that the stage does not declare either.
///
/// An unavailable base image could set any of them, so nothing is reported for stages on one.
pub(crate) fn undefined(unset: &[String], state: &State, globals: &GlobalScope) -> Vec<Finding> {
    if state.base_is_unknown {
        return Vec::new();
    }
    let candidates: Vec<&str> = state.env.names().collect();
    let is_declared = |name: &str| state.args.find(name).is_some() || HIDDEN_FROM_RUN.contains(&name);
    let unknown = unset.iter().filter(|name| !is_declared(name));
    let findings = unknown.map(|name| {
        let message = format!("Usage of undefined variable '${name}'");
        let finding = Finding::new(&rules::UNDEFINED_VAR, with_suggestion(message, name, &candidates, "$"));
        finding.with_hint(out_of_reach(name, globals))
    });
    findings.collect()
}

/// Explains a variable that only an ARG above the first FROM defines.
fn out_of_reach(name: &str, globals: &GlobalScope) -> Option<String> {
    let arg = globals.declared.find(name)?;
    Some(format!(
        "stages do not see the ARG above the first FROM (line {}): repeat `ARG {name}` in the stage, below its FROM",
        arg.lines.first
    ))
}
