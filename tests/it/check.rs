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
fn nothing_to_warn_about_is_told() {
    let env = TestEnv::bare();
    let ran = env.build("FROM scratch\n", &["--check"]).success();
    assert_eq!(ran.stdout(), "Check complete, no warnings found.\n");
}

#[test]
fn json_is_that_of_buildx_and_short() {
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

#[test]
fn an_error_is_part_of_the_report() {
    let env = TestEnv::bare();
    let report = json(&env.build("FROM scratch\nFORM x\n", &["--check", "--format", "json"]).fails(1));
    assert_eq!(report["error"]["line"], 2);
    let text = "FROM scratch\nFORM x\nUSER\n";
    let report = json(&env.build(text, &["--check", "--format", "json"]).fails(1));
    assert_eq!((&report["error"]["line"], &report["further"][0]["line"]), (&2.into(), &3.into()));
    let text = "FROM scratch\nSTOPSIGNAL x\nEXPOSE y\n";
    let report = json(&env.build(text, &["--check", "--format", "json"]).fails(1));
    assert_eq!((&report["error"]["line"], &report["further"][0]["line"]), (&2.into(), &3.into()));
    let ran = env.build("FROM scratch\nCOPY --from=7 / /\n", &["--check"]).fails(1);
    assert_eq!(ran.stdout(), "");
    assert!(ran.stderr().contains("invalid stage index 7") && ran.stderr().contains("Dockerfile:2"));
}

#[test]
fn warnings_can_be_errors_of_a_build() {
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
fn targets_and_outline() {
    let env = TestEnv::bare();
    let ran = env.build(DOCKERFILE, &["--call", "targets"]).success();
    assert_eq!(ran.stdout(), "TARGET          DESCRIPTION\napp (default)   is what we ship\n");
    let text = "FROM scratch AS a\nARG v=1\nRUN --mount=type=secret,id=s x\nFROM scratch\n";
    let outline = json(&env.build(text, &["--target=a", "--call=outline,format=json"]).success());
    assert_eq!(outline["args"][0]["value"], "1");
    assert_eq!(outline["secrets"][0]["name"], "s");
    let outline = env.build("FROM scratch\nARG one=1\n", &["--call=outline"]).success().stdout();
    assert_eq!(outline, "BUILD ARG   VALUE   DESCRIPTION\none         1\n", "no blank line comes first");
}

#[test]
fn files_are_formatted_in_place() {
    let env = TestEnv::bare();
    env.file("Dockerfile", "from scratch\ncopy  a   /b\n");
    let file = env.path("context/Dockerfile");
    let name = file.to_str().expect("a UTF-8 path");
    assert_eq!(env.dsbuild(&["fmt", "--check", name]).fails(1).stdout(), format!("{name}\n"));
    assert_eq!(env.dsbuild(&["fmt", name]).success().stdout(), "");
    assert_eq!(fs::read_to_string(&file).expect("the file is there"), "FROM scratch\nCOPY a /b\n");
    env.dsbuild(&["fmt", "--check", name]).success();
    env.file("Dockerfile", "FORM x\n");
    assert!(env.dsbuild(&["fmt", name]).fails(1).stderr().contains("did you mean FROM?"));
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
