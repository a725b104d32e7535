//! System calls that no safe crate offers. All `unsafe` code of this crate is here.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int, c_void};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::process::{WaitId, WaitIdOptions, waitid};

/// Descriptor at which a started init finds its control channel.
pub(crate) const CONTROL_FD: RawFd = 3;
/// First argument of a started init, by which our program knows that it is one.
pub(crate) const INIT_NAME: &std::ffi::CStr = c"dsbuild-sandbox-init";

// Attributes for `mount_setattr`.
pub(crate) const READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY;
pub(crate) const NO_DEVICES: u64 = libc::MOUNT_ATTR_NODEV;
pub(crate) const NO_SUID: u64 = libc::MOUNT_ATTR_NOSUID;
pub(crate) const NO_EXEC: u64 = libc::MOUNT_ATTR_NOEXEC;

/// Instructions of [`start_init`] to its child, in memory that both share.
struct Start {
    exe: RawFd,
    control: RawFd,
    argv: [*const c_char; 2],
    envp: [*const c_char; 1],
    /// Error of the child; 0 if it has executed the init.
    errno: c_int,
}

/// The child of [`start_init`]. It runs in the address space of the suspended parent thread, so that it makes only
/// async-signal-safe calls.
extern "C" fn init_child(start: *mut c_void) -> c_int {
    // SAFETY: `start_init` passes its `Start`, which outlives this child: CLONE_VFORK suspends the parent until the
    // child executes or exits.
    let start = unsafe { &mut *start.cast::<Start>() };
    // SAFETY: these are plain system calls on our own descriptors, and on strings that live as long as `start`.
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

/// Pid namespace of a started init.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PidNamespace {
    /// A new one, which ends with the init.
    New,
    /// That of the caller, from which the namespaces of sandboxes can be entered.
    Caller,
}

/// Starts `exe` (our own program) as an init, and returns its pidfd.
///
/// The init has an empty environment and `control` as descriptor [`CONTROL_FD`]. It inherits other descriptors that are
/// not close-on-exec, and closes them itself. Unlike fork, this does not copy the page tables of a large caller.
pub(crate) fn start_init(
    exe: BorrowedFd<'_>,
    control: BorrowedFd<'_>,
    namespace: PidNamespace,
) -> io::Result<OwnedFd> {
    let mut start = Start {
        exe: exe.as_raw_fd(),
        control: control.as_raw_fd(),
        argv: [INIT_NAME.as_ptr(), std::ptr::null()],
        envp: [std::ptr::null()],
        errno: 0,
    };
    let mut stack = vec![0_u128; 4096];
    let new_namespace = if namespace == PidNamespace::New { libc::CLONE_NEWPID } else { 0 };
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | new_namespace | libc::CLONE_PIDFD | libc::SIGCHLD;
    let mut pidfd: c_int = -1;
    let signals = block_signals()?;
    // SAFETY: the child runs `init_child` on a stack of its own, which is 16-byte aligned. The stack and the argument
    // live until the child executes or exits, because CLONE_VFORK suspends this thread. Signals are blocked, so that no
    // handler runs in the child. CLONE_PIDFD makes the kernel write to `pidfd`.
    let pid = unsafe {
        let top = stack.as_mut_ptr_range().end.cast::<c_void>();
        libc::clone(init_child, top, flags, (&raw mut start).cast(), &raw mut pidfd)
    };
    let cloned = if pid < 0 { Err(io::Error::last_os_error()) } else { Ok(()) };
    restore_signals(&signals);
    cloned?;
    // SAFETY: the kernel has just returned this descriptor, and nothing else owns it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    if start.errno == 0 {
        return Ok(pidfd);
    }
    reap(&pidfd);
    Err(io::Error::from_raw_os_error(start.errno))
}

/// Waits for the end of a child that has nothing more to do.
fn reap(pidfd: &OwnedFd) {
    // The only failure is a child that was reaped already, in a caller that ignores SIGCHLD.
    let _ = waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED);
}

fn block_signals() -> io::Result<libc::sigset_t> {
    // SAFETY: both sets are local; a sigset_t of zeros is valid, and is filled before it is used.
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
    // SAFETY: `signals` is a set that `block_signals` has returned.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, signals, std::ptr::null_mut()) };
}

/// Unblocks all signals and gives them their default effect.
///
/// Ignored and blocked signals survive exec: Rust ignores SIGPIPE, and the caller may have changed others.
pub(crate) fn reset_signals() {
    const SIGNALS: c_int = 64;
    const SET_BYTES: usize = 8;
    // SAFETY: an array of zeros is a kernel sigaction of SIG_DFL without flags, and larger than the kernel reads. No
    // handler of ours is in use. libc's functions would leave out two signals. SIGKILL and SIGSTOP are refused, which
    // does no harm.
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

/// Makes this process ignore a signal.
pub(crate) fn ignore_signal(signal: c_int) -> io::Result<()> {
    // SAFETY: no handler is installed.
    if unsafe { libc::signal(signal, libc::SIG_IGN) } == libc::SIG_ERR {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Returns the control channel that [`start_init`] has left at [`CONTROL_FD`]; an error if this process has none.
pub(crate) fn inherited_control() -> io::Result<OwnedFd> {
    rustix::io::fcntl_setfd(
        // SAFETY: the number is borrowed for this call only, which fails if no such descriptor exists.
        unsafe { BorrowedFd::borrow_raw(CONTROL_FD) },
        rustix::io::FdFlags::CLOEXEC,
    )?;
    // SAFETY: the descriptor exists, and nothing else in this process, which has just started, owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(CONTROL_FD) })
}

/// The process in which [`fork`] has returned.
pub(crate) enum Fork {
    /// The new process, a copy of the calling one.
    Child,
    /// The calling process, with the pid of the child.
    Parent(rustix::process::Pid),
}

/// Forks this process, which must have one thread.
pub(crate) fn fork() -> io::Result<Fork> {
    // SAFETY: callers have one thread, so that no lock in the child is held by a thread that it lacks.
    match unsafe { libc::fork() } {
        0 => Ok(Fork::Child),
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Fork::Parent(rustix::process::Pid::from_raw(pid).expect("a child's pid is positive"))),
    }
}

/// Forks this process, which must have one thread, into a new pid namespace. Returns `None` in the child, which is pid 1
/// there, and the pidfd of the child in the parent.
///
/// Unsharing the pid namespace before a plain fork would not do: the parent could no longer start threads.
pub(crate) fn fork_into_pid_namespace() -> io::Result<Option<OwnedFd>> {
    fork_with_flags(libc::CLONE_NEWPID)
}

/// Forks this process, which must have one thread. Returns `None` in the child, and the pidfd of the child in the parent.
pub(crate) fn fork_with_pidfd() -> io::Result<Option<OwnedFd>> {
    fork_with_flags(0)
}

fn fork_with_flags(flags: c_int) -> io::Result<Option<OwnedFd>> {
    let flags = libc::c_ulong::try_from(flags | libc::CLONE_PIDFD | libc::SIGCHLD).expect("no sign bit");
    let mut pidfd: c_int = -1;
    // SAFETY: without CLONE_VM and without a stack this is a fork, and callers have one thread. The kernel writes to
    // `pidfd`, the third argument of clone on all supported architectures; the arguments after it are unused.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, &raw mut pidfd, 0, 0) };
    match pid {
        0 => Ok(None),
        // SAFETY: the kernel has just returned this descriptor, and nothing else owns it.
        1.. => Ok(Some(unsafe { OwnedFd::from_raw_fd(pidfd) })),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Ends a forked child without running the exit handlers of the parent, which would write its buffered output twice.
pub(crate) fn exit_now(code: c_int) -> ! {
    // SAFETY: the process ends here, so that no code can observe a broken state.
    unsafe { libc::_exit(code) }
}

/// Closes all descriptors with the number `first` or a higher one.
pub(crate) fn close_from(first: RawFd) -> io::Result<()> {
    close_range(first, 0)
}

/// Makes all descriptors with the number `first` or a higher one close-on-exec.
pub(crate) fn close_on_exec_from(first: RawFd) -> io::Result<()> {
    close_range(first, libc::CLOSE_RANGE_CLOEXEC)
}

fn close_range(first: RawFd, flags: u32) -> io::Result<()> {
    // SAFETY: no memory is passed. Callers use no descriptor of this range any more, or only mark them.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, flags) })
}

/// Sets attributes of a mount, and of all mounts below it if `recursive`.
pub(crate) fn mount_setattr(mount: BorrowedFd<'_>, set: u64, recursive: bool) -> io::Result<()> {
    change_attributes(mount, set, 0, recursive)
}

/// Sets how mounts and unmounts spread between a mount and others, and for all mounts below it if `recursive`.
pub(crate) fn set_propagation(mount: BorrowedFd<'_>, propagation: u64, recursive: bool) -> io::Result<()> {
    let attributes = libc::mount_attr { attr_set: 0, attr_clr: 0, propagation, userns_fd: 0 };
    change_mount(mount, attributes, recursive)
}

/// Allows the device nodes of a mount to be opened.
pub(crate) fn allow_devices(mount: BorrowedFd<'_>) -> io::Result<()> {
    change_attributes(mount, 0, NO_DEVICES, false)
}

fn change_attributes(mount: BorrowedFd<'_>, set: u64, clear: u64, recursive: bool) -> io::Result<()> {
    let attributes = libc::mount_attr { attr_set: set, attr_clr: clear, propagation: 0, userns_fd: 0 };
    change_mount(mount, attributes, recursive)
}

fn change_mount(mount: BorrowedFd<'_>, attributes: libc::mount_attr, recursive: bool) -> io::Result<()> {
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the string and the struct live through the call, and the size is that of the struct.
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

/// Joins a new, anonymous session keyring, which hides the caller's keys.
pub(crate) fn new_session_keyring() -> io::Result<()> {
    let join: libc::c_long = libc::KEYCTL_JOIN_SESSION_KEYRING.into();
    // SAFETY: a null name requests an anonymous keyring; no memory is passed.
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
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS as libc::Ioctl, &raw mut request).into())?;
        request.ifr_ifru.ifru_flags |= libc::IFF_UP as libc::c_short;
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as libc::Ioctl, &raw const request).into())
    }
}

/// Installs a seccomp filter. `program` is an array of `sock_filter` in native byte order.
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
    // SAFETY: `program` points to `len` instructions, which live through the call; the kernel only reads them.
    check(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) })
}

/// Makes a Landlock ruleset that handles no access and has the scopes `scoped`. Returns its descriptor.
pub(crate) fn landlock_create_ruleset(scoped: u64) -> io::Result<OwnedFd> {
    let attributes = [0, 0, scoped];
    // SAFETY: the array is laid out as a struct landlock_ruleset_attr of ABI 6. The kernel only reads it.
    let fd = unsafe {
        let bytes = size_of_val(&attributes);
        libc::syscall(libc::SYS_landlock_create_ruleset, attributes.as_ptr(), bytes, 0)
    };
    check(fd)?;
    let fd = RawFd::try_from(fd).map_err(|_| io::ErrorKind::InvalidData)?;
    // SAFETY: the kernel has just returned this descriptor, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Puts this thread and its future children under a Landlock ruleset, for good.
pub(crate) fn landlock_restrict_self(ruleset: &OwnedFd) -> io::Result<()> {
    // SAFETY: a plain system call on a descriptor that lives through it.
    check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0) })
}

/// Sets the resource limit with the kernel's number `resource`.
pub(crate) fn set_rlimit(resource: u32, soft: u64, hard: u64) -> io::Result<()> {
    let limit = [soft, hard];
    // SAFETY: `limit` is laid out as a struct rlimit64 and lives through the call; the old value is not requested.
    check(unsafe {
        let none = std::ptr::null_mut::<c_void>();
        libc::syscall(libc::SYS_prlimit64, 0, resource, limit.as_ptr(), none)
    })
}

/// Reports whether this process is in a user namespace other than the host's.
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
