//! Extended attributes in the format of EROFS.

use trees::entry::Entry;
use trees::xattr::{Flavor, belongs_to_layer};

use super::format::XATTRS_HEAD_BYTES;

const USER: u8 = 1;
const TRUSTED: u8 = 4;
const SECURITY: u8 = 6;

/// Maximum length of the attributes of an inode, in units of 4 bytes.
const MAX_UNITS: usize = u16::MAX as usize;

/// Encodes the attributes of a file or directory, including overlayfs' mark of an opaque directory; returns nothing
/// for an entry without any. Returns `None` if unpacking could not set an attribute, or if only the kernel could
/// decide that: an ACL, malformed capabilities, a name that no file system accepts.
pub(super) fn encode(entry: &Entry) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    if entry.kind == (trees::entry::Kind::Directory { opaque: true }) {
        let (name, value) = Flavor::Trusted.opaque();
        put(&mut bytes, name.as_bytes(), value)?;
    }
    for (name, value) in entry.xattrs.iter().filter(|(name, _)| belongs_to_layer(name)) {
        put(&mut bytes, name, value)?;
    }
    (bytes.len() / 4 < MAX_UNITS).then_some(bytes)
}

fn put(bytes: &mut Vec<u8>, name: &[u8], value: &[u8]) -> Option<()> {
    let (prefix, rest) = split(name, value)?;
    if bytes.is_empty() {
        bytes.resize(XATTRS_HEAD_BYTES, 0);
    }
    bytes.extend_from_slice(&[u8::try_from(rest.len()).ok()?, prefix]);
    bytes.extend_from_slice(&u16::try_from(value.len()).ok()?.to_le_bytes());
    bytes.extend_from_slice(rest);
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    Some(())
}

/// Returns the number of a name's prefix, and the rest of the name.
fn split<'a>(name: &'a [u8], value: &[u8]) -> Option<(u8, &'a [u8])> {
    // The kernel's limit of a name (`XATTR_NAME_MAX`).
    if name.len() > 255 || name.contains(&0) {
        return None;
    }
    let (prefix, rest) = match name {
        b"security.capability" => (SECURITY, is_capability(value).then_some(&b"capability"[..])?),
        name if name.starts_with(b"user.") => (USER, &name[b"user.".len()..]),
        name if name.starts_with(b"trusted.") => (TRUSTED, &name[b"trusted.".len()..]),
        _ => return None,
    };
    (!rest.is_empty()).then_some((prefix, rest))
}

/// Reports whether the kernel accepts these capabilities: revisions 2 and 3 with their lengths
/// (include/uapi/linux/capability.h).
fn is_capability(value: &[u8]) -> bool {
    let revision = value.get(..4).map(|magic| u32::from_le_bytes(magic.try_into().expect("4 bytes")) >> 24);
    matches!((revision, value.len()), (Some(2), 20) | (Some(3), 24))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[track_caller]
    fn check(name: &str, value: &[u8], expected: Option<&[u8]>) {
        let xattrs = BTreeMap::from([(name.as_bytes().to_vec(), value.to_vec())]);
        let found = encode(&Entry { xattrs, ..Entry::directory(0o755) });
        assert_eq!(found.as_deref(), expected, "{name}");
    }

    #[test]
    fn attributes_that_every_file_system_accepts_are_encoded() {
        check("user.a", b"12", Some(b"\0\0\0\0\0\0\0\0\0\0\0\0\x01\x01\x02\0a12\0"));
        check("user.", b"", None);
        check("user.a\0", b"", None);
        check(&format!("user.{}", "n".repeat(251)), b"", None);
        check("user.a", &[0; 65536], None);
        check("system.posix_acl_access", b"\x02\0\0\0", None);
        // Attributes that do not belong to a layer are left out.
        check("trusted.overlay.redirect", b"/", Some(b""));
        check("security.selinux", b"x", Some(b""));
    }

    #[test]
    fn capabilities_are_checked_like_in_the_kernel() {
        let value = |revision: u8, length: usize| {
            let mut value = vec![0; length];
            value[3] = revision;
            value
        };
        for (revision, length, is_good) in
            [(2, 20, true), (3, 24, true), (1, 12, false), (2, 24, false), (2, 4, false)]
        {
            assert_eq!(is_capability(&value(revision, length)), is_good, "{revision} {length}");
        }
        assert!(!is_capability(b""));
    }
}
