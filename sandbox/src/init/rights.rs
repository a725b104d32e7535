//! Who the program is and what it may do.

use rustix::fs::{Gid, Uid};
use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use crate::error::os;
use crate::plan::Plan;
use crate::{SandboxError, sys};

/// More than any kernel has; those it does not know are refused.
const CAPABILITY_COUNT: u32 = 64;

pub(super) fn limit(rlimits: &[(u32, u64, u64)]) -> Result<(), SandboxError> {
    for &(resource, soft, hard) in rlimits {
        sys::set_rlimit(resource, soft, hard).map_err(os("set a resource limit"))?;
    }
    Ok(())
}

/// Becomes the user of `plan`, with its capabilities.
///
/// The bounding set bounds what root gets by exec, and what set-uid programs get later; inheritable and ambient are
/// empty, so that nobody gets more than it (CVE-2022-29162).
pub(super) fn assume(plan: &Plan) -> Result<(), SandboxError> {
    let kept = CapabilitySet::from_bits_retain(plan.capabilities);
    bound(kept).map_err(os("bound the capabilities"))?;
    clear_ambient_capability_set().map_err(os("clear the ambient capabilities"))?;
    become_user(plan)?;
    let kept = if plan.uid == 0 { kept & known() } else { CapabilitySet::empty() };
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).map_err(os("set the capabilities"))
}

fn bound(kept: CapabilitySet) -> Result<(), Errno> {
    for capability in (0..CAPABILITY_COUNT).map(|number| CapabilitySet::from_bits_retain(1 << number)) {
        if kept.contains(capability) {
            continue;
        }
        match remove_capability_from_bounding_set(capability) {
            // The first that this kernel does not know; there are none above it.
            Err(Errno::INVAL) => break,
            result => result?,
        }
    }
    Ok(())
}

/// All capabilities that this process has now: no others can be kept.
fn known() -> CapabilitySet {
    rustix::thread::capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.permitted)
}

fn become_user(plan: &Plan) -> Result<(), SandboxError> {
    let groups: Vec<Gid> = plan.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
    if groups_may_change() {
        set_thread_groups(&groups).map_err(|error| unmapped(plan, error))?;
    }
    let gid = Gid::from_raw(plan.gid);
    set_thread_res_gid(gid, gid, gid).map_err(|error| unmapped(plan, error))?;
    let uid = Uid::from_raw(plan.uid);
    set_thread_res_uid(uid, uid, uid).map_err(|error| unmapped(plan, error))
}

/// Not in a user namespace that was made without help: there the kernel forbids to drop groups.
fn groups_may_change() -> bool {
    // Read in the sandbox's own /proc.
    std::fs::read_to_string("/proc/self/setgroups").is_ok_and(|text| text.trim() == "allow")
}

fn unmapped(plan: &Plan, error: Errno) -> SandboxError {
    if error != Errno::INVAL {
        return os("become the user")(error);
    }
    SandboxError::Unavailable {
        what: format!("user {}:{} does not exist in this user namespace", plan.uid, plan.gid),
        hint: "give your user subordinate ids in /etc/subuid and /etc/subgid, and install newuidmap (uidmap)"
            .into(),
    }
}
