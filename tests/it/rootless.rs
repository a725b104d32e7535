//! Without root: the same tests once more, as a user made for them.

use std::process::Command;

use crate::env::{TestEnv, skip_unless};
use crate::user::{TestUser, User};

/// Tests that create users themselves, run other engines, write beside the checkout as root, or depend on the access to
/// `/dev/net/tun` or control groups.
const NOT_AGAIN: [&str; 11] = [
    "docs::",
    "rootless::",
    "interop::",
    "interop_oci::",
    "network::",
    "is_paused",
    "two_users",
    "another_user",
    "reaches_a_limit",
    "fills_the_disk",
    "threads::",
];

#[test]
fn privileged_the_same_tests_pass_without_root() {
    let user = skip_unless!(TestUser::new("same"));
    let mut command = Command::new(std::env::current_exe().expect("we are a program"));
    command.args(["privileged_", "--test-threads=4", "--nocapture"]).env("DSBUILD_TEST_USER", &user.0.name);
    NOT_AGAIN.iter().for_each(|name| _ = command.args(["--skip", name]));
    // A variable of nextest that tells the test binary to run one test only.
    let ran = command.env_remove("NEXTEST_EXECUTION_MODE").output().expect("the tests run");
    let output = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{output}");
    assert!(!output.contains("SKIP"), "{output}");
}

#[test]
fn privileged_the_store_of_a_user_is_in_the_home_directory() {
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
fn privileged_a_user_without_subordinate_ids_gets_the_same_image_or_an_explanation() {
    let user = skip_unless!(TestUser::new("one"));
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&user.0.home, open).expect("modes can be set");
    // No user has this ID, so that it has no subordinate IDs.
    let stranger = User { name: String::new(), uid: 3_999_999_999, gid: 3_999_999_999, ..user.0.clone() };
    let one = skip_unless!(TestEnv::of(Some(stranger)));
    let root = skip_unless!(TestEnv::of(None));
    let dockerfile = "FROM base\nWORKDIR /w\nCOPY f .\nRUN --mount=type=cache,target=/c cat f > g && touch /c/x && rm /bin/od\n";
    for env in [&one, &root] {
        env.file("f", "f\n");
    }
    assert_eq!(one.digest(dockerfile), root.digest(dockerfile));
    let output = one.build("FROM base\nRUN chown app /tmp\n", &[]).success().stderr();
    assert!(output.contains("only one user ID is available") && output.contains("/etc/subuid"), "{output}");
}

/// F.33: programs that give files to other users, and `USER`, work where only one ID exists. New files belong to root.
#[test]
fn privileged_changes_of_users_have_no_effect_where_there_is_one_id() {
    let user = skip_unless!(TestUser::new("fake"));
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&user.0.home, open).expect("modes can be set");
    let stranger = User { name: String::new(), uid: 3_999_999_998, gid: 3_999_999_998, ..user.0.clone() };
    let env = skip_unless!(TestEnv::of(Some(stranger)));
    let dockerfile = "FROM base\nRUN echo a > /a && chown app:app /a && [ $(stat -c %u /a) = 0 ]\nUSER app\nWORKDIR /w\n\
        RUN --mount=type=cache,target=/c,uid=1000 [ $(id -u) = 1000 ] && touch /c/x /w/b && [ $(stat -c %u /w/b /a | sort -u) = 1000 ]\n";
    env.build(dockerfile, &["-o", "type=tar,dest=out.tar"]).success();
    let listed =
        std::process::Command::new("tar").args(["--numeric-owner", "-tvf"]).arg(env.path("out.tar")).output();
    let listed = String::from_utf8(listed.expect("tar runs").stdout).expect("UTF-8");
    for name in [" a", " w/b"] {
        let line =
            listed.lines().find(|line| line.ends_with(name)).unwrap_or_else(|| panic!("{name}: {listed}"));
        assert!(line.contains(" 0/0 "), "{line}");
    }
}
