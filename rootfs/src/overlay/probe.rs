//! Whether a file system can hold the upper directory of an overlay.
//!
//! File systems that are known to are not probed, since a probe costs as much as a mount. For the others no list can be
//! trusted: it depends on the kernel, and with FUSE on the program behind it.

use std::path::Path;

use super::mount::Overlay;
use crate::RootfsError;
use crate::error::failed;
use trees::xattr::Flavor;

/// Numbers of the file systems that hold upper directories in every kernel that dsbuild supports: ext4, XFS, Btrfs, tmpfs and
/// F2FS.
///
/// Source: statfs(2), which lists the numbers.
const FIT: [i64; 5] = [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0xf2f5_2010];

/// Returns the name of the file system of the empty directory `scratch` if it cannot hold the upper directory of an overlay.
pub(crate) fn unfit_file_system(scratch: &Path) -> Result<Option<String>, RootfsError> {
    let number = rustix::fs::statfs(scratch).map_err(failed("stat the file system of", scratch))?.f_type;
    if FIT.contains(&number) || can_mount(scratch)? {
        return Ok(None);
    }
    Ok(Some(name(number).map_or_else(|| format!("file system {number:#x}"), str::to_owned)))
}

/// Reports whether an overlay can be mounted with all its directories in `scratch`.
fn can_mount(scratch: &Path) -> Result<bool, RootfsError> {
    let (upper, work) = (scratch.join("upper"), scratch.join("work"));
    for dir in [&upper, &work] {
        std::fs::create_dir(dir).map_err(failed("make", dir))?;
    }
    let flavor = Flavor::current();
    let overlay = Overlay { lowers: &[], upper: Some((&upper, &work)), volatile: true, scratch, flavor };
    // A full disk or a missing right is reported when files are copied.
    Ok(overlay.mount().is_ok())
}

/// Returns the name of the file system with this number; `None` for an unknown number.
fn name(number: i64) -> Option<&'static str> {
    match number {
        0x794c_7630 => Some("overlayfs"),
        0x6969 => Some("NFS"),
        0x6573_5546 => Some("FUSE"),
        0x0102_1997 => Some("9P"),
        0xff53_4d42 => Some("CIFS"),
        0x2fc1_2fc1 => Some("ZFS"),
        0x0bd0_0bd0 => Some("Lustre"),
        0x00c3_6400 => Some("Ceph"),
        _ => None,
    }
}
