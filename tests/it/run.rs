//! `dsbuild run` and its containers: streams, exit codes, volumes, logs, signals, removal.

use std::fs;
use std::path::Path;

use crate::env::{Ran, TestEnv, skip_unless};

fn image(env: &TestEnv, dockerfile: &str) {
    env.build(dockerfile, &[]).success();
}

/// Runs the image `t` in the foreground.
#[must_use = "a test looks at the result: success() or fails()"]
fn run(env: &TestEnv, args: &[&str]) -> Ran {
    env.dsbuild(&[&["run", "--rm", "--network", "none"], args].concat())
}

/// Container `bg` in the background, which exits with 3 when it receives its stop signal.
struct Background {
    env: TestEnv,
    id: String,
}

impl Background {
    fn start(env: TestEnv, instruction: &str, signal: &str) -> Self {
        let script = format!("trap 'echo bye; exit 3' {signal}; echo up; while :; do sleep 0.1; done");
        image(&env, &format!("FROM base\n{instruction}\nCMD [\"sh\", \"-c\", \"{script}\"]\n"));
        let ran = env.dsbuild(&["run", "-d", "--network", "none", "--name", "bg", "t"]).success();
        Self { id: ran.stdout().trim_end().to_owned(), env }
    }

    fn wait_until_up(&self) {
        for _ in 0..200 {
            if self.env.dsbuild(&["logs", "bg"]).stdout() == "up\n" {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("the container did not start");
    }

    fn stop(&self) {
        self.wait_until_up();
        self.env.dsbuild(&["stop", "bg"]).success();
    }

    fn listed(&self, args: &[&str]) -> String {
        self.env.dsbuild(&[&["ps"], args].concat()).success().stdout()
    }
}

/// A running container would keep the directory of the test from being removed.
impl Drop for Background {
    fn drop(&mut self) {
        // The test may have removed the container already.
        let _ = self.env.dsbuild(&["rm", "--force", "bg"]);
    }
}

#[test]
fn privileged_stdout_and_stderr_of_the_process_are_kept_apart() {
    let env = skip_unless!(TestEnv::new());
    image(&env, "FROM base\nENTRYPOINT [\"sh\", \"-c\"]\nCMD [\"echo default\"]\n");
    assert_eq!(run(&env, &["t"]).success().stdout(), "default\n");
    let ran = run(&env, &["t", "echo out; echo err >&2"]).success();
    assert_eq!((ran.stdout(), ran.stderr()), ("out\n".to_owned(), "err\n".to_owned()));
}

#[test]
fn privileged_run_exits_as_docker_does() {
    let env = skip_unless!(TestEnv::new());
    image(&env, "FROM base\n");
    run(&env, &["t", "sh", "-c", "exit 42"]).fails(42);
    run(&env, &["nothing"]).fails(125);
    run(&env, &["--entrypoint", "/no/such", "t"]).fails(127);
    run(&env, &["--entrypoint", "/etc/passwd", "t"]).fails(126);
    run(&env, &["--no-such-flag", "t"]).fails(125);
}

#[test]
fn privileged_the_first_process_cannot_kill_itself() {
    let env = skip_unless!(TestEnv::new());
    image(&env, "FROM base\n");
    assert_eq!(run(&env, &["t", "sh", "-c", "kill -9 $$; echo on"]).success().stdout(), "on\n");
}

#[test]
fn privileged_flags_override_the_image() {
    let env = skip_unless!(TestEnv::new());
    image(&env, "FROM base\nENV A=0\nWORKDIR /\nUSER root\n");
    let flags = ["-e", "A=1", "-w", "/tmp", "-u", "app", "t"];
    let ran = run(&env, &[&flags[..], &["sh", "-c", "echo $A $PWD $(id -u)"]].concat()).success();
    assert_eq!(ran.stdout(), "1 /tmp 1000\n");
}

#[test]
fn privileged_a_volume_is_a_directory_of_this_machine() {
    let env = skip_unless!(TestEnv::new());
    image(&env, "FROM base\n");
    fs::create_dir(env.path("data")).expect("directories can be made");
    env.give("data");
    let bind = format!("{}:/data", env.path("data").display());
    run(&env, &["-v", &bind, "t", "sh", "-c", "echo x > /data/f"]).success();
    assert_eq!(fs::read_to_string(env.path("data/f")).expect("the container wrote it"), "x\n");
}

#[test]
fn privileged_a_read_only_volume_cannot_be_written() {
    let env = skip_unless!(TestEnv::new());
    image(&env, "FROM base\n");
    fs::create_dir(env.path("data")).expect("directories can be made");
    env.give("data");
    let bind = format!("{}:/data:ro", env.path("data").display());
    run(&env, &["-v", &bind, "t", "sh", "-c", "echo x > /data/f"]).fails(1);
    assert!(!env.path("data/f").exists());
}

#[test]
fn privileged_a_named_volume_outlives_its_container_and_prune() {
    let env = skip_unless!(TestEnv::new());
    image(&env, "FROM base\n");
    let named = |command: &str| run(&env, &["-v", "keep:/k", "t", "sh", "-c", command]).success().stdout();
    named("echo kept > /k/f");
    env.dsbuild(&["prune", "--all"]).success();
    assert_eq!(named("cat /k/f"), "kept\n");
}

/// mluser/08: as with docker, an empty named volume gets the image's files there, with their owners.
#[test]
fn privileged_an_empty_named_volume_is_filled_from_the_image() {
    let env = skip_unless!(TestEnv::new());
    let dockerfile = "FROM base\nRUN mkdir -p /home/app && echo seed > /home/app/seed && chmod 750 /home/app && \
                      chown -R app /home/app\nUSER app\n";
    env.build(dockerfile, &["--network=none"]).success();
    let run = |volume: &str, script: &str| {
        let ran = env.dsbuild(&["run", "--rm", "--network=none", "-v", volume, "t", "sh", "-c", script]);
        ran.success().stdout()
    };
    let look =
        "cat /home/app/seed; stat -c '%a %u' /home/app; touch /home/app/x; rm /home/app/seed; ls /home/app";
    assert_eq!(run("hv:/home/app", look), "seed\n750 1000\nx\n");
    // A volume with files is left alone, and so is one where the image has no directory.
    assert_eq!(run("hv:/home/app", "ls /home/app"), "x\n");
    assert_eq!(run("other:/absent", "ls /absent"), "");
}

#[test]
fn privileged_a_running_container_is_listed() {
    let bg = Background::start(skip_unless!(TestEnv::new()), "", "TERM");
    let listed = bg.listed(&[]);
    assert!(listed.contains(&bg.id[..12]) && listed.contains("Up ") && listed.contains("bg"), "{listed}");
}

#[test]
fn privileged_a_container_that_has_ended_is_listed_on_demand() {
    let bg = Background::start(skip_unless!(TestEnv::new()), "", "TERM");
    bg.stop();
    assert!(!bg.listed(&[]).contains("bg"));
    assert!(bg.listed(&["-a"]).contains("Exited (3)"));
}

#[test]
fn privileged_a_removed_container_is_not_listed() {
    let bg = Background::start(skip_unless!(TestEnv::new()), "", "TERM");
    bg.stop();
    bg.env.dsbuild(&["rm", "bg"]).success();
    assert!(!bg.listed(&["-a"]).contains("bg"));
}

#[test]
fn privileged_two_containers_cannot_have_one_name() {
    let bg = Background::start(skip_unless!(TestEnv::new()), "", "TERM");
    bg.env.dsbuild(&["run", "-d", "--network", "none", "--name", "bg", "t"]).fails(125);
}

#[test]
fn privileged_a_running_container_is_removed_by_force_only() {
    let bg = Background::start(skip_unless!(TestEnv::new()), "", "TERM");
    bg.env.dsbuild(&["rm", "bg"]).fails(1);
    bg.env.dsbuild(&["rm", "--force", "bg"]).success();
    assert!(!bg.listed(&["-a"]).contains("bg"));
}

#[test]
fn privileged_the_image_of_a_container_can_be_removed_only_after_it() {
    let bg = Background::start(skip_unless!(TestEnv::new()), "", "TERM");
    bg.env.dsbuild(&["rmi", "t"]).fails(1);
    bg.env.dsbuild(&["rm", "--force", "bg"]).success();
    bg.env.dsbuild(&["rmi", "t"]).success();
}

#[test]
fn privileged_the_log_of_a_container_can_be_followed_to_its_end() {
    let bg = Background::start(skip_unless!(TestEnv::new()), "", "TERM");
    bg.stop();
    assert_eq!(bg.env.dsbuild(&["logs", "-f", "bg"]).success().stdout(), "up\nbye\n");
}

#[test]
fn privileged_a_container_is_stopped_by_the_signal_of_its_image() {
    for (name, number) in [("SIGALRM", "14"), ("SIGRTMIN+3", "37")] {
        let bg = Background::start(skip_unless!(TestEnv::new()), &format!("STOPSIGNAL {name}"), number);
        bg.stop();
        assert!(bg.listed(&["-a"]).contains("Exited (3)"), "{name}");
    }
}

#[test]
fn privileged_an_image_with_an_unknown_stop_signal_does_not_run() {
    let env = skip_unless!(TestEnv::new());
    image(&env, "FROM base\nSTOPSIGNAL 99\n");
    let ran = run(&env, &["t", "true"]).fails(125);
    assert!(ran.stderr().contains("invalid signal: 99"), "{}", ran.stderr());
}

/// Returns the command lines of processes whose environment contains `text`.
fn processes_with(text: &str) -> Vec<String> {
    let has_text = |dir: &Path| {
        let environ = fs::read(dir.join("environ")).unwrap_or_default();
        environ.windows(text.len()).any(|window| window == text.as_bytes())
    };
    let dirs = fs::read_dir("/proc").expect("procfs").filter_map(Result::ok).map(|entry| entry.path());
    let command = |dir: &Path| fs::read_to_string(dir.join("cmdline")).unwrap_or_default().replace('\0', " ");
    dirs.filter(|dir| has_text(dir)).map(|dir| command(&dir)).collect()
}

#[test]
fn privileged_no_process_in_the_background_has_the_callers_environment() {
    let env = skip_unless!(TestEnv::new());
    image(&env, "FROM base\nCMD [\"sleep\", \"60\"]\n");
    let canary = format!("canary-{}", std::process::id());
    let mut command = env.command(&["run", "-d", "--network", "none", "--name", "bg", "t"]);
    let ran = Ran(command.env("CI_TOKEN", &canary).output().expect("the binary runs")).success();
    let bg = Background { id: ran.stdout().trim_end().to_owned(), env };
    assert_eq!(processes_with(&canary), [""; 0]);
    // This also shows that the environment of the monitor was read.
    let store = format!("DSBUILD_ROOT={}", bg.env.store().display());
    let monitors = processes_with(&store);
    assert!(monitors.iter().any(|command| command.contains(&format!("__monitor {}", bg.id))), "{monitors:?}");
}

#[test]
fn privileged_the_path_of_the_store_can_be_relative() {
    let env = skip_unless!(TestEnv::new());
    image(&env, "FROM base\nCMD [\"echo\", \"here\"]\n");
    let mut command = env.command(&["run", "-d", "--network", "none", "--name", "bg", "t"]);
    Ran(command.env("DSBUILD_ROOT", "store").output().expect("the binary runs")).success();
    assert_eq!(env.dsbuild(&["logs", "-f", "bg"]).success().stdout(), "here\n");
}

/// Creates a container that has ended; returns the path of its root in the store.
fn ended_container(env: &TestEnv) -> std::path::PathBuf {
    image(env, "FROM base\nCMD [\"true\"]\n");
    env.dsbuild(&["run", "--network", "none", "--name", "ended", "t"]).success();
    let id = env.dsbuild(&["ps", "-aq"]).success().stdout();
    let roots = fs::read_dir(env.store().join("roots")).expect("there are roots");
    let of_id = |path: &std::path::PathBuf| {
        path.to_string_lossy().contains(&format!("roots/container-{}", id.trim_end()))
    };
    roots.map(|entry| entry.expect("a root").path()).find(of_id).expect("the container has a root")
}

#[test]
fn privileged_a_damaged_root_keeps_prune_from_removing_anything() {
    let env = skip_unless!(TestEnv::new());
    let root = ended_container(&env);
    fs::write(&root, "sha256:").expect("roots can be damaged");
    let path = root.display().to_string();
    let ran = env.dsbuild(&["prune", "--all"]).fails(2);
    assert!(ran.stderr().contains(&path) && ran.stderr().contains("hint:"), "{}", ran.stderr());
    assert!(env.store().join("blobs").exists());
}

#[test]
fn privileged_check_finds_a_damaged_root_until_its_container_is_removed() {
    let env = skip_unless!(TestEnv::new());
    let root = ended_container(&env);
    fs::write(&root, "sha256:").expect("roots can be damaged");
    let ran = env.dsbuild(&["check"]).fails(1);
    assert!(ran.stderr().contains(&root.display().to_string()), "{}", ran.stderr());
    env.dsbuild(&["rm", "ended"]).success();
    env.dsbuild(&["prune", "--all"]).success();
    env.dsbuild(&["check"]).success();
}

#[test]
fn privileged_prune_protects_containers_of_older_versions() {
    let env = skip_unless!(TestEnv::new());
    let root = ended_container(&env);
    fs::remove_dir_all(env.store().join("roots")).expect("roots can be removed");
    env.dsbuild(&["prune", "--all"]).success();
    assert!(root.exists());
}

#[test]
fn privileged_prune_leaves_an_unknown_directory_alone_and_check_names_it() {
    let env = skip_unless!(TestEnv::new());
    let folder = env.store().join("thesis");
    fs::create_dir(&folder).expect("directories can be made");
    env.dsbuild(&["prune", "--all"]).success();
    let ran = env.dsbuild(&["check"]).success();
    assert!(folder.exists() && ran.stderr().contains("thesis"), "{}", ran.stderr());
}

#[test]
fn privileged_a_container_that_cannot_start_says_why() {
    let env = skip_unless!(TestEnv::new());
    image(&env, "FROM base\nCMD [\"/no/such/program\"]\n");
    let ran = env.dsbuild(&["run", "-d", "--network", "none", "--name", "bad", "t"]).fails(127);
    assert!(ran.stderr().contains("/no/such/program"), "{}", ran.stderr());
}
