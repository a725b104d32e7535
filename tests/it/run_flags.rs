//! Flags of `dsbuild run` about isolation, limits and mounts: each has its effect, or is an error that says why.

use std::fs;

use crate::env::{TestEnv, skip_unless};

fn with_base() -> Result<TestEnv, String> {
    let env = TestEnv::new()?;
    env.build("FROM base\n", &[]).success();
    Ok(env)
}

/// Runs a script in the image `t` with flags, and compares its output.
#[track_caller]
fn check(env: &TestEnv, flags: &[&str], script: &str, expected: &str) {
    let args = [&["run", "--rm", "--network", "none"], flags, &["t", "sh", "-c", script]].concat();
    assert_eq!(env.dsbuild(&args).success().stdout(), expected, "{flags:?}");
}

/// Runs `true` with flags, which must be refused with a message that has `expected` in it.
#[track_caller]
fn refuse(env: &TestEnv, flags: &[&str], expected: &str) {
    let args = [&["run", "--rm", "--network", "none"], flags, &["t", "true"]].concat();
    let message = env.dsbuild(&args).fails(125).stderr();
    assert!(message.contains(expected), "{flags:?}: {message}");
}

#[test]
fn privileged_capabilities_are_added_and_dropped() {
    let env = skip_unless!(with_base());
    let effective = "grep CapEff /proc/self/status | cut -f2";
    check(&env, &[], effective, "00000000a80425fb\n");
    check(&env, &["--cap-drop", "all"], effective, "0000000000000000\n");
    check(&env, &["--cap-drop=ALL", "--cap-add=CAP_CHOWN"], effective, "0000000000000001\n");
    check(&env, &["--cap-add", "sys_ptrace"], effective, "00000000a80c25fb\n");
    // A user other than root has none, whatever is added.
    check(&env, &["--cap-add", "sys_ptrace", "-u", "app"], effective, "0000000000000000\n");
    refuse(&env, &["--cap-add", "fly"], "fly");
}

#[test]
fn privileged_only_privileged_lifts_the_protection() {
    let env = skip_unless!(with_base());
    let script = "grep Seccomp: /proc/self/status | cut -f2; (mount -t tmpfs x /tmp 2>/dev/null && echo mounted) || echo no";
    check(&env, &[], script, "2\nno\n");
    check(&env, &["--privileged"], script, "0\nmounted\n");
    check(&env, &["--security-opt", "seccomp=unconfined"], script, "0\nno\n");
    let no_new = "grep NoNewPrivs /proc/self/status | cut -f2";
    check(&env, &["--security-opt", "no-new-privileges"], no_new, "1\n");
    check(&env, &["--security-opt=no-new-privileges:false"], no_new, "0\n");
    refuse(&env, &["--security-opt", "seccomp=/x.json"], "docker's profile and no other");
    refuse(&env, &["--security-opt", "apparmor=mine"], "AppArmor");
}

#[test]
fn privileged_further_processes_have_the_rights_of_the_container() {
    let env = skip_unless!(with_base());
    let flags = ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--ulimit", "nofile=77:88"];
    let args =
        [&["run", "-d", "--name", "c", "--network", "none"], &flags[..], &["t", "sleep", "1000"]].concat();
    env.dsbuild(&args).success();
    let script = "grep -E 'CapEff|CapBnd|NoNewPrivs|Seccomp:' /proc/self/status | cut -f2; ulimit -n";
    let ran = env.dsbuild(&["exec", "c", "sh", "-c", script]);
    env.dsbuild(&["rm", "-f", "c"]).success();
    assert_eq!(ran.success().stdout(), "0000000000000000\n0000000000000000\n1\n2\n77\n");
}

#[test]
fn privileged_a_read_only_container_writes_to_its_mounts_only() {
    let env = skip_unless!(with_base());
    let script = "(echo x 2>/dev/null >/f && echo root) || echo no; echo x > /v/f && echo volume; echo x > /r/f && echo tmpfs; \
                  ls /dev/shm/ | wc -l";
    check(&env, &["--read-only", "-v", "/v", "--tmpfs", "/r"], script, "no\nvolume\ntmpfs\n0\n");
}

#[test]
fn privileged_a_tmpfs_has_the_options_asked_for() {
    let env = skip_unless!(with_base());
    let script =
        "grep ' /r ' /proc/mounts | grep -oE 'noexec|size=[0-9]+k|mode=[0-9]+' | tr '\\n' ' '; stat -c %a /r";
    check(&env, &["--tmpfs", "/r"], script, "noexec 1777\n");
    check(&env, &["--tmpfs", "/r:size=64k,mode=750,exec"], script, "size=64k mode=750 750\n");
    check(&env, &["--mount", "type=tmpfs,dst=/r,tmpfs-size=128k"], script, "size=128k 1777\n");
    refuse(&env, &["--tmpfs", "/r:fast"], "unknown option");
    refuse(&env, &["--tmpfs", "/r", "-v", "/r"], "Duplicate mount point");
}

#[test]
fn privileged_limits_of_processes_and_names_are_set() {
    let env = skip_unless!(with_base());
    check(
        &env,
        &["--ulimit", "nofile=100:200", "--ulimit", "core=0"],
        "ulimit -n; ulimit -Hn; ulimit -c",
        "100\n200\n0\n",
    );
    check(
        &env,
        &["--domainname", "lab", "-h", "box"],
        "hostname; cat /proc/sys/kernel/domainname",
        "box\nlab\n",
    );
    check(&env, &["--sysctl", "net.core.somaxconn=99"], "cat /proc/sys/net/core/somaxconn", "99\n");
    check(&env, &["--group-add", "7", "--group-add", "app", "-u", "5:6"], "id -G", "6 7 1000\n");
    check(&env, &["--oom-score-adj", "500"], "cat /proc/self/oom_score_adj", "500\n");
    check(&env, &["--ipc", "none"], "grep -c /dev/shm /proc/mounts; true", "0\n");
    let hosts = "grep -c '^192.0.2.7.db$' /etc/hosts; grep -E 'nameserver|search|options' /etc/resolv.conf";
    let flags =
        ["--add-host", "db:192.0.2.7", "--dns", "192.0.2.1", "--dns-search", "a.b", "--dns-opt", "ndots:2"];
    check(&env, &flags, hosts, "1\nnameserver 192.0.2.1\nsearch a.b\noptions ndots:2\n");
    let name = fs::read_to_string("/proc/sys/kernel/hostname").expect("every machine has a name");
    check(&env, &["--uts", "host"], "hostname", &name);
    refuse(&env, &["--sysctl", "kernel.panic=1"], "kernel.panic");
    refuse(&env, &["--ulimit", "files=1"], "files");
    refuse(&env, &["--group-add", "nobodys"], "nobodys");
}

#[test]
fn privileged_the_init_is_the_first_process() {
    let env = skip_unless!(with_base());
    check(&env, &["--init"], "echo $$", "2\n");
    let args = ["run", "--rm", "--init", "--network", "none", "t", "sh", "-c", "kill -9 $$"];
    env.dsbuild(&args).fails(137);
}

#[test]
fn privileged_a_device_of_this_machine_can_be_used() {
    let env = skip_unless!(with_base());
    check(&env, &["--device", "/dev/zero:/dev/nought"], "head -c 3 /dev/nought | wc -c", "3\n");
    refuse(&env, &["--device", "/dev/none-such"], "/dev/none-such");
    refuse(&env, &["--device", "/etc/passwd"], "is not a device");
    refuse(&env, &["--device", "/dev/zero:/dev/x:r"], "reading and writing");
    refuse(&env, &["--device", "vendor.test/none=0"], "vendor.test/none");
    refuse(&env, &["--gpus", "device=none-such"], "nvidia.com/gpu=none-such");
    refuse(&env, &["--runtime", "nvidia", "--gpus", "device=none-such"], "nvidia.com/gpu");
}

#[test]
fn privileged_flags_that_cannot_be_honoured_say_why() {
    let env = skip_unless!(with_base());
    for (flags, why) in [
        (&["--pid", "host"][..], "PID namespace"),
        (&["--ipc", "container:x"], "another container"),
        (&["--userns", "keep-id"], "user namespace"),
        (&["--cgroupns", "host"], "control groups"),
        (&["--runtime", "kata"], "runs containers itself"),
        (&["--device-read-bps", "/dev/sda:1mb"], "rates"),
        (&["--device-cgroup-rule", "c 1:3 rwm"], "--device"),
        (&["--link", "db"], "--network"),
        (&["--volume-driver", "nfs"], "local"),
        (&["--storage-opt", "size=1G"], "store"),
        (&["--memory-swap", "1g"], "needs --memory"),
        (&["--cpus", "many"], "number of processors"),
        (&["--blkio-weight", "5"], "between 10 and 1000"),
        (&["--add-host", "h:host-gateway"], "no address"),
        (&["--mount", "type=bind,src=/no/such/dir,dst=/d"], "bind source path does not exist"),
        (&["-v", "a:b"], "absolute"),
    ] {
        refuse(&env, flags, why);
    }
}

#[test]
fn privileged_a_container_reaches_a_limit_of_processors_or_is_refused() {
    let env = skip_unless!(with_base());
    let flags = ["--cpus", "0.5", "--cpuset-cpus", "0", "-c", "512", "-m", "64m", "--memory-swap", "-1"];
    check(&env, &flags, "grep Cpus_allowed_list /proc/self/status | cut -f2", "0\n");
    refuse(&env, &["--cpuset-cpus", "100000"], "100000");
}
