//! Commands that take several containers: each is treated, even if one fails.

use crate::exit::Fault;
use crate::failure::Failure;
use crate::output::{self, Stream};

/// Does `work` for each name, and prints what it returns. Failures are reported as they come; then the exit code is 1, or
/// that of the only failure.
pub fn each(
    names: &[String],
    work: &mut dyn FnMut(&str) -> Result<Option<String>, Failure>,
) -> Result<u8, Failure> {
    let mut failures = Vec::new();
    for name in names {
        match work(name) {
            Ok(Some(text)) => output::line(&text),
            Ok(None) => {}
            Err(failure) => failures.push(failure),
        }
    }
    let Some(last) = failures.pop() else { return Ok(0) };
    failures.iter().for_each(|failure| output::colored(Stream::Stderr, &failure.report()));
    if failures.is_empty() { Err(last) } else { Err(last.blamed_on(Fault::Input)) }
}
