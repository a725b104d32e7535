//! Sets of capabilities: names, and the kernel's bits for them. [`crate::init`] drops all others.

use crate::SandboxError;
use crate::spec::Capabilities;

/// Names of the capabilities without `CAP_`, in the order of their numbers.
///
/// Source: linux/include/uapi/linux/capability.h.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// The set of all capabilities that have a name.
pub(crate) const ALL: u64 = (1 << NAMES.len()) - 1;

/// Docker's default set of 14 capabilities: chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap,
/// net_bind_service, net_raw, sys_chroot, mknod, audit_write and setfcap.
pub(crate) const DEFAULT: u64 = 0xa804_25fb;

/// Returns the bit of the capability `name`, or every bit for `ALL`. The prefix `CAP_` and lower case are accepted.
pub(crate) fn bit(name: &str) -> Option<u64> {
    let upper = name.to_ascii_uppercase();
    let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
    if bare == "ALL" {
        return Some(ALL);
    }
    NAMES.iter().position(|known| *known == bare).map(|number| 1 << number)
}

fn union(names: &[String]) -> Result<u64, SandboxError> {
    let unknown = |name: &String| SandboxError::Invalid { what: "capability".into(), value: name.clone() };
    names.iter().try_fold(0, |set, name| Ok(set | bit(name).ok_or_else(|| unknown(name))?))
}

/// Returns the set that `requested` stands for. An unknown name is an error, also among the dropped ones.
pub(crate) fn set(requested: &Capabilities) -> Result<u64, SandboxError> {
    match requested {
        Capabilities::Default => Ok(DEFAULT),
        Capabilities::Changed { add, drop } => Ok((DEFAULT & !union(drop)?) | union(add)?),
        Capabilities::All => Ok(ALL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(add: &[&str], drop: &[&str]) -> Capabilities {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        Capabilities::Changed { add: owned(add), drop: owned(drop) }
    }

    #[track_caller]
    fn check(requested: Capabilities, expected: u64) {
        assert_eq!(set(&requested).unwrap(), expected, "{requested:?}");
    }

    #[test]
    fn all_has_41_capabilities() {
        check(Capabilities::All, 0x1ff_ffff_ffff);
    }

    #[test]
    fn changes_start_from_docker_s_set() {
        check(Capabilities::Default, DEFAULT);
        check(changed(&["cap_sys_admin"], &[]), DEFAULT | 1 << 21);
        check(changed(&[], &["CAP_NET_RAW"]), DEFAULT & !(1 << 13));
    }

    #[test]
    fn capabilities_are_dropped_before_others_are_added() {
        check(changed(&[], &["ALL"]), 0);
        check(changed(&["NET_BIND_SERVICE"], &["ALL"]), 1 << 10);
        check(changed(&["ALL"], &["CHOWN"]), ALL);
    }

    #[test]
    fn unknown_names_are_refused() {
        assert!(set(&changed(&["FLY"], &[])).is_err());
        assert!(set(&changed(&[], &[""])).is_err());
    }

    #[test]
    fn the_default_set_has_docker_s_fourteen_names() {
        let names = "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE \
                     SYS_CHROOT KILL AUDIT_WRITE";
        let set = names.split(' ').map(|name| bit(name).unwrap()).fold(0, |set, bit| set | bit);
        assert_eq!(set, DEFAULT);
    }
}
