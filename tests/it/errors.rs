//! Failures name the place, the cause and the way out.

use crate::env::{TestEnv, skip_unless};

#[track_caller]
fn check(dockerfile: &str, code: i32, expected: &[&str]) {
    let env = skip_unless!(TestEnv::new());
    let told = env.build(dockerfile, &["--progress", "plain"]).fails(code).stderr();
    for text in expected {
        assert!(told.contains(text), "{text:?} is not in:\n{told}");
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
fn privileged_an_unknown_instruction_is_placed() {
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

/// The command lines of all processes.
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
