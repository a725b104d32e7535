//! As much of libtest as its callers need: `--list`, `--exact`, `--ignored`, filters.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::exit;

/// A name and what it runs.
pub type Test = (&'static str, fn());

/// Names tests by their functions.
macro_rules! tests {
    ($($name:ident),* $(,)?) => { &[$((stringify!($name), $name as fn())),*] };
}
pub(crate) use tests;

/// Does what the command line says. Never returns.
#[allow(clippy::print_stdout, reason = "this is what a test runner does")]
pub fn run(tests: &[Test]) -> ! {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let filters: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-') && *arg != "terse").collect();
    let wanted = |name: &str| {
        let fits =
            |filter: &&String| if has("--exact") { **filter == name } else { name.contains(filter.as_str()) };
        !has("--ignored") && (filters.is_empty() || filters.iter().any(fits))
    };
    let chosen = tests.iter().filter(|(name, _)| wanted(name));
    if has("--list") {
        chosen.for_each(|(name, _)| println!("{name}: test"));
        exit(0);
    }
    let failed = chosen.filter(|test| !passes(test)).count();
    exit(if failed == 0 { 0 } else { 101 });
}

#[allow(clippy::print_stdout, reason = "this is what a test runner does")]
fn passes((name, test): &&Test) -> bool {
    let passed = catch_unwind(AssertUnwindSafe(test)).is_ok();
    println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
    passed
}
