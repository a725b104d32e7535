//! Mounting layers on top of each other with overlayfs.
//!
//! ```text
//! new mount API, `lowerdir+` (kernel 6.8)   up to 500 lower layers
//! mount(2) with one page of options         up to 180: then the detached clone of it is taken
//! more layers than that                     the lowest ones become one read-only overlay that is a lower layer
//! ```
//!
//! All directories are named by `/proc/self/fd/N`: no path is too long for an option, and `/proc/mounts` tells a
//! process inside nothing about the store. Features that make an upper directory more than a plain layer are off:
//! `redirect_dir` (a renamed directory would be a reference), `metacopy` (a file without its content), `index`.
//!
//! A mount is attached nowhere for longer than it takes to make it, and goes with its last descriptor.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags,
    fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};

use crate::RootfsError;
use crate::error::failed;
use crate::safe_path::{fd_path, open_store_dir};
use crate::snapshot::lowers::Lower;
use crate::xattr::Flavor;

/// The most lower layers that the kernel takes (`OVL_MAX_STACK`).
pub(crate) const MAX_LOWERS: usize = 500;
/// The most of them that surely fit into one page of options: 22 bytes each, and 150 for the rest.
const MAX_LOWERS_IN_PAGE: usize = 180;

/// What is mounted.
pub(crate) struct Overlay<'a> {
    /// Lower layers, from the base up.
    pub lowers: &'a [Lower],
    /// The writable layer and overlayfs' work directory, fresh for each mount; read-only without.
    pub upper: Option<(&'a Path, &'a Path)>,
    /// What is written need not reach the disk (`volatile`).
    pub volatile: bool,
    /// An empty directory to make others in.
    pub scratch: &'a Path,
    /// Which attributes overlayfs uses.
    pub flavor: Flavor,
}

impl Overlay<'_> {
    /// Mounts it, attached nowhere.
    pub(crate) fn mount(&self) -> Result<OwnedFd, RootfsError> {
        match self.mount_with(Api::Detached) {
            // An old kernel does not know `lowerdir+`.
            Err(RootfsError::Io { source, .. }) if source.raw_os_error() == Some(UNKNOWN_OPTION) => {
                self.mount_with(Api::Options).map_err(|error| self.explain(error))
            }
            result => result,
        }
    }

    /// The kernel has one error for all that it does not like; the most frequent reason is told by name.
    fn explain(&self, error: RootfsError) -> RootfsError {
        let Ok(status) = rustix::fs::statfs(self.scratch) else { return error };
        match UNFIT.iter().find(|(magic, _)| status.f_type == *magic) {
            Some((_, file_system)) => RootfsError::NoOverlay { path: self.scratch.to_owned(), file_system },
            None => error,
        }
    }

    /// Mounts with `api`; layers that are too many for it become one below the others.
    pub(crate) fn mount_with(&self, api: Api) -> Result<OwnedFd, RootfsError> {
        let mut lowers: Vec<Lower> = self.lowers.iter().rev().cloned().collect();
        let minimum = if self.upper.is_some() { 1 } else { 2 };
        while lowers.len() < minimum {
            let empty = subdirectory(self.scratch, &format!("empty{}", lowers.len()))?;
            lowers.push(Lower::Directory(empty));
        }
        let base = if lowers.len() > api.limit() {
            let below = lowers.split_off(api.limit() - 1);
            let base = self.base(&below, api)?;
            lowers.push(Lower::Directory(base.at.clone()));
            Some(base)
        } else {
            None
        };
        let mounted = self.mount_lowers(&lowers, api);
        drop(base);
        mounted
    }

    /// The lowest layers (from the top down) as one mount.
    fn base(&self, below: &[Lower], api: Api) -> Result<Attached, RootfsError> {
        if below.len() > api.limit() {
            // The kernel stacks overlayfs on overlayfs once, no deeper.
            let limit = format!("{} layers", 2 * api.limit() - 1);
            return Err(RootfsError::Limit { what: "the number of layers of an image", limit });
        }
        let read_only = Overlay { lowers: &[], upper: None, volatile: false, ..*self };
        Attached::new(&read_only.mount_lowers(below, api)?, &subdirectory(self.scratch, "base")?)
    }

    /// `lowers` are from the top down, and not too many.
    fn mount_lowers(&self, lowers: &[Lower], api: Api) -> Result<OwnedFd, RootfsError> {
        match api {
            Api::Detached => self.mount_detached(lowers),
            Api::Options => self.mount_by_options(lowers),
        }
    }

    /// With the new mount API. `lowers` are from the top down.
    fn mount_detached(&self, lowers: &[Lower]) -> Result<OwnedFd, RootfsError> {
        let fs = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC).map_err(failed("use", "overlayfs"))?;
        let set = |key: &'static str, value: &Path| fsconfig_set_string(fs.as_fd(), key, value);
        set("source", Path::new("overlay")).map_err(failed("name", "overlayfs"))?;
        for lower in lowers {
            let dir = lower.open()?;
            set("lowerdir+", &fd_path(dir.as_fd())).map_err(failed("lay an overlay on", lower.path()))?;
        }
        if let Some((upper, work)) = self.upper {
            for (key, path) in [("upperdir", upper), ("workdir", work)] {
                let dir = open_store_dir(path)?;
                set(key, &fd_path(dir.as_fd())).map_err(failed("lay an overlay with", path))?;
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

    /// With mount(2), for kernels before 6.8. `lowers` are from the top down.
    fn mount_by_options(&self, lowers: &[Lower]) -> Result<OwnedFd, RootfsError> {
        let lowers = lowers.iter().map(Lower::open).collect::<Result<Vec<_>, _>>()?;
        let names: Vec<String> =
            lowers.iter().map(|dir| fd_path(dir.as_fd()).display().to_string()).collect();
        let mut options = format!("lowerdir={}", names.join(":"));
        let upper = self
            .upper
            .map(|(upper, work)| Ok::<_, RootfsError>((open_store_dir(upper)?, open_store_dir(work)?)));
        let upper = upper.transpose()?;
        if let Some((upper, work)) = &upper {
            options += &format!(
                ",upperdir={},workdir={}",
                fd_path(upper.as_fd()).display(),
                fd_path(work.as_fd()).display()
            );
        }
        for (key, value) in FEATURES {
            options += &format!(",{key}={value}");
        }
        for flag in self.flags() {
            options += &format!(",{flag}");
        }
        let at = subdirectory(self.scratch, "mount")?;
        let options = std::ffi::CString::new(options).expect("built from numbers and words");
        let mut flags = MountFlags::NODEV;
        flags.set(MountFlags::RDONLY, self.upper.is_none());
        rustix::mount::mount("overlay", &at, "overlay", flags, options.as_c_str())
            .map_err(failed("mount an overlay in", self.scratch))?;
        Attached { at }.clone_tree(Path::new(""))
    }

    /// Options without a value.
    fn flags(&self) -> impl Iterator<Item = &'static str> {
        let user = (self.flavor == Flavor::User).then_some("userxattr");
        user.into_iter().chain(self.volatile.then_some("volatile"))
    }

    /// Devices of an image are there to be copied, not opened: a sandbox has a `/dev` of its own.
    fn attributes(&self) -> MountAttrFlags {
        let mut attributes = MountAttrFlags::MOUNT_ATTR_NODEV;
        attributes.set(MountAttrFlags::MOUNT_ATTR_RDONLY, self.upper.is_none());
        attributes
    }
}

/// The two ways to mount.
#[derive(Clone, Copy)]
pub(crate) enum Api {
    Detached,
    Options,
}

impl Api {
    /// The most lower layers of one mount.
    fn limit(self) -> usize {
        match self {
            Self::Detached => MAX_LOWERS,
            Self::Options => MAX_LOWERS_IN_PAGE,
        }
    }
}

/// `EINVAL`, as `raw_os_error` has it.
const UNKNOWN_OPTION: i32 = Errno::INVAL.raw_os_error();

/// Options of every overlay. `nofollow`: no redirect is made, and none that a lower layer may have is followed.
const FEATURES: [(&str, &str); 3] = [("redirect_dir", "nofollow"), ("metacopy", "off"), ("index", "off")];

/// File systems that cannot be an upper layer, by the numbers that statfs(2) lists.
const UNFIT: [(i64, &str); 5] = [
    (0x794c_7630, "overlayfs"),
    (0x6969, "nfs"),
    (0x6573_5546, "fuse"),
    (0x0102_1997, "9p"),
    (0xff53_4d42, "cifs"),
];

/// A mount that is attached for a moment; detached when dropped.
#[derive(Debug)]
pub(crate) struct Attached {
    at: PathBuf,
}

impl Attached {
    /// Attaches a detached mount at the directory `at`.
    pub(crate) fn new(mount: &OwnedFd, at: &Path) -> Result<Self, RootfsError> {
        move_mount(mount, "", CWD, at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
            .map_err(failed("attach an overlay at", at))?;
        Ok(Self { at: at.to_owned() })
    }

    /// The part of it at `source` as a mount of its own, attached nowhere. Links in `source` are resolved inside.
    pub(crate) fn clone_tree(&self, source: &Path) -> Result<OwnedFd, RootfsError> {
        let root = open_store_dir(&self.at)?;
        clone_tree(&root, source)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // Nothing else can be done about a mount that does not go; it ends with our mount namespace.
        let _ = rustix::mount::unmount(&self.at, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW);
    }
}

/// What is at `source` in the opened directory `root` (links resolved as if that were `/`) as a mount of its own.
pub(crate) fn clone_tree(root: &OwnedFd, source: &Path) -> Result<OwnedFd, RootfsError> {
    let found = crate::safe_path::open_in_root(root, source, rustix::fs::OFlags::PATH)
        .map_err(failed("open the mount source", source))?;
    clone_mount(&found, source)
}

/// What is open as a mount of its own; `path` is for messages.
pub(crate) fn clone_mount(found: &OwnedFd, path: &Path) -> Result<OwnedFd, RootfsError> {
    open_tree(found, "", CLONE).map_err(failed("bind", path))
}

/// The same with all that is mounted below it.
pub(crate) fn clone_mounts(found: &OwnedFd, path: &Path) -> Result<OwnedFd, RootfsError> {
    open_tree(found, "", CLONE | OpenTreeFlags::AT_RECURSIVE).map_err(failed("bind", path))
}

const CLONE: OpenTreeFlags = OpenTreeFlags::OPEN_TREE_CLONE
    .union(OpenTreeFlags::OPEN_TREE_CLOEXEC)
    .union(OpenTreeFlags::AT_EMPTY_PATH);

/// Makes the directory `name` in `scratch` if it is not there.
fn subdirectory(scratch: &Path, name: &str) -> Result<PathBuf, RootfsError> {
    let path = scratch.join(name);
    match rustix::fs::mkdir(&path, rustix::fs::Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => Ok(path),
        Err(error) => Err(failed("make", path)(error)),
    }
}
