//! Runs the rows: tool after tool, again and again, so that what else the machine does hits all of them alike.
//!
//! A tool that fails gets that into its cell and is left out of the rest of the row; the others go on. Before a run all
//! that earlier ones have left to write is written, since nobody is to pay for what another did.

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

/// What the floor is called among the tools.
pub const FLOOR: &str = "floor";

/// How often a row is run.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// At most so often by each tool.
    pub max_runs: usize,
    /// And, after the first time, for so long.
    pub budget_s: f64,
}

/// Everything that runs have in common.
#[derive(Debug)]
pub struct Runner {
    /// What the tools are made of, too.
    pub kit: Kit,
    /// How often.
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

/// A scenario, and where its files are.
#[derive(Clone, Copy)]
struct Place<'a> {
    scenario: &'a Scenario,
    dir: &'a Path,
}

/// A tool in a scenario.
struct Lane<'a> {
    engine: &'a mut dyn Engine,
    /// Whether it has done since it was reset what the scenario prepares.
    is_prepared: bool,
}

impl Turns {
    fn new(tool: &str) -> Self {
        let cell = Cell { tool: tool.to_owned(), samples: Vec::new(), trouble: None };
        Self { cell, spent_s: 0.0, last_s: 0.0 }
    }

    /// One more run, unless it has failed or would go over its budget; preparations count, too.
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
    /// With a registry, which starts when it is needed.
    pub fn new(kit: Kit, effort: Effort) -> Result<Self, Trouble> {
        let registry = Registry::new(&kit)?;
        Ok(Self { kit, effort, registry, edits: Counter::new(0) })
    }

    /// Runs these rows of a scenario. What keeps it from being run is said in every cell.
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
        let place = Place { scenario, dir: &dir };
        let results = match scenario.when {
            When::Large => self.rows_apart(place, rows, &mut lanes, with_floor),
            When::Always | When::Curves => self.rows(place, rows, &mut lanes, with_floor),
        };
        // Room for the next one.
        lanes.iter_mut().for_each(|lane| drop(lane.engine.reset(&[])));
        let _ = remove(&dir);
        results
    }

    /// All tools in turn.
    fn rows(
        &mut self,
        place: Place<'_>,
        rows: &[&Row],
        lanes: &mut [Lane<'_>],
        with_floor: bool,
    ) -> Vec<RowResult> {
        rows.iter().map(|row| self.row(place, row, lanes, with_floor)).collect()
    }

    /// One tool after the other, and no trace of the one before: there is no room for the work of all.
    fn rows_apart(
        &mut self,
        place: Place<'_>,
        rows: &[&Row],
        lanes: &mut [Lane<'_>],
        with_floor: bool,
    ) -> Vec<RowResult> {
        let mut results: Vec<RowResult> = Vec::new();
        for (index, lane) in lanes.iter_mut().enumerate() {
            let alone = self.rows(place, rows, std::slice::from_mut(lane), with_floor && index == 0);
            drop(lane.engine.reset(&[]));
            let _ = remove(&place.dir.join(format!("out-{}", lane.engine.name())));
            match results.is_empty() {
                true => results = alone,
                false => {
                    results.iter_mut().zip(alone).for_each(|(known, new)| known.cells.extend(new.cells));
                }
            }
        }
        results
    }

    fn row(&mut self, place: Place<'_>, row: &Row, lanes: &mut [Lane<'_>], with_floor: bool) -> RowResult {
        let is_in = |lane: &&mut Lane<'_>| !row.alone || lane.engine.name() == OURS;
        let mut lanes: Vec<&mut Lane<'_>> = lanes.iter_mut().filter(is_in).collect();
        let mut tools: Vec<Turns> = lanes.iter().map(|lane| Turns::new(lane.engine.name())).collect();
        let mut floor = row.floor.filter(|_| with_floor).map(|floor| (floor, Turns::new(FLOOR)));
        let effort = self.effort;
        for _ in 0..effort.max_runs {
            for (lane, turns) in lanes.iter_mut().zip(&mut tools) {
                let is_first = turns.cell.samples.is_empty();
                turns.take(effort, || {
                    let run = self.one_run(place, row, lane, is_first);
                    lane.is_prepared &= run.is_ok();
                    run
                });
            }
            if let Some((floor, turns)) = &mut floor {
                turns.take(effort, || self.floor_run(*floor, place.dir));
            }
        }
        let floor = floor.into_iter().map(|(_, turns)| turns);
        let cells = tools.into_iter().chain(floor).map(|turns| turns.cell).collect();
        result(place.scenario, row, cells)
    }

    fn one_run(
        &mut self,
        place: Place<'_>,
        row: &Row,
        lane: &mut Lane<'_>,
        is_first: bool,
    ) -> Result<Sample, Trouble> {
        let address = self.registry.address();
        let builds_before = row.before.iter().any(|prep| matches!(prep, Prep::Act(_)));
        let no_cache = row.state == State::Cold && !builds_before;
        let site = Site { dir: place.dir, registry: &address, no_cache: false };
        // What it cannot do needs no preparation.
        let timed = Site { no_cache, ..site };
        commands(lane.engine, row.timed, &timed)?;
        self.bring_to_state(place.scenario, row, lane, &site)?;
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
        // A cold build leaves what its row builds, which may be another Dockerfile's.
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
        match found.trim() == expected.trim() {
            true => Ok(()),
            false => {
                Err(Trouble::Wrong(format!("{path} says {:?}, not {:?}", start(&found), start(&expected))))
            }
        }
    }
}

fn make(scenario: &Scenario, dir: &Path) -> Result<(), Trouble> {
    fs::create_dir_all(dir).map_err(Trouble::io("make a folder"))?;
    (scenario.make)(dir).map_err(Trouble::io(format!("make the files of {}", scenario.name)))
}

/// Rows that no tool was asked to run, and why.
pub fn unmeasured(scenario: &Scenario, rows: &[&Row], tools: &[&str], trouble: &str) -> Vec<RowResult> {
    let cell = |tool: &&str| Cell { trouble: Some(trouble.to_owned()), ..Turns::new(tool).cell };
    rows.iter().map(|row| result(scenario, row, tools.iter().map(cell).collect())).collect()
}

fn commands(engine: &dyn Engine, acts: &[Act], site: &Site<'_>) -> Result<Vec<Command>, Trouble> {
    let lists: Vec<_> = acts.iter().map(|act| engine.commands(act, site)).collect::<Result<_, _>>()?;
    Ok(lists.into_iter().flatten().collect())
}

/// A shell for a script; a lone program needs none.
fn floor_command(floor: Floor, dir: &Path) -> Command {
    let mut command = match floor.script.contains(' ') {
        true => {
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(floor.script);
            shell
        }
        false => Command::new(floor.script),
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

/// A file or folder, which may be there.
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
    match size >= at_least_mib {
        true => Ok(()),
        false => Err(Trouble::Wrong(format!("{} MiB were exported, not {at_least_mib}", size))),
    }
}

fn size_bytes(path: &Path) -> u64 {
    let Ok(meta) = fs::symlink_metadata(path) else { return 0 };
    match meta.is_dir() {
        true => {
            fs::read_dir(path).into_iter().flatten().flatten().map(|entry| size_bytes(&entry.path())).sum()
        }
        false => meta.len(),
    }
}

/// An error with its causes.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// The beginning of a text.
fn start(text: &str) -> String {
    text.trim().chars().take(60).collect()
}
