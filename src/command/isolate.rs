//! Entering namespaces, and reporting the limits of this machine.

use std::sync::OnceLock;

use sandbox::privilege::{self, Isolation, Tier};

use crate::report::Failure;
use crate::{environment, output};

/// Reason why files and processes have one owner only; unset where they can have several.
static SINGLE_ID: OnceLock<String> = OnceLock::new();

/// Enters a private mount namespace, and a user namespace unless root has called us, so that mounts end with this
/// process. Prints a note where only one user id is available.
///
/// Returns the reason where the machine does not allow namespaces: then only RUN is impossible. The caller has one
/// thread.
pub fn enter() -> Result<Option<String>, Failure> {
    // Inside of the namespace this process is root, and could no longer find out.
    let missing = if environment::is_called_by_root() { None } else { privilege::advice() };
    match privilege::enter_if_allowed()? {
        Isolation::Refused(error) => return Ok(Some(error.to_string())),
        Isolation::Entered(Tier::RootlessSingleId) => {
            let reason =
                missing.unwrap_or_else(|| "the user namespace of this process has no more".to_owned());
            let reason = SINGLE_ID.get_or_init(|| reason);
            output::note(&format!(
                "note: files can have one owner only, and steps no USER but root: {reason}"
            ));
        }
        Isolation::Entered(Tier::Root | Tier::Rootless) => {}
    }
    Ok(None)
}

/// Returns why files and processes have one owner only; `None` if they can have several.
pub fn single_id() -> Option<&'static str> {
    SINGLE_ID.get().map(String::as_str)
}
