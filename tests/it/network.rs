//! The network of RUN and of containers: isolation from this machine, published ports, and the end of pasta.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::env::{Ran, TestEnv, skip_unless};

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
    assert!(!seen.contains(FALLBACK), "{seen}");
    assert!(!printed(&seen, "tcp reached") && printed(&seen, "0") && printed(&seen, "resolver"), "{seen}");
    let args = ["--progress=plain", "--no-cache", "--allow=network.host"];
    let ran = env.build(&format!("FROM base\nRUN --network=host {look}\n"), &args).success();
    assert!(printed(&ran.stderr(), "tcp reached") && printed(&ran.stderr(), "1"), "{}", ran.stderr());
}

/// E.26: a free port is chosen and shown, and `localhost` works in a browser, which tries IPv6 first.
#[test]
fn privileged_a_published_port_without_a_number_is_free_and_shown() {
    let env = skip_unless!(TestEnv::new());
    let dockerfile = "FROM base\nRUN echo hello > /tmp/f\nCMD httpd -f -p 0.0.0.0:5000 -h /tmp\n";
    env.build(dockerfile, &[]).success();
    env.dsbuild(&["run", "-d", "--name", "web", "-p", "5000", "t"]).success();
    let shown = env.dsbuild(&["port", "web", "5000"]).success().stdout();
    let port: u16 = shown.trim().strip_prefix("0.0.0.0:").and_then(|port| port.parse().ok()).expect("a port");
    assert_eq!(env.dsbuild(&["port", "web"]).success().stdout(), format!("5000/tcp -> 0.0.0.0:{port}\n"));
    env.dsbuild(&["port", "web", "80"]).fails(1);
    assert!(env.dsbuild(&["ps"]).success().stdout().contains(&format!("0.0.0.0:{port}->5000/tcp")));
    for host in ["127.0.0.1", "::1"] {
        assert!(
            until(|| get_from(host, port).is_some_and(|text| text.ends_with("hello\n"))),
            "no answer by {host}"
        );
    }
    env.dsbuild(&["rm", "-f", "web"]).success();
}

/// Runs dsbuild where `hidden` is not what it should be, as in a container without the package or the device.
fn without(env: &TestEnv, hidden: &str, args: &[&str], fallback: Option<&str>) -> Ran {
    let script = format!("mount --bind /dev/null {hidden}; exec \"$@\"");
    let mut command = env.program("unshare");
    command.args(["-m", "sh", "-c", &script, "sh"]).arg(env.binary()).args(args);
    command.envs(fallback.map(|mode| ("DSBUILD_NETWORK_FALLBACK", mode)));
    Ran(command.output().expect("unshare runs"))
}

/// E.27: neither RUN nor a container gets the machine's network because no other can be made.
#[test]
fn privileged_without_pasta_nothing_joins_the_machine_s_network() {
    let env = skip_unless!(TestEnv::new());
    env.build("FROM base\n", &[]).success();
    env.file("Dockerfile", "FROM base\nRUN readlink /proc/self/ns/net\n");
    let build = ["build", "--no-cache", "--progress=plain", "context"];
    for (args, code) in [(&build[..], 2), (&["run", "--rm", "t", "true"], 125)] {
        let told = without(&env, "/usr/bin/pasta", args, None).fails(code).stderr();
        for word in
            ["pasta is not installed", "passt", "/dev/net/tun", "--network=none", "DSBUILD_NETWORK_FALLBACK"]
        {
            assert!(told.contains(word), "no {word}: {told}");
        }
    }
    for args in
        [&["build", "--no-cache", "--network=none", "context"][..], &["run", "--network=none", "t", "true"]]
    {
        without(&env, "/usr/bin/pasta", args, None).success();
    }
}

/// The one switch: the machine's network, without raw packets and without its abstract sockets.
#[test]
fn privileged_the_machine_s_network_as_a_fallback_is_restricted() {
    let env = skip_unless!(TestEnv::new());
    let name = format!("dsbuild-fallback-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a short name");
    let _listener = UnixListener::bind_addr(&address).expect("the name is free");
    let look = format!("grep CapBnd /proc/self/status | cut -f 2; grep -c @{name} /proc/net/unix");
    env.build(&format!("FROM base\nCMD {look}\n"), &[]).success();
    let ran = without(&env, "/usr/bin/pasta", &["run", "--rm", "t"], Some("host")).success();
    assert_eq!(ran.stdout(), "00000000a80405fb\n1\n");
    assert!(ran.stderr().contains("uses this machine's network"), "{}", ran.stderr());
    env.file("Dockerfile", &format!("FROM base\nRUN {look}\n"));
    let build = ["build", "--no-cache", "--progress=plain", "context"];
    let seen = without(&env, "/usr/bin/pasta", &build, Some("host")).success().stderr();
    assert!(seen.contains(FALLBACK) && printed(&seen, "00000000a80405fb"), "{seen}");
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
    assert!(connected, "no pasta was started");
    let gone = until(|| pids.iter().all(|pid| !fs::exists(format!("/proc/{pid}")).unwrap_or(true)));
    assert!(gone, "pasta was left: {pids:?}");
}

#[test]
fn privileged_a_port_in_use_cannot_be_published() {
    let env = skip_unless!(TestEnv::new());
    env.build("FROM base\nCMD [\"sleep\", \"60\"]\n", &[]).success();
    let (_listener, port) = server("0.0.0.0:0");
    for publish in [format!("127.0.0.1:{port}:80"), format!("{port}:80")] {
        let error = env.dsbuild(&["run", "-d", "-p", &publish, "t"]).fails(125).stderr();
        assert!(
            error.contains("another program uses that port") && error.contains(&port.to_string()),
            "{error}"
        );
    }
}

#[test]
fn privileged_a_published_port_leads_to_the_container_until_it_ends() {
    let env = skip_unless!(TestEnv::new());
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

fn get(port: u16) -> Option<String> {
    get_from("127.0.0.1", port)
}

fn get_from(host: &str, port: u16) -> Option<String> {
    let mut stream = TcpStream::connect((host, port)).ok()?;
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
