//! pasta: the program that connects a private network to the outside.
//!
//! It goes into the background when the interface in the namespace is up; the end of the process that was started is
//! how its starter knows.

use std::ffi::OsString;
use std::io::{self, Read};
use std::net::Ipv4Addr;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::Access;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::witness::Witness;
use crate::error::os;
use crate::port_map::PortMap;
use crate::{SandboxError, sys};

/// Address in the sandbox that pasta forwards to the host's resolver.
pub(crate) const DNS_FORWARDER: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);

/// Places to look for pasta; the caller's `PATH` is not used, because pasta runs with our rights.
const PASTA_PATHS: [&str; 3] = ["/usr/bin/pasta", "/usr/local/bin/pasta", "/bin/pasta"];

/// Bytes of pasta's stderr that are read for a message.
const MAX_COMPLAINT_BYTES: u64 = 4096;

/// Device file through which pasta makes the interface of a private network.
const TUN: &str = "/dev/net/tun";

/// Checks that pasta and its device exist, without which [`super::Network::Private`] cannot work on this machine.
pub fn check_available() -> Result<(), SandboxError> {
    installed().map(drop)
}

/// Returns the path of pasta. The error names the package or the device that is missing.
fn installed() -> Result<PathBuf, SandboxError> {
    let missing = || unavailable("pasta is not installed (package passt)".into());
    let pasta = PASTA_PATHS.iter().map(PathBuf::from).find(|path| path.is_file()).ok_or_else(missing)?;
    match rustix::fs::access(TUN, Access::READ_OK | Access::WRITE_OK) {
        Ok(()) => Ok(pasta),
        Err(error) => Err(unavailable(format!("cannot open {TUN}: {}", std::io::Error::from(error)))),
    }
}

fn unavailable(reason: String) -> SandboxError {
    SandboxError::Network { reason }
}

/// Returns the command line that connects a network namespace, without the namespace, which [`connect`] appends.
pub(crate) fn command(publish: &[PortMap]) -> Result<Vec<OsString>, SandboxError> {
    let mut command = vec![installed()?.into_os_string()];
    command.extend(arguments(publish).into_iter().chain(as_root()).map(OsString::from));
    Ok(command)
}

/// Returns pasta's arguments.
///
/// With `--no-map-gw` the gateway's address leads to the gateway and never to services on the host's loopback. With
/// `-T none -U none` ports on the sandbox's own loopback do not lead there either.
fn arguments(publish: &[PortMap]) -> Vec<String> {
    let fixed = ["--config-net", "--no-map-gw", "--quiet", "--dns-forward"];
    let mut arguments: Vec<String> = fixed.iter().map(ToString::to_string).collect();
    arguments.push(DNS_FORWARDER.to_string());
    let ports: Vec<String> = publish.iter().filter(|port| is_forwarded(port)).map(forward).collect();
    if ports.is_empty() {
        arguments.extend(["-t", "none"].map(String::from));
    }
    arguments.extend(ports.into_iter().flat_map(|port| ["-t".into(), port]));
    arguments.extend(["-u", "none", "-T", "none", "-U", "none"].map(String::from));
    arguments
}

/// Reports whether pasta listens on a published port: for TCP by IPv4. `super::forward` listens on all others.
fn is_forwarded(port: &PortMap) -> bool {
    !port.udp && port.host.is_ipv4()
}

/// Formats a published port in pasta's syntax, `ADDRESS/PORT:PORT`.
///
/// Without an address pasta would listen on both families, and would not mind if one of them is in use.
fn forward(port: &PortMap) -> String {
    format!("{}/{}:{}", port.host.ip(), port.host.port(), port.container_port)
}

/// Returns `--runas` for root of the host, nothing for others.
///
/// As root, pasta would become the user nobody, who may not enter the network namespace. It gives up its capabilities by
/// itself, and has no file system while it runs.
fn as_root() -> Vec<String> {
    let is_root = rustix::process::geteuid().is_root() && !sys::in_user_namespace();
    if is_root { vec!["--runas".into(), "0:0".into()] } else { Vec::new() }
}

/// Connects the network namespace `netns` with the command line of [`command`].
///
/// Returns when the network works. Gives up when `caller` hangs up. The calling process has one thread.
pub(crate) fn connect(
    command: &[OsString],
    netns: BorrowedFd<'_>,
    caller: BorrowedFd<'_>,
) -> Result<(), SandboxError> {
    let witness = Witness::start(netns)?;
    let mut pasta = start(command, &witness).map_err(os("start pasta"))?;
    wait(&pasta, caller).map_err(os("wait for pasta"))?;
    // A pasta that is still running was given up: this process ends now, and pasta with it.
    match pasta.try_wait().map_err(os("wait for pasta"))? {
        Some(status) if status.success() => Ok(()),
        _ => Err(SandboxError::Network {
            reason: format!("pasta could not connect it: {}", complaint(&mut pasta)),
        }),
    }
}

fn start(command: &[OsString], witness: &Witness) -> io::Result<Child> {
    let (program, arguments) = command.split_first().expect("a command has a program");
    Command::new(program)
        .args(arguments)
        .arg("--netns")
        .arg(witness.netns_path())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
}

/// Waits until the first pasta process ends, leaving another in the background, or until `caller` hangs up.
fn wait(pasta: &Child, caller: BorrowedFd<'_>) -> io::Result<()> {
    let pid = i32::try_from(pasta.id()).ok().and_then(Pid::from_raw).expect("a child's pid is positive");
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    let mut watched = [PollFd::new(&pidfd, PollFlags::IN), PollFd::from_borrowed_fd(caller, PollFlags::IN)];
    while poll(&mut watched, None).err() == Some(rustix::io::Errno::INTR) {}
    Ok(())
}

/// Reads pasta's stderr and makes it fit for a message.
fn complaint(pasta: &mut Child) -> String {
    let mut text = String::new();
    if let Some(stderr) = pasta.stderr.take() {
        // A message that cannot be read in full is shown as far as it was read.
        let _ = stderr.take(MAX_COMPLAINT_BYTES).read_to_string(&mut text);
    }
    explained(&text)
}

/// Joins pasta's messages and adds advice. Complaints about a missing syslog, which many containers lack, are left out.
fn explained(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains("to syslog"));
    let messages = lines.collect::<Vec<_>>().join("; ");
    let advice = [
        ("Failed to bind", " (another program uses that port: choose another, or stop the program)"),
        (
            "tun socket",
            " (we may not use /dev/net/tun: modprobe tun; chmod 666 it; in a container, --device /dev/net/tun)",
        ),
    ];
    let fitting = advice.into_iter().find(|(sign, _)| messages.contains(sign));
    messages + fitting.map_or("", |(_, advice)| advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_published(host: &str, udp: bool, expected: &str) {
        let port = PortMap { host: host.parse().unwrap(), container_port: 80, udp };
        let arguments = arguments(&[port]).join(" ");
        assert!(arguments.ends_with(&format!("{expected} -u none -T none -U none")), "{arguments}");
    }

    #[test]
    fn tcp_ports_by_ipv4_are_published_with_their_address() {
        check_published("0.0.0.0:8080", false, "-t 0.0.0.0/8080:80");
        check_published("127.0.0.1:8080", false, "-t 127.0.0.1/8080:80");
    }

    #[test]
    fn other_ports_are_not_left_to_pasta() {
        check_published("[::1]:53", false, "-t none");
        check_published("0.0.0.0:5353", true, "-t none");
    }

    #[test]
    fn a_known_complaint_comes_with_advice() {
        let text = "Failed to send 58 bytes to syslog\nFailed to bind any port for '-t 1:1', exiting\n";
        assert!(
            explained(text).starts_with("Failed to bind any port for '-t 1:1', exiting (another program")
        );
    }

    #[test]
    fn an_unknown_complaint_is_passed_on() {
        assert_eq!(explained("No such device\n\nbye\n"), "No such device; bye");
    }

    #[test]
    fn nothing_is_forwarded_without_a_published_port() {
        let arguments = arguments(&[]).join(" ");
        assert!(arguments.ends_with("-t none -u none -T none -U none"), "{arguments}");
    }
}
