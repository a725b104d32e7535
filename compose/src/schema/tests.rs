//! Tests of the known keys.

use super::*;

#[track_caller]
fn check_text(text: &str, expected: Option<&str>) {
    let root = crate::yaml::parse(text, "c.yaml").unwrap().remove(0).root;
    let got = check(&root).err().map(|error| error.to_string());
    assert_eq!(got.as_deref(), expected, "{text}");
}

#[test]
fn each_form_of_a_value_is_accepted() {
    check_text("name: x\nx-own: {a: [1]}\nvolumes: {data: }\nnetworks: {n: {driver_opts: {a: 1}}}\n", None);
    let service =
        "{image: i, environment: {A: 1, B: , C: true}, ports: [80, '1:1', {target: 1}], command: , x-a: 1}";
    check_text(&format!("services: {{web: {service}}}"), None);
    check_text(
        "services: {web: {build: ., ulimits: {nofile: 5, nproc: {soft: 1, hard: 2}}, group_add: [5, a]}}",
        None,
    );
}

#[test]
fn an_unknown_key_is_reported_with_a_similar_one() {
    check_text(
        "services:\n  web:\n    imge: x\n",
        Some("c.yaml:3:5: services.web: unknown key \"imge\"; did you mean \"image\"?"),
    );
    check_text("foo: 1", Some("c.yaml:1:1: the file: unknown key \"foo\""));
    check_text("volumes: {v: {qqq: 1}}", Some("c.yaml:1:15: volumes.v: unknown key \"qqq\""));
}

#[test]
fn a_value_of_another_type_is_reported_with_the_right_one() {
    let check = |service: &str, expected: &str| {
        check_text(
            &format!("services:\n  web:\n    {service}\n"),
            Some(&format!("c.yaml:3:5: services.web.{expected}")),
        );
    };
    check("image: 5", "image: must be a string");
    check("build: [a]", "build: must be a string or a mapping");
    check("environment: text", "environment: must be a mapping or a list");
    check("command: {a: b}", "command: must be null, a string or a list");
    check("cgroup: x", "cgroup: must be one of host, private");
    check("oom_score_adj: 1001", "oom_score_adj: must be between -1000 and 1000");
    check("container_name: ''", "container_name: \"\" must be a name such as web-1");
    check("cap_add: [A, B, A]", "cap_add: items 0 and 2 are equal; each can be there once");
    check("extends: {file: f}", "extends: the key \"service\" is missing");
    check_text(
        "services:\n  web:\n    volumes:\n    - {type: tmpfs, tmpfs: {size: -1}}\n",
        Some("c.yaml:4:29: services.web.volumes[0].tmpfs.size: must be 0 or more"),
    );
    check_text("services: {web: }", Some("c.yaml:1:12: services.web: must be a mapping"));
    check_text(
        "services: {'a b': {}}",
        Some("c.yaml:1:12: services: the name \"a b\" must consist of letters, digits, '.', '_' and '-'"),
    );
}
