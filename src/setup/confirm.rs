//! The question before something is removed for good.

use crate::failure::Failure;
use crate::output;

/// Asks whether to go on. Anything but `y` is a failure: nothing was removed, and scripts must be able to notice.
pub fn confirm(command: &str, warning: &str) -> Result<(), Failure> {
    output::question(&format!("{warning}\nAre you sure you want to continue? [y/N] "));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if answer.trim().eq_ignore_ascii_case("y") {
        return Ok(());
    }
    Err(Failure::input(format!("{command} has been canceled; nothing was removed"))
        .hint("answer y, or use --force to skip the question"))
}
