//! Numbers and names of system calls.

use super::{arm, x86};

/// Runs of consecutive numbers: the first one, and the names in order, separated by blanks.
pub(super) type Table = &'static [(u32, &'static str)];

/// What the kernel tells a filter about how it was called.
///
/// Source: linux/include/uapi/linux/audit.h.
pub(super) const AUDIT_ARCH_X86_64: u32 = 0xc000_003e;
pub(super) const AUDIT_ARCH_I386: u32 = 0x4000_0003;
pub(super) const AUDIT_ARCH_AARCH64: u32 = 0xc000_00b7;
pub(super) const AUDIT_ARCH_ARM: u32 = 0x4000_0028;

/// Set in the numbers of x32, which shares its `AUDIT_ARCH` with 64-bit x86.
pub(super) const X32_BIT: u32 = 0x4000_0000;

/// One way to call the kernel: its `AUDIT_ARCH`, and the tables that hold there with what is added to their numbers.
pub(super) struct Way {
    pub(super) arch: u32,
    pub(super) tables: &'static [(u32, Table)],
}

#[cfg_attr(not(any(test, target_arch = "x86_64")), expect(dead_code, reason = "another machine's"))]
pub(super) const X86_WAYS: &[Way] = &[
    Way { arch: AUDIT_ARCH_X86_64, tables: &[(0, x86::X86_64), (X32_BIT, x86::X32)] },
    Way { arch: AUDIT_ARCH_I386, tables: &[(0, x86::I386)] },
];

#[cfg_attr(not(any(test, target_arch = "aarch64")), expect(dead_code, reason = "another machine's"))]
pub(super) const ARM_WAYS: &[Way] = &[
    Way { arch: AUDIT_ARCH_AARCH64, tables: &[(0, arm::AARCH64)] },
    Way { arch: AUDIT_ARCH_ARM, tables: &[(0, arm::ARM)] },
];

/// All numbers and names of `table`, by number.
pub(super) fn calls(table: Table) -> impl Iterator<Item = (u32, &'static str)> {
    table.iter().flat_map(|(first, names)| (*first..).zip(names.split(' ')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(table: Table, name: &str, expected: u32) {
        let found: Vec<u32> = calls(table).filter(|call| call.1 == name).map(|call| call.0).collect();
        assert_eq!(found, [expected], "{name}");
    }

    #[test]
    fn numbers_of_some_calls() {
        check(x86::X86_64, "read", 0);
        check(x86::X86_64, "uretprobe", 335);
        check(x86::X86_64, "clone3", 435);
        check(x86::X86_64, "file_setattr", 469);
        check(x86::I386, "socketcall", 102);
        check(x86::I386, "clone", 120);
        check(x86::I386, "clock_gettime64", 403);
        check(x86::X32, "ioctl", 514);
        check(arm::AARCH64, "openat", 56);
        check(arm::AARCH64, "clone", 220);
        check(arm::ARM, "socket", 281);
        check(arm::ARM, "set_tls", 0xf0005);
    }

    /// The constants of libc, which somebody else wrote.
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn numbers_are_those_of_libc() {
        for (name, number) in [
            ("socket", libc::SYS_socket),
            ("personality", libc::SYS_personality),
            ("ptrace", libc::SYS_ptrace),
            ("mount", libc::SYS_mount),
            ("keyctl", libc::SYS_keyctl),
            ("unshare", libc::SYS_unshare),
            ("seccomp", libc::SYS_seccomp),
            ("bpf", libc::SYS_bpf),
            ("statx", libc::SYS_statx),
            ("io_uring_setup", libc::SYS_io_uring_setup),
            ("openat2", libc::SYS_openat2),
            ("mount_setattr", libc::SYS_mount_setattr),
            ("mseal", libc::SYS_mseal),
        ] {
            check(x86::X86_64, name, u32::try_from(number).unwrap());
        }
    }

    #[test]
    fn numbers_rise_and_names_are_unique() {
        for table in [x86::X86_64, x86::I386, x86::X32, arm::AARCH64, arm::ARM] {
            let numbers: Vec<u32> = calls(table).map(|call| call.0).collect();
            assert!(numbers.is_sorted_by(|one, next| one < next));
            let names: std::collections::BTreeSet<_> = calls(table).map(|call| call.1).collect();
            assert_eq!(names.len(), numbers.len());
            assert!(!names.contains(""));
        }
    }
}
