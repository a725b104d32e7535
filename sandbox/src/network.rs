//! The network of a sandbox: the host's, none, or one of its own that pasta connects.
//!
//! pasta (package `passt`) is a program that moves packets between a tap device in the sandbox's network namespace and
//! ordinary sockets outside; it needs no rights on the host. It is started by the sandbox's supervisor, in the
//! supervisor's pid namespace, so that it cannot outlive the sandbox. It goes into the background when the interface is
//! up, which is how we know.

use std::ffi::OsString;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::SandboxError;
use crate::error::os;
use crate::etc;
use crate::spec::{Network, PortMap};

/// The address in the sandbox that pasta forwards to the host's resolver.
const DNS_FORWARDER: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);

/// Where pasta may be; never searched for in the caller's `PATH`, as it runs with our rights.
const PASTA_PATHS: [&str; 3] = ["/usr/bin/pasta", "/usr/local/bin/pasta", "/bin/pasta"];

/// True if [`Network::Private`] can work on this machine.
pub fn private_available() -> bool {
    pasta().is_some() && Path::new("/dev/net/tun").exists()
}

fn pasta() -> Option<PathBuf> {
    PASTA_PATHS.iter().map(PathBuf::from).find(|path| path.is_file())
}

/// The command line that connects a network namespace; the namespace itself is added by [`connect`].
pub(crate) fn command(publish: &[PortMap]) -> Result<Vec<OsString>, SandboxError> {
    let missing = || SandboxError::Unavailable {
        what: "a private network needs pasta, which is not installed".into(),
        hint: "install it (Debian and Ubuntu: apt-get install passt), or use the host's network".into(),
    };
    let mut command = vec![pasta().ok_or_else(missing)?.into_os_string()];
    command.extend(arguments(publish).into_iter().map(OsString::from));
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

/// Connects the network namespace `netns` by `command`, and returns once it works.
pub(crate) fn connect(command: &[OsString], netns: BorrowedFd<'_>) -> Result<(), SandboxError> {
    let (program, arguments) = command.split_first().expect("a command has a program");
    let mut child = Command::new(program)
        .args(arguments)
        .arg("--netns")
        // pasta opens it while we wait, so this process's descriptor is good; no file name is involved.
        .arg(format!("/proc/{}/fd/{}", rustix::process::getpid().as_raw_nonzero(), netns.as_raw_fd()))
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(os("start pasta"))?;
    let status = child.wait().map_err(os("wait for pasta"))?;
    if status.success() {
        return Ok(());
    }
    let mut reason = String::new();
    if let Some(stderr) = child.stderr.take() {
        let _ = stderr.take(4096).read_to_string(&mut reason);
    }
    Err(SandboxError::Unavailable {
        what: "pasta could not connect the private network".into(),
        hint: reason.trim().replace('\n', "; "),
    })
}

/// The text of `/etc/resolv.conf` in a sandbox with `network`.
pub(crate) fn resolv_conf(network: &Network) -> String {
    let read = |path| std::fs::read(path).map(|text| String::from_utf8_lossy(&text).into_owned()).ok();
    let text = read("/etc/resolv.conf").unwrap_or_default();
    match network {
        Network::Host | Network::None => etc::resolv_of_host(&text),
        Network::Private { .. } => {
            // The stub resolver of systemd is on loopback; this is where it tells what is behind it.
            let behind = read("/run/systemd/resolve/resolv.conf").filter(|_| text.contains("127.0.0.53"));
            etc::resolv_of_private(&behind.unwrap_or(text), IpAddr::V4(DNS_FORWARDER))
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
    fn nothing_is_forwarded_that_was_not_asked_for() {
        let arguments = arguments(&[]).join(" ");
        assert!(arguments.ends_with("-t none -u none -T none -U none"), "{arguments}");
        let port = PortMap { host: "0.0.0.0:5353".parse().unwrap(), container_port: 53, udp: true };
        let arguments = super::arguments(&[port]).join(" ");
        assert!(arguments.ends_with("-t none -u 5353:53 -T none -U none"), "{arguments}");
    }
}
