//! Instructions to steps and image configs, stage by stage.
//!
//! ```text
//! base         the first step and config of each stage
//! run, mounts  RUN: Exec steps            env      ENV and ARG
//! copy, remote COPY and ADD: File steps   config   everything that only changes the image config
//! workdir      WORKDIR: File steps        expose   ports
//! ```
//!
//! A stage sees other stages only through finished [`StageState`]s. To take files from a stage further down is an error.

mod base;
mod config;
mod copy;
mod env;
mod expose;
mod mounts;
mod remote;
mod run;
mod workdir;

use std::cell::Cell;

use graph::{InputIndex, Lines, Op, Source, StepId, StepMeta};
use oci::{History, Platform};
use parser::ast::{Instruction, Kind};
use parser::expand::{Expanded, Expander};

use crate::args::GlobalScope;
use crate::base_images::BaseImages;
use crate::check::{self, Finding};
use crate::error::{Errors, LowerError, Problem};
use crate::explain::Scope;
use crate::graph_builder::GraphBuilder;
use crate::options::Context;
use crate::origin::{OriginKind, VariableOrigin};
use crate::plan::PlannedImage;
use crate::session::{Culprit, Lowering, TargetPlatform};
use crate::stages::{StageBase, StageCommand, StageId, StageTable};
use crate::state::StageState;
use crate::step_names::{self, StepCounter};
use crate::{history, platform};

/// Lowers the stages of one platform.
pub(crate) struct Dispatcher<'d> {
    session: &'d Lowering<'d>,
    target: &'d TargetPlatform,
    globals: &'d GlobalScope,
    table: &'d StageTable<'d>,
    images: &'d BaseImages,
    graph: &'d mut GraphBuilder,
    /// States by entry; `None` until the entry is finished.
    states: Vec<Option<StageState>>,
}

/// Target platform of one pass through the Dockerfile, and the variables of FROM for it.
pub(crate) struct PlatformScope<'d> {
    pub target: &'d TargetPlatform,
    pub globals: &'d GlobalScope,
}

/// The stage that is being lowered, at one of its instructions.
struct CurrentStage<'c> {
    id: StageId,
    state: StageState,
    counter: StepCounter,
    ignore_cache: bool,
    /// Lines of the instruction.
    lines: Lines,
    command: &'c StageCommand<'c>,
    /// Whether the instruction uses a variable that an unavailable base image may set.
    uses_placeholders: Cell<bool>,
}

/// Files of a finished entry.
#[derive(Debug, Clone, Copy)]
struct EntryFiles {
    step: StepId,
    /// Whether copies keep the owners of the files.
    keeps_owner: bool,
}

impl<'d> Dispatcher<'d> {
    pub fn new(
        session: &'d Lowering<'d>,
        scope: &PlatformScope<'d>,
        table: &'d StageTable<'d>,
        images: &'d BaseImages,
        graph: &'d mut GraphBuilder,
    ) -> Self {
        let states = vec![None; table.entries.len()];
        let PlatformScope { target, globals } = *scope;
        Self { session, target, globals, table, images, graph, states }
    }

    /// Lowers all needed entries: first the entries that need no stage, then the stages in order.
    pub fn run(&mut self, reachable: &[bool], errors: &mut Errors) {
        let is_needed = |at: &usize| reachable[*at];
        let (sources, stages): (Vec<usize>, Vec<usize>) =
            (0..reachable.len()).filter(is_needed).partition(|at| self.table.entries[*at].is_source);
        for at in sources {
            let state = self.begin(StageId(at), &mut StepCounter::default(), errors);
            self.states[at] = Some(state);
        }
        for at in stages {
            let state = self.stage(StageId(at), errors);
            self.states[at] = Some(state);
            if self.session.budget.check().is_err() {
                break;
            }
        }
    }

    /// Returns the state of an entry before its first instruction. After an error a placeholder takes its place.
    fn begin(&mut self, id: StageId, counter: &mut StepCounter, errors: &mut Errors) -> StageState {
        let started = self.start(id, counter);
        errors.keep(started).unwrap_or_else(|| StageState::unknown(&self.target.platform))
    }

    /// Returns the image of a finished stage.
    pub fn finish(mut self, stage: StageId) -> PlannedImage {
        let mut state = self.states[stage.0].take().expect("the target is reachable from itself");
        self.make_layers(stage, &mut state);
        let platform = self.image_platform(&state);
        let step = state.step.unwrap_or_else(|| self.graph.scratch(&platform));
        let accounted = state.layer_steps.len().saturating_sub(state.unaccounted_layers);
        for step in &state.layer_steps[accounted..] {
            state.image.history.push(history::unaccounted(self.graph.step(*step).meta.name.clone()));
        }
        let mut config = state.image;
        if !self.target.is_implicit {
            platform::stamp(&mut config, &platform);
        }
        let labels = self.session.options.labels.iter().cloned();
        config.config.labels.extend(labels);
        PlannedImage { platform, step, config }
    }

    fn image_platform(&self, state: &StageState) -> Platform {
        if self.target.is_implicit { state.image.platform.clone() } else { self.target.platform.clone() }
    }

    /// Lowers a stage.
    ///
    /// After an instruction with an error the next ones are lowered too, to find further errors. There are two exceptions:
    /// after an ENV or ARG, errors could be due to the missing variable, and a used-up budget leaves no room.
    fn stage(&mut self, id: StageId, errors: &mut Errors) -> StageState {
        let table = self.table;
        let entry = table.entry(id);
        let (stage, total) = (entry.label.clone(), total_steps(table, id));
        let mut counter = StepCounter { stage, total, ..StepCounter::default() };
        let mut state = self.begin(id, &mut counter, errors);
        let budget = &self.session.budget;
        if let Err(problem) = budget.check() {
            errors.add(|| problem.at(entry.lines));
            return state;
        }
        self.prepare(id, &mut state);
        let ignore_cache = self.ignores_cache(entry.name.as_deref());
        for command in entry.commands.iter().filter(|command| !table.is_circular(id, command)) {
            if state.is_incomplete {
                break;
            }
            if self.session.names_platform {
                counter.platform = Some(platform::step_prefix(&state.platform, &state.env));
            }
            let (lines, uses_placeholders) = (command.lines, Cell::default());
            let mut current =
                CurrentStage { id, state, counter, ignore_cache, lines, command, uses_placeholders };
            self.answer_probe(&current);
            let result = self.instruction(&mut current).and_then(|()| budget.check());
            self.conclude(result, &mut current, errors);
            (state, counter) = (current.state, current.counter);
        }
        state
    }

    /// Prepares the state of a stage for its first instruction.
    fn prepare(&mut self, id: StageId, state: &mut StageState) {
        self.make_layers(id, state);
        if self.table.entry(id).has_triggers {
            state.image.config.on_build.clear();
        }
        state.start();
    }

    /// Concludes an instruction: keeps its error, unless the cause may be a base image that is unavailable.
    fn conclude(&self, result: Result<(), Problem>, current: &mut CurrentStage<'_>, errors: &mut Errors) {
        let uses_placeholders = current.uses_placeholders.get();
        let failed = result.is_err();
        if let Err(problem) = result
            && !(current.state.base_is_unknown && problem.may_be_due_to_base(uses_placeholders))
        {
            errors.add(|| self.explained(problem, current));
            self.session.checks.silence();
        }
        let sets_variable = matches!(current.command.instruction.kind, Kind::Arg(_) | Kind::Env(_));
        current.state.has_placeholders |= sets_variable && uses_placeholders;
        if uses_placeholders {
            self.session.checks.note_uncertain(current.lines);
        }
        current.state.is_incomplete = (sets_variable && failed) || self.session.budget.check().is_err();
    }

    /// Creates the error of the instruction, with the origins of its variables.
    fn explained(&self, problem: Problem, current: &CurrentStage<'_>) -> LowerError {
        let mut error = problem.at(current.lines);
        error.origins = self.scope(current).origins_of_error(&error, &current.command.instruction);
        error
    }

    /// Explains the variables of the instruction if it is the one whose step failed.
    fn answer_probe(&self, current: &CurrentStage<'_>) {
        let Some(probe) = self.session.probe.filter(|probe| probe.lines == current.lines) else { return };
        if !probe.origins.borrow().is_empty() {
            return;
        }
        let (scope, instruction) = (self.scope(current), &current.command.instruction);
        let origins = match &probe.culprit {
            Some(Culprit { word, is_user: true }) => {
                let (name, value) = ("USER".to_owned(), Some(word.clone()));
                let user = |lines| VariableOrigin { name, value, kind: OriginKind::User { lines } };
                current.state.user_lines.map(user).into_iter().collect()
            }
            Some(Culprit { word, .. }) => scope.origins(instruction, Some(word)),
            None => scope.out_of_reach_origins(instruction),
        };
        *probe.origins.borrow_mut() = origins;
    }

    fn scope<'s>(&'s self, current: &'s CurrentStage<'_>) -> Scope<'s> {
        Scope::of_stage(&current.state, self.globals, self.session.dockerfile)
    }

    fn ignores_cache(&self, name: Option<&str>) -> bool {
        let options = self.session.options;
        let is_listed =
            |name: &str| options.no_cache_filter.iter().any(|other| other.eq_ignore_ascii_case(name));
        options.no_cache || name.is_some_and(is_listed)
    }

    fn instruction(&mut self, current: &mut CurrentStage<'_>) -> Result<(), Problem> {
        let command = current.command;
        let instruction: &Instruction = &command.instruction;
        match &instruction.kind {
            Kind::Add(copy) => self.copy(current, copy, true),
            Kind::Copy(copy) => self.copy(current, copy, false),
            Kind::Run(run) => self.run_command(current, run),
            Kind::Workdir(path) => self.workdir(current, path),
            Kind::Arg(definitions) => self.arg(current, definitions),
            Kind::Env(pairs) => self.env(current, pairs),
            kind => self.config(current, kind),
        }
    }

    fn expander(&self) -> Expander {
        self.session.expander
    }

    /// Expands a word with the variables of the stage.
    fn expand(&self, current: &CurrentStage<'_>, word: &str) -> Result<String, Problem> {
        let text = self.checked(current, self.expander().word(word, &current.state)?);
        self.session.budget.check().map(|()| text)
    }

    /// Returns the text of an expansion after checking the variables that it uses.
    fn checked(&self, current: &CurrentStage<'_>, expanded: Expanded) -> String {
        let state = &current.state;
        let is_placeholder =
            !expanded.unset.is_empty() || (state.has_placeholders && !expanded.used.is_empty());
        if state.base_is_unknown && is_placeholder {
            current.uses_placeholders.set(true);
        }
        // An unavailable base image could set any of the variables.
        if !expanded.unset.is_empty() && !state.base_is_unknown {
            self.found(current, check::undefined(&expanded.unset, &state.env, &state.args, self.globals));
        }
        self.session.budget.spend(expanded.text.len());
        expanded.text
    }

    /// Adds findings of the build checks about the instruction.
    fn found(&self, current: &CurrentStage<'_>, findings: impl IntoIterator<Item = Finding>) {
        self.session.checks.add_at(current.lines, &current.command.instruction.comments, findings);
    }

    /// Adds an entry to the history of the image.
    fn record(
        &self,
        current: &mut CurrentStage<'_>,
        entry: fn(String, Option<i64>) -> History,
        text: String,
    ) {
        self.session.budget.spend(text.len());
        current.state.image.history.push(entry(text, self.session.epoch_s));
    }

    /// Describes a step of the instruction.
    fn meta(&self, current: &CurrentStage<'_>, name: String) -> StepMeta {
        let ignore_cache = current.ignore_cache;
        StepMeta { name, lines: Some(current.lines), stage: self.stage_name(current.id), ignore_cache }
    }

    fn stage_name(&self, id: StageId) -> String {
        let name = self.table.entry(id).name.clone();
        name.unwrap_or_else(|| format!("stage-{}", id.0))
    }

    /// Returns the text of the instruction for display.
    fn text(&self, current: &CurrentStage<'_>, masked: &[&str]) -> String {
        let text = step_names::text(&current.command.instruction, &current.state, self.expander(), masked);
        self.session.budget.spend(text.len());
        if current.command.is_trigger { format!("ONBUILD {text}") } else { text }
    }

    /// Returns the step of the main context.
    fn context(&mut self) -> StepId {
        let platform = &self.session.build_platform;
        let name = "context".to_owned();
        let source = match &self.session.options.context {
            Context::Empty => return self.graph.scratch(platform),
            Context::Local { path, ignore } => {
                Source::Local { name, path: path.clone(), ignore: ignore.patterns() }
            }
            Context::Stored { layer, .. } => Source::Stored { name, layer: *layer },
        };
        let meta = StepMeta { name: "[internal] load build context".to_owned(), ..StepMeta::default() };
        self.graph.add(Op::Source(source), Vec::new(), platform, meta)
    }

    /// Returns the files of a finished entry, or `None` if the entry is further down.
    fn files_of(&mut self, id: StageId) -> Option<EntryFiles> {
        let state = self.states[id.0].as_ref()?;
        let (step, keeps_owner) = (state.step, !state.is_tree);
        let platform = state.platform.clone();
        Some(EntryFiles { step: step.unwrap_or_else(|| self.graph.scratch(&platform)), keeps_owner })
    }
}

/// Counts the steps of a stage: its FROM, if that has files, and each instruction that makes a layer.
fn total_steps(table: &StageTable<'_>, id: StageId) -> usize {
    let entry = table.entry(id);
    let from = usize::from(!matches!(entry.base, StageBase::Scratch | StageBase::Stage(_)));
    let makes_layer = |command: &&StageCommand<'_>| {
        matches!(command.instruction.kind, Kind::Add(_) | Kind::Copy(_) | Kind::Run(_) | Kind::Workdir(_))
    };
    from + entry.commands.iter().filter(makes_layer).count()
}

/// Inputs of a step that is being made, each once.
#[derive(Debug, Default)]
struct Inputs(Vec<StepId>);

impl Inputs {
    /// Returns the position of `step`, which is added if it is not there.
    fn index(&mut self, step: StepId) -> InputIndex {
        let known = self.0.iter().position(|other| *other == step);
        InputIndex(known.unwrap_or_else(|| {
            self.0.push(step);
            self.0.len() - 1
        }))
    }
}
