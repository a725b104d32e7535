//! Tests of the YAML reader.

use super::*;

fn json(text: &str) -> serde_json::Value {
    let documents = parse(text, "compose.yaml").unwrap();
    serde_json::Value::from(&documents[0].root)
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(json(text), serde_json::from_str::<serde_json::Value>(expected).unwrap(), "{text}");
}

#[track_caller]
fn check_error(text: &str, expected: &str) {
    assert_eq!(parse(text, "compose.yaml").unwrap_err().to_string(), expected);
}

#[test]
fn plain_scalars_have_the_types_of_docker_compose() {
    check(
        "{a: yes, b: true, c: 'true', d: 0440, e: 0x1F, f: 1.50, g: 1_000, h: 08, i: ~, j: 1:30, k: -5, l: 1e3, m: on}",
        r#"{"a":"yes","b":true,"c":"true","d":288,"e":31,"f":1.5,"g":1000,"h":8.0,"i":null,"j":"1:30","k":-5,"l":1000.0,"m":"on"}"#,
    );
    check("{a: !!str 5, b: !!int 5, c: !!float 5}", r#"{"a":"5","b":5,"c":5.0}"#);
}

#[test]
fn merge_keys_add_what_is_missing() {
    check(
        "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  <<: [*x, *y]\n  c: 3\n",
        r#"{"x":{"a":1,"b":1},"y":{"b":2,"c":2},"z":{"a":1,"b":1,"c":3}}"#,
    );
}

#[test]
fn tagged_values_are_reported_with_their_path() {
    let text = "a: &a\n  b: !reset null\n  c: !override [1]\nd: *a\ne:\n  <<: *a\n  f: 1\n";
    let documents = parse(text, "f").unwrap();
    assert_eq!(serde_json::Value::from(&documents[0].root)["e"], serde_json::json!({"c": [1], "f": 1}));
    let mut resets: Vec<String> = documents[0].resets.iter().map(|path| path.join(".")).collect();
    resets.sort();
    assert_eq!(resets, ["a.b", "a.c", "d.b", "d.c", "e.b", "e.c"]);
}

#[test]
fn a_file_can_have_several_documents() {
    let documents = parse("a: 1\n---\na: 2\n", "f").unwrap();
    assert_eq!(documents.len(), 2);
    assert!(parse("", "f").unwrap().is_empty());
}

#[test]
fn mistakes_have_their_position() {
    check_error("a: 1\nb: 2\na: 3\n", "compose.yaml:3:1: key \"a\" is in line 1 already");
    check_error("a:\n  1: x\n", "compose.yaml:2:3: the key 1 must be a text: write it in quotes");
    check_error("a: !!int x\n", "compose.yaml:1:10: \"x\" is not of type int");
    check_error("a:\n  <<: 5\n", "compose.yaml:2:3: a merge key (<<) needs a mapping or a list of mappings");
    assert!(parse("a: [1\n", "compose.yaml").unwrap_err().to_string().starts_with("compose.yaml:"));
}

#[test]
fn aliases_are_bounded() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    assert!(parse(&bomb, "f").unwrap_err().to_string().contains("aliases expand to more than"));
    assert!(parse("a: &a [*a]\n", "f").is_err());
}
