//! The changes for the devices of one spec file.

use super::*;

/// Returns the edits of a device `a` whose spec file has the given edits for all devices and for `a`, in YAML's flow
/// style. A device `b` sets the variable `B`.
fn edits(file_edits: &str, device_edits: &str) -> Result<Edits, CdiError> {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let text = format!(
        "cdiVersion: 1.1.0\nkind: v/c\ncontainerEdits: {{{file_edits}}}\ndevices:\n- name: a\n  containerEdits: {{{device_edits}}}\n- name: b\n  containerEdits: {{env: [B=b]}}\n"
    );
    std::fs::write(dir.path().join("x.yaml"), text).expect("a file can be written");
    let inventory = Inventory::read(&[dir.path().to_owned()]);
    assert_eq!(inventory.problems(), &[] as &[String]);
    let all: Request = "v/c=*".parse().expect("a valid request");
    let first: Request = "v/c=a".parse().expect("a valid request");
    inventory.edits([(&all, true), (&first, true)], |_| panic!("both requests find a device"))
}

#[test]
fn edits_of_the_file_come_first_and_are_made_once() {
    let edits = edits("env: [X=1], additionalGids: [7]", "env: [A=a]").expect("valid edits");
    assert_eq!(edits.env, ["X=1", "A=a", "B=b"]);
    assert_eq!(edits.groups, [7]);
}

#[track_caller]
fn check_refused(device_edits: &str, expected: &str) {
    let error = edits("", device_edits).expect_err("the edits are not supported").to_string();
    assert!(error.contains("device v/c=a (") && error.contains(expected), "{device_edits}: {error}");
}

#[test]
fn an_unknown_hook_is_refused() {
    check_refused(
        "hooks: [{hookName: createRuntime, path: /bin/sh, args: [sh, -c, id]}]",
        "needs the hook \"/bin/sh -c id\" to be run, which dsbuild does not do",
    );
}

#[test]
fn network_devices_and_rdt_are_refused() {
    check_refused("netDevices: [{hostInterfaceName: eth0, name: x}]", "network devices");
    check_refused("intelRdt: {closID: x}", "RDT");
}

#[test]
fn a_node_that_cannot_be_made_as_described_is_refused() {
    check_refused("deviceNodes: [{path: /dev/x, type: p}]", "a node of type \"p\"");
    check_refused("deviceNodes: [{path: /dev/x, permissions: r}]", "the permissions \"r\" for /dev/x");
}

#[test]
fn a_mount_that_cannot_be_made_as_described_is_refused() {
    let mount = |more: &str| format!("mounts: [{{hostPath: /a, containerPath: /b, {more}}}]");
    check_refused(&mount("options: [ro, rshared]"), "the mount option \"rshared\"");
    check_refused(&mount("type: tmpfs"), "a mount of type \"tmpfs\"");
}

#[track_caller]
fn node_error(node: &str) -> String {
    let edits = edits("", &format!("deviceNodes: [{node}]")).expect("valid edits");
    let node = edits.nodes.into_iter().next().expect("a node");
    node.mount((0, 0)).expect_err("this machine has no such device").to_string()
}

#[test]
fn a_device_that_this_machine_lacks_is_an_error() {
    let error = node_error("{path: /dev/x, hostPath: /missing}");
    assert!(error.ends_with("needs /missing: this machine has no such device"), "{error}");
}

#[test]
fn a_device_of_another_type_is_an_error() {
    let error = node_error("{path: /dev/null, type: b}");
    assert!(error.ends_with("needs /dev/null: this machine has no such device"), "{error}");
}

#[test]
fn a_missing_file_is_an_error_with_the_reason_of_the_system() {
    let edits = edits("", "mounts: [{hostPath: /missing, containerPath: /x}]").expect("valid edits");
    let error = edits.binds[0].mount().expect_err("the file is missing").to_string();
    assert!(error.contains("needs /missing: No such file or directory"), "{error}");
}
