//! Device nodes that a spec requires in the container.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use sandbox::{DetachedMount, Mount, MountSource};

use crate::CdiError;
use crate::origin::Origin;
use crate::spec::DeviceNode;

/// Mode of a node if the spec has none, as in runc.
const NODE_MODE: u32 = 0o666;

/// Permissions of a node if the spec has none: read, write and mknod.
const ALL_PERMISSIONS: &str = "rwm";

/// A device node to create.
#[derive(Debug)]
pub(crate) struct Node {
    origin: Origin,
    /// Path in the container.
    target: PathBuf,
    /// Path on this machine.
    host: PathBuf,
    /// True for a block device; the host's type if absent.
    is_block: Option<bool>,
    /// Major and minor number; the host's if absent.
    numbers: Option<(u32, u32)>,
    mode: Option<u32>,
    uid: Option<u32>,
    gid: Option<u32>,
}

impl Node {
    /// Checks a node of a spec. Its host path is looked up in [`Node::mount`] only.
    pub(crate) fn of(node: &DeviceNode, origin: &Origin) -> Result<Self, CdiError> {
        check_permissions(node, origin)?;
        Ok(Self {
            origin: origin.clone(),
            target: node.path.clone(),
            host: node.host_path.clone().unwrap_or_else(|| node.path.clone()),
            is_block: is_block(node, origin)?,
            // No device has the major number 0. Specs have it because it is Go's value for an absent number.
            numbers: node.major.filter(|major| *major != 0).map(|major| (major, node.minor.unwrap_or(0))),
            mode: node.file_mode,
            uid: node.uid,
            gid: node.gid,
        })
    }

    /// Makes the mount of the node. `user` is the uid and gid of the process, the owner if the spec has none.
    pub(crate) fn mount(self, user: (u32, u32)) -> Result<Mount, CdiError> {
        let found = device_at(&self.host);
        let (is_block, numbers) = match (self.is_block, self.numbers, found) {
            (Some(is_block), Some(numbers), _) => (is_block, numbers),
            (is_block, numbers, Some(found)) if is_block.is_none_or(|required| required == found.0) => {
                (found.0, numbers.unwrap_or(found.1))
            }
            _ => return Err(self.origin.host(&self.host, "this machine has no such device")),
        };
        let is_the_hosts = found == Some((is_block, numbers));
        let device = sandbox::Device {
            node: is_the_hosts.then(|| self.host_node()).transpose()?,
            is_block,
            numbers,
            mode: self.mode.unwrap_or(NODE_MODE) & 0o777,
            uid: self.uid.unwrap_or(user.0),
            gid: self.gid.unwrap_or(user.1),
        };
        Ok(Mount { target: self.target, source: MountSource::Device(device), read_only: false })
    }

    fn host_node(&self) -> Result<DetachedMount, CdiError> {
        DetachedMount::of_host_path(&self.host).map_err(|error| self.origin.host(&self.host, error))
    }
}

/// Refuses a node that is not both readable and writable.
///
/// The sandbox cannot allow only one of the two. The permission to create more such nodes (`m`) has no effect: created
/// nodes cannot be opened.
fn check_permissions(node: &DeviceNode, origin: &Origin) -> Result<(), CdiError> {
    let permissions = node.permissions.as_deref().filter(|text| !text.is_empty()).unwrap_or(ALL_PERMISSIONS);
    if permissions.contains('r') && permissions.contains('w') {
        return Ok(());
    }
    Err(origin.unsupported(format!("the permissions {permissions:?} for {}", node.path.display())))
}

fn is_block(node: &DeviceNode, origin: &Origin) -> Result<Option<bool>, CdiError> {
    match node.kind.as_deref() {
        None | Some("") => Ok(None),
        Some("b") => Ok(Some(true)),
        Some("c" | "u") => Ok(Some(false)),
        Some(other) => Err(origin.unsupported(format!("a node of type {other:?}"))),
    }
}

/// Returns whether the device at `path` is a block device, and its major and minor number; `None` for other files.
fn device_at(path: &Path) -> Option<(bool, (u32, u32))> {
    let found = std::fs::metadata(path).ok()?;
    let is_block = found.file_type().is_block_device();
    let numbers = (rustix::fs::major(found.rdev()), rustix::fs::minor(found.rdev()));
    (is_block || found.file_type().is_char_device()).then_some((is_block, numbers))
}
