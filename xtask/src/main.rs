//! `cargo xtask`: what continuous integration runs, and what to run before a commit.
//!
//! ```text
//! cargo xtask ci                                          all of it, in this order; stops at the first failure
//! cargo xtask fmt | clippy | test | doc | tidy | deny     one of them
//! cargo xtask dist                                        the binary that users get: target/release/dsbuild, static
//! cargo xtask bench [FLAGS]                               that one beside other builders; --help tells more
//! ```
//!
//! Uses nothing but the standard library, so that it is built in a second.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is for the person who runs it")]

mod steps;
mod tidy;

use std::process::ExitCode;

use steps::Step;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [name, flags @ ..] = arguments.as_slice()
        && name == "bench"
    {
        return steps::bench(flags);
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
        None => {
            let names: Vec<_> = Step::ALL.iter().chain([&Step::Dist]).map(Step::name).collect();
            eprintln!("usage: cargo xtask ci | {} | bench [FLAGS]", names.join(" | "));
            ExitCode::from(2)
        }
    }
}
