//! `cargo xtask`: what continuous integration runs, and what to run before a commit.
//!
//! ```text
//! cargo xtask ci                                          all of it, in this order; stops at the first failure
//! cargo xtask fmt | clippy | test | doc | tidy | deny     one of them
//! cargo xtask dist                                        the binary that users get: target/release/dsbuild, static
//! cargo xtask bench [FLAGS]                               that one beside other builders; --help tells more
//! cargo xtask fuzz [MINUTES]                              looks for input that breaks a property; 1 minute a target
//! ```
//!
//! Uses nothing but the standard library, so that it is built in a second.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is for the person who runs it")]

mod fuzz;
mod steps;
mod tidy;

use std::num::NonZeroU32;
use std::process::ExitCode;

use steps::Step;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["bench", ..] => return steps::bench(&arguments[1..]),
        ["fuzz"] => return fuzz::run(NonZeroU32::MIN),
        ["fuzz", minutes] => return minutes.parse().map_or_else(|_| usage(), fuzz::run),
        _ => {}
    }
    let chosen = match arguments.as_slice() {
        [name] if name == "ci" => Some(Step::ALL.to_vec()),
        [name] => {
            Step::ALL.into_iter().chain([Step::Dist]).find(|step| step.name() == name).map(|step| vec![step])
        }
        _ => None,
    };
    match chosen {
        Some(steps) => steps::run(&steps),
        None => usage(),
    }
}

fn usage() -> ExitCode {
    let names: Vec<_> = Step::ALL.iter().chain([&Step::Dist]).map(Step::name).collect();
    eprintln!("usage: cargo xtask ci | {} | bench [FLAGS] | fuzz [MINUTES]", names.join(" | "));
    ExitCode::from(2)
}
