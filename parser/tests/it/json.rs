//! JSON of parsed files and of errors.

use parser::{
    ParseError,
    json::{errors_to_json, to_json},
    parse,
};
use serde_json::{Value, json};

/// Removes fields that are empty, false or null, so that expected values need not list them.
fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(key, value)| (key, without_empty(value)));
            Value::Object(fields.filter(|(_, value)| !is_empty(value)).collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(without_empty).collect()),
        other => other,
    }
}

fn is_empty(value: &Value) -> bool {
    [json!(null), json!(false), json!(""), json!([])].contains(value)
}

#[track_caller]
fn check(text: &str, expected: Value) {
    let file = parse(text.as_bytes()).expect("well formed");
    assert_eq!(without_empty(to_json(&file)), expected, "{text}");
}

#[test]
fn a_file_is_printed_with_directives_globals_and_stages() {
    check(
        "# syntax=s\nARG v=1\nFROM --platform=p a AS B\nCOPY --link <<E /d\nx\nE\nHEALTHCHECK cmd [\"a\"]\n",
        json!({
            "directives": {"escape": "\\", "syntax": "s"},
            "globals": [{"cmd": "arg", "args": ["v=1"], "start_line": 2, "end_line": 2}],
            "stages": [{"name": "b", "base": "a", "platform": "p", "instructions": [
                {"cmd": "from", "flags": ["--platform=p"], "args": ["a", "AS", "B"],
                 "start_line": 3, "end_line": 3},
                {"cmd": "copy", "flags": ["--link"], "args": ["<<E", "/d"], "start_line": 4, "end_line": 6,
                 "heredocs": [{"name": "E", "expand": true, "content": "x\n"}]},
                {"cmd": "healthcheck", "json": true, "args": ["cmd", "a"], "start_line": 7, "end_line": 7},
            ]}],
        }),
    );
}

/// Compares the arguments of the only instruction below `FROM a`.
#[track_caller]
fn check_arguments(text: &str, expected: &[&str]) {
    let file = parse(format!("FROM a\n{text}").as_bytes()).expect("well formed");
    let json = to_json(&file);
    assert_eq!(json["stages"][0]["instructions"][1]["args"], json!(expected), "{text}");
}

#[test]
fn a_text_is_one_argument() {
    check_arguments("RUN a  b", &["a  b"]);
    check_arguments("USER a b", &["a b"]);
    check_arguments("ONBUILD RUN x", &["RUN x"]);
}

#[test]
fn each_word_is_an_argument() {
    check_arguments("COPY [\"a b\", \"c\"]", &["a b", "c"]);
    check_arguments("SHELL [\"a\"]", &["a"]);
    check_arguments("EXPOSE 2 1", &["2", "1"]);
    check_arguments("ARG a b=", &["a", "b="]);
}

#[test]
fn names_and_values_are_separate_arguments() {
    check_arguments("ENV a=\"b\" c=d", &["a", "\"b\"", "c", "d"]);
    check_arguments("LABEL a b c", &["a", "b c"]);
}

#[test]
fn the_type_of_a_healthcheck_is_an_argument() {
    check_arguments("HEALTHCHECK --retries=1 CMD a b", &["CMD", "a b"]);
    check_arguments("HEALTHCHECK none", &["none"]);
}

#[test]
fn an_empty_command_has_no_arguments() {
    check_arguments("RUN", &[]);
    check_arguments("CMD []", &[]);
}

/// An error, and its JSON.
fn unknown_instruction() -> (ParseError, Value) {
    let error = parse(b"FROM a\nRUNN x").expect_err("no such instruction");
    let json = json!({"line": 2, "end_line": 2, "message": "unknown instruction: RUNN",
                      "hint": "did you mean RUN?"});
    (error, json)
}

#[test]
fn an_error_is_printed_with_lines_message_and_hint() {
    let (error, expected) = unknown_instruction();
    assert_eq!(errors_to_json(&error, &[]), json!({"error": expected, "further": []}));
}

#[test]
fn further_errors_are_printed_in_a_list() {
    let (error, expected) = unknown_instruction();
    let json = errors_to_json(&error, std::slice::from_ref(&error));
    assert_eq!(json["further"], json!([expected]));
}
