//! Images that run: foreground, background, logs, stop.

use crate::env::{TestEnv, skip_unless};

fn image(env: &TestEnv, dockerfile: &str) {
    env.build(dockerfile, &[]).success();
}

#[test]
fn privileged_run_passes_on_streams_and_exit_codes() {
    let env = skip_unless!(TestEnv::new());
    image(&env, "FROM base\nENTRYPOINT [\"sh\", \"-c\"]\nCMD [\"echo default\"]\n");
    let run = |args: &[&str]| {
        let all: Vec<&str> =
            ["run", "--rm", "--network", "none"].into_iter().chain(args.iter().copied()).collect();
        env.dsbuild(&all)
    };
    assert_eq!(run(&["t"]).success().stdout(), "default\n");
    let ran = run(&["t", "echo out; echo err >&2; exit 42"]).fails(42);
    assert_eq!((ran.stdout(), ran.stderr()), ("out\n".to_owned(), "err\n".to_owned()));
    run(&["t", "kill -9 $$; sleep 1"]);
    assert_eq!(
        run(&["-e", "A=1", "-w", "/tmp", "-u", "app", "t", "echo $A $PWD $(id -u)"]).stdout(),
        "1 /tmp 1000\n"
    );
    run(&["nothing"]).fails(125);
    run(&["--entrypoint", "/no/such", "t"]).fails(127);
    run(&["--entrypoint", "/etc/passwd", "t"]).fails(126);
    run(&["--no-such-flag", "t"]).fails(125);
}

#[test]
fn privileged_volumes_show_this_machines_files() {
    let env = skip_unless!(TestEnv::new());
    image(&env, "FROM base\n");
    std::fs::create_dir(env.path("data")).expect("folders can be made");
    env.give("data");
    let bind = format!("{}:/data", env.path("data").display());
    env.dsbuild(&["run", "--rm", "--network", "none", "-v", &bind, "t", "sh", "-c", "echo x > /data/f"])
        .success();
    assert_eq!(std::fs::read_to_string(env.path("data/f")).expect("the container wrote it"), "x\n");
    let read_only = format!("{bind}:ro");
    let ran = env.dsbuild(&[
        "run",
        "--rm",
        "--network",
        "none",
        "-v",
        &read_only,
        "t",
        "sh",
        "-c",
        "echo y > /data/f",
    ]);
    assert!(!ran.0.status.success());
    let named = |command: &str| {
        env.dsbuild(&["run", "--rm", "--network", "none", "-v", "keep:/k", "t", "sh", "-c", command])
            .success()
            .stdout()
    };
    named("echo kept > /k/f");
    assert_eq!(named("cat /k/f"), "kept\n");
}

#[test]
fn privileged_a_container_in_the_background_has_a_life() {
    let env = skip_unless!(TestEnv::new());
    image(
        &env,
        "FROM base\nCMD [\"sh\", \"-c\", \"trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.1; done\"]\n",
    );
    let id = env.dsbuild(&["run", "-d", "--network", "none", "--name", "bg", "t"]).success().stdout();
    let listed = env.dsbuild(&["ps"]).success().stdout();
    assert!(listed.contains(&id[..12]) && listed.contains("Up ") && listed.contains("bg"), "{listed}");
    env.dsbuild(&["run", "-d", "--network", "none", "--name", "bg", "t"]).fails(125);
    env.dsbuild(&["rm", "bg"]).fails(1);
    env.dsbuild(&["rmi", "t"]).fails(1);
    wait_for(&env, "up\n");
    env.dsbuild(&["stop", "bg"]).success();
    assert_eq!(env.dsbuild(&["logs", "-f", "bg"]).success().stdout(), "up\nbye\n");
    assert!(!env.dsbuild(&["ps"]).stdout().contains("bg"));
    assert!(env.dsbuild(&["ps", "-a"]).stdout().contains("Exited (3)"));
    env.dsbuild(&["rm", "bg"]).success();
    assert!(!env.dsbuild(&["ps", "-a"]).stdout().contains("bg"));
    env.dsbuild(&["rmi", "t"]).success();
}

fn wait_for(env: &TestEnv, text: &str) {
    for _ in 0..200 {
        if env.dsbuild(&["logs", "bg"]).stdout() == text {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("the container did not say {text:?}");
}

#[test]
fn privileged_a_container_that_cannot_start_says_why() {
    let env = skip_unless!(TestEnv::new());
    image(&env, "FROM base\nCMD [\"/no/such/program\"]\n");
    let ran = env.dsbuild(&["run", "-d", "--network", "none", "--name", "bad", "t"]).fails(127);
    assert!(ran.stderr().contains("/no/such/program"), "{}", ran.stderr());
}
