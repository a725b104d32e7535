//! The files that a process finds: the root, `/dev`, `/proc`, `/sys`, `/etc` and its working directory.

use sandbox::HostEntry;

use crate::env::{TestEnv, check, output, run, tmpfs};
use crate::runner::{Test, tests};

pub const TESTS: &[Test] = tests![
    privileged_the_root_has_the_image_and_the_system_directories,
    privileged_the_scratch_file_system_is_gone,
    privileged_dev_has_docker_s_devices,
    privileged_devices_work,
    privileged_dev_shm_has_64_mib_by_default,
    privileged_dev_shm_has_the_requested_size,
    privileged_a_new_device_node_cannot_be_opened,
    privileged_masked_files_are_empty,
    privileged_masked_directories_are_empty,
    privileged_proc_and_sys_cannot_change_the_host,
    privileged_mounts_cannot_be_changed,
    privileged_etc_hosts_has_the_requested_entries,
    privileged_etc_is_read_only_in_a_build_step,
    privileged_etc_is_writable_in_a_container,
    privileged_resolv_conf_is_the_hosts,
    privileged_a_missing_working_directory_is_created_for_the_user,
    privileged_a_read_only_root_has_writable_mounts,
];

fn privileged_the_root_has_the_image_and_the_system_directories() {
    let Some(env) = TestEnv::new() else { return };
    check(&env, "ls -a /", ".\n..\nbin\ndev\netc\nproc\nsys\ntmp");
}

fn privileged_the_scratch_file_system_is_gone() {
    let Some(env) = TestEnv::new() else { return };
    // The one line is the error message of `ls`.
    check(&env, "ls -a /dev/.dsbuild 2>&1 | wc -l", "1");
}

fn privileged_dev_has_docker_s_devices() {
    let Some(env) = TestEnv::new() else { return };
    check(
        &env,
        "ls /dev",
        "core\nfd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero",
    );
}

fn privileged_devices_work() {
    let Some(env) = TestEnv::new() else { return };
    check(&env, "echo x > /dev/null && head -c 4 /dev/zero | wc -c", "4");
    check(&env, "echo x 2>&- > /dev/full || echo full", "full");
    check(&env, "test -c /dev/pts/ptmx && touch /dev/shm/x && stat -c '%a %t:%T' /dev/null", "666 1:3");
}

fn privileged_dev_shm_has_64_mib_by_default() {
    let Some(env) = TestEnv::new() else { return };
    check(&env, "df -k /dev/shm | awk 'END { print $2 }'; stat -c %a /dev/shm", "65536\n1777");
}

fn privileged_dev_shm_has_the_requested_size() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("df -k /dev/shm | awk 'END { print $2 }'");
    spec.shm_size_bytes = Some(32 << 20);
    assert_eq!(output(spec), "32768\n");
}

/// As with docker, whose capabilities allow a process to create nodes.
fn privileged_a_new_device_node_cannot_be_opened() {
    let Some(env) = TestEnv::new() else { return };
    for node in ["/tmp/zero", "/dev/made"] {
        let make = format!("mknod {node} c 1 5 && head -c 1 {node} 2>&1 | grep -o 'Permission denied'");
        check(&env, &make, "Permission denied");
    }
}

fn privileged_masked_files_are_empty() {
    let Some(env) = TestEnv::new() else { return };
    for file in ["interrupts", "kcore", "keys", "latency_stats", "timer_list", "timer_stats", "sched_debug"] {
        check(&env, &format!("head -c 1 /proc/{file} 2>/dev/null | wc -c"), "0");
    }
}

fn privileged_masked_directories_are_empty() {
    let Some(env) = TestEnv::new() else { return };
    for directory in
        ["/proc/acpi", "/proc/scsi", "/proc/asound", "/sys/firmware", "/sys/devices/virtual/powercap"]
    {
        check(&env, &format!("ls {directory} 2>/dev/null | wc -l"), "0");
    }
}

fn privileged_proc_and_sys_cannot_change_the_host() {
    let Some(env) = TestEnv::new() else { return };
    for file in ["/proc/sys/vm/drop_caches", "/proc/sysrq-trigger", "/proc/irq/x", "/proc/bus/x", "/sys/x"] {
        check(&env, &format!("(echo x > {file}) 2>/dev/null || echo refused"), "refused");
    }
    check(&env, r#"awk '$2 == "/sys" { split($4, o, ","); print $3, o[1] }' /proc/mounts"#, "sysfs ro");
}

fn privileged_mounts_cannot_be_changed() {
    let Some(env) = TestEnv::new() else { return };
    let script = "(umount /proc/kcore || mount -o remount,rw /sys || mount -t tmpfs x /tmp) 2>/dev/null";
    check(&env, &format!("{script} || echo no"), "no");
}

fn privileged_etc_hosts_has_the_requested_entries() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("cat /etc/hosts");
    spec.hosts.push(HostEntry { name: "shelf".into(), address: "10.20.30.40".parse().unwrap() });
    let expected =
        "127.0.0.1\tlocalhost box\n::1\tlocalhost ip6-localhost ip6-loopback\n10.20.30.40\tshelf\n";
    assert_eq!(output(spec), expected);
}

fn privileged_etc_is_read_only_in_a_build_step() {
    let Some(env) = TestEnv::new() else { return };
    check(&env, "(echo x >> /etc/hosts) 2>/dev/null || echo refused", "refused");
}

fn privileged_etc_is_writable_in_a_container() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("echo x >> /etc/hosts && echo written");
    spec.read_only_etc = false;
    assert_eq!(output(spec), "written\n");
}

fn privileged_resolv_conf_is_the_hosts() {
    let Some(env) = TestEnv::new() else { return };
    let ours = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    check(&env, "cat /etc/resolv.conf", ours.trim_end());
}

fn privileged_a_missing_working_directory_is_created_for_the_user() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("pwd; stat -c '%a %u:%g' .");
    spec.process.cwd = "/w/x".into();
    (spec.process.user.uid, spec.process.user.gid) = (7, 8);
    let ran = run(spec);
    assert_eq!(ran.stdout, "/w/x\n755 7:8\n", "{ran:?}");
    assert_eq!(ran.created, ["etc", "etc/hosts", "etc/resolv.conf"], "a working directory is no mount point");
}

fn privileged_a_read_only_root_has_writable_mounts() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("touch /x 2>&1 | grep -o 'Read-only'; touch /t/x /dev/shm/x && echo tmpfs");
    spec.read_only_root = true;
    spec.mounts.push(tmpfs("/t"));
    assert_eq!(output(spec), "Read-only\ntmpfs\n");
}
