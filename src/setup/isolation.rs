//! The namespaces of this process.

use sandbox::privilege::{self, Tier};

use crate::failure::Failure;
use crate::{environment, output};

/// Enters a mount namespace of our own, and a user namespace unless root called us. All mounts made from here on
/// disappear with this process.
///
/// Must run before any thread exists. Prints a note with the remedy if files can have only one owner.
pub fn enter() -> Result<(), Failure> {
    // Inside of a user namespace every process is root, so that the question must come first.
    let missing = if environment::is_called_by_root() { None } else { privilege::advice() };
    if privilege::enter()? == Tier::RootlessSingleId {
        let missing = missing.as_deref().unwrap_or("the surrounding user namespace has no more");
        output::note(&format!("note: files can have one owner only, and steps no USER but root: {missing}"));
    }
    Ok(())
}
