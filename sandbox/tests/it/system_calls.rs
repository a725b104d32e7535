//! A probe that makes system calls and prints how each ends.
#![allow(unsafe_code)]

use std::io;

use libc::{c_long, syscall};

/// Name, number and first arguments of each call. The arguments are such that an allowed call does nothing.
const CALLS: [(&str, c_long, [c_long; 2]); 15] = [
    ("unshare", libc::SYS_unshare, [libc::CLONE_NEWUSER as c_long, 0]),
    ("mount", libc::SYS_mount, [0, 0]),
    ("keyctl", libc::SYS_keyctl, [0, 0]),
    ("bpf", libc::SYS_bpf, [-1, 0]),
    ("clone3", libc::SYS_clone3, [0, 0]),
    ("io_uring_setup", libc::SYS_io_uring_setup, [0, 0]),
    ("AF_ALG", libc::SYS_socket, [libc::AF_ALG as c_long, libc::SOCK_SEQPACKET as c_long]),
    ("AF_VSOCK", libc::SYS_socket, [libc::AF_VSOCK as c_long, libc::SOCK_STREAM as c_long]),
    ("AF_INET", libc::SYS_socket, [libc::AF_INET as c_long, libc::SOCK_STREAM as c_long]),
    ("userfaultfd", libc::SYS_userfaultfd, [0, 0]),
    ("perf_event_open", libc::SYS_perf_event_open, [0, 0]),
    ("future", 999, [0, 0]),
    ("personality", libc::SYS_personality, [1, 0]),
    ("open_by_handle_at", libc::SYS_open_by_handle_at, [-1, 0]),
    ("setns", libc::SYS_setns, [-1, 0]),
];

/// Makes each call and returns one line per call: its name and `ok` or the error.
pub fn all() -> String {
    CALLS
        .iter()
        .map(|(name, number, arguments)| format!("{name} {}\n", result(*number, *arguments)))
        .collect()
}

fn result(number: c_long, [first, second]: [c_long; 2]) -> &'static str {
    // SAFETY: every pointer argument of these calls is null, and none of the calls changes this process if allowed.
    if unsafe { syscall(number, first, second, 0, 0, 0, 0) } >= 0 {
        return "ok";
    }
    match io::Error::last_os_error().raw_os_error() {
        Some(libc::EPERM) => "EPERM",
        Some(libc::ENOSYS) => "ENOSYS",
        _ => "another error",
    }
}
