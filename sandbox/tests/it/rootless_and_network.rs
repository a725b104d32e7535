//! Sandboxes of users without root, and connections of private networks.
//!
//! Each caller is a process of its own (the probe `outside`), because it changes its namespaces.

use std::io::Read;
use std::net::TcpStream;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use sandbox::Network;

use crate::env::{TestEnv, output};
use crate::probe;
use crate::runner::{Test, tests};

pub const TESTS: &[Test] = tests![
    privileged_root_enters_a_mount_namespace,
    privileged_a_user_without_subordinate_ids_is_root_in_the_sandbox,
    privileged_a_user_without_subordinate_ids_can_isolate_the_network,
    privileged_a_user_without_subordinate_ids_cannot_run_as_others,
    privileged_a_user_with_subordinate_ids_can_run_as_others,
    privileged_a_substitute_for_a_private_network_is_restricted,
    privileged_a_private_network_has_a_route_and_a_resolver,
    privileged_a_published_port_leads_into_the_sandbox,
];

/// The user `nobody`, who has no subordinate ids.
const NOBODY: u32 = 65534;

/// Script that prints the user, processes, devices, capabilities and mounts that it sees.
const LOOK: &str = "id -u; id -G; set -- /proc/[0-9]*; echo $$ $#; echo x > /dev/null; test -c /dev/pts/ptmx && echo pts; \
    grep -E '^(CapEff|CapBnd|Seccomp:)' /proc/self/status | tr -d '\\t'; touch /made; stat -c %u /made; \
    (echo x > /proc/sys/vm/drop_caches) 2>/dev/null || echo refused; \
    awk '$2 == \"/sys\" { split($4, o, \",\"); print $3, o[1] }' /proc/mounts";
/// Output of [`LOOK`], the same for root and for users with a user namespace.
const SEEN: &str =
    "0\n0\n1 1\npts\nCapEff:00000000a80425fb\nCapBnd:00000000a80425fb\nSeccomp:2\n0\nrefused\nsysfs ro\n";

/// Runs the probe `outside` as the user `uid` of the host, with the environment `variables`, and returns its output.
fn outside(env: &TestEnv, uid: u32, variables: &[(&str, &str)]) -> String {
    let exe = env.copy_of_ourselves();
    let root = env.root("");
    env.give_to(uid);
    let mut command = Command::new(exe);
    command.args(["--probe", "outside", root.to_str().unwrap()]).envs(variables.iter().copied());
    let output = command.uid(uid).gid(uid).output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn privileged_root_enters_a_mount_namespace() {
    let Some(env) = TestEnv::new() else { return };
    assert_eq!(outside(&env, 0, &[("SCRIPT", LOOK)]), format!("Root\n{SEEN}"));
}

/// Runs the probe as `nobody`. Returns `None`, having printed why, where users cannot make user namespaces.
fn as_nobody(env: &TestEnv, variables: &[(&str, &str)]) -> Option<String> {
    let seen = outside(env, NOBODY, variables);
    if seen.contains("cannot make a user namespace") {
        skip(&seen);
        return None;
    }
    Some(seen)
}

fn privileged_a_user_without_subordinate_ids_is_root_in_the_sandbox() {
    let Some(env) = TestEnv::new() else { return };
    let Some(seen) = as_nobody(&env, &[("SCRIPT", LOOK)]) else { return };
    assert_eq!(seen, format!("RootlessSingleId\n{SEEN}"));
}

fn privileged_a_user_without_subordinate_ids_can_isolate_the_network() {
    let Some(env) = TestEnv::new() else { return };
    let address = [("SCRIPT", "ip -o -4 addr | awk '{ print $4 }'"), ("NETWORK", "none")];
    let Some(seen) = as_nobody(&env, &address) else { return };
    assert_eq!(seen, "RootlessSingleId\n127.0.0.1/8\n");
}

fn privileged_a_user_without_subordinate_ids_cannot_run_as_others() {
    let Some(env) = TestEnv::new() else { return };
    let Some(seen) = as_nobody(&env, &[("SCRIPT", "id -u"), ("USER_ID", "1000")]) else { return };
    assert!(seen.contains("user 1000:1000 does not exist in this user namespace"), "{seen}");
}

fn privileged_a_user_with_subordinate_ids_can_run_as_others() {
    let Some(env) = TestEnv::new() else { return };
    let Some(uid) = user_with_ids() else { return skip("no user has ids in /etc/subuid, or no newuidmap") };
    let seen = outside(&env, uid, &[("SCRIPT", LOOK)]);
    if seen.contains("cannot make a user namespace") {
        return skip(&seen);
    }
    assert_eq!(seen, format!("Rootless\n{SEEN}"));
    let own = [("SCRIPT", "id -u; id -G; touch /tmp/own; stat -c %u /tmp/own"), ("USER_ID", "1000")];
    assert_eq!(outside(&env, uid, &own), "Rootless\n1000\n1000\n1000\n");
}

fn privileged_a_substitute_for_a_private_network_is_restricted() {
    let Some(env) = TestEnv::new() else { return };
    let name = format!("sandbox-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let _listener = UnixListener::bind_addr(&address).unwrap();
    let check = |network: Network, expected: &str| {
        let mut spec = probe::spec(&env, "abstract", &name);
        spec.network = network.clone();
        assert_eq!(output(spec), expected, "{network:?}");
    };
    check(Network::Host, "reached");
    check(Network::HostRestricted, "permission denied");
    let mut spec = env.script("grep -E '^Cap(Eff|Bnd)' /proc/self/status | tr -d '\\t'");
    spec.network = Network::HostRestricted;
    assert_eq!(output(spec), "CapEff:00000000a80405fb\nCapBnd:00000000a80405fb\n");
}

fn privileged_a_private_network_has_a_route_and_a_resolver() {
    let Some(env) = TestEnv::new() else { return };
    sandbox::network::check_available().unwrap();
    let script =
        "ip -o -4 addr | grep -vc ' lo '; ip route | grep -c default; cat /etc/resolv.conf | tail -1";
    let seen = outside(&env, 0, &[("SCRIPT", script), ("NETWORK", "private")]);
    let lines: Vec<_> = seen.lines().collect();
    assert_eq!(lines[..3], ["Root", "1", "1"], "{seen}");
    let server = lines[3].strip_prefix("nameserver ").expect("a server");
    assert!(!server.starts_with("127."), "{seen}");
}

fn privileged_a_published_port_leads_into_the_sandbox() {
    let Some(env) = TestEnv::new() else { return };
    sandbox::network::check_available().unwrap();
    let address = "127.0.0.1:18431";
    let client = std::thread::spawn(move || (0..100).any(|_| hears_hello(address)));
    let script = "for i in 1 2 3 4 5 6 7 8 9; do echo hello | timeout 1 nc -l -p 80; done; true";
    let seen = outside(&env, 0, &[("SCRIPT", script), ("NETWORK", address)]);
    let heard = client.join().unwrap();
    assert!(heard, "{seen}");
}

/// Waits a moment, connects to `address`, and reports whether it reads `hello`.
fn hears_hello(address: &str) -> bool {
    std::thread::sleep(Duration::from_millis(50));
    let mut text = [0; 6];
    let heard = TcpStream::connect(address).and_then(|mut stream| {
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.read_exact(&mut text)
    });
    heard.is_ok() && &text == b"hello\n"
}

#[allow(clippy::print_stdout, reason = "a skipped test says so")]
fn skip(reason: &str) {
    println!("SKIP {reason}");
}

/// Returns a user other than root to whom `/etc/subuid` gives ids, if the programs that map them are installed.
fn user_with_ids() -> Option<u32> {
    let text = std::fs::read_to_string("/etc/subuid").ok()?;
    let name = text.lines().find_map(|line| line.split(':').next().filter(|name| !name.is_empty()))?;
    let helper = std::path::Path::new("/usr/bin/newuidmap").exists();
    let by_name = nix::unistd::User::from_name(name).ok().flatten().map(|user| user.uid.as_raw());
    by_name.or_else(|| name.parse().ok()).filter(|uid| helper && *uid != 0)
}
