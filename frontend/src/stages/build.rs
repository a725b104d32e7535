//! FROM: the stages of a Dockerfile and their bases.

use std::collections::HashMap;

use oci::Platform;
use parser::ast::{Dockerfile, Stage};
use parser::expand::{Expanded, Expander};

use super::{Base, StageEntry, StageId, StageTable};
use crate::args::GlobalScope;
use crate::check::{self, Checks};
use crate::contexts::Contexts;
use crate::error::{Errors, LowerError, Problem, lines_of};

/// Everything that FROM is evaluated with.
#[derive(Clone, Copy)]
pub(crate) struct FromScope<'s> {
    /// Variables that FROM sees.
    pub globals: &'s GlobalScope,
    /// Receives the findings of the build checks.
    pub checks: &'s Checks,
}

/// The base of a stage and its platform, after FROM is evaluated.
#[derive(Debug, Default)]
struct EvaluatedFrom<'a> {
    base: Base<'a>,
    base_text: String,
    platform: Option<Platform>,
    is_source: bool,
}

impl<'a> StageTable<'a> {
    /// Creates the table of a Dockerfile for one target platform. Instructions with errors are left out.
    pub fn new(
        dockerfile: &'a Dockerfile,
        scope: FromScope<'_>,
        contexts: &'a Contexts<'a>,
        platform: &Platform,
        errors: &mut Errors,
    ) -> Self {
        let mut table = Self {
            entries: Vec::new(),
            written_stages: dockerfile.stages.len(),
            expander: Expander::new(dockerfile.directives.escape),
            by_name: HashMap::new(),
            sources: HashMap::new(),
            contexts,
            default_platform: platform.clone(),
        };
        for stage in &dockerfile.stages {
            errors.keep(table.add_stage(stage, scope));
            if !errors.is_empty() {
                scope.checks.silence();
            }
        }
        for (at, stage) in dockerfile.stages.iter().enumerate() {
            table.add_commands(StageId(at), stage, errors);
        }
        if let [only] = &mut table.entries[..] {
            only.label.clear();
        }
        table.check_cycles(errors);
        table
    }

    /// Adds a stage. A stage whose FROM has an error is added too, so that others can name it.
    fn add_stage(&mut self, stage: &Stage, scope: FromScope<'_>) -> Result<(), LowerError> {
        let (from, error) = match self.evaluate(stage, scope) {
            Ok(from) => (from, None),
            Err(error) => (EvaluatedFrom::default(), Some(error)),
        };
        let EvaluatedFrom { base, base_text, platform, is_source } = from;
        let id = StageId(self.entries.len());
        if let Some(name) = &stage.name {
            self.by_name.entry(name.to_lowercase()).or_default().push(id);
        }
        self.entries.push(StageEntry {
            name: stage.name.clone(),
            label: stage.name.clone().unwrap_or_else(|| format!("stage-{}", id.0)),
            has_triggers: matches!(base, Base::Scratch | Base::Unknown),
            base,
            base_text,
            platform,
            lines: lines_of(&stage.from),
            commands: Vec::new(),
            replaced_sources: Vec::new(),
            is_source,
            is_circular: false,
        });
        error.map_or(Ok(()), Err)
    }

    /// Evaluates the FROM of a stage.
    fn evaluate(&self, stage: &Stage, scope: FromScope<'_>) -> Result<EvaluatedFrom<'a>, LowerError> {
        let at = |problem: Problem| problem.at(lines_of(&stage.from));
        let expanded = self.expand(stage, &stage.base, scope)?;
        let base_text = expanded.text;
        if base_text.is_empty() {
            return Err(at(Problem::BlankBase { written: stage.base.clone() }));
        }
        let platform = match &stage.platform {
            Some(written) => Some(self.platform(stage, written, scope)?),
            None => None,
        };
        let replaced = stage.name.as_deref().and_then(|name| self.context(name, platform.as_ref()));
        let is_source = replaced.is_some();
        let base = match replaced {
            Some((key, context)) => Base::Context(key, context),
            None => self.base(&base_text, platform.as_ref()).map_err(at)?,
        };
        Ok(EvaluatedFrom { base, base_text, platform, is_source })
    }

    /// Expands a word of FROM.
    fn expand(&self, stage: &Stage, word: &str, scope: FromScope<'_>) -> Result<Expanded, LowerError> {
        let expanded = self.expander.word(word, scope.globals);
        let expanded = expanded.map_err(|error| Problem::from(error).at(lines_of(&stage.from)))?;
        scope.checks.add(&stage.from, check::undeclared(&expanded, scope.globals, scope.checks));
        Ok(expanded)
    }

    /// Expands and parses `FROM --platform`.
    fn platform(&self, stage: &Stage, written: &str, scope: FromScope<'_>) -> Result<Platform, LowerError> {
        let expanded = self.expand(stage, written, scope)?;
        scope.checks.add(&stage.from, check::redundant_platform(written, &expanded, &scope.globals.env));
        scope.checks.add(&stage.from, check::constant_platform(stage, &expanded));
        parse_platform(written, &expanded).map_err(|problem| {
            let error = problem.at(lines_of(&stage.from));
            match expanded.unset.first() {
                Some(name) => error.suggest(name, &scope.globals.env.names().collect::<Vec<_>>()),
                None => error,
            }
        })
    }

    /// Finds the base that a name after FROM stands for: an earlier stage, a named context, or an image.
    ///
    /// The name of a stage must be written in lower case here, as in BuildKit.
    fn base(&self, text: &str, platform: Option<&Platform>) -> Result<Base<'a>, Problem> {
        let has_name = |entry: &StageEntry<'a>| entry.name.as_deref() == Some(text);
        match self.entries.iter().rposition(has_name) {
            Some(at) => Ok(Base::Stage(StageId(at))),
            None => self.outside_base(text, platform),
        }
    }
}

fn parse_platform(written: &str, expanded: &Expanded) -> Result<Platform, Problem> {
    let written = written.to_owned();
    if expanded.text.is_empty() {
        return Err(Problem::EmptyPlatform { written });
    }
    expanded
        .text
        .parse()
        .map_err(|error: oci::PlatformError| Problem::BadPlatform { written, reason: error.to_string() })
}
