//! What this process may do: root, or a user namespace of its own.

use crate::SandboxError;

/// How much isolation this machine gives us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// We are root.
    Root,
    /// A user namespace with subordinate ids (newuidmap, newgidmap).
    Rootless,
    /// A user namespace with one id.
    RootlessSingleId,
}

/// Enters a private mount namespace (and, without root, a user namespace where we are root), so that whatever is
/// mounted goes with this process. Call before any thread exists.
pub fn enter() -> Result<Tier, SandboxError> {
    unimplemented!()
}
