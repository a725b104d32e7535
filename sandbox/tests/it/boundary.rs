//! Differences from docker's default boundary: names, kernel parameters, shown paths, the init, new privileges.

use std::time::Duration;

use sandbox::{Boundary, Dns, Exit, Network, SandboxError, Spec, exec, spawn};

use crate::env::{TestEnv, check, output, run, try_run};
use crate::runner::{Test, tests};

pub const TESTS: &[Test] = tests![
    privileged_a_kernel_parameter_of_an_own_namespace_is_set,
    privileged_a_kernel_parameter_of_the_machine_is_refused,
    privileged_names_and_name_servers_are_those_asked_for,
    privileged_shown_system_paths_are_neither_masked_nor_read_only,
    privileged_without_new_privileges_nothing_gets_them,
    privileged_the_init_reaps_orphans_and_forwards_signals,
    privileged_the_init_passes_on_the_exit_code_and_errors,
    privileged_a_sandbox_without_shared_memory_has_no_dev_shm,
    privileged_processes_are_killed_first_if_asked_for,
];

fn with(env: &TestEnv, script: &str, boundary: Boundary) -> Spec {
    let mut spec = env.script(script);
    spec.network = Network::None;
    spec.boundary = boundary;
    spec
}

fn sysctl(name: &str, value: &str) -> Boundary {
    Boundary { sysctls: vec![(name.into(), value.into())], ..Boundary::default() }
}

fn privileged_a_kernel_parameter_of_an_own_namespace_is_set() {
    let Some(env) = TestEnv::new() else { return };
    let script = "cat /proc/sys/net/core/somaxconn";
    assert_eq!(output(with(&env, script, sysctl("net.core.somaxconn", "77"))), "77\n");
    let script = "cat /proc/sys/kernel/shmmax; echo 1 > /proc/sys/kernel/shmmax || echo refused";
    assert_eq!(output(with(&env, script, sysctl("kernel.shmmax", "4096"))), "4096\nrefused\n");
}

fn privileged_a_kernel_parameter_of_the_machine_is_refused() {
    let Some(env) = TestEnv::new() else { return };
    let refused = |spec: Spec| try_run(spec).expect_err("it would change the machine");
    let before = std::fs::read_to_string("/proc/sys/kernel/panic").unwrap();
    assert!(matches!(
        refused(with(&env, "true", sysctl("kernel.panic", "3"))),
        SandboxError::Unavailable { .. }
    ));
    let mut spec = with(&env, "true", sysctl("net.core.somaxconn", "77"));
    spec.network = Network::Host;
    refused(spec);
    let mut spec = with(&env, "true", sysctl("kernel.shmmax", "4096"));
    spec.host_ipc = true;
    refused(spec);
    let error = refused(with(&env, "true", sysctl("net.core.nonsense", "1")));
    assert!(error.to_string().contains("net.core.nonsense"), "{error}");
    assert_eq!(std::fs::read_to_string("/proc/sys/kernel/panic").unwrap(), before);
}

fn privileged_names_and_name_servers_are_those_asked_for() {
    let Some(env) = TestEnv::new() else { return };
    let boundary = Boundary { domainname: "lab".into(), ..Boundary::default() };
    let mut spec = with(&env, "hostname; cat /proc/sys/kernel/domainname /etc/resolv.conf", boundary);
    let search = vec!["example.org".into()];
    spec.dns = Dns { servers: vec!["192.0.2.1".parse().unwrap()], search, options: vec!["ndots:3".into()] };
    let text = output(spec);
    assert!(text.starts_with("box\nlab\n"), "{text}");
    assert!(text.ends_with("nameserver 192.0.2.1\nsearch example.org\noptions ndots:3\n"), "{text}");
    assert_eq!(text.matches("nameserver").count(), 1, "{text}");
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let boundary = Boundary { host_uts: true, ..Boundary::default() };
    assert_eq!(output(with(&env, "hostname", boundary)), host);
    assert_eq!(std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap(), host);
}

fn privileged_shown_system_paths_are_neither_masked_nor_read_only() {
    let Some(env) = TestEnv::new() else { return };
    // timer_list is masked by an empty file.
    let script = "head -c 5 /proc/timer_list | wc -c; echo x 2>/dev/null >/proc/sys/kernel/domainname && echo writable; true";
    assert_eq!(output(with(&env, script, Boundary::default())).trim(), "0");
    let boundary = Boundary { shows_system_paths: true, ..Boundary::default() };
    let text = output(with(&env, script, boundary));
    assert!(text.trim().ends_with("writable"), "{text}");
}

fn privileged_without_new_privileges_nothing_gets_them() {
    let Some(env) = TestEnv::new() else { return };
    let script = "grep NoNewPrivs /proc/self/status";
    check(&env, script, "NoNewPrivs:\t0");
    let boundary = Boundary { no_new_privileges: true, ..Boundary::default() };
    assert_eq!(output(with(&env, script, boundary.clone())), "NoNewPrivs:\t1\n");
    // A further process has no more rights than the first one.
    let first = spawn(with(&env, "sleep 1000", boundary)).unwrap();
    let mut further =
        exec(&first, env.script("grep -q 'NoNewPrivs:.1' /proc/self/status").process, false).unwrap();
    assert_eq!(further.wait().unwrap(), Exit::Code(0));
}

fn with_init(env: &TestEnv, script: &str) -> Spec {
    with(env, script, Boundary { has_init: true, ..Boundary::default() })
}

fn privileged_the_init_reaps_orphans_and_forwards_signals() {
    let Some(env) = TestEnv::new() else { return };
    // The shell in the background ends at once and leaves its child, which ends a moment later.
    let orphans = "(sh -c 'sleep 0.1 & true' &); sleep 0.4; grep -l 'State:.Z' /proc/[0-9]*/status | wc -l";
    assert_eq!(output(with_init(&env, orphans)).trim(), "0");
    // Nobody gets more rights through the init than the program has.
    let rights = "grep -h CapEff /proc/1/status /proc/self/status | sort -u | wc -l; echo $$";
    assert_eq!(output(with_init(&env, rights)), "1\n2\n");
    let script = "trap 'exit 7' TERM; echo ready; while true; do sleep 0.05; done";
    let mut running = spawn(with_init(&env, script)).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    running.signal(libc_sigterm()).unwrap();
    assert_eq!(running.wait_timeout(Duration::from_secs(10)).unwrap(), Some(Exit::Code(7)));
}

fn libc_sigterm() -> i32 {
    rustix::process::Signal::TERM.as_raw()
}

fn privileged_the_init_passes_on_the_exit_code_and_errors() {
    let Some(env) = TestEnv::new() else { return };
    assert_eq!(run(with_init(&env, "exit 42")).exit, Exit::Code(42));
    assert_eq!(run(with_init(&env, "kill -9 $$")).exit, Exit::Code(137));
    let mut spec = env.spec(&["missing"]);
    spec.boundary.has_init = true;
    assert!(matches!(try_run(spec), Err(SandboxError::NotFound { .. })));
}

fn privileged_a_sandbox_without_shared_memory_has_no_dev_shm() {
    let Some(env) = TestEnv::new() else { return };
    let boundary = Boundary { no_shm: true, ..Boundary::default() };
    let script = "grep -c ' /dev/shm ' /proc/mounts; true";
    assert_eq!(output(with(&env, script, boundary)), "0\n");
    assert_eq!(output(with(&env, script, Boundary::default())), "1\n");
}

fn privileged_processes_are_killed_first_if_asked_for() {
    let Some(env) = TestEnv::new() else { return };
    let boundary = Boundary { oom_score_adj: Some(321), ..Boundary::default() };
    assert_eq!(output(with(&env, "cat /proc/self/oom_score_adj", boundary)), "321\n");
    let boundary = Boundary { oom_score_adj: Some(5000), ..Boundary::default() };
    let error = try_run(with(&env, "true", boundary)).expect_err("the largest value is 1000");
    assert!(error.to_string().contains("5000"), "{error}");
}
