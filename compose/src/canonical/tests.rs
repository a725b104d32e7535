//! Tests of the canonical form.

use super::*;

#[track_caller]
fn check(service: &str, expected: &str) {
    let root =
        crate::yaml::parse(&format!("services: {{a: {{{service}}}}}"), "c.yaml").unwrap().remove(0).root;
    let got = serde_json::Value::from(&canonical(root).unwrap());
    let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
    assert_eq!(got["services"]["a"], expected, "{service}");
}

#[track_caller]
fn check_error(text: &str, expected: &str) {
    let root = crate::yaml::parse(text, "c.yaml").unwrap().remove(0).root;
    assert_eq!(canonical(root).unwrap_err().to_string(), expected);
}

#[test]
fn short_forms_become_long_ones() {
    check("build: .", r#"{"build":{"context":"."}}"#);
    check("secrets: [s]", r#"{"secrets":[{"source":"s"}]}"#);
    check("env_file: f", r#"{"env_file":[{"path":"f","required":true}]}"#);
    check("env_file: [{path: f, required: false}]", r#"{"env_file":[{"path":"f","required":false}]}"#);
    check("gpus: all", r#"{"gpus":[{"count":"all"}]}"#);
    check("networks: [n]", r#"{"networks":{"n":null}}"#);
    check("dns: ['', 1.1.1.1]", r#"{"dns":["1.1.1.1"]}"#);
    check(
        "devices: ['/dev/a:/dev/b']",
        r#"{"devices":[{"source":"/dev/a","target":"/dev/b","permissions":"rwm"}]}"#,
    );
    check(
        "build: {context: ., ssh: [default, k=p], sbom: true}",
        r#"{"build":{"context":".","ssh":{"default":null,"k":"p"},"sbom":"true"}}"#,
    );
}

#[test]
fn dependencies_have_a_condition() {
    check("depends_on: [b]", r#"{"depends_on":{"b":{"condition":"service_started","required":true}}}"#);
    check(
        "depends_on: {b: {condition: service_healthy, restart: true}}",
        r#"{"depends_on":{"b":{"condition":"service_healthy","required":true,"restart":true}}}"#,
    );
}

#[test]
fn ports_and_mounts_are_mappings() {
    check(
        "ports: ['127.0.0.1:8080:80/udp', 90]",
        r#"{"ports":[{"mode":"ingress","host_ip":"127.0.0.1","published":"8080","target":80,"protocol":"udp"},
            {"mode":"ingress","target":90,"protocol":"tcp"}]}"#,
    );
    check(
        "volumes: ['./a:/b/../c:ro', 'data:/d:nocopy']",
        r#"{"volumes":[{"type":"bind","source":"./a","target":"/c","read_only":true,"bind":{"create_host_path":true}},
            {"type":"volume","source":"data","target":"/d","volume":{"nocopy":true}}]}"#,
    );
}

#[test]
fn mistakes_have_their_place() {
    check_error(
        "services:\n  a:\n    ports:\n    - 80\n    - x:1\n",
        "c.yaml:5:7: services.a.ports[1]: invalid port of the machine in \"x:1\"",
    );
    check_error(
        "networks: {n: {name: a, external: {name: b}}}",
        "c.yaml:1:36: networks.n: name and external.name conflict; only use name",
    );
    check_error(
        "services: {a: {build: {ssh: [key]}}}",
        "c.yaml:1:30: services.a.build.ssh[0]: \"key\" must be \"default\" or have the form ID=PATH",
    );
}
