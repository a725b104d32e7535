//! `cargo xtask`: what continuous integration runs, and what to run before a commit.
//!
//! ```text
//! cargo xtask ci                                          all steps in order, up to the first that fails
//! cargo xtask fmt | clippy | test | doc | tidy | deny     one step
//! cargo xtask dist                                        the binary that users get, static and stripped
//! cargo xtask cli-docs                                    writes docs/cli.md
//! cargo xtask bench [FLAGS]                               measures dsbuild beside other builders; see --help
//! cargo xtask fuzz [MINUTES]                              looks for input that breaks a property; 1 minute a target
//! ```
//!
//! Uses nothing but the standard library, so that it compiles in a second.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is for the person who runs it")]

mod dist;
mod fuzz;
mod skips;
mod steps;
mod tidy;

use std::num::NonZeroU32;
use std::process::ExitCode;

use steps::Step;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["bench", ..] => steps::bench(&arguments[1..]),
        ["fuzz"] => fuzz::run(NonZeroU32::MIN),
        ["fuzz", minutes] => minutes.parse().map_or_else(|_| usage(), fuzz::run),
        ["ci"] => steps::run(&Step::ALL),
        [name] => all_steps().find(|step| step.name() == name).map_or_else(usage, |step| steps::run(&[step])),
        _ => usage(),
    }
}

fn all_steps() -> impl Iterator<Item = Step> {
    Step::ALL.into_iter().chain(Step::OTHERS)
}

fn usage() -> ExitCode {
    let names: Vec<_> = all_steps().map(|step| step.name()).collect();
    eprintln!("usage: cargo xtask ci | {} | bench [FLAGS] | fuzz [MINUTES]", names.join(" | "));
    ExitCode::from(2)
}
