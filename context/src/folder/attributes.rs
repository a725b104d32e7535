//! Extended attributes of the files of a context, as far as they belong in an image.
//!
//! `security.capability`, `user.*` and the like belong to a file. Other `security.*` and `system.*` attributes belong to
//! this machine, and those of overlayfs to the directory that it is mounted from.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;

/// Limit of the kernel, in bytes, for the names of a file's attributes together and for one value.
const MAX_ATTRIBUTE_BYTES: usize = 64 * 1024;

/// Extended attributes by name.
pub(super) type Xattrs = BTreeMap<Vec<u8>, Vec<u8>>;

/// Reads the attributes of a file or directory that belong in an image. Returns none where the file system refuses.
pub(super) fn attributes(dir: BorrowedFd<'_>, name: &OsStr) -> Xattrs {
    // There is no `listxattrat` before Linux 6.13. This path names the entry without following it.
    let mut path = format!("/proc/self/fd/{}/", dir.as_raw_fd()).into_bytes();
    path.extend(name.as_bytes());
    let Ok(path) = CString::new(path) else { return BTreeMap::new() };
    let mut few = [0_u8; 512];
    let mut many = Vec::new();
    let list = match rustix::fs::llistxattr(&path, &mut few[..]) {
        Ok(length) => &few[..length],
        Err(rustix::io::Errno::RANGE) => {
            many.resize(MAX_ATTRIBUTE_BYTES, 0);
            let length = rustix::fs::llistxattr(&path, &mut many[..]).unwrap_or(0);
            &many[..length]
        }
        Err(_) => &[],
    };
    let kept = list.split(|&byte| byte == 0).filter(|name| belongs_to_file(name));
    kept.filter_map(|name| Some((name.to_vec(), value(&path, name)?))).collect()
}

fn value(path: &CString, name: &[u8]) -> Option<Vec<u8>> {
    let mut value = vec![0_u8; MAX_ATTRIBUTE_BYTES];
    let length = rustix::fs::lgetxattr(path, name, &mut value[..]).ok()?;
    value.truncate(length);
    Some(value)
}

/// Reports whether an attribute belongs to the file rather than to this machine.
fn belongs_to_file(name: &[u8]) -> bool {
    const OF_THE_MACHINE: [&[u8]; 4] = [b"security.", b"system.", b"trusted.overlay.", b"user.overlay."];
    !name.is_empty()
        && (name == b"security.capability" || !OF_THE_MACHINE.iter().any(|prefix| name.starts_with(prefix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_of_the_machine_are_left_out() {
        for (name, expected) in [
            ("user.colour", true),
            ("security.capability", true),
            ("trusted.x", true),
            ("security.selinux", false),
            ("system.posix_acl_access", false),
            ("trusted.overlay.opaque", false),
            ("user.overlay.redirect", false),
            ("", false),
        ] {
            assert_eq!(belongs_to_file(name.as_bytes()), expected, "{name}");
        }
    }
}
