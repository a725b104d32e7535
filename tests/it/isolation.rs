//! Machines that allow no namespaces: a container with docker's capabilities and seccomp filter.

use std::path::Path;

use crate::env::{Ran, TestEnv, skip_unless};

/// Builds the context of `env` in a container, which has a store of its own and the host's libraries for the binary.
fn build_in_container(env: &TestEnv, args: &str) -> Ran {
    let script = format!("DSBUILD_ROOT=/tmp/store /dsbuild {args}");
    let volumes = [
        format!("{}:/dsbuild:ro", env.binary().display()),
        format!("{}:/src:ro", env.path("context").display()),
        format!("{}:/base.tar:ro", env.path("base.tar").display()),
    ];
    let libraries = ["/lib", "/lib64"].into_iter().filter(|dir| Path::new(dir).exists());
    let volumes = volumes.into_iter().chain(libraries.map(|dir| format!("{dir}:{dir}:ro")));
    let mut run: Vec<String> = ["run", "--rm", "--network=none"].map(str::to_owned).into();
    run.extend(volumes.flat_map(|volume| ["-v".to_owned(), volume]));
    run.extend(["t", "sh", "-c", &script].map(str::to_owned));
    env.dsbuild(&run.iter().map(String::as_str).collect::<Vec<_>>())
}

/// E.33: COPY needs no isolation.
#[test]
fn privileged_copies_are_built_where_no_namespaces_are_allowed() {
    let env = skip_unless!(TestEnv::new());
    env.build("FROM base\n", &[]).success();
    env.file("f", "text\n").file("Dockerfile", "FROM scratch\nCOPY f /f\n");
    build_in_container(&env, "build -t x /src && DSBUILD_ROOT=/tmp/store /dsbuild images | grep x").success();
    env.file("Dockerfile", "FROM base\nWORKDIR /w\nCOPY --chown=1000 f .\nENV A=b\n");
    let outside = env.digest("FROM base\nWORKDIR /w\nCOPY --chown=1000 f .\nENV A=b\n");
    let script = "import -t base /base.tar > /dev/null && DSBUILD_ROOT=/tmp/store /dsbuild build -q /src";
    assert_eq!(build_in_container(&env, script).success().stdout().trim(), outside);
}

/// E.33: RUN says what is missing and what would do.
#[test]
fn privileged_run_reports_that_no_namespaces_are_allowed() {
    let env = skip_unless!(TestEnv::new());
    env.build("FROM base\n", &[]).success();
    env.file("Dockerfile", "FROM base\nRUN true\n");
    let script = "import -t base /base.tar > /dev/null && DSBUILD_ROOT=/tmp/store /dsbuild build /src";
    let told = build_in_container(&env, script).fails(2).stderr();
    for word in [
        "RUN needs namespaces",
        "Operation not permitted",
        "Dockerfile:2",
        "seccomp=unconfined",
        "hostUsers: false",
    ] {
        assert!(told.contains(word), "no {word}: {told}");
    }
}
