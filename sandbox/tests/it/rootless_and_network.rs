//! Sandboxes of users without root, and connections of private networks.
//!
//! Each caller is a process of its own (the probe `outside`), because it changes its namespaces.

use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use sandbox::{Network, PortMap};

use crate::env::{TestEnv, output};
use crate::probe;
use crate::runner::{Test, tests};

pub const TESTS: &[Test] = tests![
    privileged_root_enters_a_mount_namespace,
    privileged_a_user_without_subordinate_ids_is_root_in_the_sandbox,
    privileged_a_user_without_subordinate_ids_can_isolate_the_network,
    privileged_a_user_without_subordinate_ids_cannot_run_as_others,
    privileged_a_user_without_subordinate_ids_is_shown_as_another_where_owners_are_faked,
    privileged_a_user_with_subordinate_ids_can_run_as_others,
    privileged_a_user_can_start_further_processes,
    privileged_a_substitute_for_a_private_network_is_restricted,
    privileged_a_private_network_has_a_route_and_a_resolver,
    privileged_a_published_port_leads_into_the_sandbox,
    privileged_a_client_by_ipv6_reaches_a_server_on_ipv4,
    privileged_a_published_udp_port_answers,
    privileged_a_port_in_use_is_an_error_that_names_it,
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

fn privileged_a_user_without_subordinate_ids_is_shown_as_another_where_owners_are_faked() {
    let Some(env) = TestEnv::new() else { return };
    let script =
        "id -u; id -g; touch /tmp/f; chown 5:6 /tmp/f && stat -c %u:%g /tmp/f; grep CapEff /proc/self/status";
    let as_user = |id: &str| as_nobody(&env, &[("SCRIPT", script), ("USER_ID", id), ("SINGLE_ID", "1")]);
    let Some(seen) = as_user("1000") else { return };
    assert_eq!(seen, "RootlessSingleId\n1000\n1000\n1000:1000\nCapEff:\t0000000000000000\n");
    let Some(seen) = as_user("0") else { return };
    assert!(seen.starts_with("RootlessSingleId\n0\n0\n0:0\nCapEff:\t00000000a80425fb"), "{seen}");
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
    let too_large = outside(&env, uid, &[("SCRIPT", "id -u"), ("USER_ID", "2000000")]);
    for words in
        ["user 2000000:2000000 does not exist", " ids, 0 to ", "use smaller ids, or lend your user more than"]
    {
        assert!(too_large.contains(words), "no {words:?}: {too_large}");
    }
}

fn privileged_a_user_can_start_further_processes() {
    let Some(env) = TestEnv::new() else { return };
    let script = "id -u; hostname; grep CapEff /proc/self/status; head -c 5 /proc/1/cmdline";
    let check = |uid: u32, variables: &[(&str, &str)], expected: &str| {
        let variables = [&[("SCRIPT", script), ("JOIN", "1")], variables].concat();
        let seen = outside(&env, uid, &variables);
        if seen.contains("cannot make a user namespace") {
            return skip(&seen);
        }
        assert_eq!(seen, expected);
    };
    let root = "0\nbox\nCapEff:\t00000000a80425fb\nsleep";
    check(NOBODY, &[], &format!("RootlessSingleId\n{root}"));
    check(NOBODY, &[("NETWORK", "none")], &format!("RootlessSingleId\n{root}"));
    let shown = "RootlessSingleId\n1000\nbox\nCapEff:\t0000000000000000\nsleep";
    check(NOBODY, &[("USER_ID", "1000"), ("SINGLE_ID", "1")], shown);
    match user_with_ids() {
        Some(uid) => check(uid, &[("NETWORK", "none")], &format!("Rootless\n{root}")),
        None => skip("no user has ids in /etc/subuid, or no newuidmap"),
    }
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

/// Runs the probe `server` at `listens` in a sandbox that publishes its port 80 as `host`, until `client` hears hello.
#[track_caller]
fn check_published(server: &str, listens: &str, host: &str, client: impl Fn() -> bool) {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = probe::spec(&env, server, listens);
    let udp = server == "serve-udp";
    let port = PortMap { host: host.parse().unwrap(), container_port: 80, udp };
    spec.network = Network::Private { publish: vec![port] };
    let _running = sandbox::spawn(spec).unwrap();
    assert!((0..100).any(|_| client()), "{server} {listens}");
}

fn privileged_a_published_port_leads_into_the_sandbox() {
    let by = |address: &'static str| move || hears_hello(address);
    check_published("serve-tcp", "0.0.0.0:80", "127.0.0.1:18431", by("127.0.0.1:18431"));
    check_published("serve-tcp", "0.0.0.0:80", "0.0.0.0:18431", by("127.0.0.1:18431"));
    check_published("serve-tcp", "[::]:80", "[::1]:18431", by("[::1]:18431"));
}

fn privileged_a_client_by_ipv6_reaches_a_server_on_ipv4() {
    check_published("serve-tcp", "0.0.0.0:80", "0.0.0.0:18432", || hears_hello("[::1]:18432"));
    check_published("serve-tcp", "127.0.0.1:80", "[::]:18432", || hears_hello("[::1]:18432"));
}

fn privileged_a_published_udp_port_answers() {
    let hears_answer = |from: &str, to: &str| {
        let socket = UdpSocket::bind(from).unwrap();
        socket.connect(to).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut text = [0; 6];
        socket.send(b"hi").is_ok() && socket.recv(&mut text).is_ok() && &text == b"hello\n"
    };
    check_published("serve-udp", "0.0.0.0:80", "0.0.0.0:18433", || {
        hears_answer("127.0.0.1:0", "127.0.0.1:18433")
    });
    check_published("serve-udp", "0.0.0.0:80", "0.0.0.0:18433", || hears_answer("[::1]:0", "[::1]:18433"));
    // By an address of this machine that is not loopback, if it has one.
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    if socket.connect("192.0.2.1:9").is_ok() {
        let own = socket.local_addr().unwrap().ip();
        let to = format!("{own}:18433");
        check_published("serve-udp", "0.0.0.0:80", "0.0.0.0:18433", || hears_answer("0.0.0.0:0", &to));
    }
}

fn privileged_a_port_in_use_is_an_error_that_names_it() {
    let Some(env) = TestEnv::new() else { return };
    let check = |held: &str, published: &str| {
        let holder = TcpListener::bind(held).unwrap();
        let published = format!("{published}:{}", holder.local_addr().unwrap().port());
        let seen = outside(&env, 0, &[("SCRIPT", "true"), ("NETWORK", &published)]);
        assert!(seen.contains(&format!("cannot publish {published}/tcp: another program")), "{seen}");
    };
    check("0.0.0.0:0", "0.0.0.0");
    check("127.0.0.1:0", "0.0.0.0");
    check("[::]:0", "0.0.0.0");
    check("127.0.0.1:0", "127.0.0.1");
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
