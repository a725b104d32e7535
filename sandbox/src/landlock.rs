//! Landlock: restrictions that a process puts on itself and on all its children.
//!
//! Only the scope of abstract sockets is used. Abstract sockets belong to a network namespace and have no permissions,
//! so that a process in the host's network can otherwise connect to every one of the host (CVE-2020-15257).
//!
//! Source: linux/include/uapi/linux/landlock.h; the scopes exist since Landlock ABI 6, Linux 6.12.

use std::io;

use crate::sys;

/// The process connects and sends only to abstract sockets that processes of the same domain have made.
const SCOPE_ABSTRACT_UNIX_SOCKET: u64 = 1;

/// Keeps the abstract sockets of all other processes from this one and its children.
///
/// Returns false where the kernel cannot: it is older, or was started without Landlock. Needs `SYS_ADMIN`.
pub(crate) fn scope_abstract_sockets() -> io::Result<bool> {
    match sys::landlock_create_ruleset(SCOPE_ABSTRACT_UNIX_SOCKET) {
        Ok(ruleset) => sys::landlock_restrict_self(&ruleset).map(|()| true),
        Err(error) if is_unsupported(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reports whether an error means that this kernel has no Landlock, or one without scopes.
fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EOPNOTSUPP | libc::E2BIG | libc::EINVAL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(errno: i32, expected: bool) {
        assert_eq!(is_unsupported(&io::Error::from_raw_os_error(errno)), expected, "{errno}");
    }

    #[test]
    fn kernels_without_scopes_are_recognised() {
        check(libc::ENOSYS, true);
        check(libc::EOPNOTSUPP, true);
        check(libc::E2BIG, true);
        check(libc::EPERM, false);
    }
}
