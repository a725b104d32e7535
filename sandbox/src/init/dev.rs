//! `/dev`: a tmpfs of our own with docker's few devices.
//!
//! As root the nodes are created. In a user namespace, where the kernel forbids that, the host's nodes are bind-mounted.
//! Each node is a mount of its own. All other mounts, `/dev` included, are `nodev`: a node in an image, or one that a
//! process creates (which docker's capabilities allow), cannot be opened.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Dev, FileType, Mode, OFlags, fstat, makedev, mkdirat, mknodat, openat, stat, symlinkat};

use super::scratch::Scratch;
use crate::mount_api;
use crate::plan::PlannedDevice;

/// Name, major and minor number of each device; all are character devices of mode 0666.
const DEVICES: [(&str, u32, u32); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

/// Name and target of each symlink.
const SYMLINKS: [(&str, &str); 6] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
    ("core", "/proc/kcore"),
];

/// Device nodes of the host, looked up while the host's root is still ours.
pub(super) struct HostNodes {
    /// Bind mounts of the host's nodes with their names; empty as root.
    bound: Vec<(&'static str, OwnedFd)>,
    /// All devices of the host, for an insecure sandbox; empty for others.
    all: Vec<Node>,
}

struct Node {
    /// Path relative to `/dev`.
    path: PathBuf,
    file_type: FileType,
    mode: Mode,
    device: Dev,
}

impl HostNodes {
    /// Looks the nodes up; `all` asks for every device of the host, which only root can have.
    pub(super) fn find(all: bool) -> io::Result<Self> {
        let mut nodes = Self { bound: Vec::new(), all: Vec::new() };
        if crate::sys::in_user_namespace() {
            nodes.bound = DEVICES.iter().map(|(name, ..)| bind(name)).collect::<io::Result<_>>()?;
        } else if all {
            collect(Path::new("/dev"), &mut nodes.all);
        }
        Ok(nodes)
    }
}

fn bind(name: &'static str) -> io::Result<(&'static str, OwnedFd)> {
    let node = mount_api::clone_path(&format!("/dev/{name}"), false)?;
    Ok((name, checked(name, node)?))
}

/// Returns `node` if it is the device that `name` stands for. Any other device could let a container read or write
/// anything.
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

/// Collects the device nodes below `dir`. Other file systems such as `/dev/pts` are left out: a sandbox has its own.
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

/// Fills `dev`, which is an attached, empty tmpfs.
pub(super) fn populate(dev: &OwnedFd, nodes: &HostNodes) -> io::Result<()> {
    if nodes.bound.is_empty() {
        for (name, major, minor) in DEVICES {
            mknodat(dev, name, FileType::CharacterDevice, Mode::from_raw_mode(0o666), makedev(major, minor))?;
            let open = || openat(dev, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
            mount_api::attach(mount_api::clone(open()?, false)?, open()?)?;
        }
    }
    for (name, node) in &nodes.bound {
        mount_api::attach(node, file(dev, name)?)?;
    }
    for (name, target) in SYMLINKS {
        symlinkat(target, dev, name)?;
    }
    for name in ["pts", "shm", "mqueue"] {
        mkdirat(dev, name, Mode::from_raw_mode(0o755))?;
    }
    nodes.all.iter().for_each(|node| create(dev, node));
    Ok(())
}

/// Creates a node with the host's numbers and mode.
///
/// Failures are ignored: a node can exist already (`null`), and an insecure sandbox works without one device or other.
fn create(dev: &OwnedFd, node: &Node) {
    for parent in
        node.path.parent().into_iter().flat_map(Path::ancestors).collect::<Vec<_>>().into_iter().rev()
    {
        let _ = mkdirat(dev, parent, Mode::from_raw_mode(0o755));
    }
    let _ = mknodat(dev, &node.path, node.file_type, node.mode, node.device);
}

/// Creates an empty file to mount on.
fn file(dev: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    Ok(openat(dev, name, flags, Mode::from_raw_mode(0o666))?)
}

/// Returns a requested device node as a mount of its own: as root a new node, in a user namespace the host's `node`.
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
    let node = node.ok_or_else(|| {
        io::Error::other("without root's privileges only device nodes of the host can be mounted")
    })?;
    let found = fstat(&node)?;
    if FileType::from_raw_mode(found.st_mode) == file_type && found.st_rdev == numbers {
        Ok(node)
    } else {
        Err(io::Error::other("the host's node is another device"))
    }
}

/// Opens `null` in `dev` as a path, having checked that it is the null device.
pub(super) fn null(dev: &OwnedFd) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    checked("null", openat(dev, "null", flags, Mode::empty())?)
}

/// Opens `null` in `dev` for reading, as an empty standard input.
pub(super) fn empty_input(dev: &OwnedFd) -> io::Result<OwnedFd> {
    checked("null", openat(dev, "null", OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?)
}

/// Makes `/dev/console` another name of `terminal`.
pub(super) fn console(dev: &OwnedFd, terminal: &OwnedFd) -> io::Result<()> {
    mount_api::attach(mount_api::clone(terminal, false)?, file(dev, "console")?)
}

#[cfg(test)]
mod tests {
    use rustix::fs::CWD;

    use super::*;

    #[test]
    fn devices_have_the_numbers_of_the_hosts_nodes() {
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
    }

    #[test]
    fn a_regular_file_is_not_a_device() {
        let file = openat(CWD, "/proc/self/status", OFlags::PATH, Mode::empty()).unwrap();
        assert!(checked("null", file).is_err());
    }

    #[test]
    fn collecting_finds_the_hosts_devices() {
        let mut nodes = Vec::new();
        collect(Path::new("/dev"), &mut nodes);
        assert!(nodes.iter().any(|node| node.path == Path::new("null")));
    }
}
