//! Origins of the variables in an instruction that failed.
//!
//! Values and origins were stored side by side while the Dockerfile was lowered, so nothing is evaluated here except the
//! words that tell which variables matter.

use graph::Lines;
use parser::ast::{Dockerfile, Instruction, Kind, Stage};
use parser::expand::{Expander, Variables};

use crate::args::{GlobalScope, definitions};
use crate::build_args::PREDEFINED;
use crate::env::{Declared, Environment};
use crate::error::{LowerError, Problem, lines_of};
use crate::origin::{OriginKind, OutOfReach, VariableOrigin};
use crate::state::StageState;

/// Maximum number of variables of one instruction that are explained.
const MAX_ORIGINS: usize = 4;

/// Maximum number of names that are candidates for a suggestion.
const MAX_CANDIDATES: usize = 200;

/// The variables that an instruction sees.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'s> {
    env: &'s Environment,
    declared: &'s Declared,
    /// Variables of FROM, which an instruction of a stage does not see; `None` if the scope is that of FROM.
    globals: Option<&'s GlobalScope>,
    dockerfile: &'s Dockerfile,
    base_is_unknown: bool,
}

impl<'s> Scope<'s> {
    /// Creates the scope of FROM.
    pub fn of_from(globals: &'s GlobalScope, dockerfile: &'s Dockerfile) -> Self {
        let GlobalScope { env, declared } = globals;
        Self { env, declared, globals: None, dockerfile, base_is_unknown: false }
    }

    /// Creates the scope of an instruction in a stage.
    pub fn of_stage(state: &'s StageState, globals: &'s GlobalScope, dockerfile: &'s Dockerfile) -> Self {
        let StageState { env, args: declared, base_is_unknown, .. } = state;
        Self { env, declared, globals: Some(globals), dockerfile, base_is_unknown: *base_is_unknown }
    }

    /// Explains the variables in the words of `instruction` that contain `culprit`, as written or as expanded.
    pub fn origins(&self, instruction: &Instruction, culprit: Option<&str>) -> Vec<VariableOrigin> {
        let names = self.names(instruction, culprit);
        names.into_iter().filter_map(|name| self.origin(name)).take(MAX_ORIGINS).collect()
    }

    /// Explains the variables of `instruction` that are not set because an ARG is on the other side of a FROM.
    ///
    /// Variables that the text itself assigns are left out: the shell of a RUN sets them.
    pub fn out_of_reach_origins(&self, instruction: &Instruction) -> Vec<VariableOrigin> {
        let bodies = instruction.heredocs.iter().map(|heredoc| heredoc.content.as_str());
        let texts: Vec<&str> = std::iter::once(instruction.text.as_str()).chain(bodies).collect();
        let is_assigned = |name: &str| {
            let assignments = [format!("{name}="), format!("for {name} "), format!("read {name}")];
            assignments.iter().any(|assignment| texts.iter().any(|text| text.contains(assignment)))
        };
        let names = self.names(instruction, None).into_iter().filter(|name| !is_assigned(name));
        let is_out_of_reach =
            |origin: &VariableOrigin| matches!(origin.kind, OriginKind::Unset { out_of_reach: Some(_), .. });
        names.filter_map(|name| self.origin(name)).filter(is_out_of_reach).take(MAX_ORIGINS).collect()
    }

    /// Explains the variables that led to an error of `instruction`.
    pub fn origins_of_error(&self, error: &LowerError, instruction: &Instruction) -> Vec<VariableOrigin> {
        let names = self.names(instruction, error.culprit());
        // An expansion that failed is about the variable that it requires; its syntax is not about values.
        let matters = |name: &&str| match &error.problem {
            Problem::Expand(error) => error.variable.as_deref() == Some(name),
            _ => true,
        };
        let names = names.into_iter().filter(matters);
        names.filter_map(|name| self.origin(name)).take(MAX_ORIGINS).collect()
    }

    /// Returns the variables in those words of an instruction that contain the culprit.
    fn names<'i>(&self, instruction: &'i Instruction, culprit: Option<&str>) -> Vec<&'i str> {
        let expander = Expander::new(self.dockerfile.directives.escape);
        let bodies = instruction.heredocs.iter().filter(|heredoc| heredoc.expand);
        let texts = std::iter::once(&instruction.text).chain(bodies.map(|heredoc| &heredoc.content));
        let words = texts.flat_map(|text| text.split_whitespace()).filter(|word| word.contains('$'));
        let mut names = Vec::new();
        for word in words {
            let contains = |culprit: &str| {
                let expanded = expander.word(word, self.env);
                word.contains(culprit) || expanded.map_or(true, |expanded| expanded.text.contains(culprit))
            };
            if culprit.is_none_or(contains) {
                let new: Vec<&str> = variables_in(word).filter(|name| !names.contains(name)).collect();
                names.extend(new);
            }
        }
        names
    }

    /// Explains a variable, or returns `None` if an unavailable base image may set it.
    fn origin(&self, name: &str) -> Option<VariableOrigin> {
        let value = self.env.value(name).map(str::to_owned);
        let kind = match self.env.origin(name) {
            Some(origin) => OriginKind::Value(origin.clone()),
            None if self.base_is_unknown && self.declared.find(name).is_none() => return None,
            None => self.unset(name),
        };
        Some(VariableOrigin { name: name.to_owned(), value, kind })
    }

    /// Explains why a variable is not set.
    fn unset(&self, name: &str) -> OriginKind {
        let declared = self.declared.find(name).map(|arg| arg.lines);
        let out_of_reach = if declared.is_none() { self.out_of_reach(name) } else { None };
        let declared_names = self.declared.iter().map(|arg| arg.name.as_str());
        let known = declared_names.chain(self.env.names()).take(MAX_CANDIDATES);
        let candidates: Vec<&str> = known.chain(PREDEFINED).collect();
        let meant = parser::suggest(name, &candidates).map(str::to_owned);
        OriginKind::Unset { declared, out_of_reach, meant }
    }

    /// Finds an ARG on the other side of a FROM.
    fn out_of_reach(&self, name: &str) -> Option<OutOfReach> {
        match self.globals {
            Some(globals) => globals.declared.find(name).map(|arg| OutOfReach::Global(arg.lines)),
            None => arg_in_stage(self.dockerfile, name).map(OutOfReach::InStage),
        }
    }
}

/// Returns the lines of the first ARG of that name in a stage.
fn arg_in_stage(dockerfile: &Dockerfile, name: &str) -> Option<Lines> {
    let mut in_stages = dockerfile.stages.iter().flat_map(|stage| &stage.instructions);
    let declares = |instruction: &&Instruction| definitions(instruction).iter().any(|arg| arg.name == name);
    in_stages.find(declares).map(lines_of)
}

/// Adds the origins of variables to an error about a FROM, about an ARG above the first FROM, or about a `COPY --from`.
pub(crate) fn explain_from(error: &mut LowerError, globals: &GlobalScope, dockerfile: &Dockerfile) {
    let froms = dockerfile.stages.iter().map(|stage| &stage.from);
    let mut candidates = dockerfile.globals.iter().chain(froms);
    let instruction = candidates.find(|instruction| error.lines == Some(lines_of(instruction)));
    let scope = Scope::of_from(globals, dockerfile);
    if let Some(instruction) = instruction {
        error.origins = scope.origins_of_error(error, instruction);
    } else if matches!(error.problem, Problem::VariableInFrom) {
        error.origins = unset_in_stage(error, scope);
    }
}

/// Explains the variables of a `COPY --from` that are certainly not set: no image is below the stage, and nothing sets them.
///
/// The error is found before the values of stages are known.
fn unset_in_stage(error: &LowerError, scope: Scope<'_>) -> Vec<VariableOrigin> {
    let stages = &scope.dockerfile.stages;
    let is_at_fault = |instruction: &&Instruction| error.lines == Some(lines_of(instruction));
    let found = stages.iter().enumerate().find_map(|(index, stage)| {
        stage.instructions.iter().find(is_at_fault).map(|instruction| (index, instruction))
    });
    let Some((_, instruction)) = found.filter(|(index, _)| starts_from_scratch(stages, *index)) else {
        return Vec::new();
    };
    let is_unset = |origin: &VariableOrigin| {
        let is_in_no_arg =
            matches!(origin.kind, OriginKind::Unset { declared: None, out_of_reach: None, .. });
        is_in_no_arg
            && !stages.iter().flat_map(|stage| &stage.instructions).any(|env| sets(env, &origin.name))
    };
    scope.origins_of_error(error, instruction).into_iter().filter(is_unset).collect()
}

/// Reports whether the bases of a stage lead to `scratch` by stages alone.
fn starts_from_scratch(stages: &[Stage], mut index: usize) -> bool {
    loop {
        let base = stages[index].base.to_lowercase();
        match stages[..index].iter().rposition(|earlier| earlier.name.as_deref() == Some(base.as_str())) {
            Some(earlier) => index = earlier,
            None => return base == "scratch",
        }
    }
}

/// Reports whether an instruction is an ENV that sets the variable, or whose names depend on variables.
fn sets(instruction: &Instruction, name: &str) -> bool {
    match &instruction.kind {
        Kind::Env(env) => env.pairs.iter().any(|(key, _)| key == name || key.contains('$')),
        _ => false,
    }
}

/// Returns the names in `$name` and `${name...}`, also if they are nested.
fn variables_in(word: &str) -> impl Iterator<Item = &str> {
    word.split('$').skip(1).filter_map(|rest| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        Some(&rest[..end]).filter(|name| !name.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::ValueOrigin;

    #[test]
    fn only_words_with_the_culprit_count() {
        let dockerfile = parser::parse(b"FROM a\nCOPY --chmod=$m $s \"/$d\"\n").expect("a Dockerfile");
        let mut globals = GlobalScope::default();
        let values = [("m", "9"), ("s", "s"), ("d", "d")];
        values.iter().for_each(|(name, value)| globals.env.set(name, value, ValueOrigin::Predefined));
        let scope = Scope::of_from(&globals, &dockerfile);
        let copy = &dockerfile.stages[0].instructions[0];
        let check = |culprit, expected: &[&str]| {
            assert_eq!(scope.names(copy, culprit), expected, "{culprit:?}");
        };
        check(Some("9"), &["m"]);
        check(Some("/d"), &["d"]);
        check(Some("no"), &[]);
        check(None, &["m", "s", "d"]);
    }
}
