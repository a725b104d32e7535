//! Dropping rights: resource limits, capabilities, groups and user of the program.

use std::path::Path;

use nix::sched::{CloneFlags, unshare};
use rustix::fs::{Gid, Uid};
use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use crate::error::os;
use crate::plan::{PlannedProcess, ShownUser};
use crate::{SandboxError, sys};

/// Capability numbers to try; more than any kernel has. The kernel refuses the numbers that it does not know.
const CAPABILITY_COUNT: u32 = 64;

/// Sets resource limits, each given as its number, soft and hard value.
pub(super) fn limit(rlimits: &[(u32, u64, u64)]) -> Result<(), SandboxError> {
    for &(resource, soft, hard) in rlimits {
        sys::set_rlimit(resource, soft, hard).map_err(os("set a resource limit"))?;
    }
    Ok(())
}

/// Becomes the user of `process` and keeps only its capabilities; a user other than root keeps none.
///
/// The bounding set limits the capabilities that root gets by exec and that set-user-ID programs get later. The
/// inheritable and ambient sets are empty, so that no program gets more than the bounding set allows (CVE-2022-29162).
pub(super) fn drop_to_user(process: &PlannedProcess) -> Result<(), SandboxError> {
    let kept = CapabilitySet::from_bits_retain(process.capabilities);
    limit_bounding_set(kept).map_err(os("bound the capabilities"))?;
    clear_ambient_capability_set().map_err(os("clear the ambient capabilities"))?;
    become_user(process)?;
    let is_root = process.uid == 0 && process.shown_as.is_none();
    let kept = if is_root { kept & permitted() } else { CapabilitySet::empty() };
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).map_err(os("set the capabilities"))
}

/// Enters a user namespace in which the only ID is that of `user`. The caller has a single ID, which is root here.
pub(super) fn show_as(user: ShownUser) -> Result<(), SandboxError> {
    let action = "show the only user as another one";
    unshare(CloneFlags::CLONE_NEWUSER).map_err(os(action))?;
    let ShownUser { uid, gid } = user;
    // This is the sandbox's own /proc. The kernel allows a map of groups only where groups cannot be changed.
    for (file, text) in
        [("setgroups", "deny".into()), ("uid_map", format!("{uid} 0 1")), ("gid_map", format!("{gid} 0 1"))]
    {
        std::fs::write(Path::new("/proc/self").join(file), text).map_err(os(action))?;
    }
    Ok(())
}

fn limit_bounding_set(kept: CapabilitySet) -> Result<(), Errno> {
    for capability in (0..CAPABILITY_COUNT).map(|number| CapabilitySet::from_bits_retain(1 << number)) {
        if kept.contains(capability) {
            continue;
        }
        match remove_capability_from_bounding_set(capability) {
            // This kernel does not know the capability, nor any with a higher number.
            Err(Errno::INVAL) => break,
            result => result?,
        }
    }
    Ok(())
}

/// Returns the capabilities that this process has now, the only ones that it can keep.
fn permitted() -> CapabilitySet {
    rustix::thread::capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.permitted)
}

fn become_user(process: &PlannedProcess) -> Result<(), SandboxError> {
    let groups: Vec<Gid> = process.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
    if groups_can_change() {
        set_thread_groups(&groups).map_err(|error| unmapped(process, error))?;
    }
    let gid = Gid::from_raw(process.gid);
    set_thread_res_gid(gid, gid, gid).map_err(|error| unmapped(process, error))?;
    let uid = Uid::from_raw(process.uid);
    set_thread_res_uid(uid, uid, uid).map_err(|error| unmapped(process, error))
}

/// Reports whether supplementary groups can be set. In a user namespace with a single id the kernel forbids it.
fn groups_can_change() -> bool {
    // This is the sandbox's own /proc.
    std::fs::read_to_string("/proc/self/setgroups").is_ok_and(|text| text.trim() == "allow")
}

fn unmapped(process: &PlannedProcess, error: Errno) -> SandboxError {
    if error != Errno::INVAL {
        return os("become the user")(error);
    }
    // This is the sandbox's own /proc.
    let count = mapped_count(&std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default());
    let ids = if count == 1 { "id".to_owned() } else { format!("ids, 0 to {}", count.saturating_sub(1)) };
    SandboxError::Unavailable {
        what: format!(
            "user {}:{} does not exist in this user namespace, which has {count} {ids}",
            process.uid, process.gid
        ),
        hint: remedy(count),
    }
}

/// Returns the number of ids in the text of a `uid_map`.
fn mapped_count(uid_map: &str) -> u64 {
    uid_map.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok()).sum()
}

/// Returns how to get more than `count` ids. All but the first come from `/etc/subuid`.
fn remedy(count: u64) -> String {
    match count.saturating_sub(1) {
        0 => "give your user subordinate ids in /etc/subuid and /etc/subgid, and install newuidmap (uidmap)"
            .into(),
        lent => format!("use smaller ids, or lend your user more than {lent} in /etc/subuid and /etc/subgid"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_depends_on_the_number_of_ids() {
        assert_eq!(
            mapped_count("         0       1000          1\n         1     100000      65536\n"),
            65_537
        );
        assert_eq!(
            remedy(65_537),
            "use smaller ids, or lend your user more than 65536 in /etc/subuid and /etc/subgid"
        );
        assert!(remedy(1).contains("install newuidmap"), "{}", remedy(1));
    }
}
