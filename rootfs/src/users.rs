//! `/etc/passwd` and `/etc/group` of a tree: names to numbers, as runc does it.

use std::path::PathBuf;

use crate::tree::Tree;

/// Who a process runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Supplementary groups, the primary one included, in order of the file.
    pub groups: Vec<u32>,
    /// Home directory; `/` if unknown.
    pub home: PathBuf,
}

/// A USER that cannot be resolved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserError {
    /// No such user in /etc/passwd.
    #[error("unable to find user {name}: no matching entries in passwd file")]
    UnknownUser {
        /// The name.
        name: String,
    },
    /// No such group in /etc/group.
    #[error("unable to find group {name}: no matching entries in group file")]
    UnknownGroup {
        /// The name.
        name: String,
    },
    /// A number out of range.
    #[error("uids and gids must be in range 0-2147483647: {text}")]
    OutOfRange {
        /// As written.
        text: String,
    },
    /// The file is no regular file, or too large.
    #[error("cannot read {file}: {reason}")]
    Unreadable {
        /// Which file.
        file: &'static str,
        /// Why.
        reason: String,
    },
}

/// Resolves a USER of an image (`user[:group]`, names or numbers, empty for root) in `tree`.
pub fn resolve_user(_tree: &dyn Tree, _user: &str) -> Result<User, UserError> {
    unimplemented!()
}

/// Resolves a `--chown`: `user[:group]`. A lone number is the group too; a name that is unknown is 0, and is listed
/// in the last place so that callers can warn.
pub fn resolve_owner(_tree: &dyn Tree, _owner: &str) -> Result<(u32, u32, Vec<String>), UserError> {
    unimplemented!()
}
