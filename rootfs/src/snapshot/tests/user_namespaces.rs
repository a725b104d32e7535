//! The privileged tests of this crate once more, where the process is root of a user namespace.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use trees::xattr::Flavor;

/// Tests that are left out, since they take long and nothing in them depends on the namespace.
const SKIPPED: &str = "more_layers_than";

#[test]
fn privileged_all_privileged_tests_pass_in_a_user_namespace() {
    check_in_user_namespace("0 0 65536", "privileged_");
}

#[test]
fn privileged_mount_points_are_removed_in_a_namespace_with_one_user() {
    check_in_user_namespace("0 0 1", "mount_points");
}

/// Runs the tests whose names contain `tests` in a new user namespace with this map of IDs.
#[track_caller]
#[expect(clippy::print_stdout, reason = "tests say why they are skipped")]
fn check_in_user_namespace(id_map: &str, tests: &str) {
    if !rustix::process::geteuid().is_root() || Flavor::current() == Flavor::User {
        println!("SKIP only root of the initial user namespace can map IDs freely");
        return;
    }
    let mut command = Command::new("unshare");
    // The shell waits until the map is written.
    command.args(["--user", "--mount", "sh", "-c", "read go && exec \"$0\" \"$@\""]);
    command.arg(std::env::current_exe().unwrap()).args([tests, "--skip", SKIPPED]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        println!("SKIP there is no program unshare");
        return;
    };
    let ours = fs::read_link("/proc/self/ns/user").unwrap();
    let proc = PathBuf::from(format!("/proc/{}", child.id()));
    while fs::read_link(proc.join("ns/user")).is_ok_and(|theirs| theirs == ours) {
        std::thread::sleep(Duration::from_millis(1));
    }
    for map in ["uid_map", "gid_map"] {
        fs::write(proc.join(map), id_map).unwrap();
    }
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !text.contains("running 0 tests"), "{text}");
}
