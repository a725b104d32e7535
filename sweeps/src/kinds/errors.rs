//! `errors`: the N-th system call of a kind fails in each thread, injected by `strace`.
//!
//! As specified: the command succeeds with the right result, or its message names the cause and a path. A command that
//! failed leaves nothing behind, and the same command without the error succeeds.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::error::SweepError;
use crate::leftovers;
use crate::process::Finished;
use crate::recipe::{Job, Recipe};
use crate::report::{Fault, Point, Report};
use crate::world::World;

use super::Plan;

/// System calls that fail alike, and the error that they get.
#[derive(Debug, Clone, Copy)]
struct Injection {
    calls: &'static str,
    error: &'static str,
    /// Text of the error, which a message has to contain; empty if the command has to succeed.
    cause: &'static str,
    /// Distance of the calls that fail: frequent calls are sampled.
    stride: usize,
}

const fn injection(
    calls: &'static str,
    error: &'static str,
    cause: &'static str,
    stride: usize,
) -> Injection {
    Injection { calls, error, cause, stride }
}

const NO_SPACE: &str = "No space left on device";
const IO: &str = "Input/output error";
const FILES: &str = "Too many open files";

/// Errors of disks, of limits and of a kernel that lacks memory. An interrupted call has to be repeated.
const INJECTIONS: [Injection; 20] = [
    injection("write,pwrite64,writev", "ENOSPC", NO_SPACE, 2),
    injection("write,pwrite64,writev", "EIO", IO, 2),
    injection("read,pread64", "EIO", IO, 3),
    injection("read,pread64", "EINTR", "", 3),
    injection("write,pwrite64", "EINTR", "", 3),
    injection("openat,openat2", "EMFILE", FILES, 3),
    injection("openat,openat2", "EIO", IO, 3),
    injection("openat,openat2", "ENOSPC", NO_SPACE, 3),
    injection("fsync,fdatasync", "EIO", IO, 1),
    injection("syncfs", "EIO", IO, 1),
    injection("rename,renameat,renameat2", "ENOSPC", NO_SPACE, 1),
    injection("rename,renameat,renameat2", "EIO", IO, 1),
    injection("mkdir,mkdirat", "ENOSPC", NO_SPACE, 1),
    injection("link,linkat", "EIO", IO, 1),
    injection("symlink,symlinkat", "ENOSPC", NO_SPACE, 1),
    injection("ftruncate,fallocate", "ENOSPC", NO_SPACE, 1),
    injection("getdents64", "EIO", IO, 1),
    injection("copy_file_range,sendfile", "EIO", IO, 1),
    injection("mount,move_mount,fsmount,fsopen", "EIO", IO, 1),
    injection("unlink,unlinkat,rmdir", "EIO", IO, 1),
];

/// Position in the series of one injection for one command.
#[derive(Debug, Clone, Copy)]
struct Series {
    recipe: Recipe,
    injection: Injection,
    next: usize,
    /// Points in a row that failed no call: the program makes no further calls of this kind.
    misses: usize,
}

/// Lets the calls fail one after the other, each kind of call and command in turn.
pub fn sweep(world: &World, plan: &mut Plan, report: &mut Report) -> Result<(), SweepError> {
    if Command::new("strace").arg("-V").output().is_err() {
        return Err(SweepError::MissingProgram("strace"));
    }
    let recipes = [Recipe::Build, Recipe::Export];
    let all = INJECTIONS.iter().flat_map(|injection| recipes.map(|recipe| (recipe, *injection)));
    let mut series: Vec<Series> =
        all.map(|(recipe, injection)| Series { recipe, injection, next: 1, misses: 0 }).collect();
    let store = world.dir.join("store");
    let mut done = 0;
    for turn in 0.. {
        series.retain(|series| series.misses < 2);
        if done == plan.points || series.is_empty() {
            break;
        }
        let index = turn % series.len();
        let current = &mut series[index];
        let job = current.recipe.job(&store, &mut plan.random);
        match point(world, &job, current)? {
            Some(point) => {
                report.add(point)?;
                (done, current.misses) = (done + 1, 0);
            }
            None => current.misses += 1,
        }
        current.next += current.injection.stride;
    }
    Ok(())
}

/// Runs the command with the error; returns `None` if no call failed.
fn point(world: &World, job: &Job, series: &Series) -> Result<Option<Point>, SweepError> {
    job.prepare(world)?;
    let (log, Injection { calls, error, .. }) = (world.dir.join("strace.log"), series.injection);
    let rule = format!("inject={calls}:error={error}:when={}", series.next);
    let traced = format!("trace={calls}");
    let log_name = log.display().to_string();
    let args = ["-f", "-qq", "-o", &log_name, "-e", "signal=none", "-e", &traced, "-e", &rule];
    let finished = job.call(world).under("strace", args.map(str::to_owned)).run()?;
    if !has_failed_call(&log)? {
        return Ok(None);
    }
    let mut faults = job.check(world, &finished);
    faults.extend(check_message(&finished, series.injection.cause));
    faults.extend(leftovers::check(&job.store));
    faults.extend(job.check_recovery(world)?);
    let recipe = job.recipe.name();
    let name = format!("{recipe} N={} {rule}", job.variant);
    let first = calls.split(',').next().unwrap_or(calls);
    Ok(Some(Point {
        name,
        outcome: format!("{recipe}: {error} from {first}: {}", finished.status()),
        faults,
    }))
}

fn has_failed_call(log: &Path) -> Result<bool, SweepError> {
    let text = fs::read(log).map_err(SweepError::at(log))?;
    Ok(text.windows(10).any(|window| window == b"(INJECTED)"))
}

/// Checks that the message names the cause and a path.
fn check_message(finished: &Finished, cause: &str) -> Option<Fault> {
    if finished.code == Some(0) {
        return None;
    }
    if cause.is_empty() {
        return Some(Fault::new("an interrupted call is not repeated", finished.summary()));
    }
    if !finished.stderr.contains(cause) && !finished.stderr.to_lowercase().contains("disk is full") {
        return Some(Fault::new("the message does not name the cause", finished.summary()));
    }
    (!finished.stderr.contains('/')).then(|| Fault::new("the message names no path", finished.summary()))
}
