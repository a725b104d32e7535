//! Runs the rows: tool after tool, in turn, so that other load on the machine affects all of them alike.
//!
//! A tool that fails has its error in its cell and is left out of the rest of the row; the others go on. Dirty pages are
//! written back before each run, so that no tool pays for the writes of another.

use std::cell::Cell as Counter;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::engine::{Engine, Kit, OURS, Site, Trouble};
use crate::registry::Registry;
use crate::result::{Cell, Point, RowResult};
use crate::stats::Sample;
use crate::workload::{Act, Floor, Prep, Proof, Row, Scenario, State, When};

/// Name of the floor among the tools.
pub const FLOOR: &str = "floor";

/// Number of runs that a row gets.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Largest number of runs by each tool.
    pub max_runs: usize,
    /// Time in seconds for all runs after the first.
    pub budget_s: f64,
}

/// Everything that runs have in common.
#[derive(Debug)]
pub struct Runner {
    /// Meter, directory and base images that the tools share.
    pub kit: Kit,
    /// Number of runs of each row.
    pub effort: Effort,
    registry: Registry,
    edits: Counter<u64>,
}

/// A cell that is being filled.
struct Turns {
    cell: Cell,
    spent_s: f64,
    last_s: f64,
}

/// A scenario, and the directory of its files.
#[derive(Clone, Copy)]
struct ScenarioDir<'a> {
    scenario: &'a Scenario,
    dir: &'a Path,
}

/// A tool in a scenario.
struct Lane<'a> {
    engine: &'a mut dyn Engine,
    /// True if the tool has done the preparations of the scenario since its last reset.
    is_prepared: bool,
}

impl Turns {
    fn new(tool: &str) -> Self {
        let cell = Cell { tool: tool.to_owned(), samples: Vec::new(), trouble: None };
        Self { cell, spent_s: 0.0, last_s: 0.0 }
    }

    /// Does one more run, unless one has failed or the budget would be exceeded; preparations count as well.
    fn take(&mut self, effort: Effort, run: impl FnOnce() -> Result<Sample, Trouble>) {
        let has_time = self.cell.samples.is_empty() || self.spent_s + self.last_s <= effort.budget_s;
        if self.cell.trouble.is_some() || !has_time {
            return;
        }
        let start = Instant::now();
        match run() {
            Ok(sample) => self.cell.samples.push(sample),
            Err(trouble) => self.cell.trouble = Some(chain(&trouble)),
        }
        self.last_s = start.elapsed().as_secs_f64();
        self.spent_s += self.last_s;
    }
}

impl Runner {
    /// Creates a runner. Its registry starts when it is needed.
    pub fn new(kit: Kit, effort: Effort) -> Result<Self, Trouble> {
        let registry = Registry::new(&kit)?;
        Ok(Self { kit, effort, registry, edits: Counter::new(0) })
    }

    /// Runs these rows of a scenario. An error that prevents this is in every cell.
    pub fn scenario(
        &mut self,
        scenario: &Scenario,
        rows: &[&Row],
        engines: &mut [Box<dyn Engine>],
        with_floor: bool,
    ) -> Vec<RowResult> {
        let dir = self.kit.dir.join("scenario");
        if let Err(trouble) = make(scenario, &dir) {
            let _ = remove(&dir);
            let names: Vec<&str> = engines.iter().map(|engine| engine.name()).collect();
            return unmeasured(scenario, rows, &names, &chain(&trouble));
        }
        let mut lanes: Vec<Lane<'_>> =
            engines.iter_mut().map(|engine| Lane { engine: engine.as_mut(), is_prepared: false }).collect();
        let files = ScenarioDir { scenario, dir: &dir };
        let results = match scenario.when {
            When::Large => self.rows_apart(files, rows, &mut lanes, with_floor),
            When::Always | When::Curves => self.rows(files, rows, &mut lanes, with_floor),
        };
        // Makes room for the next scenario.
        lanes.iter_mut().for_each(|lane| drop(lane.engine.reset(&[])));
        let _ = remove(&dir);
        results
    }

    /// Runs all tools in turn.
    fn rows(
        &mut self,
        files: ScenarioDir<'_>,
        rows: &[&Row],
        lanes: &mut [Lane<'_>],
        with_floor: bool,
    ) -> Vec<RowResult> {
        rows.iter().map(|row| self.row(files, row, lanes, with_floor)).collect()
    }

    /// Runs one tool after the other and removes everything of the one before: the disk has no room for all.
    fn rows_apart(
        &mut self,
        files: ScenarioDir<'_>,
        rows: &[&Row],
        lanes: &mut [Lane<'_>],
        with_floor: bool,
    ) -> Vec<RowResult> {
        let mut results: Vec<RowResult> = Vec::new();
        for (index, lane) in lanes.iter_mut().enumerate() {
            let alone = self.rows(files, rows, std::slice::from_mut(lane), with_floor && index == 0);
            drop(lane.engine.reset(&[]));
            let _ = remove(&files.dir.join(format!("out-{}", lane.engine.name())));
            if results.is_empty() {
                results = alone;
            } else {
                results.iter_mut().zip(alone).for_each(|(known, new)| known.cells.extend(new.cells));
            }
        }
        results
    }

    fn row(
        &mut self,
        files: ScenarioDir<'_>,
        row: &Row,
        lanes: &mut [Lane<'_>],
        with_floor: bool,
    ) -> RowResult {
        let is_in = |lane: &&mut Lane<'_>| !row.alone || lane.engine.name() == OURS;
        let mut lanes: Vec<&mut Lane<'_>> = lanes.iter_mut().filter(is_in).collect();
        let mut tools: Vec<Turns> = lanes.iter().map(|lane| Turns::new(lane.engine.name())).collect();
        let mut floor = row.floor.filter(|_| with_floor).map(|floor| (floor, Turns::new(FLOOR)));
        let effort = self.effort;
        for _ in 0..effort.max_runs {
            for (lane, turns) in lanes.iter_mut().zip(&mut tools) {
                let is_first = turns.cell.samples.is_empty();
                turns.take(effort, || {
                    let run = self.one_run(files, row, lane, is_first);
                    lane.is_prepared &= run.is_ok();
                    run
                });
            }
            if let Some((floor, turns)) = &mut floor {
                turns.take(effort, || self.floor_run(*floor, files.dir));
            }
        }
        let floor = floor.into_iter().map(|(_, turns)| turns);
        let cells = tools.into_iter().chain(floor).map(|turns| turns.cell).collect();
        result(files.scenario, row, cells)
    }

    fn one_run(
        &mut self,
        files: ScenarioDir<'_>,
        row: &Row,
        lane: &mut Lane<'_>,
        is_first: bool,
    ) -> Result<Sample, Trouble> {
        let address = self.registry.address();
        let builds_before = row.before.iter().any(|prep| matches!(prep, Prep::Act(_)));
        let no_cache = row.state == State::Cold && !builds_before;
        let site = Site { dir: files.dir, registry: &address, no_cache: false };
        // A tool that lacks the feature needs no preparation.
        let timed = Site { no_cache, ..site };
        commands(lane.engine, row.timed, &timed)?;
        self.bring_to_state(files.scenario, row, lane, &site)?;
        for prep in row.before {
            self.prepare(prep, lane.engine, &site)?;
        }
        let sample = self.timed(lane.engine, &commands(lane.engine, row.timed, &timed)?)?;
        if is_first {
            self.prove(&row.proof, lane.engine, &site)?;
        }
        Ok(sample)
    }

    fn bring_to_state(
        &self,
        scenario: &Scenario,
        row: &Row,
        lane: &mut Lane<'_>,
        site: &Site<'_>,
    ) -> Result<(), Trouble> {
        match row.state {
            State::Prepared if lane.is_prepared => return Ok(()),
            State::Prepared => {
                lane.engine.reset(scenario.bases)?;
                self.quietly(&commands(lane.engine, scenario.prepare, site)?)?;
            }
            State::Cold => lane.engine.reset(scenario.bases)?,
        }
        // A cold build leaves the result of its row, which can be that of another Dockerfile.
        lane.is_prepared = row.state == State::Prepared || row.timed == scenario.prepare;
        Ok(())
    }

    fn prepare(&mut self, prep: &Prep, engine: &dyn Engine, site: &Site<'_>) -> Result<(), Trouble> {
        match prep {
            Prep::Edit(file) => {
                let count = self.edits.get() + 1;
                self.edits.set(count);
                fs::write(site.dir.join(file), format!("edit {count}\n")).map_err(Trouble::io("edit a file"))
            }
            Prep::NoOutput => remove(&site.output(engine.name())),
            Prep::EmptyRegistry => self.registry.empty(),
            Prep::PythonInRegistry => self.registry.with_python(&self.kit),
            Prep::Act(act) => self.quietly(&commands(engine, &[*act], site)?),
        }
    }

    fn quietly(&self, commands: &[Command]) -> Result<(), Trouble> {
        commands.iter().try_for_each(|command| self.kit.meter.run(command).map(drop))?;
        Ok(())
    }

    fn timed(&self, engine: &dyn Engine, commands: &[Command]) -> Result<Sample, Trouble> {
        nix::unistd::sync();
        let daemon = engine.daemon();
        daemon.inspect(|daemon| daemon.begin());
        let mut total = Sample::default();
        for command in commands {
            total = total + self.kit.meter.run(command)?;
        }
        if let Some(daemon) = daemon {
            total.peak_rss_bytes = daemon.grown_bytes();
        }
        Ok(total)
    }

    fn floor_run(&self, floor: Floor, dir: &Path) -> Result<Sample, Trouble> {
        nix::unistd::sync();
        Ok(self.kit.meter.run(&floor_command(floor, dir))?)
    }

    fn prove(&self, proof: &Proof, engine: &dyn Engine, site: &Site<'_>) -> Result<(), Trouble> {
        let (tag, path, expected) = match proof {
            Proof::Said => return Ok(()),
            Proof::Output { at_least_mib } => {
                return proves_output(&site.output(engine.name()), *at_least_mib);
            }
            Proof::File { tag, path, says } => (tag, path, (*says).to_owned()),
            Proof::Same { tag, path, source } => {
                let text = fs::read_to_string(site.dir.join(source)).map_err(Trouble::io("read a file"))?;
                (tag, path, text)
            }
        };
        let command = match engine.read(site, tag, path) {
            Err(Trouble::NotSupported(_)) => return Ok(()),
            command => command?,
        };
        let found = self.kit.meter.output(&command)?;
        if found.trim() == expected.trim() {
            return Ok(());
        }
        Err(Trouble::Wrong(format!("{path} contains {:?}, not {:?}", start(&found), start(&expected))))
    }
}

fn make(scenario: &Scenario, dir: &Path) -> Result<(), Trouble> {
    fs::create_dir_all(dir).map_err(Trouble::io("make a folder"))?;
    (scenario.make)(dir).map_err(Trouble::io(format!("make the files of {}", scenario.name)))
}

/// Returns the rows with the same error in each cell.
pub fn unmeasured(scenario: &Scenario, rows: &[&Row], tools: &[&str], trouble: &str) -> Vec<RowResult> {
    let cell = |tool: &&str| Cell { trouble: Some(trouble.to_owned()), ..Turns::new(tool).cell };
    rows.iter().map(|row| result(scenario, row, tools.iter().map(cell).collect())).collect()
}

fn commands(engine: &dyn Engine, acts: &[Act], site: &Site<'_>) -> Result<Vec<Command>, Trouble> {
    let lists: Vec<_> = acts.iter().map(|act| engine.commands(act, site)).collect::<Result<_, _>>()?;
    Ok(lists.into_iter().flatten().collect())
}

/// Builds the command of a floor: a shell for a script, or the program itself.
fn floor_command(floor: Floor, dir: &Path) -> Command {
    let mut command = if floor.script.contains(' ') {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(floor.script);
        shell
    } else {
        Command::new(floor.script)
    };
    command.current_dir(dir);
    command
}

fn result(scenario: &Scenario, row: &Row, cells: Vec<Cell>) -> RowResult {
    RowResult {
        name: row.full_name(scenario),
        title: row.title.to_owned(),
        goal_s: row.goal_s,
        floor: row.floor.map(|floor| floor.title.to_owned()),
        point: row.point.map(|point| Point {
            curve: point.curve.to_owned(),
            unit: point.unit.to_owned(),
            at: point.at,
        }),
        cells,
    }
}

/// Removes a file or directory, if it exists.
fn remove(path: &PathBuf) -> Result<(), Trouble> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Trouble::io(format!("remove {}", path.display()))(error))
        }
        _ => Ok(()),
    }
}

fn proves_output(path: &Path, at_least_mib: u64) -> Result<(), Trouble> {
    let size = size_bytes(path) >> 20;
    if size >= at_least_mib {
        return Ok(());
    }
    Err(Trouble::Wrong(format!("{size} MiB were exported, not {at_least_mib}")))
}

fn size_bytes(path: &Path) -> u64 {
    let Ok(meta) = fs::symlink_metadata(path) else { return 0 };
    if !meta.is_dir() {
        return meta.len();
    }
    fs::read_dir(path).into_iter().flatten().flatten().map(|entry| size_bytes(&entry.path())).sum()
}

/// Returns an error and its causes in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// Returns the first 60 characters of a text.
fn start(text: &str) -> String {
    text.trim().chars().take(60).collect()
}
