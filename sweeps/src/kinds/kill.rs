//! `kill`: SIGKILL at a random moment of a command, to the command, to its process group or to one of its processes.
//!
//! As specified: nothing remains (process, mount, temporary file), the store is sound, and the same command then gives
//! the same result as in a clean store. A command that survives the death of one of its processes succeeds or says why
//! it failed.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::error::SweepError;
use crate::leftovers;
use crate::process::Running;
use crate::random::Random;
use crate::recipe::{Job, Recipe};
use crate::report::{Point, Report};
use crate::world::World;

use super::Plan;

/// Receiver of the signal.
#[derive(Debug, Clone, Copy)]
enum Target {
    Command,
    Group,
    Descendant,
}

/// The command is killed in half of the points: that is the most frequent accident.
const TARGETS: [Target; 4] = [Target::Command, Target::Group, Target::Descendant, Target::Command];

/// Kills commands at random moments, up to a little after their usual end.
pub fn sweep(world: &World, plan: &mut Plan, report: &mut Report) -> Result<(), SweepError> {
    let store = world.dir.join("store");
    let mut usual: Vec<(Recipe, Duration)> = Vec::new();
    for recipe in Recipe::ALL {
        let job = recipe.job(&store, &mut Random::new(0));
        job.prepare(world)?;
        let finished = job.call(world).run()?;
        usual.push((recipe, finished.elapsed));
    }
    for _ in 0..plan.points {
        let (recipe, elapsed) = *plan.random.choose(&usual);
        let job = recipe.job(&store, &mut plan.random);
        job.prepare(world)?;
        report.add(point(world, &job, elapsed, &mut plan.random)?)?;
    }
    Ok(())
}

fn point(world: &World, job: &Job, usual: Duration, random: &mut Random) -> Result<Point, SweepError> {
    let (target, delay) = (*random.choose(&TARGETS), random.up_to(usual.mul_f64(1.1)));
    let mut running = job.call(world).start()?;
    std::thread::sleep(delay);
    let has_ended = running.has_ended();
    if !has_ended {
        kill(&mut running, target, random);
    }
    let finished = running.wait()?;
    let mut faults = job.check(world, &finished);
    faults.extend(leftovers::check(&job.store));
    faults.extend(job.check_recovery(world)?);
    let ended = if has_ended { "ended before the signal".to_owned() } else { finished.status() };
    let name = format!("{} N={} {target:?} after {} ms", job.recipe.name(), job.variant, delay.as_millis());
    Ok(Point { name, outcome: format!("{}: {ended}", job.recipe.name()), faults })
}

fn kill(running: &mut Running, target: Target, random: &mut Random) {
    let command = running.pid();
    let found = leftovers::descendants(command.as_raw_nonzero().get());
    let receiver = match target {
        Target::Group => return running.kill_group(),
        Target::Descendant if !found.is_empty() => {
            Pid::from_raw(random.choose(&found).pid).unwrap_or(command)
        }
        Target::Command | Target::Descendant => command,
    };
    // A receiver that has just ended cannot be killed: the point then counts as ended by itself.
    let _ = kill_process(receiver, Signal::KILL);
}
