//! Commands that only look at Dockerfiles: `build --check`, `build --call`, `fmt`.

use std::fs;

use serde_json::Value;

use crate::env::{Ran, TestEnv};

const DOCKERFILE: &str = "# app is what we ship\nFROM scratch AS app\nENV one 1\nLABEL two=$oen\n";

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout()).expect("JSON on stdout")
}

#[test]
fn warnings_are_explained_and_exit_with_1() {
    let env = TestEnv::bare();
    let ran = env.build(DOCKERFILE, &["--check"]).fails(1);
    let expected = "\
Check complete, 2 warnings have been found!

WARNING: LegacyKeyValueFormat - https://docs.docker.com/go/dockerfile/rule/legacy-key-value-format/
\"ENV key=value\" should be used instead of legacy \"ENV key value\" format
hint: write key=value, with quotes around a value that has blanks
Dockerfile:3
--------------------
   1 |     # app is what we ship
   2 |     FROM scratch AS app
   3 | >>> ENV one 1
   4 |     LABEL two=$oen
   5 |
--------------------

WARNING: UndefinedVar - https://docs.docker.com/go/dockerfile/rule/undefined-var/
Usage of undefined variable '$oen' (did you mean $one?)
hint: define the name with ARG or ENV in this stage, or correct it
Dockerfile:4
--------------------
   2 |     FROM scratch AS app
   3 |     ENV one 1
   4 | >>> LABEL two=$oen
   5 |
--------------------
";
    assert_eq!(ran.stdout(), expected);
}

#[test]
fn a_good_dockerfile_has_no_warnings() {
    let env = TestEnv::bare();
    let ran = env.build("FROM scratch\n", &["--check"]).success();
    assert_eq!(ran.stdout(), "Check complete, no warnings found.\n");
}

#[test]
fn the_json_of_a_check_has_the_names_of_buildx_and_shorter_ones() {
    let env = TestEnv::bare();
    let report = json(&env.build(DOCKERFILE, &["--call", "check,format=json"]).fails(1));
    let warning = &report["warnings"][0];
    assert_eq!((&warning["rule"], &warning["line"]), (&"LegacyKeyValueFormat".into(), &3.into()));
    assert_eq!(warning["ruleName"], warning["rule"]);
    assert_eq!(warning["fix"], "write key=value, with quotes around a value that has blanks");
    assert_eq!(warning["location"]["ranges"][0]["start"]["line"], 3);
    assert!(report.get("error").is_none());
    env.build(DOCKERFILE, &["--call", "check,ignorestatus=true"]).success();
}

/// Checks a Dockerfile with errors on these lines; the first one is `error`, the others are `further`.
#[track_caller]
fn check_error_lines(text: &str, expected: &[u32]) {
    let report = json(&TestEnv::bare().build(text, &["--check", "--format", "json"]).fails(1));
    let further = report["further"].as_array().into_iter().flatten();
    let lines = std::iter::once(&report["error"]).chain(further).map(|error| error["line"].as_u64());
    assert_eq!(
        lines.map(|line| line.map(|line| line as u32)).collect::<Option<Vec<_>>>().as_deref(),
        Some(expected)
    );
}

#[test]
fn all_errors_are_part_of_the_report() {
    check_error_lines("FROM scratch\nFORM x\n", &[2]);
    check_error_lines("FROM scratch\nFORM x\nUSER\n", &[2, 3]);
    check_error_lines("FROM scratch\nSTOPSIGNAL x\nEXPOSE y\n", &[2, 3]);
}

#[test]
fn an_error_is_printed_instead_of_no_warnings_found() {
    let ran = TestEnv::bare().build("FROM scratch\nCOPY --from=7 / /\n", &["--check"]).fails(1);
    assert_eq!(ran.stdout(), "");
    assert!(ran.stderr().contains("invalid stage index 7") && ran.stderr().contains("Dockerfile:2"));
}

#[test]
fn a_directive_makes_warnings_errors() {
    let env = TestEnv::bare();
    let text = format!("# check=error=true\n{DOCKERFILE}");
    let report = json(&env.build(&text, &["--check", "--format=json"]).fails(1));
    assert_eq!(
        report["error"]["message"],
        "lint violation found for rules: LegacyKeyValueFormat, UndefinedVar"
    );
    let argument = "BUILDKIT_DOCKERFILE_CHECK=skip=all";
    env.build(&text, &["--check", "--build-arg", argument]).success();
}

#[test]
fn targets_are_listed_with_their_descriptions() {
    let ran = TestEnv::bare().build(DOCKERFILE, &["--call", "targets"]).success();
    assert_eq!(ran.stdout(), "TARGET          DESCRIPTION\napp (default)   is what we ship\n");
}

#[test]
fn an_outline_lists_arguments_and_secrets() {
    let env = TestEnv::bare();
    let text = "FROM scratch AS a\nARG v=1\nRUN --mount=type=secret,id=s x\nFROM scratch\n";
    let outline = json(&env.build(text, &["--target=a", "--call=outline,format=json"]).success());
    assert_eq!(outline["args"][0]["value"], "1");
    assert_eq!(outline["secrets"][0]["name"], "s");
    let outline = env.build("FROM scratch\nARG one=1\n", &["--call=outline"]).success().stdout();
    assert_eq!(outline, "BUILD ARG   VALUE     DESCRIPTION\none         1\n");
}

/// Formats a Dockerfile in place and expects this text.
#[track_caller]
fn check_formatted(text: &str, expected: &str) {
    let env = TestEnv::bare();
    env.file("Dockerfile", text);
    assert_eq!(env.dsbuild(&["fmt", "context/Dockerfile"]).success().stdout(), "");
    let formatted = fs::read_to_string(env.path("context/Dockerfile")).expect("the file exists");
    assert_eq!(formatted, expected);
    assert_eq!(env.dsbuild(&["fmt", "--check", "context/Dockerfile"]).success().stdout(), "");
}

#[test]
fn fmt_formats_a_file_in_place() {
    check_formatted("from scratch\ncopy  a   /b\n", "FROM scratch\nCOPY a /b\n");
}

#[test]
fn fmt_check_names_a_file_that_is_not_formatted() {
    let env = TestEnv::bare();
    env.file("Dockerfile", "from scratch\n");
    let ran = env.dsbuild(&["fmt", "--check", "context/Dockerfile"]).fails(1);
    assert_eq!(ran.stdout(), "context/Dockerfile\n");
}

#[test]
fn fmt_refuses_a_file_that_is_not_a_dockerfile() {
    let env = TestEnv::bare();
    env.file("Dockerfile", "FORM x\n");
    let error = env.dsbuild(&["fmt", "context/Dockerfile"]).fails(1).stderr();
    assert!(error.contains("did you mean FROM?"), "{error}");
}

#[test]
fn warnings_above_an_invalid_instruction_are_kept() {
    let env = TestEnv::bare();
    let ran = env.build("FROM scratch AS Big\nFORM x\n", &["--check"]).fails(1);
    assert!(ran.stdout().contains("Stage name 'Big' should be lowercase"), "{}", ran.stdout());
    let report = json(&env.build("FROM scratch AS Big\nFORM x\n", &["--check", "--format", "json"]).fails(1));
    assert_eq!((&report["warnings"][0]["line"], &report["error"]["line"]), (&1.into(), &2.into()));
}

#[test]
fn a_source_that_is_missing_is_noted_and_exits_with_1() {
    let env = TestEnv::bare();
    let ran = env.build("FROM scratch\nCOPY nope /\n", &["--check"]).fails(1);
    assert!(ran.stdout().contains("\"/nope\": not found"), "{}", ran.stdout());
    let report = json(&env.build("FROM scratch\nCOPY nope /\n", &["--check", "--format", "json"]).fails(1));
    assert_eq!((&report["notes"][0]["line"], &report["notes"][0]["isFailure"]), (&2.into(), &true.into()));
}

#[test]
fn another_frontend_exits_with_1() {
    let env = TestEnv::bare();
    let text = "# syntax=ghcr.io/acme/frontend:v1\nFROM scratch\nCOPY Dockerfile /\n";
    for flags in [&["--check"][..], &[]] {
        let ran = env.build(text, flags).fails(1);
        let shown = format!("{}{}", ran.stdout(), ran.stderr());
        assert!(
            shown.contains("frontend ghcr.io/acme/frontend:v1, which is not docker/dockerfile"),
            "{shown}"
        );
    }
}
