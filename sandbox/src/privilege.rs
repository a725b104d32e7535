//! The privileges of the caller: root, or a user namespace of its own.
//!
//! ```text
//! subordinate_ids   ids that /etc/subuid and /etc/subgid lend to the user, and the programs that map them
//! id_mapper         a process outside of the new user namespace that runs these programs
//! ```
//!
//! Without root, [`enter`] makes a user namespace in which this process is root. Only the set-user-ID programs
//! `newuidmap` and `newgidmap` can map more ids than our own, and only from outside of the namespace. Without them, or
//! without subordinate ids, the namespace has a single id: our own, as root. [`advice`] names what is missing.
//!
//! Concurrency: the caller has one thread. A mount namespace belongs to a thread, and existing threads would keep the
//! old one.

mod id_mapper;
mod subordinate_ids;

use std::path::{Path, PathBuf};

use nix::sched::{CloneFlags, unshare};
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::process::{getegid, geteuid};

use crate::SandboxError;
use crate::error::os;
use id_mapper::IdMapper;
use subordinate_ids::SubordinateIds;

/// How much isolation this machine allows us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// Root of the host, with all user and group ids.
    Root,
    /// Root of a user namespace with subordinate ids: containers can have several users.
    Rootless,
    /// Root of a user namespace with a single id: every user of a container but root is refused.
    RootlessSingleId,
}

/// Enters a private mount namespace and, without root, a user namespace in which this process is root.
///
/// All mounts of this process disappear when it ends. Call this before any thread exists.
pub fn enter() -> Result<Tier, SandboxError> {
    check_single_thread()?;
    if geteuid().is_root() && unshare(CloneFlags::CLONE_NEWNS).is_ok() {
        make_mounts_private()?;
        return Ok(tier_of(&std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default()));
    }
    let tier = enter_user_namespace()?;
    make_mounts_private().map_err(with_advice)?;
    Ok(tier)
}

/// Isolation that [`enter_if_allowed`] could enter.
#[derive(Debug)]
pub enum Isolation {
    /// This process is in namespaces of its own, and can start sandboxes.
    Entered(Tier),
    /// This machine does not allow namespaces, as in a container with docker's defaults. Nothing has changed.
    Refused(SandboxError),
}

/// Enters as [`enter`] does. A refusal is not an error if the process is as it was before, so that work that needs no
/// sandbox can go on.
pub fn enter_if_allowed() -> Result<Isolation, SandboxError> {
    let before = namespaces();
    match enter() {
        Ok(tier) => Ok(Isolation::Entered(tier)),
        Err(error) if namespaces() == before => Ok(Isolation::Refused(error)),
        Err(error) => Err(error),
    }
}

/// Returns the names of this process's user and mount namespace; `None` for one that cannot be read.
fn namespaces() -> [Option<PathBuf>; 2] {
    ["user", "mnt"].map(|kind| std::fs::read_link(Path::new("/proc/self/ns").join(kind)).ok())
}

/// Returns what to do to get more than a single id; `None` if nothing is missing.
pub fn advice() -> Option<String> {
    SubordinateIds::find().err()
}

fn check_single_thread() -> Result<(), SandboxError> {
    let tasks = std::fs::read_dir("/proc/self/task").map_err(os("count our threads"))?;
    match tasks.count() {
        1 => Ok(()),
        _ => Err(os("make namespaces: this process already has threads")(rustix::io::Errno::INVAL)),
    }
}

/// Keeps our mounts from the host. New mounts of the host still appear here.
fn make_mounts_private() -> Result<(), SandboxError> {
    let slave = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    mount_change("/", slave).map_err(os("make the mounts below / private"))
}

/// Returns the tier of a process that is root already, by its `uid_map`: root of the host, or of a user namespace that
/// somebody else made.
fn tier_of(uid_map: &str) -> Tier {
    let counts = uid_map.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok());
    match counts.sum() {
        4_294_967_295 => Tier::Root,
        0 | 1 => Tier::RootlessSingleId,
        _ => Tier::Rootless,
    }
}

fn enter_user_namespace() -> Result<Tier, SandboxError> {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    let Ok(ids) = SubordinateIds::find() else {
        make_user_namespace()?;
        return map_own_id(uid, gid);
    };
    // The mapper is started first, so that it stays outside of the new namespace.
    let mapper = IdMapper::start(ids)?;
    make_user_namespace()?;
    if mapper.map()? { Ok(Tier::Rootless) } else { map_own_id(uid, gid) }
}

fn make_user_namespace() -> Result<(), SandboxError> {
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)
        .map_err(os("make a user namespace"))
        .map_err(with_advice)
}

/// Maps our own id to root. The kernel requires that groups cannot be changed then (CVE-2014-8989).
fn map_own_id(uid: u32, gid: u32) -> Result<Tier, SandboxError> {
    for (file, text) in
        [("setgroups", "deny".into()), ("uid_map", format!("0 {uid} 1")), ("gid_map", format!("0 {gid} 1"))]
    {
        let written = std::fs::write(Path::new("/proc/self").join(file), text);
        written.map_err(os("map our id to root")).map_err(with_advice)?;
    }
    Ok(Tier::RootlessSingleId)
}

/// Turns a refusal of the kernel into an error that names the setting to change.
///
/// The steps after the creation of a namespace need this as well: Ubuntu's AppArmor allows the namespace, but no
/// privileges in it.
fn with_advice(error: SandboxError) -> SandboxError {
    match error {
        SandboxError::Os { action, source } => SandboxError::Unavailable {
            what: format!("cannot {action} ({source})"),
            hint: setting_to_change().into(),
        },
        other => other,
    }
}

/// Returns advice for the mechanism with which this distribution forbids user namespaces.
fn setting_to_change() -> &'static str {
    let sysctl = |name: &str| std::fs::read_to_string(Path::new("/proc/sys").join(name)).unwrap_or_default();
    if sysctl("kernel/unprivileged_userns_clone").trim() == "0" {
        "run as root, or allow it: sysctl kernel.unprivileged_userns_clone=1"
    } else if sysctl("kernel/apparmor_restrict_unprivileged_userns").trim() == "1" {
        "run as root, or allow it: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile \
         for dsbuild that has `userns,`"
    } else if sysctl("user/max_user_namespaces").trim() == "0" {
        "run as root, or allow it: sysctl user.max_user_namespaces=10000"
    } else {
        "run as root; in a container, allow unshare (docker: --security-opt seccomp=unconfined) or give CAP_SYS_ADMIN"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_tier(uid_map: &str, expected: Tier) {
        assert_eq!(tier_of(uid_map), expected, "{uid_map:?}");
    }

    #[test]
    fn the_number_of_mapped_ids_decides_the_tier() {
        check_tier("         0          0 4294967295\n", Tier::Root);
        check_tier("0 1000 1\n1 100000 65536\n", Tier::Rootless);
        check_tier("0 1000 1\n", Tier::RootlessSingleId);
    }
}
