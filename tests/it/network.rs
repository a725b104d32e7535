//! The network of RUN and of containers: isolation from this machine, published ports, and the end of pasta.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::env::{TestEnv, skip_unless};

/// Beginning of the warning that steps use the network of this machine.
const FALLBACK: &str = "RUN uses this machine's network";

/// Starts a server of this machine; returns its port.
fn server(address: &str) -> (TcpListener, u16) {
    let listener = TcpListener::bind(address).expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    (listener, port)
}

#[test]
fn privileged_a_run_reaches_services_of_this_machine_only_on_demand() {
    let env = skip_unless!(TestEnv::new());
    let (listener, port) = server("127.0.0.1:0");
    // The server hangs up at once, so that the client ends.
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let name = format!("dsbuild-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a short name");
    let _abstract_listener = UnixListener::bind_addr(&address).expect("the name is free");
    let look = format!(
        "nc -w 1 127.0.0.1 {port} < /dev/null && echo tcp reached; grep -c @{name} /proc/net/unix; \
         test -s /etc/resolv.conf && echo resolver"
    );
    let ran = env.build(&format!("FROM base\nRUN {look}\n"), &["--progress=plain", "--no-cache"]).success();
    let seen = ran.stderr();
    skip_unless!((!seen.contains(FALLBACK)).then_some(()).ok_or("no private network"));
    assert!(!printed(&seen, "tcp reached") && printed(&seen, "0") && printed(&seen, "resolver"), "{seen}");
    let args = ["--progress=plain", "--no-cache", "--allow=network.host"];
    let ran = env.build(&format!("FROM base\nRUN --network=host {look}\n"), &args).success();
    assert!(printed(&ran.stderr(), "tcp reached") && printed(&ran.stderr(), "1"), "{}", ran.stderr());
}

/// Reports whether a RUN printed this line.
fn printed(progress: &str, line: &str) -> bool {
    progress.lines().any(|shown| shown.starts_with('#') && shown.splitn(3, ' ').nth(2) == Some(line))
}

#[test]
fn privileged_the_runs_of_a_build_share_a_network() {
    let env = skip_unless!(TestEnv::new());
    let dockerfile = "FROM base\nRUN readlink /proc/self/ns/net > /a\nRUN readlink /proc/self/ns/net > /b\n\
         RUN --network=none readlink /proc/self/ns/net > /c\nRUN cmp /a /b && ! cmp -s /a /c\n";
    let dockerfile =
        dockerfile.replace("readlink", "/bin/busybox readlink").replace("cmp", "/bin/busybox cmp");
    env.build(&dockerfile, &["--no-cache"]).success();
}

#[test]
fn privileged_a_killed_build_leaves_no_pasta() {
    let env = skip_unless!(TestEnv::new());
    env.file("Dockerfile", "FROM base\nRUN sleep 100\n");
    let mut child = env
        .command(&["--no-cache", "--progress=plain", "context"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let parent = child.id();
    let connected = until(|| !connectors_of(parent).is_empty());
    let pids = connectors_of(parent);
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    skip_unless!(connected.then_some(()).ok_or("no pasta"));
    let gone = until(|| pids.iter().all(|pid| !fs::exists(format!("/proc/{pid}")).unwrap_or(true)));
    assert!(gone, "pasta was left: {pids:?}");
}

#[test]
fn privileged_a_port_in_use_cannot_be_published() {
    let env = skip_unless!(TestEnv::new());
    skip_unless!(may_connect().then_some(()).ok_or("no pasta, or no right to use /dev/net/tun"));
    env.build("FROM base\nCMD [\"sleep\", \"60\"]\n", &[]).success();
    let (_listener, port) = server("127.0.0.1:0");
    let publish = format!("127.0.0.1:{port}:80");
    let error = env.dsbuild(&["run", "-d", "--name", "no", "-p", &publish, "t"]).fails(125).stderr();
    assert!(error.contains("another program uses that port"), "{error}");
}

#[test]
fn privileged_a_published_port_leads_to_the_container_until_it_ends() {
    let env = skip_unless!(TestEnv::new());
    skip_unless!(may_connect().then_some(()).ok_or("no pasta, or no right to use /dev/net/tun"));
    env.build(
        "FROM base\nRUN echo hello > /tmp/f\nCMD [\"httpd\", \"-f\", \"-p\", \"80\", \"-h\", \"/tmp\"]\n",
        &[],
    )
    .success();
    let (listener, port) = server("127.0.0.1:0");
    drop(listener);
    let publish = format!("127.0.0.1:{port}:80");
    env.dsbuild(&["run", "-d", "--name", "web", "-p", &publish, "t"]).success();
    assert!(until(|| get(port).is_some_and(|text| text.ends_with("hello\n"))), "no answer");
    env.dsbuild(&["rm", "-f", "web"]).success();
    assert!(until(|| TcpStream::connect(("127.0.0.1", port)).is_err()), "the port is still open");
}

/// Reports whether the user of the tests can have a private network.
fn may_connect() -> bool {
    let others = 0o006;
    let tun = fs::metadata("/dev/net/tun").map(|tun| tun.permissions().mode() & others == others);
    let is_root = std::env::var_os("DSBUILD_TEST_USER").is_none();
    sandbox::network::private_available() && (is_root || tun.unwrap_or(false))
}

fn get(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    stream.write_all(b"GET /f HTTP/1.0\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

/// Waits up to five seconds; returns whether the condition became true.
fn until(mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !done() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

/// Returns the process IDs of pasta processes that descend from `ancestor`.
fn connectors_of(ancestor: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("there is a /proc").filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| {
        name_and_parent(*pid).is_some_and(|(name, _)| name.starts_with("pasta") || name.starts_with("passt"))
    })
    .filter(|pid| descends(*pid, ancestor))
    .collect()
}

fn descends(pid: u32, ancestor: u32) -> bool {
    let mut next = Some(pid);
    while let Some(pid) = next {
        if pid == ancestor {
            return true;
        }
        next = name_and_parent(pid).map(|(_, parent)| parent).filter(|parent| *parent > 1);
    }
    false
}

/// Source: proc(5), /proc/pid/stat, fields 2 and 4.
fn name_and_parent(pid: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (front, rest) = stat.rsplit_once(')')?;
    let name = front.split_once('(')?.1.to_owned();
    Some((name, rest.split_whitespace().nth(1)?.parse().ok()?))
}
