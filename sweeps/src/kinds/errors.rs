//! `errors`: the N-th system call of a kind fails in each thread, injected by `strace`.
//!
//! As specified: the command succeeds with the right result, or its message names the cause and a path. A command that
//! failed leaves nothing behind, and the same command without the error succeeds.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::error::SweepError;
use crate::judge;
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

/// Rules about messages, which need a standard error that can be written.
const MESSAGE_RULES: [&str; 3] =
    [judge::NO_MESSAGE, "the message does not name the cause", "the message names no path"];

/// Position in the series of one injection for one command.
#[derive(Debug, Clone, Copy)]
struct Series {
    recipe: Recipe,
    injection: Injection,
    next: usize,
    /// Points in a row that failed no call: the program makes no further calls of this kind.
    misses: usize,
}

/// Message of the dynamic loader, which runs before any code of the program and repeats no call.
const LOADER_MESSAGE: &str = "error while loading shared libraries";

/// Result of one attempt to let a call fail.
enum Attempt {
    /// The program makes fewer calls of this kind.
    NoSuchCall,
    /// The call belongs to the dynamic loader, not to the program.
    Foreign,
    Done(Point),
}

/// Lets the calls fail one after the other, each kind of call and command in turn.
pub fn sweep(world: &World, plan: &mut Plan, report: &mut Report) -> Result<(), SweepError> {
    if Command::new("strace").arg("-V").output().is_err() {
        return Err(SweepError::MissingProgram("strace"));
    }
    // The program of a container would get the errors of `run` as well.
    let recipes = [Recipe::Build, Recipe::Export, Recipe::Import, Recipe::Prune];
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
            Attempt::Done(point) => {
                report.add(point)?;
                (done, current.misses) = (done + 1, 0);
            }
            Attempt::Foreign => {}
            Attempt::NoSuchCall => current.misses += 1,
        }
        current.next += current.injection.stride;
    }
    Ok(())
}

/// Runs the command with the error, and judges it if a call of the program failed.
fn point(world: &World, job: &Job, series: &Series) -> Result<Attempt, SweepError> {
    job.prepare(world)?;
    let (log, Injection { calls, error, .. }) = (world.dir.join("strace.log"), series.injection);
    let rule = format!("inject={calls}:error={error}:when={}", series.next);
    let traced = format!("trace={calls}");
    let log_name = log.display().to_string();
    let args = ["-f", "-qq", "-o", &log_name, "-e", "signal=none", "-e", &traced, "-e", &rule];
    let finished = job.call(world).under("strace", args.map(str::to_owned)).run()?;
    let failed = failed_calls(&log)?;
    if failed.is_empty() {
        return Ok(Attempt::NoSuchCall);
    }
    if finished.stderr.contains(LOADER_MESSAGE) {
        return Ok(Attempt::Foreign);
    }
    let mut faults = job.check(world, &finished);
    faults.extend(check_message(&finished, series.injection.cause));
    if failed.iter().any(|call| is_output(call)) {
        // A message cannot be read if it could not be written.
        faults.retain(|fault| !MESSAGE_RULES.contains(&fault.rule));
    }
    faults.extend(leftovers::check(&job.store));
    faults.extend(job.check_recovery(world)?);
    let recipe = job.recipe.name();
    let name = format!("{recipe} N={} {rule}", job.variant);
    let first = calls.split(',').next().unwrap_or(calls);
    let outcome = format!("{recipe}: {error} from {first}: {}", finished.status());
    Ok(Attempt::Done(Point { name, outcome, faults }))
}

/// Returns the lines of the log for calls that failed by injection.
fn failed_calls(log: &Path) -> Result<Vec<String>, SweepError> {
    let text = fs::read(log).map_err(SweepError::at(log))?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().filter(|line| line.contains("(INJECTED)")).map(str::to_owned).collect())
}

/// Reports whether the call writes to standard output or standard error.
fn is_output(call: &str) -> bool {
    ["write(1,", "write(2,", "writev(1,", "writev(2,"].iter().any(|start| call.contains(start))
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
        return Some(Fault::new(MESSAGE_RULES[1], finished.summary()));
    }
    let names_path = finished.stderr.replace(cause, "").contains('/');
    (!names_path).then(|| Fault::new(MESSAGE_RULES[2], finished.summary()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: i32, stderr: &str, cause: &str, expected: Option<&str>) {
        let finished = Finished { code: Some(code), stderr: stderr.to_owned(), ..Finished::default() };
        assert_eq!(check_message(&finished, cause).map(|fault| fault.rule), expected);
    }

    #[test]
    fn a_message_names_cause_and_path() {
        check(0, "", IO, None);
        check(2, "error: cannot read /a: Input/output error (os error 5)", IO, None);
        check(2, "error: cannot read /a: Permission denied", IO, Some("the message does not name the cause"));
        check(2, "error: Input/output error", IO, Some("the message names no path"));
        check(2, "error: cannot read /a: Interrupted", "", Some("an interrupted call is not repeated"));
    }

    #[test]
    fn a_message_that_cannot_be_written_is_not_expected() {
        assert!(is_output("12 write(2, \"error\"..., 5) = -1 EIO (Input/output error) (INJECTED)"));
        assert!(!is_output("12 write(12, \"a\"..., 1) = -1 EIO (Input/output error) (INJECTED)"));
    }
}
