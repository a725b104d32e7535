//! Parts of `/proc` and `/sys` that tell about or change the host: hidden, or made read-only.
//!
//! Source: moby's defaults, which contain BuildKit's and some more.

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
const READ_ONLY_PROC: [&str; 5] = ["bus", "fs", "irq", "sys", "sysrq-trigger"];
const MASKED_SYS: [&str; 2] = ["firmware", "devices/virtual/powercap"];
const CPUS: &str = "devices/system/cpu";

/// Hides and protects. Called once `special` is attached.
pub(super) fn apply(special: &Attached, scratch: &Scratch) -> Result<(), SandboxError> {
    let null = dev::null(&special.dev).map_err(mount("/dev/null"))?;
    for name in MASKED_PROC {
        hide(&special.proc, name, &null, scratch).map_err(mount(format!("/proc/{name}")))?;
    }
    for name in READ_ONLY_PROC {
        protect(&special.proc, name).map_err(mount(format!("/proc/{name}")))?;
    }
    let throttles = throttles(&special.sys);
    for name in MASKED_SYS.map(String::from).iter().chain(&throttles) {
        hide(&special.sys, name, &null, scratch).map_err(mount(format!("/sys/{name}")))?;
    }
    Ok(())
}

/// Temperatures of each processor, which tell what others compute.
fn throttles(sys: &OwnedFd) -> Vec<String> {
    let first = format!("{CPUS}/cpu0/thermal_throttle");
    if !matches!(open(sys, &first), Ok(Some(_))) {
        return Vec::new();
    }
    let numbers = 0..u32::MAX;
    let paths = numbers.map(|cpu| format!("{CPUS}/cpu{cpu}/thermal_throttle"));
    paths.take_while(|path| matches!(open(sys, path), Ok(Some(_)))).collect()
}

/// On a file system of the kernel's, where paths can be trusted.
fn open(on: &OwnedFd, path: &str) -> io::Result<Option<OwnedFd>> {
    match openat(on, path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()) {
        Err(Errno::NOENT) => Ok(None),
        result => Ok(Some(result?)),
    }
}

fn hide(on: &OwnedFd, path: &str, null: &OwnedFd, scratch: &Scratch) -> io::Result<()> {
    let Some(place) = open(on, path)? else { return Ok(()) };
    let is_directory = FileType::from_raw_mode(fstat(&place)?.st_mode) == FileType::Directory;
    let cover = if is_directory { scratch.empty_directory()? } else { mount_api::clone(null, false)? };
    if is_directory {
        sys::mount_setattr(cover.as_fd(), sys::READ_ONLY, false)?;
    }
    mount_api::attach(cover, place)
}

fn protect(on: &OwnedFd, path: &str) -> io::Result<()> {
    let Some(place) = open(on, path)? else { return Ok(()) };
    let view = mount_api::clone(&place, true)?;
    sys::mount_setattr(view.as_fd(), sys::READ_ONLY | sys::NO_SUID | sys::NO_EXEC | sys::NO_DEVICES, true)?;
    mount_api::attach(view, place)
}
