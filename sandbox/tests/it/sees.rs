//! What a process sees around itself.

use sandbox::{Capabilities, HostEntry, Mount, MountSource, Network, Rlimit};

use crate::env::{TestEnv, detached, output, run};
use crate::runner::{Test, tests};

pub const TESTS: &[Test] = tests![
    privileged_process_sees_itself_alone,
    privileged_environment_is_what_was_given,
    privileged_capabilities,
    privileged_devices,
    privileged_masks,
    privileged_etc,
    privileged_network_none,
    privileged_mounts,
    privileged_secret,
    privileged_stubs,
    privileged_socket,
    privileged_limits_and_sizes,
    privileged_working_directory,
    privileged_read_only_root,
    privileged_insecure,
    privileged_user,
];

/// Runs a script in its own sandbox and compares what it prints.
#[track_caller]
fn check(env: &TestEnv, script: &str, expected: &str) {
    assert_eq!(output(env.script(script)).trim_end(), expected, "{script}");
}

fn privileged_process_sees_itself_alone() {
    let Some(env) = TestEnv::new() else { return };
    check(&env, "set -- /proc/[0-9]*; echo $$ $#", "1 1");
    check(&env, "ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3");
    check(&env, "hostname", "box");
    check(&env, "cat | wc -c", "0");
    check(&env, "umask", "0022");
    check(
        &env,
        "grep -E '^(SigBlk|SigIgn|SigCgt)' /proc/self/status | tr -d '\\t0\\n'",
        "SigBlk:SigIgn:SigCgt:",
    );
    check(&env, "readlink /proc/1/exe", "/bin/busybox");
    check(&env, "ls -a /", ".\n..\nbin\ndev\netc\nproc\nsys\ntmp");
    check(&env, "ls -a /dev/.dsbuild 2>&1 | wc -l", "1");
    for namespace in ["pid", "ipc", "uts", "mnt", "cgroup"] {
        let ours = std::fs::read_link(format!("/proc/self/ns/{namespace}")).unwrap();
        assert_ne!(
            output(env.script(&format!("readlink /proc/self/ns/{namespace}"))).trim(),
            ours.to_str().unwrap()
        );
    }
}

fn privileged_environment_is_what_was_given() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.spec(&["env"]);
    spec.process.env.push("A=1".into());
    assert_eq!(output(spec), format!("{}\nA=1\nHOME=/root\n", crate::env::PATH));
}

fn privileged_capabilities() {
    let Some(env) = TestEnv::new() else { return };
    let script = "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status | tr '\\t\\n' '  '";
    let sets = |inh: &str, prm: &str, bnd: &str| {
        format!(
            "CapInh: {inh} CapPrm: {prm} CapEff: {prm} CapBnd: {bnd} CapAmb: {inh} NoNewPrivs: 0 Seccomp: 2 "
        )
    };
    let (none, default) = ("0000000000000000", "00000000a80425fb");
    assert_eq!(output(env.script(script)), sets(none, default, default));
    let mut spec = env.script(script);
    (spec.process.user.uid, spec.process.user.gid) = (1000, 1000);
    assert_eq!(output(spec), sets(none, none, default));
    let mut spec = env.script(script);
    spec.process.capabilities = Capabilities::Changed { add: vec!["KILL".into()], drop: vec!["ALL".into()] };
    assert_eq!(output(spec), sets(none, "0000000000000020", "0000000000000020"));
}

fn privileged_devices() {
    let Some(env) = TestEnv::new() else { return };
    check(&env, "echo x > /dev/null && head -c 4 /dev/zero | wc -c", "4");
    check(&env, "echo x 2>&- > /dev/full || echo full", "full");
    check(&env, "test -c /dev/pts/ptmx && touch /dev/shm/x && stat -c '%a %t:%T' /dev/null", "666 1:3");
    check(
        &env,
        "ls /dev",
        "core\nfd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero",
    );
    check(&env, "df -k /dev/shm | awk 'END { print $2 }'; stat -c %a /dev/shm", "65536\n1777");
    // A node can be made, as with docker, but not opened.
    for node in ["/tmp/zero", "/dev/made"] {
        let make = format!("mknod {node} c 1 5 && head -c 1 {node} 2>&1 | grep -o 'Permission denied'");
        check(&env, &make, "Permission denied");
    }
    std::fs::remove_file(env.root("tmp/zero")).unwrap();
}

fn privileged_masks() {
    let Some(env) = TestEnv::new() else { return };
    for file in ["interrupts", "kcore", "keys", "latency_stats", "timer_list", "timer_stats", "sched_debug"] {
        check(&env, &format!("head -c 1 /proc/{file} 2>/dev/null | wc -c"), "0");
    }
    for directory in
        ["/proc/acpi", "/proc/scsi", "/proc/asound", "/sys/firmware", "/sys/devices/virtual/powercap"]
    {
        check(&env, &format!("ls {directory} 2>/dev/null | wc -l"), "0");
    }
    for file in ["/proc/sys/vm/drop_caches", "/proc/sysrq-trigger", "/proc/irq/x", "/proc/bus/x", "/sys/x"] {
        check(&env, &format!("(echo x > {file}) 2>/dev/null || echo refused"), "refused");
    }
    check(&env, r#"awk '$2 == "/sys" { split($4, o, ","); print $3, o[1] }' /proc/mounts"#, "sysfs ro");
    check(
        &env,
        "(umount /proc/kcore || mount -o remount,rw /sys || mount -t tmpfs x /tmp) 2>/dev/null || echo no",
        "no",
    );
}

fn privileged_etc() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("cat /etc/hosts; (echo x >> /etc/hosts) 2>/dev/null || echo refused");
    spec.hosts.push(HostEntry { name: "shelf".into(), address: "10.20.30.40".parse().unwrap() });
    let expected =
        "127.0.0.1\tlocalhost box\n::1\tlocalhost ip6-localhost ip6-loopback\n10.20.30.40\tshelf\nrefused\n";
    assert_eq!(output(spec), expected);
    let mut spec = env.script("echo x >> /etc/hosts && echo written");
    spec.read_only_etc = false;
    assert_eq!(output(spec), "written\n");
    let ours = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    check(&env, "cat /etc/resolv.conf", ours.trim_end());
}

fn privileged_network_none() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("ip -o -4 addr | awk '{ print $2, $4 }'; ip route | wc -l");
    spec.network = Network::None;
    assert_eq!(output(spec), "lo 127.0.0.1/8\n0\n");
}

fn mount(target: &str, source: MountSource, read_only: bool) -> Mount {
    Mount { target: target.into(), source, read_only }
}

fn tmpfs(target: &str) -> Mount {
    mount(target, MountSource::Tmpfs { size_bytes: Some(4 << 20), mode: 0o1777 }, false)
}

fn secret(target: &str) -> Mount {
    mount(target, MountSource::Secret { bytes: b"s3cret".to_vec(), mode: 0o440, uid: 10, gid: 20 }, true)
}

fn privileged_mounts() {
    let Some(env) = TestEnv::new() else { return };
    let bind = |read_only| mount("/new/ctx", MountSource::Detached(detached(&env.host(""))), read_only);
    let mut spec = env.script("cat /new/ctx/canary; (echo x > /new/ctx/canary) 2>/dev/null || echo refused");
    spec.mounts.push(bind(true));
    assert_eq!(output(spec), "canaryrefused\n");
    let mut spec = env.script("touch /new/ctx/made");
    spec.mounts.push(bind(false));
    output(spec);
    std::fs::remove_file(env.host("made")).expect("it was written through");
    let mut spec = env.script("cat /f");
    spec.mounts.push(mount("/f", MountSource::Detached(detached(&env.host("canary"))), true));
    assert_eq!(output(spec), "canary");
    let mut spec = env.script("df -k /t | awk 'END { print $2 }'; stat -c '%a %u:%g' /t; touch /t/x");
    spec.mounts.push(tmpfs("/t"));
    assert_eq!(output(spec), "4096\n1777 0:0\n");
    env.check_host();
}

fn privileged_secret() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("cat /s/tok; stat -c ' %a %u:%g' /s/tok; (rm /s/tok) 2>/dev/null || echo kept");
    spec.mounts.extend([tmpfs("/s"), secret("/s/tok")]);
    let ran = run(spec);
    assert_eq!(ran.stdout, "s3cret 440 10:20\nkept\n");
    assert_eq!(ran.created, ["etc", "etc/hosts", "etc/resolv.conf", "s"], "what lies on a mount is no stub");
}

fn privileged_stubs() {
    let Some(env) = TestEnv::new() else { return };
    std::fs::create_dir_all(env.root("real")).unwrap();
    std::os::unix::fs::symlink("../../../real", env.root("alias")).unwrap();
    std::fs::create_dir(env.root("etc")).unwrap();
    std::fs::write(env.root("etc/hosts"), "of the image").unwrap();
    let mut spec = env.script("cat /real/a/f && test -d /new/deep/er");
    spec.mounts.extend([secret("/alias/a/f"), tmpfs("/new/deep/er")]);
    let ran = run(spec);
    assert_eq!(ran.stdout, "s3cret");
    assert_eq!(ran.created, ["etc/resolv.conf", "real/a", "real/a/f", "new", "new/deep", "new/deep/er"]);
    assert_eq!(std::fs::read_to_string(env.root("etc/hosts")).unwrap(), "of the image");
}

fn privileged_socket() {
    use std::io::Write;
    let Some(env) = TestEnv::new() else { return };
    let path = env.host("agent");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let agent = std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"agent"));
    let source = || MountSource::Socket { path: path.clone(), mode: 0o600, uid: 7, gid: 8 };
    let mut spec = env.script("stat -c '%F %a %u:%g' /run/agent");
    spec.mounts.push(mount("/run/agent", source(), false));
    assert_eq!(output(spec), "socket 600 7:8\n");
    let mut spec = crate::probe::spec(&env, "socket", "/run/agent");
    spec.mounts.push(mount("/run/agent", source(), false));
    assert_eq!(output(spec), "agent");
    agent.join().unwrap().unwrap();
    std::fs::remove_file(path).unwrap();
}

fn privileged_limits_and_sizes() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("ulimit -Sn; ulimit -Hn; ulimit -Sc; df -k /dev/shm | awk 'END { print $2 }'");
    let limit = |name: &str, soft, hard| Rlimit { name: name.into(), soft, hard };
    spec.process.rlimits = vec![limit("nofile", 123, 456), limit("core", 0, 0)];
    spec.shm_size_bytes = Some(32 << 20);
    assert_eq!(output(spec), "123\n456\n0\n32768\n");
}

fn privileged_working_directory() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("pwd; stat -c '%a %u:%g' .");
    spec.process.cwd = "/w/x".into();
    (spec.process.user.uid, spec.process.user.gid) = (7, 8);
    let ran = run(spec);
    assert_eq!(ran.stdout, "/w/x\n755 7:8\n", "{ran:?}");
    assert_eq!(ran.created, ["etc", "etc/hosts", "etc/resolv.conf"], "a working directory stays");
}

fn privileged_read_only_root() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("touch /x 2>&1 | grep -o 'Read-only'; touch /t/x /dev/shm/x && echo tmpfs");
    spec.read_only_root = true;
    spec.mounts.push(tmpfs("/t"));
    assert_eq!(output(spec), "Read-only\ntmpfs\n");
}

fn privileged_insecure() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script(
        "grep Seccomp: /proc/self/status | tr -d '\\t'; mount -t tmpfs x /tmp && echo mounted; \
         head -c 1 /proc/interrupts | wc -c; ls /dev | wc -l",
    );
    spec.insecure = true;
    let seen = output(spec);
    assert!(seen.starts_with("Seccomp:0\nmounted\n1\n"), "{seen}");
    let devices: usize = seen.lines().last().unwrap().parse().unwrap();
    assert!(devices > 20, "{seen}");
}

fn privileged_user() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec =
        env.script("id -u; id -g; id -G; echo out > /dev/stdout; touch /tmp/own; stat -c %u /tmp/own");
    let user = &mut spec.process.user;
    (user.uid, user.gid, user.groups) = (1000, 2000, vec![2000, 3000]);
    assert_eq!(output(spec), "1000\n2000\n2000 3000\nout\n1000\n");
}
