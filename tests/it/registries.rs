//! `login`, `pull` and `push` beside a registry with logins: what one store pushes another one pulls and runs.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::env::{Ran, TestEnv, skip_unless};
use crate::registry::{Registry, env_with_registry, inspect};

const DOCKERFILE: &str = "FROM base\nRUN echo pushed > /proof\nCMD [\"cat\", \"/proof\"]\n";

/// Returns a command whose logins are kept in a directory of the test.
fn command(env: &TestEnv, args: &[&str]) -> Command {
    let mut command = env.command(args);
    command.env("DOCKER_CONFIG", env.path("docker")).env_remove("REGISTRY_AUTH_FILE");
    command.env("HOME", env.path("home")).env_remove("XDG_RUNTIME_DIR");
    command
}

/// Runs a command with this text on stdin.
#[must_use = "a test looks at the result: success() or fails()"]
fn with_input(mut command: Command, input: &str) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    // A command that fails early reads nothing.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    Ran(child.wait_with_output().expect("it ends"))
}

#[must_use = "a test looks at the result: success() or fails()"]
fn ran(env: &TestEnv, args: &[&str]) -> Ran {
    Ran(command(env, args).output().expect("the binary runs"))
}

#[must_use = "a test looks at the result: success() or fails()"]
fn log_in(env: &TestEnv, registry: &Registry, password: &str) -> Ran {
    let args = ["login", "-u", "user", "--password-stdin", &registry.host];
    with_input(command(env, &args), &format!("{password}\n"))
}

#[test]
fn privileged_an_image_goes_from_store_to_store_through_a_registry_with_logins() {
    let env = skip_unless!(env_with_registry());
    let registry = Registry::with_login(&env);
    let name = registry.name("team/app:1");
    env.file("Dockerfile", DOCKERFILE);
    ran(&env, &["build", "-t", &name, "context"]).success();
    let refused = ran(&env, &["push", &name]).fails(1).stderr();
    assert!(refused.contains(&format!("dsbuild login {}", registry.host)), "{refused}");
    log_in(&env, &registry, "secret").success();
    let pushed = ran(&env, &["push", &name]).success().stdout();
    let digest = inspect(&name, &["--creds", "user:secret"])["Digest"].as_str().expect("text").to_owned();
    assert!(pushed.contains(&format!("1: digest: {digest} size: ")), "{pushed}");

    let elsewhere = env.clean();
    ran(&elsewhere, &["pull", &name]).fails(1);
    log_in(&elsewhere, &registry, "secret").success();
    let pulled = ran(&elsewhere, &["pull", &name]).success().stdout();
    let expected = format!(
        "1: Pulling from {0}/team/app\nDigest: {digest}\nStatus: Downloaded newer image for {0}/team/app:1\n{name}\n",
        registry.host
    );
    assert_eq!(pulled, expected);
    let again = ran(&elsewhere, &["pull", &name]).success().stdout();
    assert!(again.contains("Status: Image is up to date for"), "{again}");
    assert_eq!(ran(&elsewhere, &["run", "--rm", "--network", "none", &name]).success().stdout(), "pushed\n");
    let again = ran(&elsewhere, &["push", &name]).success().stdout();
    assert!(again.contains(&digest), "a pulled image leaves with its digest: {again}");
    ran(&elsewhere, &["logout", &registry.host]).success();
    ran(&elsewhere, &["push", &name]).fails(1);
}

#[test]
fn privileged_a_wrong_password_is_not_kept() {
    let env = skip_unless!(env_with_registry());
    let registry = Registry::with_login(&env);
    let error = log_in(&env, &registry, "wrong").fails(1).stderr();
    assert!(error.contains(&format!("{} does not accept the login", registry.host)), "{error}");
    assert!(!env.path("docker/config.json").exists());
}

#[test]
fn privileged_logins_are_kept_for_their_user_alone() {
    let env = skip_unless!(env_with_registry());
    let registry = Registry::with_login(&env);
    log_in(&env, &registry, "secret").success();
    let kept = env.path("docker/config.json").metadata().expect("a file");
    assert_eq!(kept.permissions().mode() & 0o777, 0o600);
    assert_eq!(ran(&env, &["login", &registry.host]).success().stdout(), "Login Succeeded\n");
    let asked = ran(&env, &["login", "-u", "user", &registry.host]).fails(2).stderr();
    assert!(asked.contains("stdin is no terminal"), "{asked}");
}

#[test]
fn privileged_the_file_of_podman_and_a_helper_are_used_where_they_are_set() {
    let env = skip_unless!(env_with_registry());
    let registry = Registry::with_login(&env);
    let args = ["login", "-u", "user", "--password-stdin", &registry.host];
    let mut podman = command(&env, &args);
    podman.env("REGISTRY_AUTH_FILE", env.path("auth.json"));
    with_input(podman, "secret").success();
    assert!(fs::read_to_string(env.path("auth.json")).expect("a file").contains(&registry.host));

    fs::create_dir_all(env.path("docker")).expect("a folder");
    fs::write(env.path("docker/config.json"), r#"{"credsStore":"test"}"#).expect("written");
    let helper = format!(
        "#!/bin/sh\ncase $1 in store) cat > {0};; get) cat {0};; erase) rm {0};; esac\n",
        env.path("kept").display()
    );
    fs::create_dir(env.path("helpers")).expect("a folder");
    let program = env.path("helpers/docker-credential-test");
    fs::write(&program, helper).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a mode");
    let with_helper = |args: &[&str]| {
        let mut command = command(&env, args);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", env.path("helpers").display()));
        command
    };
    with_input(with_helper(&args), "secret").success();
    let kept = fs::read_to_string(env.path("kept")).expect("the helper kept it");
    assert!(kept.contains(r#""Secret":"secret""#), "{kept}");
    assert!(!fs::read_to_string(env.path("docker/config.json")).expect("a file").contains("secret"));
    with_input(with_helper(&["login", &registry.host]), "").success();
    with_input(with_helper(&["logout", &registry.host]), "").success();
    assert!(!env.path("kept").exists());
}

#[test]
fn privileged_all_tags_of_a_repository_are_pushed_and_pulled() {
    let env = skip_unless!(env_with_registry());
    let registry = Registry::open(&env);
    let (one, two) = (registry.name("team/app:1"), registry.name("team/app:2"));
    env.file("Dockerfile", DOCKERFILE);
    ran(&env, &["build", "-t", &one, "-t", &two, "context"]).success();
    ran(&env, &["push", "-q", "-a", &registry.name("team/app")]).success();
    let elsewhere = env.clean();
    let pulled = ran(&elsewhere, &["pull", "-q", "-a", &registry.name("team/app")]).success().stdout();
    assert_eq!(pulled, format!("{one}\n{two}\n"));
    ran(&elsewhere, &["pull", "-a", &one]).fails(2);
}

#[test]
fn privileged_an_image_that_is_missing_is_named() {
    let env = skip_unless!(env_with_registry());
    let registry = Registry::open(&env);
    let name = registry.name("nobody/nothing:1");
    let pull = ran(&env, &["pull", &name]).fails(1).stderr();
    assert!(pull.contains(&format!("{name}: not found")), "{pull}");
    let push = ran(&env, &["push", &name]).fails(1).stderr();
    assert!(push.contains("does not exist in the store") && push.contains(&name), "{push}");
}
