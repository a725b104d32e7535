//! A test runner with the part of libtest's interface that its callers need: `--list`, `--exact`, `--ignored`, filters.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::exit;

/// Name of a test, and the function that runs it.
pub type Test = (&'static str, fn());

/// Makes a list of tests that are named like their functions.
macro_rules! tests {
    ($($name:ident),* $(,)?) => { &[$((stringify!($name), $name as fn())),*] };
}
pub(crate) use tests;

/// Runs or lists the tests that the command line selects. Never returns.
#[allow(clippy::print_stdout, reason = "this is what a test runner does")]
pub fn run(tests: &[Test]) -> ! {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let filters: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-') && *arg != "terse").collect();
    let is_selected = |name: &str| {
        let matches =
            |filter: &&String| if has("--exact") { **filter == name } else { name.contains(filter.as_str()) };
        !has("--ignored") && (filters.is_empty() || filters.iter().any(matches))
    };
    let selected = tests.iter().filter(|(name, _)| is_selected(name));
    if has("--list") {
        selected.for_each(|(name, _)| println!("{name}: test"));
        exit(0);
    }
    let failed = selected.filter(|test| !passes(test)).count();
    exit(if failed == 0 { 0 } else { 101 });
}

#[allow(clippy::print_stdout, reason = "this is what a test runner does")]
fn passes((name, test): &&Test) -> bool {
    let passed = catch_unwind(AssertUnwindSafe(test)).is_ok();
    println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
    passed
}
