//! Docker's default profile: the verdict on each system call, by name.
//!
//! Calls that exist on none of the supported machines are left out.
//!
//! Source: moby/profiles, seccomp/default.json, as of 2026.

use std::collections::HashSet;
use std::sync::OnceLock;

use crate::capability_sets;

/// The filter's decision on a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Allow,
    /// The call fails with this error number.
    Refuse(u16),
    /// The call is allowed if its first argument is.
    Depends(ArgumentRule),
}

/// Rule for the lower 32 bits of a call's first argument; the kernel ignores the upper ones for these calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ArgumentRule {
    /// `clone`: no flag that creates a namespace, see [`NAMESPACE_FLAGS`].
    Clone,
    /// `personality`: one of [`PERSONALITIES`], which `setarch` and old programs need.
    Personality,
    /// `socket`: one of [`FAMILIES`], which leave out the families that are mostly attack surface.
    Socket,
}

/// Verdict on a call that is known and not allowed: `EPERM`.
pub(super) const REFUSED: Verdict = Verdict::Refuse(libc::EPERM as u16);
/// Verdict on a call that is unknown: `ENOSYS`.
///
/// `clone3` gets it too, because a filter cannot see its arguments: libc then falls back to `clone`.
pub(super) const UNKNOWN: Verdict = Verdict::Refuse(libc::ENOSYS as u16);

/// Verdict on a call that does nothing and succeeds, where there is a single user ID: its result is 0.
pub(super) const FAKED: Verdict = Verdict::Refuse(0);

/// Flags of `clone` that create a namespace: `CLONE_NEWNS`, `NEWCGROUP`, `NEWUTS`, `NEWIPC`, `NEWUSER`, `NEWPID` and
/// `NEWNET`.
pub(super) const NAMESPACE_FLAGS: u32 = 0x7e02_0000;
/// Allowed personalities: `PER_LINUX`, `PER_LINUX32`, each also with `UNAME26`, and the query for the current one.
pub(super) const PERSONALITIES: [u32; 5] = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff];
/// Allowed address families: first and last number of each range. Left out are families out of use (DECnet, Econet,
/// ATM SVC, IrDA, wanpipe, IUCV, CAIF), AF_ALG (38) and AF_VSOCK (40).
pub(super) const FAMILIES: [(u32, u32); 8] =
    [(0, 11), (13, 18), (21, 22), (24, 24), (26, 33), (35, 36), (39, 39), (41, 45)];

/// Names of the calls that every process may make, separated by blanks.
const ALLOWED: &[&str] = &[
    // System V and POSIX IPC
    "ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64",
    "mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt",
    "shmget",
    // asynchronous I/O
    "io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioprio_get",
    "ioprio_set",
    // clocks and timers
    "adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64",
    "clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create",
    "timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 times",
    // extended attributes
    "fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat llistxattr",
    "lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat",
    // files and directories
    "_llseek access arm_fadvise64_64 arm_sync_file_range chdir chmod chown chown32 close close_range",
    "copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64 fadvise64_64 fallocate fchdir fchmod",
    "fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync flock fstat fstat64 fstatat64 fstatfs",
    "fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 ioctl lchown lchown32 link linkat",
    "listmount lseek lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2",
    "pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv rename renameat",
    "renameat2 rmdir sendfile sendfile64 splice stat stat64 statfs statfs64 statmount statx symlink symlinkat",
    "sync sync_file_range syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat utimensat_time64",
    "utimes vmsplice write writev",
    // memory
    "brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall",
    "mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect",
    "process_mrelease remap_file_pages",
    // processes and threads
    "arch_prctl breakpoint cacheflush execve execveat exit exit_group fork futex futex_requeue futex_time64",
    "futex_wait futex_waitv futex_wake get_robust_list get_thread_area getpgrp getpid getppid getrandom getsid",
    "gettid landlock_add_rule landlock_create_ruleset landlock_restrict_self modify_ldt prctl process_vm_readv",
    "process_vm_writev ptrace rseq seccomp set_robust_list set_thread_area set_tid_address set_tls setpgid setsid",
    "sysinfo uname uretprobe vfork wait4 waitid waitpid",
    // processors and scheduling
    "getcpu getpriority sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr",
    "sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity",
    "sched_setattr sched_setparam sched_setscheduler sched_yield setpriority",
    // signals
    "kill pause pidfd_open pidfd_send_signal restart_syscall rt_sigaction rt_sigpending rt_sigprocmask",
    "rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo",
    "sigaltstack sigprocmask sigreturn tgkill tkill",
    // sockets
    "accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64",
    "recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair",
    // users, groups and limits
    "capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getpgid getresgid",
    "getresgid32 getresuid getresuid32 getrlimit getrusage getuid getuid32 prlimit64 setfsgid setfsgid32 setfsuid",
    "setfsuid32 setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid setresgid32 setresuid",
    "setresuid32 setreuid setreuid32 setrlimit setuid setuid32 ugetrlimit",
    // waiting for descriptors
    "_newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait",
    "epoll_wait_old eventfd eventfd2 fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch",
    "pipe pipe2 poll ppoll ppoll_time64 pselect6 pselect6_time64 select signalfd signalfd4 timerfd_create",
    "timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64",
];

/// A capability, and the names of the calls that a process with this capability may make in addition.
const WITH_CAPABILITY: [(&str, &str); 14] = [
    ("BPF", "bpf"),
    ("DAC_READ_SEARCH", "open_by_handle_at"),
    ("PERFMON", "perf_event_open"),
    (
        "SYS_ADMIN",
        "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr \
         lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl \
         quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare",
    ),
    ("SYS_BOOT", "reboot"),
    ("SYS_CHROOT", "chroot"),
    ("SYS_MODULE", "delete_module init_module finit_module"),
    ("SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
    ("SYS_PACCT", "acct"),
    ("SYS_PTRACE", "kcmp pidfd_getfd process_madvise"),
    ("SYS_RAWIO", "iopl ioperm"),
    ("SYS_TIME", "settimeofday stime clock_settime clock_settime64"),
    ("SYS_TTY_CONFIG", "vhangup"),
    ("SYSLOG", "syslog"),
];

/// Calls that change an owner, a user or a group.
const OF_OWNERS: &str = "chown chown32 fchown fchown32 fchownat lchown lchown32 setfsgid setfsgid32 setfsuid setfsuid32 \
    setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid \
    setreuid32 setuid setuid32";

fn allowed() -> &'static HashSet<&'static str> {
    static NAMES: OnceLock<HashSet<&'static str>> = OnceLock::new();
    NAMES.get_or_init(|| ALLOWED.iter().flat_map(|line| line.split(' ')).collect())
}

fn allowed_by_capability(name: &str, capabilities: u64) -> bool {
    let has = |capability| capability_sets::bit(capability).is_some_and(|bit| capabilities & bit != 0);
    WITH_CAPABILITY
        .iter()
        .any(|(capability, names)| names.split(' ').any(|listed| listed == name) && has(capability))
}

/// Reports whether the call `name` changes an owner, a user or a group.
pub(super) fn changes_owners(name: &str) -> bool {
    OF_OWNERS.split_whitespace().any(|listed| listed == name)
}

/// Returns the verdict on the call `name` of a process with the set `capabilities`.
pub(super) fn verdict(name: &str, capabilities: u64) -> Verdict {
    if allowed().contains(name) || allowed_by_capability(name, capabilities) {
        return Verdict::Allow;
    }
    match name {
        "clone" => Verdict::Depends(ArgumentRule::Clone),
        "clone3" => UNKNOWN,
        "personality" => Verdict::Depends(ArgumentRule::Personality),
        "socket" => Verdict::Depends(ArgumentRule::Socket),
        _ => REFUSED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &str, capabilities: u64, expected: Verdict) {
        for name in names.split_whitespace() {
            assert_eq!(verdict(name, capabilities), expected, "{name}");
        }
    }

    #[test]
    fn calls_that_docker_refuses_are_refused() {
        check(
            "mount umount2 unshare setns bpf keyctl add_key request_key io_uring_setup io_uring_enter io_uring_register \
             userfaultfd perf_event_open open_by_handle_at kexec_load init_module finit_module pivot_root swapon swapoff \
             move_pages migrate_pages mbind nfsservctl uselib ustat sysfs _sysctl reboot settimeofday acct iopl \
             move_mount open_tree fsopen mount_setattr kcmp pidfd_getfd syslog quotactl vm86 sethostname \
             open_tree_attr no_such_call",
            capability_sets::DEFAULT,
            REFUSED,
        );
        check("clone3", capability_sets::DEFAULT, UNKNOWN);
    }

    #[test]
    fn calls_that_docker_allows_are_allowed() {
        check(
            "read ptrace process_vm_readv landlock_create_ruleset memfd_secret fanotify_mark name_to_handle_at listmount \
             seccomp pidfd_open chroot socketcall mknod setuid capset faccessat2 futex_waitv rseq",
            capability_sets::DEFAULT,
            Verdict::Allow,
        );
        check("clone", capability_sets::DEFAULT, Verdict::Depends(ArgumentRule::Clone));
        check("chroot", 0, REFUSED);
    }

    #[test]
    fn a_capability_allows_the_calls_that_need_it() {
        let bit = |name| capability_sets::bit(name).unwrap();
        check("mount clone clone3 unshare setns syslog bpf", bit("SYS_ADMIN"), Verdict::Allow);
        check("syslog", bit("SYSLOG"), Verdict::Allow);
        check("mbind", bit("SYS_NICE"), Verdict::Allow);
        check("keyctl io_uring_setup userfaultfd", capability_sets::ALL, REFUSED);
    }

    #[test]
    fn every_name_of_the_profile_is_a_system_call() {
        use crate::seccomp::abi::{ARM_ABIS, X86_ABIS};
        use crate::seccomp::table::calls;
        let tables = X86_ABIS.iter().chain(ARM_ABIS).flat_map(|abi| abi.tables);
        let known: HashSet<_> = tables.flat_map(|(_, table)| calls(table)).map(|call| call.1).collect();
        let gated = WITH_CAPABILITY.iter().flat_map(|(_, names)| names.split(' '));
        let of_owners = OF_OWNERS.split_whitespace();
        for name in allowed().iter().copied().chain(gated).chain(of_owners) {
            assert!(known.contains(name), "{name}");
        }
    }

    #[test]
    fn every_capability_of_the_profile_exists() {
        assert!(WITH_CAPABILITY.iter().all(|(capability, _)| capability_sets::bit(capability).is_some()));
    }
}
