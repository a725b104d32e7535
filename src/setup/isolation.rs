//! The namespaces of this process, and what this machine does not allow.

use std::error::Error;

use sandbox::privilege::{self, Isolation, Tier};

use crate::failure::{Failure, single_id};
use crate::{environment, output};

/// Enters a mount namespace of our own, and a user namespace unless root called us. All mounts made from here on
/// disappear with this process. Prints a note with the remedy if files can have only one owner.
///
/// Returns the reason if this machine does not allow namespaces: then everything but RUN works. Must run before any
/// thread exists.
pub fn enter() -> Result<Option<String>, Failure> {
    // Inside of a user namespace every process is root, so that the question must come first.
    let missing = if environment::is_called_by_root() { None } else { privilege::advice() };
    match privilege::enter_if_allowed()? {
        Isolation::Refused(error) => return Ok(Some(with_causes(&error))),
        Isolation::Entered(Tier::RootlessSingleId) => {
            let missing = missing.unwrap_or_else(|| "the surrounding user namespace has no more".to_owned());
            let missing = single_id::set(missing);
            output::note(&format!(
                "note: only one user ID is available: {missing}; changes of owners and users have no effect in RUN, and new \
                 files belong to root"
            ));
        }
        Isolation::Entered(Tier::Root | Tier::Rootless) => {}
    }
    Ok(None)
}

/// Returns an error and its causes as one clause.
fn with_causes(error: &dyn Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use sandbox::SandboxError;

    #[test]
    fn a_refusal_names_its_cause() {
        let source = std::io::Error::from_raw_os_error(5);
        let error = SandboxError::Os { action: "count the threads".into(), source };
        assert_eq!(with_causes(&error), "cannot count the threads: Input/output error (os error 5)");
        let error = SandboxError::Network { reason: "no pasta".to_owned() };
        assert_eq!(with_causes(&error), error.to_string());
    }
}
