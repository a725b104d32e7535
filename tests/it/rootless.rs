//! Without root's rights: the same tests, run once more as a user made for it.

use std::process::Command;

use crate::env::{TestEnv, skip_unless};
use crate::user::{TestUser, User};

/// What is about more than one user itself, about others' programs, or up to who may use `/dev/net/tun` here.
const NOT_AGAIN: [&str; 4] = ["rootless::", "interop::", "network::", "two_users"];

#[test]
fn privileged_the_same_tests_pass_without_root() {
    let user = skip_unless!(TestUser::new("same"));
    let mut command = Command::new(std::env::current_exe().expect("we are a program"));
    command.args(["privileged_", "--test-threads=4", "--nocapture"]).env("DSBUILD_TEST_USER", &user.0.name);
    NOT_AGAIN.iter().for_each(|name| _ = command.args(["--skip", name]));
    // nextest's, by which the tests of one run are told apart.
    let ran = command.env_remove("NEXTEST_EXECUTION_MODE").output().expect("the tests run");
    let told = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{told}");
    assert!(!told.contains("SKIP"), "{told}");
}

#[test]
fn privileged_the_store_of_a_user_is_in_the_home_folder() {
    let user = skip_unless!(TestUser::new("home"));
    let env = skip_unless!(TestEnv::of(Some(user.0.clone())));
    let run = |args: &[&str]| {
        let mut command = env.command(args);
        crate::env::Ran(
            command.env_remove("DSBUILD_ROOT").env_remove("XDG_DATA_HOME").output().expect("it runs"),
        )
    };
    run(&["import", "--tag", "base", "base.tar"]).success();
    env.file("Dockerfile", "FROM base\nRUN id -u > /uid\nUSER app\nRUN id -u > /tmp/uid\n");
    run(&["-t", "mine", "context"]).success();
    let ran = run(&["run", "--rm", "--network", "none", "mine", "cat", "/uid", "/tmp/uid"]).success();
    assert_eq!(ran.stdout(), "0\n1000\n");
    assert!(run(&["images"]).success().stdout().contains("mine"));
    assert!(user.0.home.join(".local/share/dsbuild/index.json").exists());
}

#[test]
fn privileged_one_id_is_enough_for_most_and_told() {
    let user = skip_unless!(TestUser::new("one"));
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&user.0.home, open).expect("modes can be set");
    // Nobody has this id, and so nobody has lent it others.
    let stranger = User { name: String::new(), uid: 3_999_999_999, gid: 3_999_999_999, ..user.0.clone() };
    let one = skip_unless!(TestEnv::of(Some(stranger)));
    let root = skip_unless!(TestEnv::of(None));
    let dockerfile = "FROM base\nWORKDIR /w\nCOPY f .\nRUN --mount=type=cache,target=/c cat f > g && touch /c/x && rm /bin/od\n";
    for env in [&one, &root] {
        env.file("f", "f\n");
    }
    assert_eq!(one.digest(dockerfile), root.digest(dockerfile));
    let told = one.build("FROM base\nRUN chown app /tmp\n", &[]).fails(1).stderr();
    assert!(told.contains("one owner only") && told.contains("/etc/subuid"), "{told}");
    assert!(told.contains("the step needs a second user ID"), "{told}");
}
