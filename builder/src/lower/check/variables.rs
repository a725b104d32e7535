//! `UndefinedVar`: variables that nothing defines.

use super::{Finding, rules, with_suggestion};
use crate::lower::dispatch::OUTSIDE_ENV;
use crate::lower::state::State;

/// Of the names that an expansion found unset, those that the stage has not declared either.
pub(in crate::lower) fn undefined(unset: &[String], state: &State) -> Vec<Finding> {
    if unset.is_empty() {
        return Vec::new();
    }
    let candidates: Vec<&str> = state.env.names().collect();
    let unknown = unset.iter().filter(|name| !state.args.has(name) && !OUTSIDE_ENV.contains(&name.as_str()));
    let findings = unknown.map(|name| {
        let message = format!("Usage of undefined variable '${name}'");
        let meant = parser::suggest(name, &candidates);
        Finding::new(&rules::UNDEFINED_VAR, with_suggestion(message, meant, "$"))
    });
    findings.collect()
}
