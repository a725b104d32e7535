//! Rules about bases and platforms of stages: `UndefinedArgInFrom`, `InvalidDefaultArgInFrom`,
//! `RedundantTargetPlatform`, `FromPlatformFlagConstDisallowed`.

use std::collections::{BTreeMap, BTreeSet};

use oci::{Platform, Reference};
use parser::ast::{Dockerfile, Stage};
use parser::expand::{Expanded, Expander, Variables};

use super::{Checks, Finding, rules, with_suggestion};
use crate::args::{GlobalScope, global_scope};
use crate::env::Env;

/// Finds bases that are not image names unless build arguments are given.
pub(crate) fn default_bases(dockerfile: &Dockerfile, predefined: &Env, expander: Expander, checks: &Checks) {
    // An expansion that fails here is reported later.
    let none = BTreeMap::new();
    let Ok(defaults) = global_scope(&dockerfile.globals, predefined.clone(), &none, expander) else { return };
    for stage in &dockerfile.stages {
        let Ok(base) = expander.word(&stage.base, &defaults) else { return };
        if base.text.parse::<Reference>().is_err() {
            let message =
                format!("Default value for ARG {} results in empty or invalid base image name", stage.base);
            checks.add(&stage.from, [Finding::new(&rules::INVALID_DEFAULT_ARG_IN_FROM, message)]);
        }
    }
}

/// Finds variables of a FROM that no ARG above the first FROM declares.
pub(crate) fn undeclared(expanded: &Expanded, globals: &GlobalScope, checks: &Checks) -> Vec<Finding> {
    if expanded.unset.is_empty() || checks.is_done() {
        return Vec::new();
    }
    let known: BTreeSet<&str> =
        globals.env.names().chain(globals.declared.iter().map(|arg| arg.name.as_str())).collect();
    let candidates: Vec<&str> = known.iter().copied().collect();
    let unknown = expanded.unset.iter().filter(|name| !known.contains(name.as_str()));
    let findings = unknown.map(|name| {
        let message = format!("FROM argument '{name}' is not declared");
        Finding::new(&rules::UNDEFINED_ARG_IN_FROM, with_suggestion(message, name, &candidates, ""))
    });
    findings.collect()
}

/// Finds `--platform=$TARGETPLATFORM`, which is the default.
pub(crate) fn redundant_platform(written: &str, expanded: &Expanded, globals: &Env) -> Option<Finding> {
    const TARGET: &str = "TARGETPLATFORM";
    let is_target = expanded.used == [TARGET] && expanded.unset.is_empty();
    let message = format!(
        "Setting platform to predefined {written} in FROM is redundant as this is the default behavior"
    );
    (is_target && globals.value(TARGET) == Some(&expanded.text))
        .then(|| Finding::new(&rules::REDUNDANT_TARGET_PLATFORM, message))
}

/// Finds a platform without a variable, unless the name of the stage contains that platform.
pub(crate) fn constant_platform(stage: &Stage, expanded: &Expanded) -> Option<Finding> {
    if !expanded.used.is_empty() || !expanded.unset.is_empty() {
        return None;
    }
    let platform: Platform = expanded.text.parse().ok()?;
    let name = stage.name.as_deref().unwrap_or_default();
    if name.contains(&platform.os) || name.contains(&platform.architecture) {
        return None;
    }
    let message = format!("FROM --platform flag should not use constant value {:?}", expanded.text);
    Some(Finding::new(&rules::FROM_PLATFORM_FLAG_CONST_DISALLOWED, message))
}
