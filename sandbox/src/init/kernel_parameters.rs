//! Values of the kernel that the user sets for a sandbox: parameters below `/proc/sys`, and the preference for being
//! killed when memory runs out.

use std::io::Write;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, openat};

use crate::SandboxError;
use crate::boundary::{Boundary, sysctl_path};

/// Sets the values through `proc`, a new procfs, before parts of it become read-only.
pub(super) fn set(proc: &OwnedFd, boundary: &Boundary) -> Result<(), SandboxError> {
    for (name, value) in &boundary.sysctls {
        write(proc, &format!("sys/{}", sysctl_path(name)), value).map_err(|source| SandboxError::Os {
            action: format!("set the kernel parameter {name:?} to {value:?}").into(),
            source,
        })?;
    }
    if !boundary.domainname.is_empty() {
        let name = &boundary.domainname;
        rustix::system::setdomainname(name.as_bytes()).map_err(crate::error::os("set the domain name"))?;
    }
    if let Some(score) = boundary.oom_score_adj {
        write(proc, "self/oom_score_adj", &score.to_string()).map_err(|source| SandboxError::Os {
            action: format!("set --oom-score-adj to {score}: values below the present one are root's").into(),
            source,
        })?;
    }
    Ok(())
}

/// Writes to a file of the procfs, where paths can be trusted.
fn write(proc: &OwnedFd, path: &str, value: &str) -> std::io::Result<()> {
    let file = openat(proc, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    std::fs::File::from(file).write_all(value.as_bytes())
}
