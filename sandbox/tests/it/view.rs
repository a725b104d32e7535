//! The process's view of itself: namespaces, environment, capabilities, user, limits.

use sandbox::{Capabilities, Network, Rlimit, Spec};

use crate::env::{TestEnv, check, output};
use crate::runner::{Test, tests};

pub const TESTS: &[Test] = tests![
    privileged_the_process_is_pid_1_and_alone,
    privileged_the_process_has_three_descriptors_and_an_empty_stdin,
    privileged_signals_and_umask_are_the_defaults,
    privileged_the_process_has_its_own_host_name,
    privileged_the_process_has_its_own_namespaces,
    privileged_only_home_is_added_to_the_environment,
    privileged_root_has_docker_s_capabilities,
    privileged_other_users_have_no_capabilities,
    privileged_capabilities_can_be_changed,
    privileged_an_insecure_process_can_mount,
    privileged_an_insecure_process_sees_masked_files_and_all_devices,
    privileged_network_none_has_only_loopback,
    privileged_resource_limits_are_set,
    privileged_the_process_runs_as_its_user,
];

fn privileged_the_process_is_pid_1_and_alone() {
    let Some(env) = TestEnv::new() else { return };
    check(&env, "set -- /proc/[0-9]*; echo $$ $#", "1 1");
    check(&env, "readlink /proc/1/exe", "/bin/busybox");
}

fn privileged_the_process_has_three_descriptors_and_an_empty_stdin() {
    let Some(env) = TestEnv::new() else { return };
    // Descriptor 3 is the directory that `ls` reads.
    check(&env, "ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3");
    check(&env, "cat | wc -c", "0");
}

fn privileged_signals_and_umask_are_the_defaults() {
    let Some(env) = TestEnv::new() else { return };
    check(&env, "umask", "0022");
    check(
        &env,
        "grep -E '^(SigBlk|SigIgn|SigCgt)' /proc/self/status | tr -d '\\t0\\n'",
        "SigBlk:SigIgn:SigCgt:",
    );
}

fn privileged_the_process_has_its_own_host_name() {
    let Some(env) = TestEnv::new() else { return };
    check(&env, "hostname", "box");
}

fn privileged_the_process_has_its_own_namespaces() {
    let Some(env) = TestEnv::new() else { return };
    for namespace in ["pid", "ipc", "uts", "mnt", "cgroup"] {
        let ours = std::fs::read_link(format!("/proc/self/ns/{namespace}")).unwrap();
        let script = format!("readlink /proc/self/ns/{namespace}");
        assert_ne!(output(env.script(&script)).trim(), ours.to_str().unwrap());
    }
}

fn privileged_only_home_is_added_to_the_environment() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.spec(&["env"]);
    spec.process.env.push("A=1".into());
    assert_eq!(output(spec), format!("{}\nA=1\nHOME=/root\n", crate::env::PATH));
}

/// Runs `spec`, a script made of [`PRINT_SETS`], and compares the sets of capabilities, as hexadecimal numbers.
#[track_caller]
fn check_sets(spec: Spec, permitted: &str, bounding: &str) {
    let none = "0000000000000000";
    let expected = format!(
        "CapInh: {none} CapPrm: {permitted} CapEff: {permitted} CapBnd: {bounding} CapAmb: {none} NoNewPrivs: 0 Seccomp: 2 "
    );
    assert_eq!(output(spec), expected);
}

/// Script that prints the process's sets of capabilities.
const PRINT_SETS: &str = "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status | tr '\\t\\n' '  '";
/// Docker's default set of capabilities, as the kernel prints it.
const DEFAULT_SET: &str = "00000000a80425fb";

fn privileged_root_has_docker_s_capabilities() {
    let Some(env) = TestEnv::new() else { return };
    check_sets(env.script(PRINT_SETS), DEFAULT_SET, DEFAULT_SET);
}

fn privileged_other_users_have_no_capabilities() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script(PRINT_SETS);
    (spec.process.user.uid, spec.process.user.gid) = (1000, 1000);
    check_sets(spec, "0000000000000000", DEFAULT_SET);
}

fn privileged_capabilities_can_be_changed() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script(PRINT_SETS);
    spec.process.capabilities = Capabilities::Changed { add: vec!["KILL".into()], drop: vec!["ALL".into()] };
    check_sets(spec, "0000000000000020", "0000000000000020");
}

fn privileged_an_insecure_process_can_mount() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec =
        env.script("grep Seccomp: /proc/self/status | tr -d '\\t'; mount -t tmpfs x /tmp && echo mounted");
    spec.insecure = true;
    assert_eq!(output(spec), "Seccomp:0\nmounted\n");
}

fn privileged_an_insecure_process_sees_masked_files_and_all_devices() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("head -c 1 /proc/interrupts | wc -c; ls /dev | wc -l");
    spec.insecure = true;
    let seen = output(spec);
    let (masked, devices) = seen.trim().split_once('\n').unwrap();
    assert_eq!(masked, "1");
    assert!(devices.parse::<usize>().unwrap() > 20, "{seen}");
}

fn privileged_network_none_has_only_loopback() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("ip -o -4 addr | awk '{ print $2, $4 }'; ip route | wc -l");
    spec.network = Network::None;
    assert_eq!(output(spec), "lo 127.0.0.1/8\n0\n");
}

fn privileged_resource_limits_are_set() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("ulimit -Sn; ulimit -Hn; ulimit -Sc");
    let limit = |name: &str, soft, hard| Rlimit { name: name.into(), soft, hard };
    spec.process.rlimits = vec![limit("nofile", 123, 456), limit("core", 0, 0)];
    assert_eq!(output(spec), "123\n456\n0\n");
}

fn privileged_the_process_runs_as_its_user() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec =
        env.script("id -u; id -g; id -G; echo out > /dev/stdout; touch /tmp/own; stat -c %u /tmp/own");
    let user = &mut spec.process.user;
    (user.uid, user.gid, user.groups) = (1000, 2000, vec![2000, 3000]);
    assert_eq!(output(spec), "1000\n2000\n2000 3000\nout\n1000\n");
}
