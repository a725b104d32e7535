//! Build checks: probable mistakes in a Dockerfile that builds.
//!
//! ```text
//! rules        names, descriptions and pages of all rules
//! selection    the rules that are enabled, from directives, options and comments
//! text         rules about single instructions as written: blank lines, comments, MAINTAINER
//! whole_file   rules about the file as a whole: keywords and stage names
//! from         bases and platforms of stages     config_rules  shells, working directories, overridden instructions
//! variables    variables that nothing defines    secrets       names that sound confidential
//! ports        EXPOSE                            ignored       COPY of files that the ignore file excludes
//! own_rules    rules that BuildKit does not have install       COPY of everything before an install
//! habits       lines of .dockerignore written as if for .gitignore
//! ```
//!
//! The module of a rule decides what to report, given the parts of an instruction. `dispatch` and `stages` pass these
//! parts while they lower, and [`Checks`] keeps the findings of enabled rules. So nothing is expanded twice, and a build
//! pays for its checks with little more than their warnings.
//!
//! Invariant: a check never changes what is built. With `error=true` it can prevent the build.
//!
//! Source: BuildKit, `frontend/dockerfile/linter`, `dockerfile2llb/convert_lint.go`.

mod config_rules;
mod from;
mod habits;
mod ignored;
mod install;
mod own_rules;
mod ports;
mod rules;
mod secrets;
mod selection;
mod text;
mod variables;
mod whole_file;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use graph::Lines;
use parser::ast::{Dockerfile, Instruction};
use patterns::Patterns;

pub use habits::{FindHabits, IgnoreHabit};
pub use rules::{Enabled, Rule, all as rules, find as rule};

pub(crate) use config_rules::{
    LatestLines, base_platform, legacy_pairs, not_json, overridden, relative_workdir,
};
pub(crate) use from::{constant_platform, default_bases, redundant_platform, undeclared};
pub(crate) use ignored::ignored_file;
pub(crate) use ports::ports;
pub(crate) use secrets::secret_name;
pub use secrets::sounds_confidential;
pub(crate) use variables::undefined;

use crate::build_args::CHECK;
use crate::error::{LowerError, Problem, lines_of};
use crate::options::{Context, Options};
use crate::plan::Warning;
use selection::RuleSelection;

/// Maximum number of warnings that are kept. Nobody reads more, and suggestions for all names of a hostile file would
/// take hours.
const MAX_WARNINGS: usize = 1000;

/// A mistake that a rule has found, before it is known whether the rule is enabled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    rule: &'static Rule,
    message: String,
    hint: Option<String>,
}

impl Finding {
    /// Creates a finding with a message in BuildKit's words.
    fn new(rule: &'static Rule, message: impl Into<String>) -> Self {
        Self { rule, message: message.into(), hint: None }
    }

    /// Adds a way out for this very finding, which replaces the advice of the rule.
    fn with_hint(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }
}

/// Lines of the Dockerfile or of the ignore file that findings are about.
struct FindingSubject<'a> {
    /// Path of the ignore file; `None` for lines of the Dockerfile.
    ignore_file: Option<&'a Path>,
    lines: Lines,
    /// Comments above the instruction, which can enable and skip rules.
    comments: &'a [String],
}

/// Findings of the enabled rules in one build.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    selection: RuleSelection,
    warnings: RefCell<Vec<Warning>>,
    seen: RefCell<HashSet<Warning>>,
    is_silent: Cell<bool>,
    uncertain_lines: RefCell<Vec<Lines>>,
    /// Patterns of the ignore file, compiled when the first COPY needs them.
    ignore: OnceCell<Option<Patterns>>,
}

impl Checks {
    /// Reads which rules are enabled. The build argument replaces the directive.
    pub fn new(dockerfile: &Dockerfile, options: &Options) -> Result<Self, LowerError> {
        let selection = match (options.build_args.get(CHECK), &dockerfile.directives.check) {
            (Some(given), _) => RuleSelection::parse(given),
            (None, Some(directive)) => RuleSelection::of_directive(directive),
            (None, None) => Ok(RuleSelection::default()),
        };
        let selection = selection.map_err(|reason| Problem::CheckOptions { reason }.in_options())?;
        Ok(Self { selection, ..Self::default() })
    }

    /// Adds the findings that need nothing but a complete file.
    pub fn add_file(&self, dockerfile: &Dockerfile) {
        self.add_text(dockerfile);
        whole_file::check_stage_names(dockerfile, self);
        whole_file::check_keywords(dockerfile, self);
        install::check(dockerfile, self);
    }

    /// Adds the findings that need nothing but single instructions, so that the file can be incomplete.
    pub fn add_text(&self, dockerfile: &Dockerfile) {
        text::check(dockerfile, self);
        own_rules::check(dockerfile, self);
    }

    /// Adds the findings about the ignore file of the context.
    pub fn add_habits(&self, context: &Context, find: FindHabits<'_>) {
        habits::check(context, self, find);
    }

    /// Adds findings about an instruction.
    pub fn add(&self, instruction: &Instruction, findings: impl IntoIterator<Item = Finding>) {
        self.add_at(lines_of(instruction), &instruction.comments, findings);
    }

    /// Adds findings about these lines, unless the comments above them skip the rule. Repetitions are dropped.
    pub fn add_at(&self, lines: Lines, comments: &[String], findings: impl IntoIterator<Item = Finding>) {
        self.keep(&FindingSubject { ignore_file: None, lines, comments }, findings);
    }

    fn keep(&self, subject: &FindingSubject<'_>, findings: impl IntoIterator<Item = Finding>) {
        if self.is_done() {
            return;
        }
        for Finding { rule, message, hint } in findings {
            let ignore_file = subject.ignore_file.map(Path::to_owned);
            let warning = Warning { rule: rule.name, ignore_file, lines: subject.lines, message, hint };
            if self.selection.enables(rule, subject.comments)
                && self.seen.borrow_mut().insert(warning.clone())
            {
                self.warnings.borrow_mut().push(warning);
            }
            if self.is_done() {
                return;
            }
        }
    }

    /// Reports whether further findings would be dropped, so that nobody needs to search for them.
    fn is_done(&self) -> bool {
        self.is_silent.get() || self.warnings.borrow().len() >= MAX_WARNINGS
    }

    /// Drops all further findings.
    pub fn silence(&self) {
        self.is_silent.set(true);
    }

    /// Notes an instruction whose words depend on a base image that is unavailable.
    pub fn note_uncertain(&self, lines: Lines) {
        self.uncertain_lines.borrow_mut().push(lines);
    }

    /// Returns the lines of the instructions whose words depend on a base image that is unavailable.
    pub fn uncertain_lines(&self) -> Vec<Lines> {
        self.uncertain_lines.borrow().clone()
    }

    /// Fails if there are warnings and warnings are errors. The lines are those of the first warning.
    pub fn verdict(&self) -> Result<(), LowerError> {
        let warnings = self.warnings.borrow();
        if warnings.is_empty() || !self.selection.fails {
            return Ok(());
        }
        let names: BTreeSet<&str> = warnings.iter().map(|warning| warning.rule).collect();
        let rules = names.into_iter().collect::<Vec<_>>().join(", ");
        let problem = Problem::Checks { rules, warnings: sorted(&warnings) };
        // Lines of the ignore file are not lines of the Dockerfile.
        Err(match warnings.iter().find(|warning| warning.ignore_file.is_none()) {
            Some(first) => problem.at(first.lines),
            None => problem.in_options(),
        })
    }

    /// Returns the warnings in the order of their lines.
    pub fn warnings(&self) -> Vec<Warning> {
        sorted(&self.warnings.borrow())
    }

    /// Returns the patterns of the main context's ignore file, or `None` if it has none. Malformed patterns count as none:
    /// the context reports them.
    fn ignore(&self, context: &Context) -> Option<&Patterns> {
        let patterns = self.ignore.get_or_init(|| match context {
            Context::Local { ignore, .. } if !ignore.lines.is_empty() => {
                Patterns::new(&ignore.patterns()).ok()
            }
            _ => None,
        });
        patterns.as_ref()
    }
}

fn sorted(warnings: &[Warning]) -> Vec<Warning> {
    let mut warnings = warnings.to_vec();
    warnings.sort_by_key(|warning| (warning.ignore_file.is_some(), warning.lines.first));
    warnings
}

/// Appends the candidate that is closest to `name`. Only the first 200 candidates are compared.
fn with_suggestion(message: String, name: &str, candidates: &[&str], sigil: &str) -> String {
    const MAX_CANDIDATES: usize = 200;
    let candidates = &candidates[..candidates.len().min(MAX_CANDIDATES)];
    match parser::suggest(name, candidates) {
        Some(meant) => format!("{message} (did you mean {sigil}{meant}?)"),
        None => message,
    }
}
