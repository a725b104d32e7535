//! Same inputs, same digest: whoever builds, where and when.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::env::{TestEnv, skip_unless};

const DOCKERFILE: &str = "FROM base\n\
    WORKDIR /srv\n\
    COPY . .\n\
    RUN mkdir out && cat sub/* > out/all && ln out/all out/link && touch out/new\n\
    LABEL kind=test\n\
    CMD [\"cat\", \"out/all\"]\n";

fn context(env: &TestEnv) {
    for n in 0..20 {
        env.file(&format!("sub/{n}.txt"), &format!("{n}\n"));
    }
}

#[test]
fn privileged_two_clean_builds_have_one_digest() {
    let env = skip_unless!(TestEnv::new());
    context(&env);
    let first = env.digest(DOCKERFILE);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let second = env.clean();
    touch_everything(&second);
    assert_eq!(second.digest(DOCKERFILE), first);
}

/// Another user's checkout: other times, other owners.
fn touch_everything(env: &TestEnv) {
    let context = env.path("context");
    let run = |program: &str, args: &[&str]| {
        assert!(Command::new(program).args(args).arg(&context).status().expect("it runs").success());
    };
    run("chown", &["-R", "1234:1234"]);
    let touched =
        Command::new("find").arg(&context).args(["-exec", "touch", "-d", "2031-01-01", "{}", "+"]).status();
    assert!(touched.expect("find runs").success());
}

#[test]
fn privileged_an_exported_layout_is_the_same_bytes() {
    let env = skip_unless!(TestEnv::new());
    context(&env);
    let export = |env: &TestEnv, name: &str| {
        env.build(DOCKERFILE, &["--output", &format!("type=oci,dest={name}")]).success();
        fs::read(env.path(name)).expect("the layout was written")
    };
    let first = export(&env, "one.tar");
    assert!(first == export(&env.clean(), "two.tar"), "two clean builds differ");
    assert!(first == export(&env, "three.tar"), "a cached export differs");
}

#[test]
fn privileged_another_umask_and_folder_change_nothing() {
    let env = skip_unless!(TestEnv::new());
    context(&env);
    let first = env.digest(DOCKERFILE);
    let other = env.clean();
    fs::set_permissions(other.path("context"), fs::Permissions::from_mode(0o700)).expect("modes can be set");
    other.file("Dockerfile", DOCKERFILE);
    let built = Command::new("sh")
        .args(["-c", "umask 077; exec \"$0\" -t t --iidfile iid context", env!("CARGO_BIN_EXE_dsbuild")])
        .current_dir(other.path(""))
        .env("DSBUILD_ROOT", other.store())
        .env("TZ", "Pacific/Chatham")
        .env("LC_ALL", "C")
        .status();
    assert!(built.expect("sh runs").success());
    assert_eq!(fs::read_to_string(other.path("iid")).expect("the id was written"), first);
}
