//! Instructions to steps and config, stage by stage.
//!
//! ```text
//! run, mounts    Exec steps          env      ENV and ARG
//! copy, remote   File steps          config   everything that only changes the image config
//! workdir        File steps          expose   ports
//! ```
//!
//! A stage sees other stages only through [`State`]s that are finished: what comes later is an error.

mod base;
mod config;
mod copy;
mod env;
pub(super) mod expose;
pub(super) mod mounts;
pub(crate) mod remote;
mod run;
mod workdir;

pub(super) use env::OUTSIDE_ENV;

use std::cell::Cell;

use oci::{History, Platform};
use parser::ast::{Instruction, Kind};
use parser::expand::{Expanded, Expander};

use super::arena::Arena;
use super::args::Env;
use super::bases::Resolved;
use super::check::{self, Finding};
use super::error::{Errors, LowerError, Problem};
use super::names::{self, Counter};
use super::origin;
use super::stages::{Base, Command, StageId, Table};
use super::state::State;
use super::{history, platform};
use crate::options::Context;
use crate::plan::PlannedImage;
use crate::session::{Session, Target};
use graph::{InputIndex, Lines, Op, Source, StepId, StepMeta};

/// Lowers the stages of one platform.
pub(super) struct Dispatcher<'d> {
    session: &'d Session<'d>,
    target: &'d Target,
    globals: &'d Env,
    table: &'d Table<'d>,
    resolved: &'d Resolved,
    arena: &'d mut Arena,
    /// By entry; `None` until it is done.
    states: Vec<Option<State>>,
}

/// The stage that is being lowered.
struct Current<'c> {
    id: StageId,
    state: State,
    counter: Counter,
    ignore_cache: bool,
    /// The lines of the instruction at hand.
    lines: Lines,
    command: &'c Command<'c>,
    /// It uses a variable that would have another value if the base were known.
    uses_guesses: Cell<bool>,
}

impl<'d> Dispatcher<'d> {
    pub fn new(
        session: &'d Session<'d>,
        target: &'d Target,
        globals: &'d Env,
        table: &'d Table<'d>,
        resolved: &'d Resolved,
        arena: &'d mut Arena,
    ) -> Self {
        let states = vec![None; table.entries.len()];
        Self { session, target, globals, table, resolved, arena, states }
    }

    /// Lowers all needed stages: first what others only take files from, then the rest in order.
    pub fn run(&mut self, reachable: &[bool], errors: &mut Errors) {
        let needed = |at: &usize| reachable[*at];
        let (sources, stages): (Vec<usize>, Vec<usize>) =
            (0..reachable.len()).filter(needed).partition(|at| self.table.entries[*at].is_source);
        for at in sources {
            let state = self.begin(StageId(at), &mut Counter::default(), errors);
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

    fn begin(&mut self, id: StageId, counter: &mut Counter, errors: &mut Errors) -> State {
        let started = self.start(id, counter);
        errors.keep(started).unwrap_or_else(|| State::unknown(&self.target.platform))
    }

    /// The image of the finished stage `goal`.
    pub fn finish(mut self, goal: StageId) -> PlannedImage {
        let mut state = self.states[goal.0].take().expect("the target is reachable from itself");
        self.make_layers(goal, &mut state);
        let platform = self.image_platform(&state);
        let step = state.step.unwrap_or_else(|| self.arena.scratch(&platform));
        let unaccounted = state.layer_steps.len().saturating_sub(state.unaccounted_layers);
        for step in &state.layer_steps[unaccounted..] {
            state.image.history.push(history::unaccounted(self.arena.step(*step).meta.name.clone()));
        }
        let mut config = state.image;
        if !self.target.implicit {
            platform::stamp(&mut config, &platform);
        }
        let labels = self.session.options.labels.iter().cloned();
        config.config.labels.extend(labels);
        PlannedImage { platform, step, config }
    }

    fn image_platform(&self, state: &State) -> Platform {
        if self.target.implicit { state.image.platform.clone() } else { self.target.platform.clone() }
    }

    /// Lowers a stage. Behind an instruction that is wrong it goes on, to find others; not behind an ENV or ARG, as what
    /// follows would be blamed for a variable that is not there, nor if there is no room for more.
    fn stage(&mut self, id: StageId, errors: &mut Errors) -> State {
        let table = self.table;
        let entry = table.entry(id);
        let mut counter =
            Counter { stage: entry.label.clone(), total: total(table, id), ..Counter::default() };
        let mut state = self.begin(id, &mut counter, errors);
        let budget = &self.session.budget;
        if let Err(problem) = budget.check() {
            errors.add(|| problem.at(entry.lines));
            return state;
        }
        self.make_layers(id, &mut state);
        if entry.fired {
            state.image.config.on_build.clear();
        }
        state.start();
        let ignore_cache = self.ignores_cache(entry.name.as_deref());
        for command in entry.commands.iter().filter(|command| !table.is_circular(id, command)) {
            if state.is_incomplete {
                break;
            }
            if self.session.several {
                counter.platform = Some(platform::step_prefix(&state.platform, &state.env));
            }
            let (lines, uses_guesses) = (command.lines, Cell::default());
            let mut current = Current { id, state, counter, ignore_cache, lines, command, uses_guesses };
            let done = self.instruction(&mut current).and_then(|()| budget.check());
            self.judge(done, &mut current, errors);
            (state, counter) = (current.state, current.counter);
        }
        state
    }

    /// Keeps the error of an instruction, unless it may be the base that is to blame, of which nothing is known.
    fn judge(&self, done: Result<(), Problem>, current: &mut Current<'_>, errors: &mut Errors) {
        let (is_unknown, uses_guesses) = (current.state.base_is_unknown, current.uses_guesses.get());
        let failed = done.is_err();
        if let Err(problem) = done
            && !(is_unknown && problem.may_lie_with_base(uses_guesses))
        {
            errors.add(|| self.explained(problem, current));
            self.session.checks.silence();
        }
        let is_variable = matches!(current.command.instruction.kind, Kind::Arg(_) | Kind::Env(_));
        current.state.has_guesses |= is_variable && uses_guesses;
        current.state.is_incomplete = (is_variable && failed) || self.session.budget.check().is_err();
    }

    fn explained(&self, problem: Problem, current: &Current<'_>) -> LowerError {
        let Session { dockerfile, options, .. } = self.session;
        let mut error = problem.at(current.lines);
        origin::explain(&mut error, dockerfile, options, &current.state);
        error
    }

    fn ignores_cache(&self, name: Option<&str>) -> bool {
        let options = self.session.options;
        let listed =
            |name: &str| options.no_cache_filter.iter().any(|other| other.eq_ignore_ascii_case(name));
        options.no_cache || name.is_some_and(listed)
    }

    fn instruction(&mut self, current: &mut Current<'_>) -> Result<(), Problem> {
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
    fn expand(&self, current: &Current<'_>, word: &str) -> Result<String, Problem> {
        let text = self.checked(current, self.expander().word(word, &current.state)?);
        self.session.budget.check().map(|()| text)
    }

    /// The text of an expansion, after a look at what it used.
    fn checked(&self, current: &Current<'_>, expanded: Expanded) -> String {
        let state = &current.state;
        let is_guess = !expanded.unset.is_empty() || (state.has_guesses && !expanded.used.is_empty());
        if state.base_is_unknown && is_guess {
            current.uses_guesses.set(true);
        }
        if !expanded.unset.is_empty() {
            self.found(current, check::undefined(&expanded.unset, &current.state));
        }
        self.session.budget.spend(expanded.text.len());
        expanded.text
    }

    /// Adds findings of build checks about the instruction at hand.
    fn found(&self, current: &Current<'_>, findings: impl IntoIterator<Item = Finding>) {
        self.session.checks.add_at(current.lines, &current.command.instruction.comments, findings);
    }

    fn record(&self, current: &mut Current<'_>, entry: fn(String, Option<i64>) -> History, text: String) {
        self.session.budget.spend(text.len());
        current.state.image.history.push(entry(text, self.session.epoch_s));
    }

    /// Describes a step of the instruction at hand.
    fn meta(&self, current: &Current<'_>, name: String) -> StepMeta {
        let ignore_cache = current.ignore_cache;
        StepMeta { name, lines: Some(current.lines), stage: self.stage_name(current.id), ignore_cache }
    }

    fn stage_name(&self, id: StageId) -> String {
        let name = self.table.entry(id).name.clone();
        name.unwrap_or_else(|| format!("stage-{}", id.0))
    }

    /// The instruction as people see it.
    fn text(&self, current: &Current<'_>, masked: &[&str]) -> String {
        let text = names::text(&current.command.instruction, &current.state, self.expander(), masked);
        self.session.budget.spend(text.len());
        if current.command.is_trigger { format!("ONBUILD {text}") } else { text }
    }

    /// The step of the main context.
    fn context(&mut self) -> StepId {
        let platform = &self.session.build_platform;
        match &self.session.options.context {
            Context::Empty => self.arena.scratch(platform),
            Context::Local { path, ignore } => {
                let source = Source::Local {
                    name: "context".to_owned(),
                    path: path.clone(),
                    ignore: ignore.patterns(),
                };
                let meta =
                    StepMeta { name: "[internal] load build context".to_owned(), ..StepMeta::default() };
                self.arena.add(Op::Source(source), Vec::new(), platform, meta)
            }
            Context::Stored { layer, .. } => {
                let source = Source::Stored { name: "context".to_owned(), layer: *layer };
                let meta =
                    StepMeta { name: "[internal] load build context".to_owned(), ..StepMeta::default() };
                self.arena.add(Op::Source(source), Vec::new(), platform, meta)
            }
        }
    }

    /// The step that holds the files of a finished entry, and whether its owners are to be kept. `None`
    /// if the entry is not finished: it comes later.
    fn files_of(&mut self, id: StageId) -> Option<(StepId, bool)> {
        let state = self.states[id.0].as_ref()?;
        let (step, keeps_owner) = (state.step, !state.is_tree);
        let platform = state.platform.clone();
        Some((step.unwrap_or_else(|| self.arena.scratch(&platform)), keeps_owner))
    }
}

/// How many steps a stage shows: its FROM, if that brings files, and each instruction that makes a layer.
fn total(table: &Table<'_>, id: StageId) -> usize {
    let entry = table.entry(id);
    let from = usize::from(!matches!(entry.base, Base::Scratch | Base::Stage(_)));
    let makes_layer = |command: &&Command<'_>| {
        matches!(command.instruction.kind, Kind::Add(_) | Kind::Copy(_) | Kind::Run(_) | Kind::Workdir(_))
    };
    from + entry.commands.iter().filter(makes_layer).count()
}

/// The inputs of a step that is being made, each once.
#[derive(Debug, Default)]
struct Inputs(Vec<StepId>);

impl Inputs {
    /// The position of `step`, which is added if need be.
    fn index(&mut self, step: StepId) -> InputIndex {
        let known = self.0.iter().position(|other| *other == step);
        InputIndex(known.unwrap_or_else(|| {
            self.0.push(step);
            self.0.len() - 1
        }))
    }
}
