//! The network of a sandbox: the host's, none, or one of its own that pasta connects; `shared`: one for several.
//!
//! pasta (package `passt`) is a program that moves packets between a tap device in the sandbox's network namespace and
//! ordinary sockets outside; it needs no rights on the host. It is started by the sandbox's supervisor, in the
//! supervisor's pid namespace, so that it cannot outlive the sandbox. It goes into the background when the interface is
//! up, which is how we know.

mod shared;

use std::ffi::OsString;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::Access;
use rustix::process::{DumpableBehavior, Pid, PidfdFlags, pidfd_open, set_dumpable_behavior};
use rustix::thread::{
    CapabilitySet, CapabilitySets, LinkNameSpaceType, move_into_link_name_space, set_capabilities,
};

use crate::error::os;
use crate::spec::{Network, PortMap};
use crate::{SandboxError, etc, sys};

pub(crate) use shared::keep;
pub use shared::{Connecting, SharedNetwork};

/// The address in the sandbox that pasta forwards to the host's resolver.
const DNS_FORWARDER: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);

/// Where pasta may be; never searched for in the caller's `PATH`, as it runs with our rights.
const PASTA_PATHS: [&str; 3] = ["/usr/bin/pasta", "/usr/local/bin/pasta", "/bin/pasta"];

/// True if [`Network::Private`] can work on this machine.
pub fn private_available() -> bool {
    let tun = rustix::fs::access("/dev/net/tun", Access::READ_OK | Access::WRITE_OK);
    pasta().is_some() && tun.is_ok()
}

fn pasta() -> Option<PathBuf> {
    PASTA_PATHS.iter().map(PathBuf::from).find(|path| path.is_file())
}

/// The command line that connects a network namespace; the namespace itself is added by [`connect`].
pub(crate) fn command(publish: &[PortMap]) -> Result<Vec<OsString>, SandboxError> {
    let missing = || SandboxError::Network {
        reason: "pasta is not installed (Debian and Ubuntu: apt-get install passt)".into(),
    };
    let mut command = vec![pasta().ok_or_else(missing)?.into_os_string()];
    command.extend(arguments(publish).into_iter().chain(as_root()).map(OsString::from));
    Ok(command)
}

/// `--no-map-gw`: the gateway's address leads to the gateway, never to services on the host's loopback.
/// `-T none -U none`: nor do ports on the sandbox's own loopback.
fn arguments(publish: &[PortMap]) -> Vec<String> {
    let fixed = ["--config-net", "--no-map-gw", "--quiet", "--dns-forward"];
    let mut arguments: Vec<String> = fixed.iter().map(ToString::to_string).collect();
    arguments.push(DNS_FORWARDER.to_string());
    for (flag, udp) in [("-t", false), ("-u", true)] {
        let ports: Vec<_> = publish.iter().filter(|port| port.udp == udp).map(forward).collect();
        if ports.is_empty() {
            arguments.extend([flag.into(), "none".into()]);
        }
        arguments.extend(ports.into_iter().flat_map(|port| [flag.into(), port]));
    }
    arguments.extend(["-T", "none", "-U", "none"].map(String::from));
    arguments
}

/// `[ADDRESS/]PORT:PORT`, as pasta wants it.
fn forward(port: &PortMap) -> String {
    let ports = format!("{}:{}", port.host.port(), port.container_port);
    if port.host.ip().is_unspecified() { ports } else { format!("{}/{ports}", port.host.ip()) }
}

/// Connects the network namespace `netns` by `command`, and returns once it works, or `caller` hangs up. This process
/// has one thread.
pub(crate) fn connect(
    command: &[OsString],
    netns: BorrowedFd<'_>,
    caller: BorrowedFd<'_>,
) -> Result<(), SandboxError> {
    let witness = Witness::start(netns)?;
    let mut pasta = start(command, &witness).map_err(os("start pasta"))?;
    wait(&pasta, caller).map_err(os("wait for pasta"))?;
    // It has ended, or we shall, and it with us.
    match pasta.try_wait().map_err(os("wait for pasta"))? {
        Some(status) if status.success() => Ok(()),
        _ => Err(SandboxError::Network {
            reason: format!("pasta could not connect it: {}", complaint(&mut pasta)),
        }),
    }
}

fn start(command: &[OsString], witness: &Witness) -> std::io::Result<Child> {
    let (program, arguments) = command.split_first().expect("a command has a program");
    Command::new(program)
        .args(arguments)
        .arg("--netns")
        .arg(format!("/proc/{}/ns/net", witness.pid))
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
}

/// Until the first pasta process ends, having left another one behind, or `caller` does.
fn wait(pasta: &Child, caller: BorrowedFd<'_>) -> std::io::Result<()> {
    let pid = i32::try_from(pasta.id()).ok().and_then(Pid::from_raw).expect("a child's pid is positive");
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    let mut watched = [PollFd::new(&pidfd, PollFlags::IN), PollFd::from_borrowed_fd(caller, PollFlags::IN)];
    while poll(&mut watched, None).err() == Some(rustix::io::Errno::INTR) {}
    Ok(())
}

/// What it wrote to stderr.
fn complaint(pasta: &mut Child) -> String {
    let mut text = String::new();
    if let Some(stderr) = pasta.stderr.take() {
        let _ = stderr.take(4096).read_to_string(&mut text);
    }
    said(&text)
}

/// Without its troubles with a syslog, which many containers do not have.
fn said(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains("to syslog"));
    let said = lines.collect::<Vec<_>>().join("; ");
    let advice = [
        ("Failed to bind", " (another program uses that port: choose another, or stop the program)"),
        (
            "tun socket",
            " (we may not use /dev/net/tun: modprobe tun; chmod 666 it; in a container, --device /dev/net/tun)",
        ),
    ];
    let fitting = advice.into_iter().find(|(sign, _)| said.contains(sign));
    said + fitting.map_or("", |(_, advice)| advice)
}

/// A process in the network namespace that pasta may look at.
///
/// pasta keeps few capabilities, and the kernel lets nobody open `/proc/PID/ns` of a process that has more: neither
/// the supervisor's nor the guest's. A descriptor it would close. AppArmor profiles of pasta allow only this path.
struct Witness {
    /// In the pid namespace of `/proc`.
    pid: String,
    /// It ends when this is closed.
    _alive: OwnedFd,
}

impl Witness {
    fn start(netns: BorrowedFd<'_>) -> Result<Self, SandboxError> {
        let pipe = || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(os("make a pipe"));
        let ((end, alive), (told, tell)) = (pipe()?, pipe()?);
        match sys::fork().map_err(os("fork"))? {
            sys::Fork::Child => {
                drop((alive, told));
                if let Ok(pid) = testify(netns) {
                    let _ = rustix::io::write(&tell, &pid);
                }
                drop(tell);
                let _ = rustix::io::read(&end, &mut [0]);
                sys::exit_now(0)
            }
            sys::Fork::Parent(_) => {
                drop(tell);
                let mut pid = String::new();
                let read = std::fs::File::from(told).read_to_string(&mut pid);
                read.map_err(os("enter the network namespace"))?;
                if pid.is_empty() {
                    return Err(os("enter the network namespace")(rustix::io::Errno::PERM));
                }
                Ok(Self { pid, _alive: alive })
            }
        }
    }
}

/// Enters `netns` and gives up all rights; gives our pid as `/proc` has it.
fn testify(netns: BorrowedFd<'_>) -> std::io::Result<Vec<u8>> {
    move_into_link_name_space(netns, Some(LinkNameSpaceType::Network))?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    set_dumpable_behavior(DumpableBehavior::Dumpable)?;
    Ok(rustix::fs::readlink("/proc/self", Vec::new())?.into_bytes())
}

/// `--runas`: as root of the host pasta would become nobody, who may not enter our network namespace; it gives up its
/// rights by itself, and has no file system while it runs.
fn as_root() -> Vec<String> {
    let is_root = rustix::process::geteuid().is_root() && !sys::in_user_namespace();
    if is_root { vec!["--runas".into(), "0:0".into()] } else { Vec::new() }
}

/// The text of `/etc/resolv.conf` in a sandbox with `network`.
pub(crate) fn resolv_conf(network: &Network) -> String {
    let text = std::fs::read("/etc/resolv.conf").unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    match network {
        Network::Host | Network::None => etc::resolv_of_host(&text),
        Network::Private { .. } | Network::Shared(_) => {
            etc::resolv_of_private(&text, IpAddr::V4(DNS_FORWARDER))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, container_port: u16, expected: &str) {
        let port = PortMap { host: host.parse().unwrap(), container_port, udp: false };
        assert_eq!(forward(&port), expected);
    }

    #[test]
    fn published_ports() {
        check("0.0.0.0:8080", 80, "8080:80");
        check("127.0.0.1:8080", 80, "127.0.0.1/8080:80");
        check("[::1]:53", 53, "::1/53:53");
    }

    #[test]
    fn what_pasta_says() {
        let text = "Failed to send 58 bytes to syslog\nFailed to bind any port for '-t 1:1', exiting\n";
        assert!(said(text).starts_with("Failed to bind any port for '-t 1:1', exiting (another program"));
        assert_eq!(said("No such device\n\nbye\n"), "No such device; bye");
    }

    #[test]
    fn nothing_is_forwarded_that_was_not_asked_for() {
        let arguments = arguments(&[]).join(" ");
        assert!(arguments.ends_with("-t none -u none -T none -U none"), "{arguments}");
        let port = PortMap { host: "0.0.0.0:5353".parse().unwrap(), container_port: 53, udp: true };
        let arguments = super::arguments(&[port]).join(" ");
        assert!(arguments.ends_with("-t none -u 5353:53 -T none -U none"), "{arguments}");
    }
}
