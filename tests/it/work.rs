//! The work of builds that have little to do, against the budgets of `work.budget`. It is counted in system calls, so that a
//! busy machine does not fail a test.
//!
//! Calls for memory, threads and locks do not count: the scheduler and the number of processors decide how many there are.
//! Nor does `fcntl`, which debug builds call before each `close`.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::env::{TestEnv, skip_unless};

const BUDGETS: &str = include_str!("work.budget");

/// Calls whose number depends on the allocator, the number of processors or the order of threads.
const UNCOUNTED: &[&str] = &[
    "brk",
    "clone",
    "clone3",
    "exit",
    "fcntl",
    "futex",
    "gettid",
    "madvise",
    "mmap",
    "mprotect",
    "mremap",
    "munmap",
    "poll",
    "prctl",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "sched_getaffinity",
    "sched_yield",
    "set_robust_list",
    "sigaltstack",
];

/// Creates an environment. The error says why system calls cannot be counted here.
fn counted() -> Result<TestEnv, String> {
    match Command::new("strace").arg("-c").arg("true").output() {
        Ok(ran) if ran.status.success() => TestEnv::new(),
        Ok(_) => Err("strace may not trace here".to_owned()),
        Err(_) => Err("strace is not installed".to_owned()),
    }
}

/// Builds the context; returns the number of calls.
fn calls(env: &TestEnv) -> f64 {
    let counts = env.path("counts");
    let ran = env
        .program("strace")
        .args(["-f", "-c", "-U", "calls,name", "-o"])
        .arg(&counts)
        .arg(env.binary())
        .args(["build", "-q", "-t", "t", "context"])
        // cargo sets it for the loader of debug builds.
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .expect("strace runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let table = fs::read_to_string(counts).expect("strace writes its table");
    let rows = table.lines().filter_map(|line| {
        let (count, name) = line.trim().split_once(' ')?;
        Some((name.trim().to_owned(), count.parse::<u32>().ok()?))
    });
    let all: BTreeMap<String, u32> =
        rows.filter(|(name, _)| name != "total" && !UNCOUNTED.contains(&name.as_str())).collect();
    all.values().sum::<u32>().into()
}

#[track_caller]
fn within_budget(what: &str, found: f64) {
    let row = BUDGETS.lines().filter_map(|line| line.split_once(' ')).find(|(name, _)| *name == what);
    let budget: f64 = row.expect("a row of the budget").1.trim().parse().expect("a number");
    assert!(found <= budget, "{what}: {found} system calls, {budget} are allowed (tests/it/work.budget)");
}

/// Builds twice; returns the number of calls of the second build, for which nothing has changed.
fn calls_again(env: &TestEnv, dockerfile: &str) -> f64 {
    env.file("Dockerfile", dockerfile);
    // The first build runs under strace as well: newuidmap has no rights there, and the number of user IDs is part of keys.
    calls(env);
    calls(env)
}

fn with_files(env: &TestEnv, count: u32) {
    for file in 0..count {
        env.file(&format!("files/{}/{file}", file / 100), &format!("{file}"));
    }
    let_files_settle();
}

/// Waits until the files of the context are old enough. A file that was written a moment ago is hashed by the next build as
/// well, since it could still be changing.
fn let_files_settle() {
    std::thread::sleep(std::time::Duration::from_millis(200));
}

#[test]
fn privileged_an_unchanged_step_costs_few_calls() {
    let env = skip_unless!(counted());
    let steps = |count: u32| {
        let runs: String = (0..count).map(|step| format!("RUN echo {step} > /step{step}\n")).collect();
        calls_again(&env, &format!("FROM base\n{runs}"))
    };
    let (few, many) = (steps(5), steps(25));
    // Without root, a build first enters a user namespace.
    let user = std::env::var_os("DSBUILD_TEST_USER").map_or("", |_| "/of-a-user");
    within_budget(&format!("nothing-changed/5-steps{user}"), few);
    within_budget("nothing-changed/each-step", (many - few) / 20.0);
}

#[test]
fn privileged_an_unchanged_file_costs_one_call() {
    let env = skip_unless!(counted());
    let dockerfile = "FROM scratch\nCOPY files /files\n";
    with_files(&env, 100);
    env.build(dockerfile, &[]).success();
    let few = calls_again(&env, dockerfile);
    with_files(&env, 1100);
    env.build(dockerfile, &[]).success();
    let many = calls_again(&env, dockerfile);
    within_budget("nothing-changed/each-file", (many - few) / 1000.0);
}

#[test]
fn privileged_a_changed_file_makes_the_others_be_read_once() {
    let env = skip_unless!(counted());
    let dockerfile = "FROM scratch\nCOPY files /files\n";
    with_files(&env, 1000);
    env.build(dockerfile, &[]).success();
    let same = calls_again(&env, dockerfile);
    env.file("files/0/7", "changed");
    within_budget("one-changed/each-file", (calls(&env) - same) / 1000.0);
}

#[test]
fn privileged_a_new_copy_reads_each_file_once() {
    let env = skip_unless!(counted());
    let first_build = |env: &TestEnv, count: u32| {
        env.file("Dockerfile", "FROM scratch\nCOPY files /files\n");
        with_files(env, count);
        calls(env)
    };
    let few = first_build(&env, 100);
    let many = first_build(&env.clean(), 1100);
    within_budget("new/each-file", (many - few) / 1000.0);
}

#[test]
fn privileged_the_size_of_the_image_below_adds_no_calls() {
    let env = skip_unless!(counted());
    env.file("f", "f");
    let_files_settle();
    let on = |files: u32| {
        let fill =
            format!("FROM base AS b{files}\nRUN for n in $(seq {files}); do echo $n > /many$n; done\n");
        calls_again(&env, &format!("{fill}FROM b{files}\nCOPY f /f\nRUN true\n"))
    };
    let (small, large) = (on(10), on(2000));
    within_budget("nothing-changed/2000-files-below", large - small);
}
