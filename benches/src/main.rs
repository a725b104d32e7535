//! `cargo xtask bench`: dsbuild beside other builders, beside what the machine can do, and in parts.
//!
//! ```text
//! workload/   scenarios, rows and goals, as data; the files that they need
//! engine/     dsbuild, docker, buildah, buildctl: the commands of each
//! runner      rows: tools in turn, prepared, timed, proven
//! measure     one program: its time, processor time, memory;   memory: a daemon's
//! part/       parsing, patterns, layers, packing: inside this process
//! isolate     namespaces of our own, so that nothing is left behind
//! bases, registry, machine   base images; a registry on loopback; facts about the machine
//! stats, result, report/     medians; the result file; table, chart, comparison
//! ```
//!
//! `benches/README.md` explains the comparison and its rules.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is for the person who runs it")]

mod args;
mod bases;
mod engine;
mod isolate;
mod machine;
mod measure;
mod memory;
mod part;
mod registry;
mod report;
mod result;
mod runner;
mod session;
mod stats;
mod workload;

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::result::Results;
use crate::workload::table::SCENARIOS;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|first| first == measure::WORD) {
        return measure::main(&arguments[1..]);
    }
    let args = Args::parse();
    match run(&args, &arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {}", runner::chain(error.as_ref()));
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args, arguments: &[OsString]) -> Result<ExitCode, Box<dyn Error>> {
    if args.list {
        list();
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(file) = &args.from {
        show(args, &read(file)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(dir) = &args.inside {
        let results = session::measure(args, dir, arguments)?;
        if let Some(file) = &args.json {
            fs::write(file, serde_json::to_string_pretty(&results)? + "\n")?;
        }
        show(args, &results)?;
        return Ok(ExitCode::SUCCESS);
    }
    let work = isolate::WorkDir::take(&args.dir.clone().map_or_else(default_dir, Ok)?)?;
    let mut inner = arguments.to_vec();
    inner.extend(["--inside".into(), work.inner().into()]);
    Ok(isolate::run(&work, &inner)?)
}

/// Returns `target/bench`, beside the files that cargo has built.
fn default_dir() -> std::io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.parent().and_then(Path::parent).unwrap_or(Path::new(".")).join("bench"))
}

fn read(file: &Path) -> Result<Results, Box<dyn Error>> {
    let text = fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    Ok(serde_json::from_slice(&text)
        .map_err(|error| format!("{} is not a result of this benchmark: {error}", file.display()))?)
}

/// Prints the results, and draws them where `--svg` asks for it.
fn show(args: &Args, results: &Results) -> Result<(), Box<dyn Error>> {
    println!("{}", report::table::table(results));
    if let Some(file) = &args.compare {
        let text = report::compare::compare(results, &read(file)?);
        println!("Since {}\n\n{}", file.display(), text.ok_or("that file has another form")?);
    }
    if let Some(file) = &args.svg {
        fs::write(file, report::svg::svg(results))?;
    }
    Ok(())
}

fn list() {
    for scenario in SCENARIOS {
        for row in scenario.rows {
            let flag = scenario.when.flag().map(|flag| format!(" ({flag})")).unwrap_or_default();
            println!("{:32} {}{flag}", row.full_name(scenario), row.title);
        }
    }
    part::names().iter().for_each(|name| println!("{name}"));
}
