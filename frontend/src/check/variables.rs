//! `UndefinedVar`: variables that nothing defines.

use super::{Finding, rules, with_suggestion};
use crate::args::GlobalScope;
use crate::build_args::HIDDEN_FROM_RUN;
use crate::env::{Declared, Environment};

/// Finds the variables among the unset ones that the stage does not declare either.
pub(crate) fn undefined(
    unset: &[String],
    env: &Environment,
    declared: &Declared,
    globals: &GlobalScope,
) -> Vec<Finding> {
    let candidates: Vec<&str> = env.names().collect();
    let is_declared = |name: &str| declared.find(name).is_some() || HIDDEN_FROM_RUN.contains(&name);
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
