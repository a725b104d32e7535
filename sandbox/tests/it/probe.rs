//! This program as the process that runs in a sandbox, for things that busybox cannot do.
//!
//! The program needs the host's libraries, which are mounted read-only at the same paths.

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::Path;

use sandbox::{Mount, MountSource, Network, PortMap, Spec};

use crate::env::{TestEnv, detached};

const FLAG: &str = "--probe";
const PATH: &str = "/probe";

/// Returns a spec that runs the probe `name` with `argument`.
pub fn spec(env: &TestEnv, name: &str, argument: &str) -> Spec {
    let mut spec = env.spec(&[PATH, FLAG, name, argument]);
    let exe = std::env::current_exe().unwrap();
    let shown = [(exe.as_path(), PATH)]
        .into_iter()
        .chain(["/lib", "/lib64", "/usr/lib"].map(|dir| (Path::new(dir), dir)));
    for (source, target) in shown.filter(|(source, _)| source.exists()) {
        let source = MountSource::Detached(detached(&source.canonicalize().unwrap()));
        spec.mounts.push(Mount { target: target.into(), source, read_only: true });
    }
    spec
}

/// Becomes a probe if this process was started to be one, and never returns then.
#[allow(clippy::print_stdout, reason = "a probe prints what it found")]
pub fn run_if_asked() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [flag, name, argument] = args.as_slice() else { return };
    if flag != FLAG {
        return;
    }
    match name.as_str() {
        "socket" => print!("{}", read_socket(argument)),
        "abstract" => print!("{}", abstract_socket(argument)),
        "serve-tcp" => serve_tcp(argument),
        "serve-udp" => serve_udp(argument),
        "sleep" => sleep_in_sandbox(Path::new(argument)),
        "outside" => print!("{}", outside(Path::new(argument))),
        "calls" => print!("{}", crate::system_calls::all()),
        _ => panic!("no probe {name}"),
    }
    std::process::exit(0)
}

fn read_socket(path: &str) -> String {
    let mut text = String::new();
    UnixStream::connect(path).unwrap().read_to_string(&mut text).unwrap();
    text
}

/// Connects to an abstract socket and returns `reached` or the name of the error.
fn abstract_socket(name: &str) -> String {
    let address = SocketAddr::from_abstract_name(name).unwrap();
    UnixStream::connect_addr(&address).map_or_else(|error| error.kind().to_string(), |_| "reached".into())
}

/// Writes `hello` to every client of an address.
fn serve_tcp(address: &str) {
    for client in TcpListener::bind(address).unwrap().incoming() {
        client.unwrap().write_all(b"hello\n").unwrap();
    }
}

/// Answers every packet to an address with `hello`.
fn serve_udp(address: &str) {
    let socket = UdpSocket::bind(address).unwrap();
    loop {
        let (_, client) = socket.recv_from(&mut [0; 100]).unwrap();
        socket.send_to(b"hello\n", client).unwrap();
    }
}

/// Outside of a sandbox: starts one that lasts on the root file system at `root`, prints its pid, and waits.
#[allow(clippy::print_stdout, reason = "a probe prints what it found")]
fn sleep_in_sandbox(root: &Path) {
    let mut running =
        sandbox::spawn(crate::env::spec_of(root, &["sh", "-c", "sleep 1000 & sleep 1000"])).unwrap();
    println!("{}", running.pid());
    running.wait().unwrap();
}

/// Outside of a sandbox, as the current user: runs a script in one, and returns the tier and the script's output.
///
/// The variables are `SCRIPT`, the script; `NETWORK`, its network (`none`, `private`, or `ADDRESS:PORT` to publish port
/// 80 there); `USER_ID`, the user in the sandbox; and `SINGLE_ID`, set if owners and users are not to be changed.
fn outside(root: &Path) -> String {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let tier = sandbox::privilege::enter().unwrap_or_else(|error| panic!("{error}: {error:?}"));
    let mut spec = crate::env::spec_of(root, &["sh", "-c", &variable("SCRIPT")]);
    let id = variable("USER_ID").parse().unwrap_or(0);
    (spec.process.user.uid, spec.process.user.gid, spec.process.user.groups) = (id, id, vec![id]);
    if !variable("SINGLE_ID").is_empty() {
        spec.process.seccomp = sandbox::Seccomp::SingleId;
    }
    spec.network = match variable("NETWORK").as_str() {
        "none" => Network::None,
        "private" => Network::Private { publish: vec![] },
        port if port.contains(':') => Network::Private { publish: vec![published(port)] },
        _ => Network::Host,
    };
    let result =
        if variable("JOIN").is_empty() { crate::env::try_run(spec) } else { crate::env::try_join(spec) };
    match result {
        Ok(ran) => format!("{tier:?}\n{}{}", ran.stdout, ran.stderr),
        Err(error) => format!("{tier:?}\n{error}\n"),
    }
}

/// Returns the map of an address of the host to port 80.
fn published(host: &str) -> PortMap {
    PortMap { host: host.parse().unwrap(), container_port: 80, udp: false }
}
