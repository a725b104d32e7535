//! `cargo xtask sweep KIND [N]`: provokes N faults against the binary and checks the result of each.
//!
//! ```text
//! kinds/      one file per kind of fault: kill, errors, full, power, damage, registry, concurrent
//! world       base image, context, stores and expected digests;   recipe: the commands of a sweep
//! isolate     namespaces in which the machine's files are read-only and no process is left behind
//! process     one program: its exit code, its limited output, its time limit
//! judge       rules that hold for every command: a digest or a named error, no panic, no hang
//! leftovers   processes, mounts and temporary files that remain
//! volume      an ext4 file system of limited size, and its power cut
//! report      counts per outcome, examples, exit code
//! random      repeatable random numbers (`--seed`)
//! ```
//!
//! A sweep knows nothing about the inside of the binary except the layout of the store. It needs root, and the programs
//! that `scripts/setup test` installs. Exit codes: 0 every point is as specified, 1 some are not, 2 the sweep cannot run.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is for the person who runs it")]

mod error;
mod isolate;
mod judge;
mod kinds;
mod leftovers;
mod process;
mod random;
mod recipe;
mod report;
mod volume;
mod world;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::error::SweepError;
use crate::kinds::{Kind, Plan};
use crate::random::Random;
use crate::report::Report;
use crate::world::World;

/// Provokes faults against dsbuild and checks the result of each.
#[derive(Debug, Parser)]
#[command(name = "sweeps")]
struct Args {
    /// Kind of fault to provoke, or `all` kinds one after the other.
    kind: Kind,
    /// Number of points; `concurrent` counts builds per process [default: a short sweep].
    points: Option<NonZeroUsize>,
    /// Path of the binary under test.
    #[arg(long, value_name = "FILE")]
    dsbuild: PathBuf,
    /// Seed of the random choices: the same seed gives the same choices.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Directory for stores and volumes, which is emptied [default: `sweep` beside the build profile's directory].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Stop at the first point that is not as specified, and keep the work directory.
    #[arg(long)]
    first: bool,
    /// Work directory of the process that runs in the namespaces.
    #[arg(long, hide = true, value_name = "DIR")]
    inside: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sweep: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<ExitCode, SweepError> {
    match &args.inside {
        Some(dir) => sweep(args, dir),
        None => isolate::run(&args.dsbuild, args.dir.as_deref(), args.first),
    }
}

/// Runs the chosen kinds inside the namespaces.
fn sweep(args: &Args, dir: &std::path::Path) -> Result<ExitCode, SweepError> {
    isolate::protect(dir)?;
    let mut is_as_specified = true;
    for kind in args.kind.each() {
        let world = World::create(&dir.join(kind.name()), &dir.join("dsbuild"), kind.dockerfile())?;
        let points = args.points.map_or_else(|| kind.short_points(), NonZeroUsize::get);
        let mut report = Report::new(kind.name(), points).stop_at_first(args.first);
        let is_short = args.points.is_none();
        kind.run(&world, &mut Plan { points, is_short, random: Random::new(args.seed) }, &mut report)?;
        is_as_specified &= report.print();
    }
    Ok(if is_as_specified { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
