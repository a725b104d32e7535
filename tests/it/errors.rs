//! Failures name the place, the cause and the way out.

use std::fs;

use crate::env::{TestEnv, skip_unless};

#[track_caller]
fn check(dockerfile: &str, code: i32, expected: &[&str]) {
    let env = skip_unless!(TestEnv::new());
    let error = env.build(dockerfile, &["--progress", "plain"]).fails(code).stderr();
    for text in expected {
        assert!(error.contains(text), "{text:?} is not in:\n{error}");
    }
}

#[test]
fn privileged_a_failing_step_shows_its_output_and_its_lines() {
    check(
        "FROM base\nRUN echo one; \\\n  echo the last words >&2; exit 7\n",
        1,
        &["the last words", "exit code: 7", "Dockerfile:2", "RUN echo one"],
    );
}

#[test]
fn privileged_a_missing_command_has_a_hint() {
    check("FROM base\nRUN no-such-command\n", 1, &["exit code: 127", "hint:", "PATH"]);
}

#[test]
fn privileged_an_unknown_instruction_is_shown_with_its_line() {
    check("FROM base\nRUM true\n", 1, &["unknown instruction: RUM", "Dockerfile:2", "RUN"]);
}

#[test]
fn privileged_a_missing_file_is_named() {
    check("FROM base\nCOPY nothing /x\n", 1, &["nothing", "not found", "Dockerfile:2"]);
}

#[test]
fn privileged_an_unknown_stage_is_named() {
    check("FROM base AS one\nFROM base\nCOPY --from=ome /x /y\n", 1, &["ome", "Dockerfile:3"]);
}

#[test]
fn privileged_a_failed_build_leaves_no_process_and_no_scratch() {
    let env = skip_unless!(TestEnv::new());
    env.build("FROM base\nRUN sleep 77 & exit 3\n", &[]).fails(1);
    assert!(!processes().contains("sleep 77"));
    let left = std::fs::read_dir(env.store().join("tmp")).expect("the store has a tmp").count();
    assert_eq!(left, 0);
}

#[test]
fn privileged_a_build_argument_that_no_arg_consumes_is_named() {
    let env = skip_unless!(TestEnv::new());
    let output = env.build("FROM base\nARG MODE\n", &["--build-arg", "MOED=1"]).success().stderr();
    let expected = "[Warning] One or more build-args [MOED] were not consumed (did you mean MODE?)";
    assert!(output.contains(expected), "{output}");
    let output = env.build("FROM base\nARG MODE\n", &["--build-arg", "MODE=1"]).success().stderr();
    assert!(!output.contains("[Warning]"), "{output}");
}

#[test]
fn a_file_that_looks_like_the_missing_dockerfile_is_named() {
    let env = TestEnv::bare();
    env.file("Dockerfile.dev", "FROM scratch\n");
    let error = env.dsbuild(&["build", "context"]).fails(1).stderr();
    assert!(error.contains("Dockerfile.dev: use --file "), "{error}");
}

#[test]
fn privileged_a_name_that_does_not_resolve_is_in_the_hint() {
    check(
        "FROM base\nRUN echo \"wget: bad address 'files.test'\" >&2; exit 1\n",
        1,
        &["hint: files.test did not resolve"],
    );
}

#[test]
fn privileged_the_store_of_another_user_is_reported_with_the_owner() {
    use std::os::unix::process::CommandExt;
    let env = skip_unless!(TestEnv::new());
    let binary = env.path("dsbuild");
    fs::copy(env.binary(), &binary).expect("the binary can be copied");
    let mut command = env.program(&binary);
    command.arg("images").uid(54321).gid(54321);
    std::os::unix::fs::chown(env.path(""), Some(54321), None).expect("root can give it away");
    let ran = crate::env::Ran(command.output().expect("the binary runs")).fails(2);
    let owner = std::os::unix::fs::MetadataExt::uid(&env.store().metadata().expect("there is a store"));
    let expected = format!("belongs to user {owner}, and dsbuild runs as user 54321");
    assert!(ran.stderr().contains(&expected), "{}", ran.stderr());
}

/// Returns the command lines of all processes.
fn processes() -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir("/proc").expect("there is a /proc").filter_map(Result::ok) {
        if let Ok(line) = std::fs::read(entry.path().join("cmdline")) {
            all += &String::from_utf8_lossy(&line).replace('\0', " ");
            all.push('\n');
        }
    }
    all
}
