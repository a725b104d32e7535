//! Tests of merging files.

use super::*;

/// Merges two services called `a` and returns the result as JSON.
#[track_caller]
fn check(base: &str, over: &str, expected: &str) {
    let tree =
        |text: &str| crate::yaml::parse(&format!("services: {{a: {text}}}"), "c").unwrap().remove(0).root;
    let mut merged = merge(tree(base), tree(over), &TreePath::default()).unwrap();
    keep_unique(&mut merged).unwrap();
    let got = serde_json::Value::from(&merged);
    let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
    assert_eq!(got["services"]["a"], expected, "{base} + {over}");
}

#[test]
fn scalars_are_replaced_and_lists_are_appended() {
    check(
        "{image: a, cap_add: [A, B]}",
        "{image: b, cap_add: [B, C]}",
        r#"{"image":"b","cap_add":["A","B","C"]}"#,
    );
    check("{command: [a, b]}", "{command: c}", r#"{"command":"c"}"#);
    check(
        "{healthcheck: {test: [CMD, a], retries: 1}}",
        "{healthcheck: {test: b}}",
        r#"{"healthcheck":{"test":"b","retries":1}}"#,
    );
    check("{image: a}", "{image: ~}", r#"{"image":"a"}"#);
}

#[test]
fn variables_and_labels_merge_by_name_in_both_forms() {
    check(
        "{environment: {A: 1, B: ~}, labels: [x=1]}",
        "{environment: [A=2, C], labels: {x: true, y: 1.50}}",
        r#"{"environment":["A=2","B","C"],"labels":["x=true","y=1.5"]}"#,
    );
}

#[test]
fn mounts_and_ports_merge_by_what_they_define() {
    check("{volumes: ['va:/x', 'vb:/y']}", "{volumes: ['vc:/x:ro']}", r#"{"volumes":["vc:/x:ro","vb:/y"]}"#);
    check("{devices: ['/a:/x']}", "{devices: ['/b:/x']}", r#"{"devices":["/b:/x"]}"#);
    check(
        "{secrets: [s]}",
        "{secrets: [{source: t, target: /run/secrets/s}]}",
        r#"{"secrets":[{"source":"t","target":"/run/secrets/s"}]}"#,
    );
    check("{ports: ['1:1']}", "{ports: ['1:1', '2:1']}", r#"{"ports":["1:1","2:1"]}"#);
}

#[test]
fn lists_of_names_merge_with_mappings() {
    check(
        "{networks: [n]}",
        "{networks: {m: {aliases: [x]}}}",
        r#"{"networks":{"n":null,"m":{"aliases":["x"]}}}"#,
    );
    check(
        "{depends_on: [b]}",
        "{depends_on: {c: {condition: service_healthy}}}",
        r#"{"depends_on":{"b":{"condition":"service_started","required":true},"c":{"condition":"service_healthy"}}}"#,
    );
}

#[test]
fn builds_and_logging_have_rules_of_their_own() {
    check("{build: .}", "{build: {target: t}}", r#"{"build":{"context":".","target":"t"}}"#);
    check(
        "{logging: {driver: a, options: {x: 1}}}",
        "{logging: {options: {y: 2}}}",
        r#"{"logging":{"driver":"a","options":{"x":1,"y":2}}}"#,
    );
    check(
        "{logging: {driver: a, options: {x: 1}}}",
        "{logging: {driver: b}}",
        r#"{"logging":{"driver":"b"}}"#,
    );
    check(
        "{extra_hosts: {h: [1.1.1.1]}}",
        "{extra_hosts: ['h=1.1.1.1', 'i=2']}",
        r#"{"extra_hosts":["h=1.1.1.1","i=2"]}"#,
    );
}

#[test]
fn a_mapping_overrides_no_list() {
    let tree = |text: &str| crate::yaml::parse(text, "c.yaml").unwrap().remove(0).root;
    let error = merge(tree("services: {a: {b: 1}}"), tree("services: {a: [b]}"), &TreePath::default());
    assert_eq!(
        error.unwrap_err().to_string(),
        "c.yaml:1:12: services.a: only a mapping can override a mapping"
    );
}
