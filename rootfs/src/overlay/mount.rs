//! Mounting an overlay, attached nowhere.
//!
//! ```text
//! new mount API, `lowerdir+` (Linux 6.8)   up to 500 lower layers
//! mount(2) with one page of options        up to 180 lower layers; the result is cloned to detach it
//! more layers than that                    the lowest ones become one read-only overlay, which is a lower layer
//! ```
//!
//! All directories are named by `/proc/self/fd/N`, so that no path is too long for an option and `/proc/mounts` shows
//! nothing of the store to a process inside.
//!
//! A mount is attached to a directory no longer than it takes to make it, and goes away with its last descriptor.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use trees::TreeError;

use rustix::fs::{Mode, StatVfsMountFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen,
};

use super::attached::Attached;
use super::lower::Lower;
use super::options::{FEATURES, MAX_LOWERS, MAX_LOWERS_IN_PAGE};
use crate::RootfsError;
use crate::error::failed;
use trees::safe_path::{fd_path, open_store_dir};
use trees::xattr::Flavor;

/// Description of an overlay to mount.
pub(crate) struct Overlay<'a> {
    /// Lower layers, from the base up.
    pub lowers: &'a [Lower],
    /// Upper directory, and a work directory for overlayfs that no mount has used before. `None` for a read-only
    /// overlay.
    pub upper: Option<(&'a Path, &'a Path)>,
    /// Option `volatile`: changes need not reach the disk.
    pub volatile: bool,
    /// Directory in which the mount can make directories of its own.
    pub scratch: &'a Path,
    /// Attributes that overlayfs uses for itself.
    pub flavor: Flavor,
}

/// System calls that mount an overlay.
#[derive(Clone, Copy)]
pub(crate) enum MountApi {
    /// The new mount API: `fsopen` and `fsmount`.
    Detached,
    /// `mount(2)`, with all options in one string.
    Options,
}

impl MountApi {
    /// Returns the maximum number of lower layers of one mount.
    fn max_lowers(self) -> usize {
        match self {
            Self::Detached => MAX_LOWERS,
            Self::Options => MAX_LOWERS_IN_PAGE,
        }
    }
}

/// Error of a kernel that does not know `lowerdir+`, in the form of `raw_os_error`.
const UNKNOWN_OPTION: i32 = Errno::INVAL.raw_os_error();

impl Overlay<'_> {
    /// Mounts the overlay, attached nowhere.
    pub(crate) fn mount(&self) -> Result<OwnedFd, RootfsError> {
        match self.mount_with(MountApi::Detached) {
            Err(RootfsError::Tree(TreeError::Io { source, .. }))
                if source.raw_os_error() == Some(UNKNOWN_OPTION) =>
            {
                self.mount_with(MountApi::Options)
            }
            result => result,
        }
    }

    /// Mounts the overlay with `api`. If there are too many layers, the lowest ones become an overlay below the
    /// others.
    pub(crate) fn mount_with(&self, api: MountApi) -> Result<OwnedFd, RootfsError> {
        let mut lowers: Vec<Lower> = self.lowers.iter().rev().cloned().collect();
        self.add_empty_lowers(&mut lowers)?;
        let base = if lowers.len() > api.max_lowers() {
            let lowest = lowers.split_off(api.max_lowers() - 1);
            let base = self.mount_base(&lowest, api)?;
            lowers.push(Lower::Directory(base.path().to_owned()));
            Some(base)
        } else {
            None
        };
        let mounted = self.mount_lowers(&lowers, api);
        // The overlay holds its base for itself from here on.
        drop(base);
        self.check_writable(mounted?)
    }

    /// Refuses a mount that should be writable and is not: overlayfs mounts read-only, without an error, where it cannot
    /// make its work directory. The reason is nearly always a disk without a free inode or block.
    fn check_writable(&self, mounted: OwnedFd) -> Result<OwnedFd, RootfsError> {
        let Some((upper, _)) = self.upper else { return Ok(mounted) };
        let flags =
            rustix::fs::fstatvfs(&mounted).map_err(failed("stat an overlay in", self.scratch))?.f_flag;
        if !flags.contains(StatVfsMountFlags::RDONLY) {
            return Ok(mounted);
        }
        let is_full = rustix::fs::statvfs(upper).is_ok_and(|disk| disk.f_favail == 0 || disk.f_bavail == 0);
        let cause = if is_full { Errno::NOSPC } else { Errno::ROFS };
        Err(failed("mount an overlay in", self.scratch)(cause))
    }

    /// Adds empty directories where overlayfs requires more lower layers: one, or two for a read-only overlay.
    fn add_empty_lowers(&self, lowers: &mut Vec<Lower>) -> Result<(), RootfsError> {
        let minimum = if self.upper.is_some() { 1 } else { 2 };
        while lowers.len() < minimum {
            let empty = subdirectory(self.scratch, &format!("empty{}", lowers.len()))?;
            lowers.push(Lower::Directory(empty));
        }
        Ok(())
    }

    /// Mounts the lowest layers (from the top down) as one overlay, attached to a scratch directory.
    fn mount_base(&self, lowest: &[Lower], api: MountApi) -> Result<Attached, RootfsError> {
        if lowest.len() > api.max_lowers() {
            // The kernel allows overlayfs on overlayfs, but no deeper stack.
            let limit = format!("{} layers", 2 * api.max_lowers() - 1);
            return Err(TreeError::Limit { what: "the number of layers of an image", limit }.into());
        }
        let read_only = Overlay { lowers: &[], upper: None, volatile: false, ..*self };
        Attached::new(&read_only.mount_lowers(lowest, api)?, &subdirectory(self.scratch, "base")?)
    }

    /// Mounts `lowers`, which are from the top down and not too many for `api`.
    fn mount_lowers(&self, lowers: &[Lower], api: MountApi) -> Result<OwnedFd, RootfsError> {
        match api {
            MountApi::Detached => self.mount_detached(lowers),
            MountApi::Options => self.mount_by_options(lowers),
        }
    }

    /// Mounts with the new mount API. `lowers` are from the top down.
    fn mount_detached(&self, lowers: &[Lower]) -> Result<OwnedFd, RootfsError> {
        let fs = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC).map_err(failed("use", "overlayfs"))?;
        let set = |key: &'static str, value: &Path| fsconfig_set_string(fs.as_fd(), key, value);
        set("source", Path::new("overlay")).map_err(failed("set an option of", "overlayfs"))?;
        for lower in lowers {
            let dir = lower.open()?;
            set("lowerdir+", &fd_path(dir.as_fd())).map_err(failed("use as a lower layer", lower.path()))?;
        }
        if let Some((upper, work)) = self.upper {
            for (key, path) in [("upperdir", upper), ("workdir", work)] {
                let dir = open_store_dir(path)?;
                set(key, &fd_path(dir.as_fd())).map_err(failed("use as an upper layer", path))?;
            }
        }
        for (key, value) in FEATURES {
            set(key, Path::new(value)).map_err(failed("set an option of", "overlayfs"))?;
        }
        for flag in self.flags() {
            fsconfig_set_flag(&fs, flag).map_err(failed("set an option of", "overlayfs"))?;
        }
        fsconfig_create(&fs).map_err(failed("mount an overlay in", self.scratch))?;
        fsmount(&fs, FsMountFlags::FSMOUNT_CLOEXEC, self.attributes())
            .map_err(failed("mount an overlay in", self.scratch))
    }

    /// Mounts with mount(2), for kernels before 6.8. `lowers` are from the top down.
    fn mount_by_options(&self, lowers: &[Lower]) -> Result<OwnedFd, RootfsError> {
        // The options name the directories by their descriptors, which must stay open until the mount is made.
        let lowers = lowers.iter().map(Lower::open).collect::<Result<Vec<_>, _>>()?;
        let open_upper =
            |(upper, work)| Ok::<_, RootfsError>([open_store_dir(upper)?, open_store_dir(work)?]);
        let upper = self.upper.map(open_upper).transpose()?;
        let options = self.options(&lowers, upper.as_ref());
        let options = std::ffi::CString::new(options).expect("built from numbers and words");
        let at = subdirectory(self.scratch, "mount")?;
        let mut flags = MountFlags::NODEV;
        flags.set(MountFlags::RDONLY, self.upper.is_none());
        rustix::mount::mount("overlay", &at, "overlay", flags, options.as_c_str())
            .map_err(failed("mount an overlay in", self.scratch))?;
        Attached::already_at(at).clone_tree(Path::new(""))
    }

    /// Returns the options of mount(2). `upper` is the upper and the work directory.
    fn options(&self, lowers: &[OwnedFd], upper: Option<&[OwnedFd; 2]>) -> String {
        let path = |dir: &OwnedFd| fd_path(dir.as_fd()).display().to_string();
        let names: Vec<String> = lowers.iter().map(path).collect();
        let mut options = format!("lowerdir={}", names.join(":"));
        if let Some([upper, work]) = upper {
            options += &format!(",upperdir={},workdir={}", path(upper), path(work));
        }
        for (key, value) in FEATURES {
            options += &format!(",{key}={value}");
        }
        for flag in self.flags() {
            options += &format!(",{flag}");
        }
        options
    }

    /// Returns the options that have no value.
    fn flags(&self) -> impl Iterator<Item = &'static str> {
        let user = (self.flavor == Flavor::User).then_some("userxattr");
        user.into_iter().chain(self.volatile.then_some("volatile"))
    }

    /// Returns the attributes of the mount. Device files of an image can be copied but not opened (`nodev`): a
    /// sandbox has a `/dev` of its own.
    fn attributes(&self) -> MountAttrFlags {
        let mut attributes = MountAttrFlags::MOUNT_ATTR_NODEV;
        attributes.set(MountAttrFlags::MOUNT_ATTR_RDONLY, self.upper.is_none());
        attributes
    }
}

/// Makes the directory `name` in `scratch` unless it exists.
fn subdirectory(scratch: &Path, name: &str) -> Result<PathBuf, RootfsError> {
    let path = scratch.join(name);
    match rustix::fs::mkdir(&path, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => Ok(path),
        Err(error) => Err(failed("make", path)(error)),
    }
}
