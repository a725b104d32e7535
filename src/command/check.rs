//! `dsbuild check`: checks the store for damage. (`dsbuild build --check` is in `build/check.rs`.)

use crate::args::store::CheckArgs;
use crate::failure::Failure;
use crate::output;
use crate::setup::store;

/// Prints the problems of the store; exit code 1 if there are any.
pub fn run(args: &CheckArgs) -> Result<u8, Failure> {
    let report = store::open()?.check(args.read_data)?;
    for problem in &report.problems {
        output::note(&format!("{problem}"));
    }
    for path in &report.unknown {
        output::note(&format!("{} is not part of the store and is left alone", output::path(path)));
    }
    for container in &report.unprotected {
        let dir = output::path(container);
        output::note(&format!("no root protects the layers of {dir}; `dsbuild prune` writes one"));
    }
    output::line(&format!("{} blobs checked, {} problems", report.blobs, report.problems.len()));
    Ok(u8::from(!report.problems.is_empty()))
}
