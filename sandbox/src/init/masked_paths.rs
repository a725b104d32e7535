//! Masks parts of `/proc` and `/sys` that reveal the host's state, and makes parts read-only that change it.
//!
//! Source: moby's defaults, a superset of BuildKit's.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;

use super::dev;
use super::scratch::Scratch;
use super::system_mounts::Attached;
use crate::error::mount;
use crate::mount_api;
use crate::{SandboxError, sys};

/// Paths in `/proc` that are hidden.
const MASKED_PROC: [&str; 10] = [
    "acpi",
    "asound",
    "interrupts",
    "kcore",
    "keys",
    "latency_stats",
    "timer_list",
    "timer_stats",
    "sched_debug",
    "scsi",
];
/// Paths in `/proc` that are read-only.
const READ_ONLY_PROC: [&str; 5] = ["bus", "fs", "irq", "sys", "sysrq-trigger"];
/// Paths in `/sys` that are hidden, besides those of [`throttles`].
const MASKED_SYS: [&str; 2] = ["firmware", "devices/virtual/powercap"];
/// Directory of the processors in `/sys`.
const CPUS: &str = "devices/system/cpu";

/// Masks paths of the attached file systems. `scratch` provides the covers.
pub(super) fn apply(attached: &Attached, scratch: &Scratch) -> Result<(), SandboxError> {
    let null = dev::null(&attached.dev).map_err(mount("/dev/null"))?;
    for name in MASKED_PROC {
        hide(&attached.proc, name, &null, scratch).map_err(mount(format!("/proc/{name}")))?;
    }
    for name in READ_ONLY_PROC {
        protect(&attached.proc, name).map_err(mount(format!("/proc/{name}")))?;
    }
    let throttles = throttles(&attached.sys);
    for name in MASKED_SYS.map(String::from).iter().chain(&throttles) {
        hide(&attached.sys, name, &null, scratch).map_err(mount(format!("/sys/{name}")))?;
    }
    Ok(())
}

/// Returns the paths of each processor's thermal throttling counters, a side channel on what other processes compute.
fn throttles(sys: &OwnedFd) -> Vec<String> {
    let first = format!("{CPUS}/cpu0/thermal_throttle");
    if !matches!(open(sys, &first), Ok(Some(_))) {
        return Vec::new();
    }
    let numbers = 0..u32::MAX;
    let paths = numbers.map(|cpu| format!("{CPUS}/cpu{cpu}/thermal_throttle"));
    paths.take_while(|path| matches!(open(sys, path), Ok(Some(_)))).collect()
}

/// Opens `path` on a file system of the kernel's, where paths can be trusted. Returns `None` if it does not exist.
fn open(on: &OwnedFd, path: &str) -> io::Result<Option<OwnedFd>> {
    match openat(on, path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()) {
        Err(Errno::NOENT) => Ok(None),
        result => Ok(Some(result?)),
    }
}

/// Covers a directory by an empty one and a file by the null device.
fn hide(on: &OwnedFd, path: &str, null: &OwnedFd, scratch: &Scratch) -> io::Result<()> {
    let Some(hidden) = open(on, path)? else { return Ok(()) };
    let is_directory = FileType::from_raw_mode(fstat(&hidden)?.st_mode) == FileType::Directory;
    let cover = if is_directory { scratch.empty_directory()? } else { mount_api::clone(null, false)? };
    if is_directory {
        sys::mount_setattr(cover.as_fd(), sys::READ_ONLY, false)?;
    }
    mount_api::attach(cover, hidden)
}

/// Mounts a read-only view of `path` on itself.
fn protect(on: &OwnedFd, path: &str) -> io::Result<()> {
    let Some(protected) = open(on, path)? else { return Ok(()) };
    let view = mount_api::clone(&protected, true)?;
    sys::mount_setattr(view.as_fd(), sys::READ_ONLY | sys::NO_SUID | sys::NO_EXEC | sys::NO_DEVICES, true)?;
    mount_api::attach(view, protected)
}
