//! Build checks: what is allowed in a Dockerfile, but hardly meant.
//!
//! ```text
//! rules      what there is to check         config     which of it is asked for
//! text       what the file shows by itself: blank lines, comments, MAINTAINER
//! casing     keywords and stage names       from       bases and platforms of stages
//! variables  names that nothing defines     stage      what later instructions undo, shells, folders
//! secrets    names that sound confidential  ports      EXPOSE
//! ignored    COPY of what is not there      own        what BuildKit does not look at
//! install    COPY of all before an install  habits     lines of .dockerignore as if of .gitignore
//! ```
//!
//! A rule's module says what it finds, given an instruction's parts; `dispatch` and
//! `stages` show them these parts while they lower, and `Checks` keeps what is asked for.
//! So nothing is expanded twice, and a build pays for its checks with little more than their warnings.
//!
//! Invariant: a check never changes what is built. With `error=true` it may prevent it.
//!
//! Source: BuildKit, `frontend/dockerfile/linter`, `dockerfile2llb/convert_lint.go`.

mod casing;
mod config;
mod from;
mod habits;
mod ignored;
mod install;
mod own;
mod ports;
mod rules;
mod run;
mod secrets;
mod stage;
mod text;
mod variables;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use graph::Lines;
use parser::ast::{Dockerfile, Instruction};

pub use habits::{FindHabits, IgnoreHabit};
pub use rules::{Counts, Rule, all as rules, find as rule};
pub use run::{CheckReport, check, sketch};

pub(super) use from::{constant_platform, default_bases, redundant_platform, undeclared};
pub(super) use ignored::ignored_file;
pub(super) use ports::ports;
pub(super) use run::allowing_all;
pub(super) use secrets::secret_name;
pub(super) use stage::{Seen, base_platform, legacy_pairs, not_json, overridden, relative_workdir};
pub(super) use variables::undefined;

use super::error::{LowerError, Problem, lines_of};
use crate::options::{Context, Options};
use crate::plan::Warning;
use config::Config;
use patterns::Patterns;

/// More are not kept: nobody reads them, and suggestions for all names of a hostile file would take hours.
const MOST_WARNINGS: usize = 1000;

/// What a rule has found, before it is known whether that is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    rule: &'static Rule,
    message: String,
}

impl Finding {
    /// A finding with BuildKit's wording.
    fn new(rule: &'static Rule, message: impl Into<String>) -> Self {
        Self { rule, message: message.into() }
    }
}

/// The findings of one build that are asked for.
#[derive(Debug, Default)]
pub(super) struct Checks {
    config: Config,
    warnings: RefCell<Vec<Warning>>,
    seen: RefCell<HashSet<Warning>>,
    is_silent: Cell<bool>,
    /// The ignore file's patterns, once a COPY asks for them.
    ignore: OnceCell<Option<Patterns>>,
}

impl Checks {
    /// Reads what is asked for. The build argument replaces the directive.
    pub fn new(dockerfile: &Dockerfile, options: &Options) -> Result<Self, LowerError> {
        let config = match (options.build_args.get(config::BUILD_ARG), &dockerfile.directives.check) {
            (Some(given), _) => Config::parse(given),
            (None, Some(directive)) => Config::of_directive(directive),
            (None, None) => Ok(Config::default()),
        };
        let config = config.map_err(|reason| Problem::CheckOptions { reason }.in_options())?;
        Ok(Self { config, ..Self::default() })
    }

    /// Adds what the file shows by itself.
    pub fn file(&self, dockerfile: &Dockerfile) {
        text::check(dockerfile, self);
        casing::stage_names(dockerfile, self);
        casing::keywords(dockerfile, self);
        own::check(dockerfile, self);
        install::check(dockerfile, self);
    }

    /// Adds findings about an instruction.
    pub fn add(&self, instruction: &Instruction, findings: impl IntoIterator<Item = Finding>) {
        self.add_at(lines_of(instruction), &instruction.comments, findings);
    }

    /// Adds findings about these lines, unless the comments say not to. What was found there already is not
    /// said again.
    pub fn add_at(&self, lines: Lines, comments: &[String], findings: impl IntoIterator<Item = Finding>) {
        self.keep(None, lines, comments, findings);
    }

    /// The same, of whichever file.
    fn keep(
        &self,
        ignore_file: Option<&Path>,
        lines: Lines,
        comments: &[String],
        findings: impl IntoIterator<Item = Finding>,
    ) {
        if self.is_done() {
            return;
        }
        for Finding { rule, message } in findings {
            let warning =
                Warning { rule: rule.name, ignore_file: ignore_file.map(Path::to_owned), lines, message };
            if self.config.wants(rule, comments) && self.seen.borrow_mut().insert(warning.clone()) {
                self.warnings.borrow_mut().push(warning);
            }
            if self.is_done() {
                return;
            }
        }
    }

    /// Whether further findings would be dropped, so that nobody need look for them.
    fn is_done(&self) -> bool {
        self.is_silent.get() || self.warnings.borrow().len() >= MOST_WARNINGS
    }

    /// Takes no further findings: those of other platforms would be the same.
    pub fn silence(&self) {
        self.is_silent.set(true);
    }

    /// Fails if there is a warning and warnings are to be errors. The place is that of the first one found.
    pub fn verdict(&self) -> Result<(), LowerError> {
        let warnings = self.warnings.borrow();
        if warnings.is_empty() || !self.config.fails {
            return Ok(());
        }
        let names: BTreeSet<&str> = warnings.iter().map(|warning| warning.rule).collect();
        let rules = names.into_iter().collect::<Vec<_>>().join(", ");
        let problem = Problem::Checks { rules, warnings: sorted(&warnings) };
        // Lines of the ignore file are no place in the Dockerfile.
        Err(match warnings.iter().find(|warning| warning.ignore_file.is_none()) {
            Some(first) => problem.at(first.lines),
            None => problem.in_options(),
        })
    }

    /// The warnings, in the order of their lines.
    pub fn warnings(&self) -> Vec<Warning> {
        sorted(&self.warnings.borrow())
    }

    /// The patterns of the main context's ignore file; `None` if there are none, or if some are wrong, which
    /// is for the context to say.
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

/// Appends what may have been meant instead of `name`. Of very many candidates the first are looked at.
fn with_suggestion(message: String, name: &str, candidates: &[&str], sigil: &str) -> String {
    const MOST_CANDIDATES: usize = 200;
    let candidates = &candidates[..candidates.len().min(MOST_CANDIDATES)];
    match parser::suggest(name, candidates) {
        Some(meant) => format!("{message} (did you mean {sigil}{meant}?)"),
        None => message,
    }
}
