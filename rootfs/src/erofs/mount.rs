//! Mounting an image together with its tar.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen,
};

use trees::safe_path::fd_path;

/// Mounts `image` over `tar`, attached nowhere. Needs root and Linux 6.12, the first version that mounts files
/// without loop devices, which would have to be allocated and released.
pub(crate) fn mount(image: &File, tar: &File) -> rustix::io::Result<OwnedFd> {
    let fs = fsopen("erofs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&fs, "source", fd_path(image.as_fd()))?;
    fsconfig_set_string(&fs, "device", fd_path(tar.as_fd()))?;
    fsconfig_create(&fs)?;
    // As for overlays: set-uid programs work, device files do not.
    let attributes = MountAttrFlags::MOUNT_ATTR_RDONLY | MountAttrFlags::MOUNT_ATTR_NODEV;
    fsmount(&fs, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}
