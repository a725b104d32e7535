//! ARG: the one place that decides which value an ARG gets, and the global scope above the first FROM.
//!
//! ```text
//! --build-arg  >  default of the ARG  >  global scope (for ARGs of stages)  >  no value
//! global scope: predefined variables, then the ARGs above the first FROM
//! ```
//!
//! FROM sees the global scope only. Stages see a name of the global scope only if they declare it again.

use std::collections::BTreeMap;

use graph::Lines;
use oci::Platform;
use parser::ast::{ArgDefinition, Instruction, Kind};
use parser::expand::{Expander, Variables};

use crate::build_args::PREDEFINED;
use crate::env::{Declared, Env};
use crate::error::{LowerError, Problem, lines_of};
use crate::origin::ValueOrigin;
use crate::platform;

/// A value with its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArgValue {
    /// Value of the variable.
    pub value: String,
    /// What set the value.
    pub origin: ValueOrigin,
}

/// The variables that FROM sees.
#[derive(Debug, Clone, Default)]
pub(crate) struct GlobalScope {
    /// Variables that are set.
    pub env: Env,
    /// ARGs above the first FROM, with and without values.
    pub declared: Declared,
}

impl Variables for GlobalScope {
    fn value(&self, name: &str) -> Option<&str> {
        self.env.value(name)
    }
}

/// Everything that can give an ARG its value.
pub(crate) struct ArgSources<'a> {
    /// --build-arg: values by name.
    pub build_args: &'a BTreeMap<String, String>,
    /// Scope around the ARG; `None` for ARGs above the first FROM.
    pub outer: Option<&'a Env>,
}

impl ArgSources<'_> {
    /// Returns the value of an ARG on these lines, or `None` if it has none.
    ///
    /// A default that is not used is not expanded, since the expansion could fail.
    pub fn value_of(
        &self,
        arg: &ArgDefinition,
        lines: Lines,
        expand: impl FnOnce(&str) -> Result<String, Problem>,
    ) -> Result<Option<ArgValue>, Problem> {
        if let Some(given) = self.build_args.get(&arg.name) {
            return Ok(Some(ArgValue { value: given.clone(), origin: ValueOrigin::BuildArg { lines } }));
        }
        if let Some(default) = &arg.default {
            let value = expand(default)?;
            return Ok(Some(ArgValue { value, origin: ValueOrigin::ArgDefault { lines } }));
        }
        Ok(self.outer.and_then(|outer| {
            let (value, origin) = (outer.value(&arg.name)?.to_owned(), outer.origin(&arg.name)?.clone());
            Some(ArgValue { value, origin })
        }))
    }
}

/// Evaluates the global scope: the predefined variables, then the ARGs above the first FROM.
pub(crate) fn global_scope(
    instructions: &[Instruction],
    predefined: Env,
    build_args: &BTreeMap<String, String>,
    expander: Expander,
) -> Result<GlobalScope, LowerError> {
    let mut scope = GlobalScope { env: predefined, declared: Declared::default() };
    for instruction in instructions {
        let lines = lines_of(instruction);
        for arg in definitions(instruction) {
            scope.define(arg, lines, build_args, expander).map_err(|problem| problem.at(lines))?;
        }
    }
    Ok(scope)
}

impl GlobalScope {
    fn define(
        &mut self,
        arg: &ArgDefinition,
        lines: Lines,
        build_args: &BTreeMap<String, String>,
        expander: Expander,
    ) -> Result<(), Problem> {
        let sources = ArgSources { build_args, outer: None };
        let expand = |default: &str| Ok(expander.word(default, &self.env)?.text);
        let found = sources.value_of(arg, lines, expand)?;
        let value = found.as_ref().map_or("", |found| found.value.as_str());
        self.declared.declare(&arg.name, value, lines);
        if let Some(ArgValue { value, origin }) = found {
            self.env.check_room(&arg.name, &value)?;
            self.env.set(&arg.name, &value, origin);
        }
        Ok(())
    }
}

/// Returns the definitions of an ARG, or nothing for another instruction.
pub(crate) fn definitions(instruction: &Instruction) -> &[ArgDefinition] {
    match &instruction.kind {
        Kind::Arg(definitions) => definitions,
        _ => &[],
    }
}

/// Returns the [`PREDEFINED`] variables: `BUILDPLATFORM`, `TARGETPLATFORM`, their parts, and `TARGETSTAGE`.
///
/// FROM sees them, and so does a stage that declares them. Build arguments of these names replace the values.
pub(crate) fn predefined(
    build: &Platform,
    target: &Platform,
    target_stage: &str,
    build_args: &BTreeMap<String, String>,
) -> Env {
    let values = platform_values(build).into_iter().chain(platform_values(target));
    let values = values.chain([target_stage.to_owned()]);
    let mut env = Env::default();
    for (name, value) in PREDEFINED.iter().zip(values) {
        env.set(name, build_args.get(*name).unwrap_or(&value), ValueOrigin::Predefined);
    }
    env
}

/// Returns the values of `PLATFORM`, `OS`, `OSVERSION`, `ARCH` and `VARIANT`, in the order of [`PREDEFINED`].
fn platform_values(platform: &Platform) -> [String; 5] {
    [
        platform::full_name(platform),
        platform.os.clone(),
        platform.os_version.clone().unwrap_or_default(),
        platform.architecture.clone(),
        platform.variant.clone().unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn build_arguments_replace_predefined_values() {
        let amd64: Platform = "linux/amd64".parse().expect("a platform");
        let arm: Platform = "linux/arm/v6".parse().expect("a platform");
        let env = predefined(&amd64, &arm, "default", &map(&[("TARGETARCH", "mine"), ("OTHER", "x")]));
        assert_eq!(env.value("BUILDPLATFORM"), Some("linux/amd64"));
        assert_eq!(env.value("TARGETPLATFORM"), Some("linux/arm/v6"));
        assert_eq!(env.value("TARGETARCH"), Some("mine"));
        assert_eq!(env.value("TARGETVARIANT"), Some("v6"));
        assert_eq!(env.value("BUILDVARIANT"), Some(""));
        assert_eq!(env.value("TARGETSTAGE"), Some("default"));
        assert_eq!(env.value("OTHER"), None);
        assert_eq!(env.names().collect::<Vec<_>>(), PREDEFINED);
    }

    #[track_caller]
    fn check(
        build_args: &[(&str, &str)],
        default: Option<&str>,
        outer: Option<&str>,
        expected: Option<ArgValue>,
    ) {
        let mut env = Env::default();
        if let Some(value) = outer {
            env.set("x", value, ValueOrigin::ArgDefault { lines: Lines::single(1) });
        }
        let build_args = map(build_args);
        let sources = ArgSources { build_args: &build_args, outer: Some(&env) };
        let arg = ArgDefinition { name: "x".to_owned(), default: default.map(str::to_owned) };
        let found = sources.value_of(&arg, Lines::single(5), |default| Ok(default.to_owned()));
        assert_eq!(found, Ok(expected));
    }

    #[test]
    fn the_first_of_build_argument_default_and_global_scope_gives_the_value() {
        let value = |value: &str, origin| Some(ArgValue { value: value.to_owned(), origin });
        let own = ValueOrigin::ArgDefault { lines: Lines::single(5) };
        let global = ValueOrigin::ArgDefault { lines: Lines::single(1) };
        let given = ValueOrigin::BuildArg { lines: Lines::single(5) };
        check(&[("x", "a"), ("y", "z")], Some("b"), Some("c"), value("a", given));
        check(&[("y", "z")], Some("b"), Some("c"), value("b", own));
        check(&[], None, Some("c"), value("c", global));
        check(&[], None, None, None);
    }

    #[test]
    fn a_default_that_is_not_used_is_not_expanded() {
        let build_args = map(&[("x", "a")]);
        let sources = ArgSources { build_args: &build_args, outer: None };
        let arg = ArgDefinition { name: "x".to_owned(), default: Some("${".to_owned()) };
        let found = sources.value_of(&arg, Lines::single(1), |_| Err(Problem::NoStages));
        assert_eq!(found.map(|found| found.map(|found| found.value)), Ok(Some("a".to_owned())));
    }
}
