//! The system calls that no safe crate offers. All `unsafe` of this crate is here.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Where a started init finds its channel.
pub(crate) const CONTROL_FD: RawFd = 3;
/// What a started init is called; how it knows what it is.
pub(crate) const INIT_NAME: &std::ffi::CStr = c"dsbuild-sandbox-init";

/// Attributes of [`mount_setattr`].
pub(crate) const READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY;
pub(crate) const NO_DEVICES: u64 = libc::MOUNT_ATTR_NODEV;
pub(crate) const NO_SUID: u64 = libc::MOUNT_ATTR_NOSUID;
pub(crate) const NO_EXEC: u64 = libc::MOUNT_ATTR_NOEXEC;

/// What [`start_init`] hands to its child, in shared memory.
struct Start {
    exe: RawFd,
    control: RawFd,
    argv: [*const c_char; 2],
    envp: [*const c_char; 1],
    errno: c_int,
}

/// Runs in the address space of the suspended parent thread, so only calls that are async-signal-safe are made.
extern "C" fn init_child(start: *mut c_void) -> c_int {
    // SAFETY: `start_init` passes its `Start`, which outlives us as CLONE_VFORK suspends it until we exec or exit.
    let start = unsafe { &mut *start.cast::<Start>() };
    // SAFETY: plain system calls on descriptors of ours and on strings that live as long as `start`.
    unsafe {
        let placed = if start.control == CONTROL_FD {
            libc::fcntl(CONTROL_FD, libc::F_SETFD, 0)
        } else {
            libc::dup2(start.control, CONTROL_FD)
        };
        if placed >= 0 {
            let (argv, envp) = (start.argv.as_ptr(), start.envp.as_ptr());
            libc::syscall(libc::SYS_execveat, start.exe, c"".as_ptr(), argv, envp, libc::AT_EMPTY_PATH);
        }
        start.errno = *libc::__errno_location();
        libc::_exit(127)
    }
}

/// Starts `exe` (our own program) in a pid namespace of its own, with an empty environment and `control` as
/// descriptor [`CONTROL_FD`]; other descriptors that are not close-on-exec are inherited. Returns its pidfd.
///
/// Unlike fork it does not copy the page tables of a large, multi-threaded caller.
pub(crate) fn start_init(exe: BorrowedFd<'_>, control: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut start = Start {
        exe: exe.as_raw_fd(),
        control: control.as_raw_fd(),
        argv: [INIT_NAME.as_ptr(), std::ptr::null()],
        envp: [std::ptr::null()],
        errno: 0,
    };
    let mut stack = vec![0_u128; 4096];
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_NEWPID | libc::CLONE_PIDFD | libc::SIGCHLD;
    let mut pidfd: c_int = -1;
    let signals = block_signals()?;
    // SAFETY: the child runs `init_child` on a stack of its own, 16-byte aligned, whose memory and whose argument
    // live until it execs or exits, as CLONE_VFORK suspends this thread; signals are blocked, so that no handler runs
    // in it. CLONE_PIDFD makes the kernel write to `pidfd`.
    let pid = unsafe {
        let top = stack.as_mut_ptr_range().end.cast::<c_void>();
        libc::clone(init_child, top, flags, (&raw mut start).cast(), &raw mut pidfd)
    };
    let cloned = if pid < 0 { Err(io::Error::last_os_error()) } else { Ok(()) };
    restore_signals(&signals);
    cloned?;
    // SAFETY: the kernel has just given us this descriptor.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    if start.errno == 0 {
        return Ok(pidfd);
    }
    let options = rustix::process::WaitIdOptions::EXITED;
    let _ =
        rustix::process::waitid(rustix::process::WaitId::PidFd(std::os::fd::AsFd::as_fd(&pidfd)), options);
    Err(io::Error::from_raw_os_error(start.errno))
}

fn block_signals() -> io::Result<libc::sigset_t> {
    // SAFETY: both sets are ours; a sigset_t of zeros is valid, and is filled before it is used.
    unsafe {
        let (mut all, mut before) = (std::mem::zeroed(), std::mem::zeroed());
        libc::sigfillset(&raw mut all);
        match libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before) {
            0 => Ok(before),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }
}

fn restore_signals(signals: &libc::sigset_t) {
    // SAFETY: `signals` came from `block_signals`.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, signals, std::ptr::null_mut()) };
}

/// Makes all signals unblocked and of default effect, as after a reboot: ours (Rust ignores SIGPIPE) and our caller's
/// would go on through exec.
pub(crate) fn reset_signals() {
    const SIGNALS: c_int = 64;
    const SET_BYTES: usize = 8;
    // SAFETY: a kernel sigaction of zeros is SIG_DFL without flags, and larger than the kernel reads; no handler of
    // ours is in use. Not libc's functions, which leave out two signals. SIGKILL and SIGSTOP are refused.
    unsafe {
        let default = [0_u64; 8];
        for signal in 1..=SIGNALS {
            let none = std::ptr::null_mut::<c_void>();
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), none, SET_BYTES);
        }
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// The channel that [`start_init`] left for us.
pub(crate) fn inherited_control() -> io::Result<OwnedFd> {
    rustix::io::fcntl_setfd(
        // SAFETY: borrowed for this call only; if there is none, the call fails.
        unsafe { BorrowedFd::borrow_raw(CONTROL_FD) },
        rustix::io::FdFlags::CLOEXEC,
    )?;
    // SAFETY: it exists, and nobody else in this process, which has just begun, knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(CONTROL_FD) })
}

/// Which process this is after [`fork`].
pub(crate) enum Fork {
    Child,
    Parent(rustix::process::Pid),
}

/// Forks a process that has one thread.
pub(crate) fn fork() -> io::Result<Fork> {
    // SAFETY: callers have one thread, so the child finds no lock held by a thread that is gone.
    match unsafe { libc::fork() } {
        0 => Ok(Fork::Child),
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Fork::Parent(rustix::process::Pid::from_raw(pid).expect("a child's pid is positive"))),
    }
}

/// Forks a process that has one thread; the child is pid 1 of a new pid namespace. `None` in the child, its pidfd in
/// the parent.
///
/// Not unshare and fork: a process that has unshared its pid namespace can make no threads any more.
pub(crate) fn fork_into_pid_namespace() -> io::Result<Option<OwnedFd>> {
    let flags =
        libc::c_ulong::try_from(libc::CLONE_NEWPID | libc::CLONE_PIDFD | libc::SIGCHLD).expect("no sign bit");
    let mut pidfd: c_int = -1;
    // SAFETY: without CLONE_VM and with no stack this is a fork; callers have one thread. The kernel writes to `pidfd`,
    // which is the third argument of clone on all our architectures; those after it are unused.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, &raw mut pidfd, 0, 0) };
    match pid {
        0 => Ok(None),
        // SAFETY: the kernel has just given us this descriptor.
        1.. => Ok(Some(unsafe { OwnedFd::from_raw_fd(pidfd) })),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Ends a forked child, without what the parent has prepared for its own end (buffered output above all).
pub(crate) fn exit_now(code: c_int) -> ! {
    // SAFETY: it ends the process, which nothing can observe from within.
    unsafe { libc::_exit(code) }
}

/// Closes all descriptors from `first` on.
pub(crate) fn close_from(first: RawFd) -> io::Result<()> {
    close_range(first, 0)
}

/// Makes all descriptors from `first` on close-on-exec.
pub(crate) fn close_on_exec_from(first: RawFd) -> io::Result<()> {
    close_range(first, libc::CLOSE_RANGE_CLOEXEC)
}

fn close_range(first: RawFd, flags: u32) -> io::Result<()> {
    // SAFETY: no memory is passed. Callers own no descriptor of this range any more, or only mark it.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, flags) })
}

/// Sets attributes of a mount; of all below it too if `recursive`.
pub(crate) fn mount_setattr(mount: BorrowedFd<'_>, set: u64, recursive: bool) -> io::Result<()> {
    change_attributes(mount, set, 0, recursive)
}

/// Lets the device nodes of a mount be opened.
pub(crate) fn allow_devices(mount: BorrowedFd<'_>) -> io::Result<()> {
    change_attributes(mount, 0, NO_DEVICES, false)
}

fn change_attributes(mount: BorrowedFd<'_>, set: u64, clear: u64, recursive: bool) -> io::Result<()> {
    let attributes = libc::mount_attr { attr_set: set, attr_clr: clear, propagation: 0, userns_fd: 0 };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the strings and the struct live through the call, and the size is the struct's.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    })
}

/// Joins a new, anonymous session keyring, so that the caller's keys are not seen.
pub(crate) fn new_session_keyring() -> io::Result<()> {
    let join: libc::c_long = libc::KEYCTL_JOIN_SESSION_KEYRING.into();
    // SAFETY: a null name asks for an anonymous keyring; no memory is passed.
    check(unsafe { libc::syscall(libc::SYS_keyctl, join, std::ptr::null::<c_char>()) })
}

/// Brings the loopback interface of this network namespace up.
pub(crate) fn loopback_up() -> io::Result<()> {
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)?;
    // SAFETY: `request` is a valid ifreq: a NUL-terminated name, and flags that the first call fills in.
    unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
            *to = *from as c_char;
        }
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS, &raw mut request).into())?;
        request.ifr_ifru.ifru_flags |= libc::IFF_UP as libc::c_short;
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request).into())
    }
}

/// Installs a seccomp program: `program` is an array of `sock_filter` in native byte order.
pub(crate) fn install_filter(program: &[u8]) -> io::Result<()> {
    const INSTRUCTION_BYTES: usize = size_of::<libc::sock_filter>();
    let instructions: Vec<libc::sock_filter> = program
        .chunks_exact(INSTRUCTION_BYTES)
        .map(|bytes| libc::sock_filter {
            code: u16::from_ne_bytes([bytes[0], bytes[1]]),
            jt: bytes[2],
            jf: bytes[3],
            k: u32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
        })
        .collect();
    let len = instructions.len().try_into().map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = libc::sock_fprog { len, filter: instructions.as_ptr().cast_mut() };
    // SAFETY: `program` points to `len` instructions that live through the call, which only reads them.
    check(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) })
}

/// Sets a resource limit by number.
pub(crate) fn set_rlimit(resource: u32, soft: u64, hard: u64) -> io::Result<()> {
    let limit = [soft, hard];
    // SAFETY: `limit` is laid out as a struct rlimit64 and lives through the call; the old value is not asked for.
    check(unsafe {
        let none = std::ptr::null_mut::<c_void>();
        libc::syscall(libc::SYS_prlimit64, 0, resource, limit.as_ptr(), none)
    })
}

/// True unless user and group ids are the host's own.
pub(crate) fn in_user_namespace() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    !map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// Sends a signal to the process of a pidfd; unlike in safe crates, real-time signals too.
pub(crate) fn pidfd_send_signal(pidfd: BorrowedFd<'_>, signal: c_int) -> io::Result<()> {
    let info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a plain system call; without a siginfo the kernel fills in that of kill(2).
    check(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, info, 0) })
}

fn check(result: libc::c_long) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
