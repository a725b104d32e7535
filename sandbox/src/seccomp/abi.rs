//! The system call ABIs of each processor family: which numbers mean which call.
//!
//! A 64-bit kernel also runs 32-bit programs, whose calls have other numbers. A filter has to know all ABIs of its
//! machine; a call through an ABI that the filter does not list would be judged by the wrong names.

use super::table::Table;
use super::{arm, x86};

// Values that the kernel reports to a filter as the ABI of a call. Source: linux/include/uapi/linux/audit.h.
pub(super) const AUDIT_ARCH_X86_64: u32 = 0xc000_003e;
pub(super) const AUDIT_ARCH_I386: u32 = 0x4000_0003;
pub(super) const AUDIT_ARCH_AARCH64: u32 = 0xc000_00b7;
pub(super) const AUDIT_ARCH_ARM: u32 = 0x4000_0028;

/// Bit that is set in every call number of the x32 ABI, which shares its `AUDIT_ARCH` with 64-bit x86.
pub(super) const X32_BIT: u32 = 0x4000_0000;

/// One ABI, or two that share an `AUDIT_ARCH`.
pub(super) struct Abi {
    /// `AUDIT_ARCH` that the kernel reports for a call.
    pub(super) arch: u32,
    /// Tables of calls, each with the offset that is added to the numbers in the table.
    pub(super) tables: &'static [(u32, Table)],
}

#[cfg_attr(not(any(test, target_arch = "x86_64")), expect(dead_code, reason = "for other machines"))]
pub(super) const X86_ABIS: &[Abi] = &[
    Abi { arch: AUDIT_ARCH_X86_64, tables: &[(0, x86::X86_64), (X32_BIT, x86::X32)] },
    Abi { arch: AUDIT_ARCH_I386, tables: &[(0, x86::I386)] },
];

#[cfg_attr(not(any(test, target_arch = "aarch64")), expect(dead_code, reason = "for other machines"))]
pub(super) const ARM_ABIS: &[Abi] = &[
    Abi { arch: AUDIT_ARCH_AARCH64, tables: &[(0, arm::AARCH64)] },
    Abi { arch: AUDIT_ARCH_ARM, tables: &[(0, arm::ARM)] },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seccomp::table::calls;

    #[track_caller]
    fn check(table: Table, name: &str, expected: u32) {
        let found: Vec<u32> = calls(table).filter(|call| call.1 == name).map(|call| call.0).collect();
        assert_eq!(found, [expected], "{name}");
    }

    #[test]
    fn tables_have_the_numbers_of_the_kernel_headers() {
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

    /// The crate `libc` is an independent source of the numbers.
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn tables_have_the_numbers_of_libc() {
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
    fn numbers_rise_within_each_table() {
        for table in [x86::X86_64, x86::I386, x86::X32, arm::AARCH64, arm::ARM] {
            let numbers: Vec<u32> = calls(table).map(|call| call.0).collect();
            assert!(numbers.is_sorted_by(|one, next| one < next));
        }
    }

    #[test]
    fn names_are_unique_within_each_table() {
        for table in [x86::X86_64, x86::I386, x86::X32, arm::AARCH64, arm::ARM] {
            let names: std::collections::BTreeSet<_> = calls(table).map(|call| call.1).collect();
            assert_eq!(names.len(), calls(table).count());
            assert!(!names.contains(""));
        }
    }
}
