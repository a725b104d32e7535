//! Runs the rows: tool after tool, again and again, so that what else the machine does hits all of them alike.
//!
//! A tool that fails gets that into its cell and is left out of the rest of the row; the others go on. Before a run all
//! that earlier ones have left to write is written, since nobody is to pay for what another did.

use std::cell::Cell as Counter;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::engine::{Engine, Kit, Site, Trouble};
use crate::registry::Registry;
use crate::result::{Cell, RowResult};
use crate::stats::Sample;
use crate::workload::{Act, Floor, Prep, Proof, Row, Scenario, State};

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

    /// Runs those rows of a scenario that are wanted.
    pub fn scenario(
        &mut self,
        scenario: &Scenario,
        engines: &mut [Box<dyn Engine>],
        with_floor: bool,
        wants: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<RowResult>, Trouble> {
        let rows: Vec<&Row> = scenario.rows.iter().filter(|row| wants(&row.full_name(scenario))).collect();
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let dir = self.kit.dir.join("scenario");
        fs::create_dir_all(&dir).map_err(Trouble::io("make a folder"))?;
        (scenario.make)(&dir).map_err(Trouble::io(format!("make the files of {}", scenario.name)))?;
        let mut lanes: Vec<Lane<'_>> =
            engines.iter_mut().map(|engine| Lane { engine: engine.as_mut(), is_prepared: false }).collect();
        let mut results = Vec::new();
        for row in rows {
            results.push(match scenario.large {
                false => self.row(scenario, row, &dir, &mut lanes, with_floor),
                true => self.large_row(scenario, row, &dir, &mut lanes, with_floor),
            });
        }
        // Room for the next one.
        lanes.iter_mut().for_each(|lane| drop(lane.engine.reset(&[])));
        fs::remove_dir_all(&dir).map_err(Trouble::io("remove a scenario's files"))?;
        Ok(results)
    }

    /// All tools in turn.
    fn row(
        &mut self,
        scenario: &Scenario,
        row: &Row,
        dir: &Path,
        lanes: &mut [Lane<'_>],
        with_floor: bool,
    ) -> RowResult {
        let mut tools: Vec<Turns> = lanes.iter().map(|lane| Turns::new(lane.engine.name())).collect();
        let mut floor = row.floor.filter(|_| with_floor).map(|floor| (floor, Turns::new(FLOOR)));
        let effort = self.effort;
        for _ in 0..effort.max_runs {
            for (lane, turns) in lanes.iter_mut().zip(&mut tools) {
                let is_first = turns.cell.samples.is_empty();
                turns.take(effort, || {
                    let run = self.one_run(scenario, row, dir, lane, is_first);
                    lane.is_prepared &= run.is_ok();
                    run
                });
            }
            if let Some((floor, turns)) = &mut floor {
                turns.take(effort, || self.floor_run(*floor, dir));
            }
        }
        let floor = floor.into_iter().map(|(_, turns)| turns);
        result(scenario, row, tools.into_iter().chain(floor).map(|turns| turns.cell).collect())
    }

    /// One tool after the other, and no trace of the one before: there is no room for the work of all.
    fn large_row(
        &mut self,
        scenario: &Scenario,
        row: &Row,
        dir: &Path,
        lanes: &mut [Lane<'_>],
        with_floor: bool,
    ) -> RowResult {
        let mut cells: Vec<Cell> = Vec::new();
        for (index, lane) in lanes.iter_mut().enumerate() {
            let name = lane.engine.name();
            cells.extend(
                self.row(scenario, row, dir, std::slice::from_mut(lane), with_floor && index == 0).cells,
            );
            lane.is_prepared = false;
            drop(lane.engine.reset(&[]));
            let _ = remove(&dir.join(format!("out-{name}")));
        }
        result(scenario, row, cells)
    }

    fn one_run(
        &mut self,
        scenario: &Scenario,
        row: &Row,
        dir: &Path,
        lane: &mut Lane<'_>,
        is_first: bool,
    ) -> Result<Sample, Trouble> {
        let address = self.registry.address();
        let builds_before = row.before.iter().any(|prep| matches!(prep, Prep::Act(_)));
        let no_cache = row.state == State::Cold && !builds_before;
        let site = Site { dir, registry: &address, no_cache: false };
        // What it cannot do needs no preparation.
        let timed = Site { no_cache, ..site };
        commands(lane.engine, row.timed, &timed)?;
        self.bring_to_state(scenario, row, lane, &site)?;
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
