//! `login`, `pull` and `push` beside a registry with logins: what one store pushes another one pulls and runs.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::env::{Ran, TestEnv, skip_unless};
use crate::gate::Gate;
use crate::registry::{Registry, env_with_registry, inspect};

const DOCKERFILE: &str = "FROM base\nRUN echo pushed > /proof\nCMD [\"cat\", \"/proof\"]\n";

/// Returns a command whose logins are kept in a directory of the test.
fn command(env: &TestEnv, args: &[&str]) -> Command {
    let mut command = env.command(args);
    command.env("DOCKER_CONFIG", env.path("docker")).env_remove("REGISTRY_AUTH_FILE");
    command.env("HOME", env.path("home")).env_remove("XDG_RUNTIME_DIR").env_remove("XDG_CONFIG_HOME");
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
fn log_in(env: &TestEnv, host: &str, password: &str) -> Ran {
    let args = ["login", "-u", "user", "--password-stdin", host];
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
    log_in(&env, &registry.host, "secret").success();
    let pushed = ran(&env, &["push", &name]).success().stdout();
    let digest = inspect(&name, &["--creds", "user:secret"])["Digest"].as_str().expect("text").to_owned();
    assert!(pushed.contains(&format!("1: digest: {digest} size: ")), "{pushed}");

    let elsewhere = env.clean();
    ran(&elsewhere, &["pull", &name]).fails(1);
    log_in(&elsewhere, &registry.host, "secret").success();
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
    let error = log_in(&env, &registry.host, "wrong").fails(1).stderr();
    assert!(error.contains(&format!("{} does not accept the login", registry.host)), "{error}");
    assert!(!env.path("docker/config.json").exists());
}

#[test]
fn privileged_logins_are_kept_for_their_user_alone() {
    let env = skip_unless!(env_with_registry());
    let registry = Registry::with_login(&env);
    log_in(&env, &registry.host, "secret").success();
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
    env.give("docker");
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

/// Builds an image with a layer of `megabytes` that cannot be compressed, under this name.
fn build_large(env: &TestEnv, name: &str, megabytes: u64) {
    let dockerfile = format!("FROM base\nRUN dd if=/dev/urandom of=/large bs=1048576 count={megabytes}\n");
    env.file("Dockerfile", &dockerfile);
    ran(env, &["build", "-t", name, "context"]).success();
}

#[test]
fn privileged_tokens_with_scopes_that_soon_run_out_are_renewed() {
    let env = skip_unless!(env_with_registry());
    let registry = Registry::open(&env);
    let gate = Gate::start(&registry.host);
    let name = format!("{}/team/app:1", gate.host);
    log_in(&env, &gate.host, "wrong").fails(1);
    build_large(&env, &name, 40);
    ran(&env, &["push", &name]).fails(1);
    log_in(&env, &gate.host, "secret").success();
    ran(&env, &["push", &name]).success();
    let pushed = gate.tokens();
    assert!(pushed >= 4, "{pushed} tokens: the layer went up in several requests");
    let elsewhere = env.clean();
    log_in(&elsewhere, &gate.host, "secret").success();
    ran(&elsewhere, &["pull", "-q", &name]).success();
    assert_eq!(
        ran(&elsewhere, &["run", "--rm", "--network", "none", &name, "wc", "-c", "/large"])
            .success()
            .stdout(),
        "41943040 /large\n"
    );
}

#[test]
fn privileged_a_pull_that_was_killed_goes_on_where_it_was() {
    let env = skip_unless!(env_with_registry());
    let registry = Registry::open(&env);
    let gate = Gate::start(&registry.host);
    let name = format!("{}/team/app:1", gate.host);
    log_in(&env, &gate.host, "secret").success();
    build_large(&env, &name, 24);
    ran(&env, &["push", "-q", &name]).success();
    let elsewhere = env.clean();
    log_in(&elsewhere, &gate.host, "secret").success();
    let before = gate.delivered_bytes();
    gate.hold_at(before + (14 << 20));
    let mut pull = command(&elsewhere, &["pull", "-q", &name]);
    let mut child = pull.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary runs");
    let deadline = Instant::now() + Duration::from_secs(60);
    while gate.delivered_bytes() < before + (14 << 20) {
        assert!(Instant::now() < deadline, "the transfer does not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    // The last bytes that were delivered can still be on their way to the disk.
    std::thread::sleep(Duration::from_millis(300));
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    gate.hold_at(u64::MAX);
    ran(&elsewhere, &["pull", "-q", &name]).success();
    let (delivered, size) = (gate.delivered_bytes() - before, 24 << 20);
    assert!(delivered < size + size / 20, "{delivered} bytes for a layer of {size}");
    ran(&elsewhere, &["check", "--read-data"]).success();
}

#[test]
fn privileged_a_registry_with_an_authority_of_its_own_needs_its_certificate() {
    let env = skip_unless!(env_with_registry());
    let registry = Registry::with_tls(&env);
    let name = format!("{}/team/app:1", registry.host);
    env.file("Dockerfile", DOCKERFILE);
    ran(&env, &["build", "-t", &name, "context"]).success();
    let refused = ran(&env, &["push", &name]).fails(1).stderr();
    assert!(refused.contains("certificate"), "{refused}");
    let folder = env.path("home/.config/containers/certs.d").join(&registry.host);
    fs::create_dir_all(&folder).expect("a folder");
    let certificate = Path::new(env!("CARGO_MANIFEST_DIR")).join("registry/tests/it/tls/own.crt");
    fs::copy(certificate, folder.join("ca.crt")).expect("a copy");
    ran(&env, &["push", &name]).success();
    ran(&env, &["pull", "-q", &name]).success();
}

#[test]
fn privileged_registries_conf_moves_and_blocks() {
    let env = skip_unless!(env_with_registry());
    let registry = Registry::open(&env);
    let name = registry.name("hub/app:1");
    env.file("Dockerfile", DOCKERFILE);
    ran(&env, &["build", "-t", &name, "context"]).success();
    ran(&env, &["push", "-q", &name]).success();
    let conf = format!(
        "[[registry]]\nprefix = 'reg.test'\nlocation = '{}/hub'\n[[registry]]\nlocation = 'bad.test'\nblocked = true\n",
        registry.host
    );
    fs::write(env.path("registries.conf"), conf).expect("written");
    let configured = |args: &[&str]| {
        let mut command = command(&env, args);
        command.env("CONTAINERS_REGISTRIES_CONF", env.path("registries.conf"));
        Ran(command.output().expect("the binary runs"))
    };
    configured(&["pull", "-q", "reg.test/app:1"]).success();
    let stored = configured(&["run", "--rm", "--network", "none", "reg.test/app:1"]).success().stdout();
    assert_eq!(stored, "pushed\n");
    let blocked = configured(&["pull", "bad.test/app:1"]).fails(1).stderr();
    assert!(blocked.contains("bad.test is blocked by registries.conf"), "{blocked}");
}
