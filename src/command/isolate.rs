//! Entering our own namespaces, and saying what this machine does not allow.

use sandbox::privilege::{self, Tier};

use crate::report::Failure;
use crate::{environment, output};

/// Enters a private mount namespace, and a user namespace unless we are root, so that what is mounted goes with this
/// process. To be called before any thread exists. Where only one user id can be had, this is said, with the remedy.
pub fn enter() -> Result<(), Failure> {
    // Inside, we are root and could no longer tell.
    let missing = match environment::is_called_by_root() {
        true => None,
        false => privilege::advice(),
    };
    if privilege::enter()? == Tier::RootlessSingleId {
        let missing = missing.as_deref().unwrap_or("the user namespace that we are in has no more");
        output::note(&format!("note: files can have one owner only, and steps no USER but root: {missing}"));
    }
    Ok(())
}
