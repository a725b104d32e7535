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

use std::io;
use std::path::Path;

use nix::sched::{CloneFlags, unshare};
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::process::{getegid, geteuid};

use crate::SandboxError;
use crate::error::os;
use id_mapper::IdMapper;
use subordinate_ids::SubordinateIds;

/// Action in the error of a listing of threads that cannot be read.
const COUNT_THREADS: &str = "count the threads in /proc/self/task";

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
    match enter_if_allowed()? {
        Isolation::Entered(tier) => Ok(tier),
        Isolation::Refused(error) => Err(error),
    }
}

/// Enters the user namespace of a process of the same user, in which this process is root then. Nothing changes if both
/// are in the same one.
///
/// Call this before any thread exists.
pub fn join(pid: u32) -> Result<(), SandboxError> {
    let failed = || os("enter the user namespace of a container");
    let theirs = format!("/proc/{pid}/ns/user");
    let name = |path: &str| std::fs::read_link(path).map_err(failed());
    if name("/proc/self/ns/user")? == name(&theirs)? {
        return Ok(());
    }
    let namespace = std::fs::File::open(theirs).map_err(failed())?;
    nix::sched::setns(namespace, CloneFlags::CLONE_NEWUSER).map_err(|error| failed()(error.into()))
}

/// Whether [`enter_if_allowed`] could isolate this process.
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
    check_single_thread()?;
    if geteuid().is_root() && unshare(CloneFlags::CLONE_NEWNS).is_ok() {
        make_mounts_private()?;
        let uid_map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        return Ok(Isolation::Entered(tier_of(&uid_map)));
    }
    let entered = enter_user_namespace()?;
    if let Isolation::Entered(_) = entered {
        make_mounts_private().map_err(with_advice)?;
    }
    Ok(entered)
}

/// Returns what to do to get more than a single id; `None` if nothing is missing.
pub fn advice() -> Option<String> {
    SubordinateIds::find().err()
}

fn check_single_thread() -> Result<(), SandboxError> {
    let tasks = std::fs::read_dir("/proc/self/task").map_err(os(COUNT_THREADS))?;
    if is_single(tasks)? {
        Ok(())
    } else {
        Err(os("make namespaces: this process already has threads")(rustix::io::Errno::INVAL))
    }
}

/// Reports whether a listing has exactly one entry; a listing that breaks off is an error.
fn is_single<T>(tasks: impl Iterator<Item = io::Result<T>>) -> Result<bool, SandboxError> {
    let mut count = 0;
    for task in tasks {
        task.map_err(os(COUNT_THREADS))?;
        count += 1;
    }
    Ok(count == 1)
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

/// Enters a user namespace. Only the refusal of the namespace itself leaves this process as it was.
fn enter_user_namespace() -> Result<Isolation, SandboxError> {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    // The mapper is started first, so that it stays outside of the new namespace.
    let mapper = SubordinateIds::find().ok().map(IdMapper::start).transpose()?;
    if let Err(error) = make_user_namespace() {
        return Ok(Isolation::Refused(error));
    }
    let is_mapped = mapper.map_or(Ok(false), IdMapper::map)?;
    let tier = if is_mapped { Tier::Rootless } else { map_own_id(uid, gid)? };
    Ok(Isolation::Entered(tier))
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
    fn a_listing_of_threads_that_breaks_off_is_the_error_that_is_reported() {
        let entry = || Ok(());
        assert!(is_single([entry()].into_iter()).expect("one thread"));
        assert!(!is_single([entry(), entry()].into_iter()).expect("two threads"));
        let broken = Err(io::Error::from_raw_os_error(libc::EIO));
        let error = is_single([entry(), broken].into_iter()).expect_err("a listing that breaks off");
        let SandboxError::Os { action, source } = &error else { panic!("{error:?}") };
        assert_eq!(action, "count the threads in /proc/self/task");
        assert_eq!(source.raw_os_error(), Some(libc::EIO));
    }

    #[test]
    fn the_number_of_mapped_ids_decides_the_tier() {
        check_tier("         0          0 4294967295\n", Tier::Root);
        check_tier("0 1000 1\n1 100000 65536\n", Tier::Rootless);
        check_tier("0 1000 1\n", Tier::RootlessSingleId);
    }
}
