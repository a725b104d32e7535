//! Where the value of a variable comes from: told when an error is about what a variable expanded to.
//!
//! Nothing is remembered while a Dockerfile is lowered. When it fails, the lines above the wrong one are searched
//! backwards: its stage, the stages that this one is made on, the ARGs before the first FROM.
//!
//! ```text
//! ENV name=...                        that line
//! ARG name, in a stage                --build-arg, else its default, else the global ARG, else a predefined value
//! nothing of this, but it has a value the config of the base image
//! nothing at all                      an ARG out of reach, or one of nearly that name
//! ```

use std::collections::BTreeMap;

use graph::Lines;
use parser::ast::{ArgDefinition, Dockerfile, Instruction, Kind};
use parser::expand::{Expanded, Expander, Variables};

use super::args::{Env, PREDEFINED, definitions};
use super::error::{LowerError, Problem, lines_of};
use super::state::DEFAULT_PATH;
use crate::options::Options;

/// More variables of one instruction are not explained.
const MOST_ORIGINS: usize = 4;

/// How a variable got its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The variable.
    pub name: String,
    /// Its value; `None` if it has none, or if only the build would tell.
    pub value: Option<String>,
    /// What gave it.
    pub by: By,
}

/// What gives a variable its value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum By {
    /// An ENV or ARG.
    Line {
        /// `ENV` or `ARG`.
        keyword: &'static str,
        /// Where.
        lines: Lines,
    },
    /// `--build-arg`, for this ARG.
    BuildArg {
        /// The ARG.
        lines: Lines,
    },
    /// The builder: platforms, the target.
    Builder,
    /// The config of a base image.
    Image {
        /// As FROM names it.
        name: String,
    },
    /// Nothing.
    Nothing {
        /// An ARG that declares it and has no default.
        declared: Option<Lines>,
        /// An ARG that gives it a value where it is not seen.
        unseen: Option<Unseen>,
        /// A name that may have been meant.
        meant: Option<String>,
    },
}

/// An ARG on the wrong side of a FROM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unseen {
    /// It stands before the first FROM: stages see it only if they declare it again.
    Global(Lines),
    /// It stands in a stage: FROM does not see it.
    InStage(Lines),
}

/// Adds to an error where the variables in it come from.
pub(super) fn explain(
    error: &mut LowerError,
    dockerfile: &Dockerfile,
    options: &Options,
    variables: &dyn Variables,
) {
    error.origins = origins(error, dockerfile, options, variables);
}

fn origins(
    error: &LowerError,
    dockerfile: &Dockerfile,
    options: &Options,
    variables: &dyn Variables,
) -> Vec<Origin> {
    let Some(scope) = error.lines.and_then(|lines| Scope::at(dockerfile, options, lines)) else {
        return Vec::new();
    };
    let expander = Expander::new(dockerfile.directives.escape);
    let names = names(scope.instruction, error.culprit(), expander, variables);
    // Of an expansion that failed, what matters is the variable that it asks for; its syntax has nothing to do with values.
    let is_meant = |name: &&str| match &error.problem {
        Problem::Expand(error) => error.message.contains(&format!(": {name}: ")),
        _ => true,
    };
    names
        .into_iter()
        .filter(is_meant)
        .take(MOST_ORIGINS)
        .map(|name| scope.origin(name, variables.value(name)))
        .collect()
}

/// The word that made a step fail, as the step saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Culprit {
    /// Word after expansion of variables, such as a path or the name of a user.
    pub word: String,
    /// True if the word is the USER in force, which stands in an earlier instruction.
    pub is_user: bool,
}

/// Where the variables come from in the instruction of a step that failed; and the USER, where there is no such one.
///
/// Values are those that the Dockerfile and the build arguments tell: a base image's are not known here.
pub fn of_step(text: &[u8], options: &Options, lines: Lines, culprit: &Culprit) -> Vec<Origin> {
    let Ok(dockerfile) = parser::parse(text) else { return Vec::new() };
    let Some(scope) = Scope::at(&dockerfile, options, lines) else { return Vec::new() };
    let Culprit { word: culprit, is_user } = culprit;
    if let (true, Some(stage)) = (is_user, scope.stage) {
        let is_user = |one: &&Instruction| matches!(one.kind, Kind::User(_));
        let by = |user| By::Line { keyword: "USER", lines: lines_of(user) };
        let origin = |by| Origin { name: "USER".to_owned(), value: Some(culprit.clone()), by };
        return scope.above(stage).find(is_user).map(by).map(origin).into_iter().collect();
    }
    let expander = Expander::new(dockerfile.directives.escape);
    let variables = scope.variables(expander);
    let names = names(scope.instruction, Some(culprit.as_str()), expander, &variables);
    names.into_iter().take(MOST_ORIGINS).map(|name| scope.origin(name, variables.value(name))).collect()
}

/// The variables in those words of an instruction that hold the culprit, as written or as expanded.
fn names<'i>(
    instruction: &'i Instruction,
    culprit: Option<&str>,
    expander: Expander,
    variables: &dyn Variables,
) -> Vec<&'i str> {
    let bodies = instruction.heredocs.iter().filter(|heredoc| heredoc.expand);
    let texts = std::iter::once(&instruction.text).chain(bodies.map(|heredoc| &heredoc.content));
    let mut names = Vec::new();
    for word in texts.flat_map(|text| text.split_whitespace()).filter(|word| word.contains('$')) {
        let is_meant = |culprit: &str| {
            let expanded = expander.word(word, variables);
            word.contains(culprit) || expanded.map_or(true, |expanded| expanded.text.contains(culprit))
        };
        if culprit.is_none_or(is_meant) {
            names.extend(variables_in(word).filter(|name| !names.contains(name)).collect::<Vec<_>>());
        }
    }
    names
}

/// `$name` and `${name...}`, also within each other.
fn variables_in(word: &str) -> impl Iterator<Item = &str> {
    word.split('$').skip(1).filter_map(|rest| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        Some(&rest[..end]).filter(|name| !name.is_empty())
    })
}

/// What an instruction sees.
struct Scope<'d> {
    dockerfile: &'d Dockerfile,
    options: &'d Options,
    instruction: &'d Instruction,
    /// Its stage; `None` for FROM and what stands above the first one.
    stage: Option<usize>,
}

impl<'d> Scope<'d> {
    /// The scope of the instruction on these lines.
    fn at(dockerfile: &'d Dockerfile, options: &'d Options, lines: Lines) -> Option<Self> {
        let is_there = |instruction: &&Instruction| lines_of(instruction) == lines;
        let scope = |instruction, stage| Self { dockerfile, options, instruction, stage };
        let froms = dockerfile.stages.iter().map(|stage| &stage.from);
        if let Some(found) = dockerfile.globals.iter().chain(froms).find(is_there) {
            return Some(scope(found, None));
        }
        dockerfile.stages.iter().enumerate().find_map(|(at, stage)| {
            stage.instructions.iter().find(is_there).map(|found| scope(found, Some(at)))
        })
    }

    fn origin(&self, name: &str, value: Option<&str>) -> Origin {
        let by = match self.stage {
            Some(stage) => self.in_stages(stage, name, value),
            None => self.in_globals(name, value),
        };
        Origin { name: name.to_owned(), value: value.map(str::to_owned), by }
    }

    /// What gives `name` a value in the stage: looked for from the instruction upwards.
    fn in_stages(&self, stage: usize, name: &str, value: Option<&str>) -> By {
        let (mut declared, mut seen) = (None, Vec::new());
        for instruction in self.above(stage) {
            match sets(instruction, name) {
                Some(Sets::Env) => return By::Line { keyword: "ENV", lines: lines_of(instruction) },
                Some(Sets::Arg { has_default }) => {
                    declared.get_or_insert(lines_of(instruction));
                    if let Some(by) = self.by_arg(instruction, has_default, name, value) {
                        return by;
                    }
                }
                None => seen.extend(names_set(instruction)),
            }
        }
        if let Some(value) = value {
            let is_default = name == "PATH" && value == DEFAULT_PATH;
            return if is_default { By::Builder } else { By::Image { name: self.root(stage).to_owned() } };
        }
        let unseen = match declared {
            None => self.global_arg(name).map(|global| Unseen::Global(lines_of(global))),
            Some(_) => None,
        };
        By::Nothing { declared, unseen, meant: meant(name, &seen) }
    }

    fn by_arg(&self, arg: &Instruction, has_default: bool, name: &str, value: Option<&str>) -> Option<By> {
        let lines = lines_of(arg);
        if self.options.build_args.contains_key(name) {
            return Some(By::BuildArg { lines });
        }
        if has_default {
            return Some(By::Line { keyword: "ARG", lines });
        }
        match self.global_arg(name) {
            Some(global) if has_value(global, name) => {
                Some(By::Line { keyword: "ARG", lines: lines_of(global) })
            }
            _ => value.filter(|_| is_predefined(name)).map(|_| By::Builder),
        }
    }

    fn in_globals(&self, name: &str, value: Option<&str>) -> By {
        let global = self.global_arg(name);
        if let Some(global) = global
            && let Some(by) = self.by_arg(global, has_value(global, name), name, value)
        {
            return by;
        }
        if value.is_some() {
            return By::Builder;
        }
        let seen: Vec<&str> = self.dockerfile.globals.iter().flat_map(names_set).collect();
        let in_stages = || self.dockerfile.stages.iter().flat_map(|stage| &stage.instructions);
        let unseen = in_stages().find(|one| matches!(sets(one, name), Some(Sets::Arg { .. })));
        By::Nothing {
            declared: global.map(lines_of),
            unseen: unseen.filter(|_| global.is_none()).map(|arg| Unseen::InStage(lines_of(arg))),
            meant: meant(name, &seen),
        }
    }

    /// The variables of the instruction, as far as the Dockerfile tells.
    fn variables(&self, expander: Expander) -> Env {
        let build_args = &self.options.build_args;
        let mut globals = Env::default();
        let mut env = Env::default();
        let above = self.stage.map(|stage| self.above(stage).collect::<Vec<_>>()).unwrap_or_default();
        for global in &self.dockerfile.globals {
            define(&mut globals, definitions(global), build_args, &Env::default(), expander);
        }
        for instruction in above.into_iter().rev() {
            define(&mut env, definitions(instruction), build_args, &globals, expander);
            if let Kind::Env(pairs) = &instruction.kind {
                let expanded = pairs.pairs.iter().map(|(name, value)| (name, expander.word(value, &env)));
                let expanded: Vec<_> = expanded.collect();
                expanded.into_iter().for_each(|(name, value)| set(&mut env, name, value.ok()));
            }
        }
        env
    }

    /// The instructions whose variables the instruction sees, from the last to the first.
    fn above(&self, stage: usize) -> impl Iterator<Item = &'d Instruction> {
        let own = &self.dockerfile.stages[stage].instructions;
        let before = own.iter().position(|other| other.span == self.instruction.span).unwrap_or(own.len());
        let inherited =
            self.bases(stage).flat_map(|base| self.dockerfile.stages[base].instructions.iter().rev());
        own[..before].iter().rev().chain(inherited)
    }

    /// The stages that a stage is made on, from the nearest on.
    fn bases(&self, stage: usize) -> impl Iterator<Item = usize> {
        let stages = &self.dockerfile.stages;
        let base = move |at: &usize| {
            stages[..*at].iter().rposition(|other| other.name.as_deref() == Some(&stages[*at].base))
        };
        std::iter::successors(base(&stage), base)
    }

    /// What the stage is made on in the end, as written.
    fn root(&self, stage: usize) -> &'d str {
        let root = self.bases(stage).last().unwrap_or(stage);
        &self.dockerfile.stages[root].base
    }

    fn global_arg(&self, name: &str) -> Option<&'d Instruction> {
        self.dockerfile.globals.iter().rfind(|global| sets(global, name).is_some())
    }
}

/// Sets what an ARG defines.
fn define(
    env: &mut Env,
    definitions: &[ArgDefinition],
    build_args: &BTreeMap<String, String>,
    globals: &Env,
    expander: Expander,
) {
    for ArgDefinition { name, default } in definitions {
        match (build_args.get(name).map(String::as_str), default, globals.value(name)) {
            (Some(value), _, _) | (None, None, Some(value)) => env.set(name, value),
            (None, Some(default), _) => {
                let expanded = expander.word(default, env).ok();
                set(env, name, expanded);
            }
            (None, None, None) => {}
        }
    }
}

fn set(env: &mut Env, name: &str, expanded: Option<Expanded>) {
    if let Some(expanded) = expanded {
        env.set(name, &expanded.text);
    }
}

/// How an instruction sets a variable.
enum Sets {
    Env,
    Arg { has_default: bool },
}

fn sets(instruction: &Instruction, name: &str) -> Option<Sets> {
    match &instruction.kind {
        Kind::Env(pairs) => pairs.pairs.iter().any(|(other, _)| other == name).then_some(Sets::Env),
        Kind::Arg(definitions) => {
            let found = definitions.iter().rfind(|definition| definition.name == name)?;
            Some(Sets::Arg { has_default: found.default.is_some() })
        }
        _ => None,
    }
}

fn has_value(arg: &Instruction, name: &str) -> bool {
    definitions(arg).iter().any(|definition| definition.name == name && definition.default.is_some())
}

/// All names that an instruction sets.
fn names_set(instruction: &Instruction) -> Vec<&str> {
    match &instruction.kind {
        Kind::Env(pairs) => pairs.pairs.iter().map(|(name, _)| name.as_str()).collect(),
        Kind::Arg(definitions) => definitions.iter().map(|definition| definition.name.as_str()).collect(),
        _ => Vec::new(),
    }
}

fn is_predefined(name: &str) -> bool {
    PREDEFINED.contains(&name)
}

/// The name that was meant, of those that are seen; of very many the nearest are looked at.
fn meant(name: &str, seen: &[&str]) -> Option<String> {
    const MOST_CANDIDATES: usize = 200;
    let candidates: Vec<&str> = seen.iter().copied().take(MOST_CANDIDATES).chain(PREDEFINED).collect();
    parser::suggest(name, &candidates).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The origin of `$x` on the last line.
    fn origin(text: &str, build_arg: Option<&str>, value: Option<&str>) -> By {
        let dockerfile = parser::parse(text.as_bytes()).expect("a Dockerfile");
        let build_args = build_arg.map(|value| ("x".to_owned(), value.to_owned())).into_iter().collect();
        let options = Options { build_args, ..Options::default() };
        let last = u32::try_from(text.lines().count()).expect("a short text");
        let scope = Scope::at(&dockerfile, &options, Lines::single(last)).expect("an instruction");
        let mut env = Env::default();
        if let Some(value) = value {
            env.set("x", value);
        }
        let names = names(scope.instruction, value, Expander::new('\\'), &env);
        assert_eq!(names, ["x"], "{text}");
        scope.origin("x", value).by
    }

    #[track_caller]
    fn check(text: &str, expected: By) {
        assert_eq!(origin(text, None, Some("v")), expected, "{text}");
    }

    fn line(keyword: &'static str, line: u32) -> By {
        By::Line { keyword, lines: Lines::single(line) }
    }

    #[test]
    fn the_nearest_line_above_gives_the_value() {
        check("ARG x=v\nFROM $x\n", line("ARG", 1));
        check("FROM a\nENV x=v\nENV y=v\nUSER $x\n", line("ENV", 2));
        check("FROM a\nENV x=u\nARG x=v\nUSER ${x}\n", line("ARG", 3));
        check("ARG x=v\nFROM a\nARG x\nUSER ${x:-u}\n", line("ARG", 1));
        check("FROM a AS b\nENV x=v\nFROM c\nFROM b\nUSER $x\n", line("ENV", 2));
        check("FROM a AS b\nFROM b\nUSER $x\n", By::Image { name: "a".to_owned() });
        check("FROM --platform=$x a\n", By::Builder);
        let given = origin("FROM a\nARG x=u\nUSER $x\n", Some("v"), Some("v"));
        assert_eq!(given, By::BuildArg { lines: Lines::single(2) });
    }

    #[test]
    fn what_has_no_value_may_be_out_of_reach_or_misspelt() {
        let check = |text: &str, declared, unseen, meant: Option<&str>| {
            let expected = By::Nothing { declared, unseen, meant: meant.map(str::to_owned) };
            assert_eq!(origin(text, None, None), expected, "{text}");
        };
        check("ARG x=v\nFROM a\nUSER $x\n", None, Some(Unseen::Global(Lines::single(1))), None);
        check("FROM a\nARG x=v\nFROM $x\n", None, Some(Unseen::InStage(Lines::single(2))), None);
        check("ARG x\nFROM $x\n", Some(Lines::single(1)), None, None);
        check("FROM a\nENV xy=v\nUSER $x\n", None, None, Some("xy"));
    }

    #[test]
    fn only_words_with_the_culprit_count() {
        let dockerfile = parser::parse(b"FROM a\nCOPY --chmod=$m $s \"/$d\"\n").expect("a Dockerfile");
        let mut env = Env::default();
        [("m", "9"), ("s", "s"), ("d", "d")].iter().for_each(|(name, value)| env.set(name, value));
        let copy = &dockerfile.stages[0].instructions[0];
        let check = |culprit, expected: &[&str]| {
            assert_eq!(names(copy, culprit, Expander::new('\\'), &env), expected, "{culprit:?}");
        };
        check(Some("9"), &["m"]);
        check(Some("/d"), &["d"]);
        check(Some("no"), &[]);
        check(None, &["m", "s", "d"]);
    }
}
