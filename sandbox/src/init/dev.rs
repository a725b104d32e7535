//! `/dev`: a tmpfs of our own with docker's few devices.
//!
//! As root the nodes are made; in a user namespace, where that is not allowed, the host's are shown by bind mounts.
//! Only these nodes work, each a mount of its own: all other mounts are `nodev`, `/dev` too, so that a node in an image,
//! or one made by a process (which docker's capabilities allow), opens nothing.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Dev, FileType, Mode, OFlags, fstat, makedev, mkdirat, mknodat, openat, stat, symlinkat};

use super::scratch::Scratch;
use crate::mount_api;
use crate::plan::PlannedDevice;

/// Name, major, minor; all character devices of mode 0666.
const DEVICES: [(&str, u32, u32); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

const LINKS: [(&str, &str); 6] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
    ("core", "/proc/kcore"),
];

/// What the host has to give.
pub(super) struct Nodes {
    /// Bind mounts of the host's nodes, by name; empty as root.
    shown: Vec<(&'static str, OwnedFd)>,
    /// All devices of the host, for an insecure sandbox.
    all: Vec<Node>,
}

struct Node {
    /// Below `/dev`.
    path: PathBuf,
    file_type: FileType,
    mode: Mode,
    device: Dev,
}

impl Nodes {
    pub(super) fn of_host(all: bool) -> io::Result<Self> {
        let mut nodes = Self { shown: Vec::new(), all: Vec::new() };
        if crate::sys::in_user_namespace() {
            nodes.shown = DEVICES.iter().map(|(name, ..)| show(name)).collect::<io::Result<_>>()?;
        } else if all {
            collect(Path::new("/dev"), &mut nodes.all);
        }
        Ok(nodes)
    }
}

fn show(name: &'static str) -> io::Result<(&'static str, OwnedFd)> {
    let node = mount_api::clone_path(&format!("/dev/{name}"), false)?;
    Ok((name, checked(name, node)?))
}

/// The device that should have this name; that it is another one would let a container read or write anything.
fn checked(name: &str, node: OwnedFd) -> io::Result<OwnedFd> {
    let expected =
        DEVICES.iter().find(|device| device.0 == name).map(|(_, major, minor)| makedev(*major, *minor));
    let found = fstat(&node)?;
    let is_device = FileType::from_raw_mode(found.st_mode) == FileType::CharacterDevice;
    if is_device && Some(found.st_rdev) == expected {
        Ok(node)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, format!("the host's /dev/{name} is another device")))
    }
}

/// All device nodes below `dir`, other file systems (`/dev/pts`) left out as their names are made anyway.
fn collect(dir: &Path, nodes: &mut Vec<Node>) {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let Ok(found) = rustix::fs::lstat(&path) else { continue };
        let file_type = FileType::from_raw_mode(found.st_mode);
        match file_type {
            FileType::Directory if stat("/dev").is_ok_and(|dev| dev.st_dev == found.st_dev) => {
                collect(&path, nodes)
            }
            FileType::CharacterDevice | FileType::BlockDevice => nodes.push(Node {
                path: path.strip_prefix("/dev").unwrap_or(&path).to_owned(),
                file_type,
                mode: Mode::from_raw_mode(found.st_mode),
                device: found.st_rdev,
            }),
            _ => {}
        }
    }
}

/// Fills `dev`, an attached, empty tmpfs.
pub(super) fn populate(dev: &OwnedFd, nodes: &Nodes) -> io::Result<()> {
    if nodes.shown.is_empty() {
        for (name, major, minor) in DEVICES {
            mknodat(dev, name, FileType::CharacterDevice, Mode::from_raw_mode(0o666), makedev(major, minor))?;
            let place =
                || openat(dev, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
            mount_api::attach(mount_api::clone(place()?, false)?, place()?)?;
        }
    }
    for (name, node) in &nodes.shown {
        mount_api::attach(node, file(dev, name)?)?;
    }
    for (name, target) in LINKS {
        symlinkat(target, dev, name)?;
    }
    for name in ["pts", "shm", "mqueue"] {
        mkdirat(dev, name, Mode::from_raw_mode(0o755))?;
    }
    nodes.all.iter().for_each(|node| copy(dev, node));
    Ok(())
}

/// A missing device is none of the program's business; one that exists already (`null`) stays.
fn copy(dev: &OwnedFd, node: &Node) {
    for parent in
        node.path.parent().into_iter().flat_map(Path::ancestors).collect::<Vec<_>>().into_iter().rev()
    {
        let _ = mkdirat(dev, parent, Mode::from_raw_mode(0o755));
    }
    let _ = mknodat(dev, &node.path, node.file_type, node.mode, node.device);
}

/// An empty file to mount on.
fn file(dev: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    Ok(openat(dev, name, flags, Mode::from_raw_mode(0o666))?)
}

/// A node for a device that was asked for, as a mount of its own: made as root, and the host's in a user namespace.
pub(super) fn device(
    device: &PlannedDevice,
    node: Option<OwnedFd>,
    scratch: &mut Scratch,
) -> io::Result<OwnedFd> {
    let file_type = if device.is_block { FileType::BlockDevice } else { FileType::CharacterDevice };
    let numbers = makedev(device.major, device.minor);
    if !crate::sys::in_user_namespace() {
        return scratch.device(file_type, numbers, device.rights);
    }
    let node =
        node.ok_or_else(|| io::Error::other("without root's rights only nodes of the host can be shown"))?;
    let found = fstat(&node)?;
    match FileType::from_raw_mode(found.st_mode) == file_type && found.st_rdev == numbers {
        true => Ok(node),
        false => Err(io::Error::other("the host's node is another device")),
    }
}

/// `/dev/null` of our own `/dev`, known to be what it should.
pub(super) fn null(dev: &OwnedFd) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    checked("null", openat(dev, "null", flags, Mode::empty())?)
}

/// The same, open for reading: an empty standard input.
pub(super) fn empty_input(dev: &OwnedFd) -> io::Result<OwnedFd> {
    checked("null", openat(dev, "null", OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?)
}

/// `/dev/console`, as another view of `terminal`.
pub(super) fn console(dev: &OwnedFd, terminal: &OwnedFd) -> io::Result<()> {
    mount_api::attach(mount_api::clone(terminal, false)?, file(dev, "console")?)
}

#[cfg(test)]
mod tests {
    use rustix::fs::CWD;

    use super::*;

    #[test]
    fn devices_are_the_hosts() {
        for (name, major, minor) in DEVICES {
            let path = format!("/dev/{name}");
            let found = stat(&path).map_or(makedev(major, minor), |found| found.st_rdev);
            assert_eq!(found, makedev(major, minor), "{path}");
        }
    }

    #[test]
    fn another_device_is_refused() {
        let zero = openat(CWD, "/dev/zero", OFlags::PATH, Mode::empty()).unwrap();
        assert!(checked("null", zero).is_err());
        let file = openat(CWD, "/proc/self/status", OFlags::PATH, Mode::empty()).unwrap();
        assert!(checked("null", file).is_err());
    }

    #[test]
    fn the_hosts_devices_are_found() {
        let mut nodes = Vec::new();
        collect(Path::new("/dev"), &mut nodes);
        assert!(nodes.iter().any(|node| node.path == Path::new("null")));
    }
}
