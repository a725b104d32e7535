//! Extended attributes: the ones that belong to a layer, and the ones that overlayfs uses for itself.
//!
//! A layer has the attributes that a process in a sandbox can see and set: `user.*`, file capabilities and POSIX
//! ACLs. The labels of the host's security modules and overlayfs' own attributes never enter a layer, and are never
//! taken from one: a `trusted.overlay.redirect` in a pulled layer would lead overlayfs to any directory that its
//! author likes.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::XattrFlags;
use rustix::io::Errno;

use crate::entry::Entry;
use crate::safe_path::proc_path;

/// Attributes of one file: values by name.
pub type Xattrs = BTreeMap<Vec<u8>, Vec<u8>>;

/// Maximum length of a value (`XATTR_SIZE_MAX`) and of a list of names (`XATTR_LIST_MAX`) in the kernel.
const MAX_BYTES: usize = 64 << 10;

/// Attribute of a file whose owner the user namespace lacks: an [`Owner`]. It is in trees only, never in a layer. Unlike
/// overlayfs' own attributes it is copied up.
pub const OWNER: &str = "user.dsbuild.owner";

/// Permission bits that run a program as the owner of its file.
pub const SET_IDS: u32 = 0o6000;

/// Owner of a file, with the set-user-ID and set-group-ID bits, which a file without that owner cannot have either.
///
/// As text it is `<user ID>:<group ID>`, and `:<bits in octal>` if there are any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// User ID of the file.
    pub uid: u32,
    /// Group ID of the file.
    pub gid: u32,
    /// Set-user-ID and set-group-ID bits of the mode.
    pub set_ids: u32,
}

impl Owner {
    /// Returns the owner that an entry has in its layer.
    pub fn of(entry: &Entry) -> Self {
        Self { uid: entry.uid, gid: entry.gid, set_ids: entry.mode & SET_IDS }
    }

    /// Makes this the owner of an entry.
    pub fn give(self, entry: &mut Entry) {
        (entry.uid, entry.gid) = (self.uid, self.gid);
        entry.mode |= self.set_ids;
    }

    /// Returns the text of the mark on a file.
    pub fn mark(self) -> String {
        let Self { uid, gid, set_ids } = self;
        if set_ids == 0 { format!("{uid}:{gid}") } else { format!("{uid}:{gid}:{set_ids:o}") }
    }

    /// Parses the text of a mark; `None` if it has another form.
    fn parse(mark: &str) -> Option<Self> {
        let mut parts = mark.split(':');
        let (uid, gid) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let set_ids = match parts.next() {
            Some(bits) => u32::from_str_radix(bits, 8).ok()? & SET_IDS,
            None => 0,
        };
        parts.next().is_none().then_some(Self { uid, gid, set_ids })
    }
}

/// Reports whether attributes of this name are part of a layer.
pub fn belongs_to_layer(name: &[u8]) -> bool {
    let acl_or_capability: [&[u8]; 3] =
        [b"security.capability", b"system.posix_acl_access", b"system.posix_acl_default"];
    acl_or_capability.contains(&name)
        || (name.starts_with(b"user.")
            && !name.starts_with(Flavor::User.prefix().as_bytes())
            && name != OWNER.as_bytes())
}

/// Namespace in which overlayfs keeps its own attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavor {
    /// `trusted.overlay.*`, in the initial user namespace.
    Trusted,
    /// `user.overlay.*` with the mount option `userxattr`, in all other user namespaces.
    User,
}

impl Flavor {
    /// Returns the flavor for the user namespace of this process.
    pub fn current() -> Self {
        // The inode number of the initial user namespace is fixed (PROC_USER_INIT_INO in include/linux/proc_ns.h).
        const INITIAL: &str = "user:[4026531837]";
        match std::fs::read_link("/proc/self/ns/user") {
            Ok(target) if target != Path::new(INITIAL) => Self::User,
            _ => Self::Trusted,
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Trusted => "trusted.overlay.",
            Self::User => "user.overlay.",
        }
    }

    /// Returns the name and the value of the attribute that makes a directory opaque: it hides the content of lower
    /// layers.
    pub fn opaque(self) -> (String, &'static [u8]) {
        (format!("{}opaque", self.prefix()), b"y")
    }

    /// Makes the directory `name` in `dir` opaque.
    pub fn set_opaque(self, dir: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<()> {
        let (key, value) = self.opaque();
        rustix::fs::lsetxattr(proc_path(dir, name), key, value, XattrFlags::empty())
    }

    /// Reports whether `name` in `dir`, or `dir` itself for the empty name, is an opaque directory.
    pub fn is_opaque(self, dir: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<bool> {
        let (key, expected) = self.opaque();
        let mut value = [0; 8];
        match rustix::fs::lgetxattr(proc_path(dir, name), key, &mut value[..]) {
            Ok(length) => Ok(&value[..length] == expected),
            Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::RANGE) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Returns the attributes of `name` in `dir`, or of `dir` itself for the empty name, that belong to a layer. Follows
/// no symlink.
pub fn read(dir: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<Xattrs> {
    let path = proc_path(dir, name);
    let mut list = Vec::new();
    let length = match rustix::fs::llistxattr_query(&path) {
        Ok(0) | Err(Errno::OPNOTSUPP) => return Ok(Xattrs::new()),
        Ok(length) => length,
        Err(error) => return Err(error),
    };
    list.resize(length.max(MAX_BYTES), 0);
    let length = rustix::fs::llistxattr(&path, &mut list[..])?;
    let mut xattrs = Xattrs::new();
    for key in list[..length].split(|&byte| byte == 0).filter(|key| belongs_to_layer(key)) {
        if let Some(value) = value(&path, key)? {
            xattrs.insert(key.to_owned(), value);
        }
    }
    Ok(xattrs)
}

/// Returns the value of one attribute; `None` if it has been removed meanwhile.
fn value(path: &Path, key: &[u8]) -> rustix::io::Result<Option<Vec<u8>>> {
    let mut value = vec![0; MAX_BYTES];
    match rustix::fs::lgetxattr(path, key, &mut value[..]) {
        Ok(length) => {
            value.truncate(length);
            Ok(Some(value))
        }
        Err(Errno::NODATA) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the owner that a mark on `name` in `dir` has.
pub fn read_owner(dir: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<Option<Owner>> {
    let mark = match value(&proc_path(dir, name), OWNER.as_bytes()) {
        Err(Errno::OPNOTSUPP) => None,
        mark => mark?,
    };
    let text = mark.and_then(|mark| String::from_utf8(mark).ok());
    Ok(text.and_then(|text| Owner::parse(&text)))
}

/// Sets the attributes that belong to a layer on `name` in `dir`. Returns whether some of them could not be set
/// because the process or the file system does not allow it.
pub fn write(dir: BorrowedFd<'_>, name: &OsStr, xattrs: &Xattrs) -> rustix::io::Result<bool> {
    let mut skipped = false;
    for (key, value) in xattrs.iter().filter(|(key, _)| belongs_to_layer(key)) {
        match rustix::fs::lsetxattr(proc_path(dir, name), &key[..], value, XattrFlags::empty()) {
            Ok(()) => {}
            Err(Errno::PERM | Errno::ACCESS | Errno::OPNOTSUPP | Errno::INVAL) => skipped = true,
            Err(error) => return Err(error),
        }
    }
    Ok(skipped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::safe_path::open_store_dir;
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::fs::symlink;

    #[test]
    fn host_labels_and_overlay_attributes_do_not_belong_to_a_layer() {
        for name in ["user.x", "user.overlayed", "security.capability", "system.posix_acl_default"] {
            assert!(belongs_to_layer(name.as_bytes()), "{name}");
        }
        for name in [
            "trusted.overlay.opaque",
            "trusted.overlay.redirect",
            "user.overlay.opaque",
            "user.dsbuild.owner",
            "security.selinux",
            "security.ima",
            "trusted.x",
            "",
        ] {
            assert!(!belongs_to_layer(name.as_bytes()), "{name}");
        }
    }

    /// Returns a directory with a `file` that has attributes, and a symlink `link` to it.
    fn with_attributes() -> (tempfile::TempDir, OwnedFd, Xattrs) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "").unwrap();
        symlink("file", dir.path().join("link")).unwrap();
        let fd = open_store_dir(dir.path()).unwrap();
        let xattrs = Xattrs::from([(b"user.a".to_vec(), vec![1, 0, 2]), (b"user.b".to_vec(), vec![])]);
        assert!(!write(fd.as_fd(), OsStr::new("file"), &xattrs).unwrap());
        (dir, fd, xattrs)
    }

    #[test]
    fn attributes_are_read_as_they_were_written() {
        let (_dir, fd, xattrs) = with_attributes();
        assert_eq!(read(fd.as_fd(), OsStr::new("file")).unwrap(), xattrs);
    }

    #[test]
    fn symlinks_are_not_followed() {
        let (_dir, fd, xattrs) = with_attributes();
        assert_eq!(read(fd.as_fd(), OsStr::new("link")).unwrap(), Xattrs::new());
        assert!(write(fd.as_fd(), OsStr::new("link"), &xattrs).unwrap(), "a symlink has no user attributes");
    }

    #[test]
    fn overlay_attributes_are_not_written() {
        let (dir, fd, _) = with_attributes();
        let hidden = Xattrs::from([(b"user.overlay.redirect".to_vec(), b"/..".to_vec())]);
        assert!(!write(fd.as_fd(), OsStr::new("file"), &hidden).unwrap());
        let names = rustix::fs::llistxattr(dir.path().join("file"), &mut [0_u8; 256][..]).unwrap();
        assert_eq!(names, "user.a\0user.b\0".len());
    }

    #[track_caller]
    fn check_mark(mark: &str, expected: Option<(u32, u32, u32)>) {
        let expected = expected.map(|(uid, gid, set_ids)| Owner { uid, gid, set_ids });
        assert_eq!(Owner::parse(mark), expected, "{mark}");
        if let Some(owner) = expected {
            assert_eq!(owner.mark(), mark);
        }
    }

    #[test]
    fn a_mark_has_the_owner_and_the_bits_that_go_with_it() {
        check_mark("2000000:7", Some((2_000_000, 7, 0)));
        check_mark("0:5:2000", Some((0, 5, 0o2000)));
        check_mark("1:2:6000", Some((1, 2, 0o6000)));
        for mark in ["", "1", "1:", "a:1", "1:2:9", "1:2:4000:1", "-1:2"] {
            check_mark(mark, None);
        }
    }

    #[test]
    fn a_directory_made_opaque_is_recognized() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        let fd = open_store_dir(dir.path()).unwrap();
        assert!(!Flavor::User.is_opaque(fd.as_fd(), OsStr::new("sub")).unwrap());
        Flavor::User.set_opaque(fd.as_fd(), OsStr::new("sub")).unwrap();
        assert!(Flavor::User.is_opaque(fd.as_fd(), OsStr::new("sub")).unwrap());
        let sub = open_store_dir(&dir.path().join("sub")).unwrap();
        assert!(Flavor::User.is_opaque(sub.as_fd(), OsStr::new("")).unwrap());
    }
}
