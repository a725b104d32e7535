//! `UndefinedVar`: variables that nothing defines.

use super::{Finding, rules, with_suggestion};
use crate::dispatch::OUTSIDE_ENV;
use crate::state::State;

/// Of the names that an expansion found unset, those that the stage has not declared either.
pub(crate) fn undefined<'u>(unset: &'u [String], state: &'u State) -> impl Iterator<Item = Finding> + 'u {
    let candidates: Vec<&str> = if unset.is_empty() { Vec::new() } else { state.env.names().collect() };
    let unknown = unset.iter().filter(|name| !state.args.has(name) && !OUTSIDE_ENV.contains(&name.as_str()));
    unknown.map(move |name| {
        let message = format!("Usage of undefined variable '${name}'");
        Finding::new(&rules::UNDEFINED_VAR, with_suggestion(message, name, &candidates, "$"))
    })
}
