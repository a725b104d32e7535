//! The table of stages: what each is based on, what it needs, and which ones the target needs.
//!
//! ```text
//! entries: the stages as written, in order, then one for each image or context that COPY --from or
//!          RUN --mount=from= names; those have no instructions
//! ```
//!
//! Nothing here recurses: a Dockerfile may have as many stages as it likes.

use std::borrow::Cow;
use std::collections::HashMap;

use graph::Lines;
use oci::{Platform, Reference};
use parser::ast::{Copy, Dockerfile, Instruction, Kind, Run, Stage};
use parser::expand::{Expanded, Expander};

use super::args::Env;
use super::check::{self, Checks};
use super::circles::{Circle, circles};
use super::contexts::Contexts;
use super::error::{Errors, LowerError, Problem, lines_of};
use crate::error::suggested;
use crate::options::NamedContext;

/// The index of an entry in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct StageId(pub usize);

/// What a stage starts from.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Base<'a> {
    /// FROM is wrong.
    #[default]
    Unknown,
    /// Nothing.
    Scratch,
    /// An earlier stage.
    Stage(StageId),
    /// A named context, by its key.
    Context(String, &'a NamedContext),
    /// An image.
    Image(Reference),
}

/// A row of the table.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    /// Its lower-case name.
    pub name: Option<String>,
    /// What people see: the name, or `stage-N`.
    pub label: String,
    /// What it starts from.
    pub base: Base<'a>,
    /// The base as expanded.
    pub base_text: String,
    /// `--platform`.
    pub platform: Option<Platform>,
    /// The lines of FROM, or of the instruction that named an image.
    pub lines: Lines,
    /// Triggers of the base, then its own instructions; none if a named context took its place.
    pub commands: Vec<Command<'a>>,
    /// Whether the base's triggers are among the commands.
    pub fired: bool,
    /// Not written as a stage, or replaced by a named context: complete as soon as its base is there.
    pub is_source: bool,
    /// It takes files from stages that take files from it, which was told.
    pub is_circular: bool,
}

/// What FROM says a stage starts from.
#[derive(Debug, Default)]
struct Start<'a> {
    base: Base<'a>,
    base_text: String,
    platform: Option<Platform>,
    is_source: bool,
}

/// An instruction and the entries that it takes files from.
#[derive(Debug, Clone)]
pub(super) struct Command<'a> {
    /// What is written; owned if it comes from an image's trigger.
    pub instruction: Cow<'a, Instruction>,
    /// The lines to show: a trigger's are those of the FROM that set it off.
    pub lines: Lines,
    /// `COPY --from`.
    pub from: Option<StageId>,
    /// `from=` of each of RUN's mounts.
    pub mounts: Vec<Option<StageId>>,
    /// It is a trigger of the base.
    pub is_trigger: bool,
}

/// The table.
#[derive(Debug)]
pub(super) struct Table<'a> {
    /// All entries.
    pub entries: Vec<Entry<'a>>,
    /// How many of them are written as stages.
    pub written: usize,
    by_name: HashMap<String, Vec<StageId>>,
    sources: HashMap<String, StageId>,
    contexts: &'a Contexts<'a>,
    expander: Expander,
    default_platform: Platform,
}

impl Command<'_> {
    /// The entries that it takes files from.
    fn sources(&self) -> impl Iterator<Item = StageId> + '_ {
        self.from.into_iter().chain(self.mounts.iter().copied().flatten())
    }
}

impl<'a> Table<'a> {
    /// Makes the table of a Dockerfile for one target platform. What is wrong is left out of it.
    pub fn new(
        dockerfile: &'a Dockerfile,
        globals: &Env,
        contexts: &'a Contexts<'a>,
        platform: &Platform,
        checks: &Checks,
        errors: &mut Errors,
    ) -> Self {
        let mut table = Self {
            entries: Vec::new(),
            written: dockerfile.stages.len(),
            by_name: HashMap::new(),
            sources: HashMap::new(),
            contexts,
            expander: Expander::new(dockerfile.directives.escape),
            default_platform: platform.clone(),
        };
        for stage in &dockerfile.stages {
            errors.keep(table.add_stage(stage, globals, &dockerfile.globals, checks));
            if !errors.is_empty() {
                checks.silence();
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

    /// The entry of an id.
    pub fn entry(&self, id: StageId) -> &Entry<'a> {
        &self.entries[id.0]
    }

    /// The stage that is asked for: by name in any case, or the last one.
    pub fn target(&self, name: Option<&str>) -> Result<StageId, LowerError> {
        let Some(name) = name else { return Ok(StageId(self.written - 1)) };
        let found = self.by_name.get(&name.to_lowercase()).and_then(|ids| ids.last());
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = self.entries.iter().filter_map(|entry| entry.name.as_deref()).collect();
            let stages = names.iter().map(|&name| name.to_owned()).collect();
            let error = Problem::UnknownTarget { name: name.to_owned(), stages }.in_options();
            suggested(error, &name.to_lowercase(), &names)
        })
    }

    /// A stage that cannot be based on anything is still there for others to name.
    fn add_stage(
        &mut self,
        stage: &'a Stage,
        globals: &Env,
        declared: &[Instruction],
        checks: &Checks,
    ) -> Result<(), LowerError> {
        let start = self.start(stage, globals, declared, checks);
        let (start, error) =
            start.map_or_else(|error| (Start::default(), Some(error)), |start| (start, None));
        let Start { base, base_text, platform, is_source } = start;
        let id = StageId(self.entries.len());
        if let Some(name) = &stage.name {
            self.by_name.entry(name.to_lowercase()).or_default().push(id);
        }
        self.entries.push(Entry {
            name: stage.name.clone(),
            label: stage.name.clone().unwrap_or_else(|| format!("stage-{}", id.0)),
            fired: matches!(base, Base::Scratch | Base::Unknown),
            base,
            base_text,
            platform,
            lines: lines_of(&stage.from),
            commands: Vec::new(),
            is_source,
            is_circular: false,
        });
        error.map_or(Ok(()), Err)
    }

    /// Finds out what a stage is based on.
    fn start(
        &self,
        stage: &Stage,
        globals: &Env,
        declared: &[Instruction],
        checks: &Checks,
    ) -> Result<Start<'a>, LowerError> {
        let lines = lines_of(&stage.from);
        let at = |problem: Problem| problem.at(lines);
        let expanded = self.expander.word(&stage.base, globals).map_err(|error| at(error.into()))?;
        checks.add(&stage.from, check::undeclared(&expanded, globals, declared, checks));
        let base_text = expanded.text;
        if base_text.is_empty() {
            return Err(at(Problem::BlankBase { written: stage.base.clone() }));
        }
        let platform = match &stage.platform {
            Some(written) => Some(self.platform(stage, written, globals, declared, checks)?),
            None => None,
        };
        let replaced = stage.name.as_deref().and_then(|name| self.context(name, platform.as_ref()));
        let is_source = replaced.is_some();
        let base = match replaced {
            Some((key, context)) => Base::Context(key, context),
            None => self.base(&base_text, platform.as_ref()).map_err(at)?,
        };
        Ok(Start { base, base_text, platform, is_source })
    }

    /// Expands and parses `--platform`.
    fn platform(
        &self,
        stage: &Stage,
        written: &str,
        globals: &Env,
        declared: &[Instruction],
        checks: &Checks,
    ) -> Result<Platform, LowerError> {
        let lines = lines_of(&stage.from);
        let expanded =
            self.expander.word(written, globals).map_err(|error| Problem::from(error).at(lines))?;
        checks.add(&stage.from, check::undeclared(&expanded, globals, declared, checks));
        checks.add(&stage.from, check::redundant_platform(written, &expanded, globals));
        checks.add(&stage.from, check::constant_platform(stage, &expanded));
        stage_platform(written, &expanded, globals, lines)
    }

    /// What a name after FROM means: an earlier stage, a named context, or an image. A stage's name must be
    /// written in lower case here, as in BuildKit.
    fn base(&self, text: &str, platform: Option<&Platform>) -> Result<Base<'a>, Problem> {
        let earlier = |entry: &Entry<'a>| entry.name.as_deref() == Some(text);
        if let Some(at) = self.entries.iter().rposition(earlier) {
            return Ok(Base::Stage(StageId(at)));
        }
        self.source(text, platform)
    }

    fn source(&self, text: &str, platform: Option<&Platform>) -> Result<Base<'a>, Problem> {
        if text == "scratch" {
            return Ok(Base::Scratch);
        }
        if let Some((key, context)) = self.context(text, platform) {
            return Ok(Base::Context(key, context));
        }
        text.parse().map(Base::Image).map_err(|error: oci::ReferenceError| Problem::BadReference {
            name: text.to_owned(),
            reason: error.reason.to_owned(),
        })
    }

    fn context(&self, name: &str, platform: Option<&Platform>) -> Option<(String, &'a NamedContext)> {
        self.contexts.find(name, platform.unwrap_or(&self.default_platform))
    }

    fn add_commands(&mut self, id: StageId, stage: &'a Stage, errors: &mut Errors) {
        let mut commands = Vec::with_capacity(stage.instructions.len());
        for instruction in &stage.instructions {
            let lines = lines_of(instruction);
            commands.extend(errors.keep(self.command(id, Cow::Borrowed(instruction), lines)));
        }
        let entry = &mut self.entries[id.0];
        if !entry.is_source {
            entry.commands = commands;
        }
    }

    /// Puts triggers before a stage's own instructions.
    pub fn prepend(&mut self, id: StageId, triggers: Vec<Cow<'a, Instruction>>, errors: &mut Errors) {
        let lines = self.entry(id).lines;
        let mut commands = Vec::with_capacity(triggers.len());
        for trigger in triggers {
            let command = errors.keep(self.command(id, trigger, lines));
            commands.extend(command.map(|command| Command { is_trigger: true, ..command }));
        }
        let entry = &mut self.entries[id.0];
        entry.commands.splice(0..0, commands);
        entry.fired = true;
    }

    /// Finds out what an instruction of stage `id` takes files from.
    fn command(
        &mut self,
        id: StageId,
        instruction: Cow<'a, Instruction>,
        lines: Lines,
    ) -> Result<Command<'a>, LowerError> {
        let (mut from, mut mounts) = (None, Vec::new());
        match &instruction.kind {
            Kind::Copy(copy) => from = self.copy_source(id, copy, lines)?,
            Kind::Run(run) => mounts = self.mount_sources(id, run, lines)?,
            _ => {}
        }
        Ok(Command { instruction, lines, from, mounts, is_trigger: false })
    }

    fn copy_source(&mut self, id: StageId, copy: &Copy, lines: Lines) -> Result<Option<StageId>, LowerError> {
        let Some(from) = copy.from.as_ref().filter(|from| !from.is_empty()) else { return Ok(None) };
        let expanded =
            self.expander.word(from, &Env::default()).map_err(|_| Problem::VariableInFrom.at(lines))?;
        if expanded.text != *from {
            return Err(Problem::VariableInFrom.at(lines));
        }
        if let Ok(index) = from.parse::<i64>() {
            let found = usize::try_from(index).ok().filter(|index| *index < self.written);
            let found =
                found.ok_or_else(|| Problem::BadStageIndex { index, written: from.clone() }.at(lines))?;
            return Ok(Some(StageId(found)));
        }
        self.named_source(id, from, lines).map(Some)
    }

    fn mount_sources(
        &mut self,
        id: StageId,
        run: &Run,
        lines: Lines,
    ) -> Result<Vec<Option<StageId>>, LowerError> {
        let mut sources = Vec::with_capacity(run.mounts.len());
        for mount in &run.mounts {
            let from = super::dispatch::mounts::from_of(mount, self.expander)
                .map_err(|problem| problem.at(lines))?;
            sources.push(match from {
                Some(from) => Some(self.named_source(id, &from, lines)?),
                None => None,
            });
        }
        Ok(sources)
    }

    /// The entry of a name: of the stages that have it the last one before `id`, else a later one (which
    /// is an error if it comes to that), else a context or an image.
    fn named_source(&mut self, id: StageId, name: &str, lines: Lines) -> Result<StageId, LowerError> {
        if let Some(ids) = self.by_name.get(&name.to_lowercase()) {
            let earlier = ids.iter().rfind(|other| **other < id);
            return Ok(*earlier.unwrap_or(&ids[0]));
        }
        if let Some(known) = self.sources.get(name) {
            return Ok(*known);
        }
        let base = self.source(name, None).map_err(|problem| problem.at(lines))?;
        let new = StageId(self.entries.len());
        self.entries.push(Entry {
            name: None,
            label: name.to_owned(),
            base,
            base_text: name.to_owned(),
            platform: None,
            lines,
            commands: Vec::new(),
            fired: true,
            is_source: true,
            is_circular: false,
        });
        self.sources.insert(name.to_owned(), new);
        Ok(new)
    }

    /// The entries that an entry's instructions take files from.
    fn sources(&self, id: StageId) -> impl Iterator<Item = StageId> + '_ {
        self.entry(id).commands.iter().flat_map(Command::sources)
    }

    /// Whether a command of stage `id` is part of a circle.
    pub fn is_circular(&self, id: StageId, command: &Command<'_>) -> bool {
        let mut sources = command.sources();
        self.entry(id).is_circular && sources.any(|source| self.entry(source).is_circular)
    }

    /// For each entry, whether the target needs it.
    pub fn reachable(&self, target: StageId) -> Vec<bool> {
        let mut seen = vec![false; self.entries.len()];
        let mut open = vec![target];
        while let Some(id) = open.pop() {
            if !std::mem::replace(&mut seen[id.0], true) {
                if let Base::Stage(base) = self.entry(id).base {
                    open.push(base);
                }
                open.extend(self.sources(id));
            }
        }
        seen
    }

    /// Finds stages whose instructions take files from each other, whether the target needs them or not; each once,
    /// however often this is called.
    ///
    /// Bases do not count, as in BuildKit: they are earlier stages, so that a circle through one has an
    /// instruction that looks ahead, which is told apart when it is lowered.
    pub fn check_cycles(&mut self, errors: &mut Errors) {
        let sources = |at| self.sources(StageId(at)).map(|source| source.0);
        let found = circles(self.entries.len(), sources);
        let known = |circle: &Circle| self.entries[circle.members[0]].is_circular;
        let new: Vec<Circle> = found.into_iter().filter(|circle| !known(circle)).collect();
        for (nth, Circle { root, members }) in new.into_iter().enumerate() {
            // BuildKit names the stage from which it found the first one, be that a part of it or not.
            let named = StageId(if nth == 0 { root } else { members[0] });
            errors.add(|| self.circular(named));
            members.into_iter().for_each(|at| self.entries[at].is_circular = true);
        }
    }

    fn circular(&self, id: StageId) -> LowerError {
        let entry = self.entry(id);
        let named =
            entry.name.clone().or_else(|| Some(entry.label.clone()).filter(|label| !label.is_empty()));
        let stage = named.unwrap_or_else(|| format!("stage-{}", id.0));
        Problem::Circular { stage }.at(entry.lines)
    }
}

/// Parses `--platform`.
fn stage_platform(
    written: &str,
    expanded: &Expanded,
    globals: &Env,
    lines: Lines,
) -> Result<Platform, LowerError> {
    let suggest = |error: LowerError| match expanded.unset.first() {
        Some(name) => suggested(error, name, &globals.names().collect::<Vec<_>>()),
        None => error,
    };
    if expanded.text.is_empty() {
        return Err(suggest(Problem::EmptyPlatform { written: written.to_owned() }.at(lines)));
    }
    expanded.text.parse().map_err(|error: oci::PlatformError| {
        let reason = error.to_string();
        suggest(Problem::BadPlatform { written: written.to_owned(), reason }.at(lines))
    })
}
