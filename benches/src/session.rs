//! One benchmark: finds the tools, runs the rows and the parts, collects the results.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::args::Args;
use crate::engine::{Bases, Buildah, Buildctl, Docker, Dsbuild, Engine, Kit, Trouble};
use crate::measure::Meter;
use crate::part::{self, Bench, Patience};
use crate::result::{FORMAT, Results, RowResult, Tool};
use crate::runner::{self, Effort, FLOOR, Runner, chain};
use crate::workload::Scenario;
use crate::workload::table::SCENARIOS;
use crate::{bases, machine};

/// Longest time of one program; a longer one is taken for a hang.
const LIMIT: Duration = Duration::from_secs(900);
/// Longest time of one program with rows that are [`When::Large`](crate::workload::When::Large).
const LARGE_LIMIT: Duration = Duration::from_secs(3600);

/// Measures everything that the flags select, in an empty directory.
pub fn measure(args: &Args, dir: &Path, arguments: &[OsString]) -> Result<Results, Trouble> {
    let mut results = Results {
        format: FORMAT,
        date: machine::date(),
        commit: machine::commit(),
        command: shown(arguments),
        machine: machine::facts(dir),
        tools: Vec::new(),
        rows: Vec::new(),
        parts: Vec::new(),
    };
    let patience = if args.quick {
        Patience { min_runs: 2, time: Duration::from_millis(50) }
    } else {
        Patience { min_runs: 5, time: Duration::from_millis(500) }
    };
    let wanted = scenarios(args);
    if !wanted.is_empty() {
        let limit = if args.large { LARGE_LIMIT } else { LIMIT };
        let meter = Meter::new(dir.join("log"), limit).map_err(Trouble::io("find this program"))?;
        let kit = Kit { meter, dir: dir.to_owned(), bases: Bases::new(dir.to_owned()) };
        let (mut engines, tools) = engines(args, &kit)?;
        results.tools = tools;
        results.rows = rows(args, kit, &wanted, &mut engines)?;
    }
    let parts = dir.join("parts");
    fs::create_dir_all(&parts).map_err(Trouble::io("make a folder"))?;
    results.parts = part::all(Bench { patience, dir: &parts }, &|name| args.wants(name))?;
    results.machine.load_after = machine::load();
    Ok(results)
}

fn shown(arguments: &[OsString]) -> String {
    let words = arguments.iter().map(|word| word.to_string_lossy()).take_while(|word| word != "--inside");
    std::iter::once("cargo xtask bench".into()).chain(words).collect::<Vec<_>>().join(" ")
}

fn scenarios(args: &Args) -> Vec<&'static Scenario> {
    let is_wanted = |scenario: &&Scenario| {
        let mut names = scenario.rows.iter().map(|row| row.full_name(scenario));
        args.includes(scenario.when) && names.any(|name| args.wants(&name))
    };
    SCENARIOS.iter().filter(is_wanted).collect()
}

/// Starts dsbuild, which is required, and the other tools of this machine; returns a description of each.
fn engines(args: &Args, kit: &Kit) -> Result<(Engines, Vec<Tool>), Trouble> {
    let program = args.dsbuild.clone().map_or_else(dist, Ok)?;
    let program = program.canonicalize().unwrap_or(program);
    let dsbuild = Dsbuild::new(kit.clone(), program)?;
    bases::make_busybox(kit, &dsbuild)?;
    let mut engines: Engines = vec![Box::new(dsbuild)];
    let mut tools = vec![described(engines[0].as_ref())];
    for (name, start) in others(args, kit) {
        eprintln!("bench: preparing {name}");
        match start() {
            Ok(engine) => {
                tools.push(described(engine.as_ref()));
                engines.push(engine);
            }
            Err(trouble) => tools.push(Tool {
                name: name.to_owned(),
                version: chain(&trouble),
                is_here: false,
                memory: String::new(),
            }),
        }
    }
    Ok((engines, tools))
}

type Engines = Vec<Box<dyn Engine>>;
type Start<'a> = Box<dyn Fn() -> Result<Box<dyn Engine>, Trouble> + 'a>;

fn others<'a>(args: &'a Args, kit: &'a Kit) -> Vec<(&'static str, Start<'a>)> {
    let mut others: Vec<(&'static str, Start<'a>)> = Vec::new();
    if args.uses("docker") {
        others.push((
            "docker",
            Box::new(|| match &args.docker_host {
                Some(host) => Ok(Box::new(Docker::given(kit.clone(), host.clone())?)),
                None => Ok(Box::new(Docker::start(kit.clone())?)),
            }),
        ));
    }
    if args.uses("buildah") {
        others.push(("buildah", Box::new(|| Ok(Box::new(Buildah::find(kit.clone())?)))));
    }
    if let Some(address) = args.buildctl.as_ref().filter(|_| args.uses("buildctl")) {
        others.push(("buildctl", Box::new(|| Ok(Box::new(Buildctl::given(kit.clone(), address.clone())?)))));
    }
    others
}

fn described(engine: &dyn Engine) -> Tool {
    Tool {
        name: engine.name().to_owned(),
        version: engine.version(),
        is_here: true,
        memory: engine.memory().to_owned(),
    }
}

/// Returns the path of the dsbuild beside this program.
fn dist() -> Result<PathBuf, Trouble> {
    let own = std::env::current_exe().map_err(Trouble::io("find this program"))?;
    Ok(own.with_file_name("dsbuild"))
}

fn rows(
    args: &Args,
    kit: Kit,
    scenarios: &[&Scenario],
    engines: &mut [Box<dyn Engine>],
) -> Result<Vec<RowResult>, Trouble> {
    let effort = Effort { max_runs: args.max_runs(), budget_s: args.budget_s() };
    let mut no_python = None;
    if scenarios.iter().any(|scenario| scenario.needs_python()) {
        no_python = bases::make_python(&kit).err();
    }
    let dir = kit.dir.clone();
    let mut runner = Runner::new(kit, effort)?;
    let mut results = Vec::new();
    for scenario in scenarios {
        let start = Instant::now();
        let rows: Vec<_> = scenario.rows.iter().filter(|row| args.wants(&row.full_name(scenario))).collect();
        let no_base = no_python.as_ref().filter(|_| scenario.needs_python());
        results.extend(match cannot(scenario, &dir, no_base) {
            None => runner.scenario(scenario, &rows, engines, args.uses(FLOOR)),
            Some(reason) => {
                let tools: Vec<_> = engines.iter().map(|engine| engine.name()).collect();
                runner::unmeasured(scenario, &rows, &tools, &reason)
            }
        });
        eprintln!("bench: {} took {:.0} s", scenario.name, start.elapsed().as_secs_f64());
    }
    Ok(results)
}

/// Returns the reason why a scenario cannot be measured here, if there is one.
fn cannot(scenario: &Scenario, dir: &Path, no_base: Option<&Trouble>) -> Option<String> {
    let free = machine::free_gib(dir).filter(|free| *free < scenario.needs_gib);
    let no_room = free.map(|free| format!("it needs {} GiB of disk, {free} are free", scenario.needs_gib));
    no_room.or_else(|| no_base.map(|trouble| chain(trouble)))
}
