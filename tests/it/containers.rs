//! The life of containers: created, started again, stopped, renamed, waited for, and what is left when something is killed.

use std::time::Duration;

use crate::env::{Ran, TestEnv, skip_unless};

/// Containers of the image `t`, which runs a shell.
pub struct Containers {
    pub env: TestEnv,
}

impl Containers {
    pub fn new() -> Result<Self, String> {
        let env = TestEnv::new()?;
        env.build("FROM base\nCMD [\"sleep\", \"1000\"]\n", &[]).success();
        Ok(Self { env })
    }

    /// Runs `dsbuild COMMAND ARGUMENTS`.
    #[must_use = "a test looks at the result: success() or fails()"]
    pub fn run(&self, args: &[&str]) -> Ran {
        self.env.dsbuild(args)
    }

    /// Runs a command that must succeed; returns its stdout without the end of the line.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> String {
        self.run(args).success().stdout().trim_end().to_owned()
    }

    /// Starts a container in the background.
    #[track_caller]
    pub fn start(&self, flags: &[&str], command: &[&str]) -> String {
        self.ok(&[&["run", "-d", "--network", "none"], flags, &["t"], command].concat())
    }

    /// Returns a field of a container's document.
    #[track_caller]
    pub fn field(&self, name: &str, field: &str) -> String {
        self.ok(&["inspect", "--format", &format!("{{{{{field}}}}}"), name])
    }

    #[track_caller]
    pub fn wait_for(&self, what: &str, condition: &dyn Fn() -> bool) {
        for _ in 0..400 {
            if condition() {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("{what} does not happen");
    }
}

/// Containers that run would keep the directory of the test from being removed.
impl Drop for Containers {
    fn drop(&mut self) {
        let listed = self.env.dsbuild(&["ps", "-aq"]).stdout();
        let ids: Vec<&str> = listed.lines().collect();
        if !ids.is_empty() {
            let _ = self.env.dsbuild(&[&["rm", "-f"], &ids[..]].concat());
        }
    }
}

#[test]
fn privileged_a_container_keeps_its_files_and_its_log_between_runs() {
    let all = skip_unless!(Containers::new());
    let script = "echo run; cat /kept 2>/dev/null; echo more >> /kept; exit 4";
    let run = ["run", "--network", "none", "--name", "c", "t", "sh", "-c", script];
    assert_eq!(all.run(&run).fails(4).stdout(), "run\n");
    assert_eq!(all.run(&["start", "-a", "c"]).fails(4).stdout(), "run\nmore\n");
    assert_eq!(all.ok(&["start", "c"]), "c");
    assert_eq!(all.ok(&["wait", "c"]), "4");
    assert_eq!(all.ok(&["logs", "c"]), "run\nrun\nmore\nrun\nmore\nmore");
    assert_eq!(all.ok(&["rm", "c"]), "c");
    assert_eq!(all.ok(&["ps", "-aq"]), "");
}

#[test]
fn privileged_a_container_is_created_before_it_is_started() {
    let all = skip_unless!(Containers::new());
    let id = all.ok(&["create", "--network", "none", "--name", "c", "-l", "a=b", "t", "echo", "hello"]);
    assert_eq!(id.len(), 64);
    assert_eq!(all.field("c", ".State.Status"), "created");
    assert_eq!(all.ok(&["start", "-a", &id[..12]]), "hello");
    assert_eq!(all.field("c", ".State.Status"), "exited");
    assert_eq!(all.field("c", ".Config.Labels.a"), "b");
}

#[test]
fn privileged_standard_input_reaches_the_process_and_ends() {
    let all = skip_unless!(Containers::new());
    let mut command = all.env.command(&["run", "--rm", "-i", "--network", "none", "t", "cat"]);
    let input = all.env.path("input");
    std::fs::write(&input, "a\nb\n").expect("a file");
    command.stdin(std::fs::File::open(&input).expect("a file"));
    let ran = Ran(command.output().expect("the binary runs")).success();
    assert_eq!(ran.stdout(), "a\nb\n");
}

#[test]
fn privileged_all_of_a_large_output_arrives() {
    let all = skip_unless!(Containers::new());
    let script = "seq 1 200000; seq 1 1000 >&2";
    let ran = all.run(&["run", "--network", "none", "--name", "c", "t", "sh", "-c", script]).success();
    assert_eq!((ran.stdout().lines().count(), ran.stderr().lines().count()), (200_000, 1000));
    assert_eq!(ran.stdout().lines().last(), Some("200000"));
    let logged = all.run(&["logs", "c"]).success();
    assert_eq!((logged.stdout(), logged.stderr()), (ran.stdout(), ran.stderr()));
}

#[test]
fn privileged_several_containers_are_treated_even_if_one_is_missing() {
    let all = skip_unless!(Containers::new());
    let (one, two) = (all.start(&["--name", "one"], &[]), all.start(&[], &[]));
    let ran = all.run(&["stop", "-t", "0", "one", "missing", &two[..8]]).fails(1);
    assert_eq!(ran.stdout(), format!("one\n{}\n", &two[..8]));
    assert!(ran.stderr().contains("No such container: missing"), "{}", ran.stderr());
    assert_eq!(all.field(&one, ".State.Status"), "exited");
    let ran = all.run(&["rm", "missing", "one", &two]).fails(1);
    assert_eq!(ran.stdout(), format!("one\n{two}\n"));
    assert_eq!(all.ok(&["rm", "-f", "missing"]), "");
}

#[test]
fn privileged_a_made_up_name_stands_for_the_container() {
    let all = skip_unless!(Containers::new());
    let id = all.start(&[], &[]);
    let name = all.ok(&["ps", "--format", "{{.Names}}"]);
    assert!(name.split('_').count() == 2, "{name}");
    assert_eq!(all.ok(&["kill", &name]), name);
    assert_eq!(all.ok(&["wait", &name]), "137");
    all.ok(&["rename", &id, "mine"]);
    assert_eq!(all.field("mine", ".Name"), "/mine");
    all.start(&["--name", "taken"], &[]);
    let ran = all.run(&["rename", "mine", "taken"]).fails(1);
    assert!(ran.stderr().contains("the name taken is in use"), "{}", ran.stderr());
}

#[test]
fn privileged_a_container_is_started_again_as_its_policy_says() {
    let all = skip_unless!(Containers::new());
    all.start(&["--name", "c", "--restart", "on-failure:2"], &["sh", "-c", "echo run; exit 3"]);
    all.wait_for("the last end", &|| all.field("c", ".State.Status") == "exited");
    assert_eq!(all.ok(&["logs", "c"]), "run\nrun\nrun");
    assert_eq!(all.field("c", ".RestartCount"), "2");
    all.start(&["--name", "always", "--restart", "always"], &["sh", "-c", "exit 0"]);
    all.wait_for("a restart", &|| all.field("always", ".RestartCount") != "0");
    all.ok(&["stop", "always"]);
    assert_eq!(all.field("always", ".State.Status"), "exited");
}

#[test]
fn privileged_a_container_goes_on_when_its_client_is_killed() {
    let all = skip_unless!(Containers::new());
    let mut client =
        all.env.command(&["run", "--network", "none", "--name", "c", "t"]).spawn().expect("it runs");
    all.wait_for("the start", &|| all.ok(&["ps", "--format", "{{.State}}"]) == "running");
    client.kill().and_then(|()| client.wait()).expect("it can be killed");
    assert_eq!(all.field("c", ".State.Status"), "running");
    all.ok(&["stop", "-t", "0", "c"]);
}

#[test]
fn privileged_a_container_whose_monitor_was_killed_is_dead_and_can_be_removed() {
    let all = skip_unless!(Containers::new());
    all.start(&["--name", "c"], &[]);
    let state = std::fs::read_to_string(
        all.env.store().join("containers").join(all.field("c", ".Id")).join("state.json"),
    );
    let state: serde_json::Value = serde_json::from_str(&state.expect("a state")).expect("JSON");
    let monitor = state["monitor_pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).expect("a pid");
    let first = all.field("c", ".State.Pid");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(monitor), nix::sys::signal::Signal::SIGKILL)
        .expect("killed");
    all.wait_for("the end", &|| all.field("c", ".State.Status") == "dead");
    let is_gone =
        || std::fs::read_to_string(format!("/proc/{first}/stat")).map_or(true, |stat| stat.contains(") Z"));
    all.wait_for("the end of its process", &is_gone);
    assert_eq!(all.ok(&["start", "c"]), "c");
    assert_eq!(all.ok(&["rm", "-f", "c"]), "c");
}

#[test]
fn privileged_the_id_of_a_container_is_written_to_a_file_once() {
    let all = skip_unless!(Containers::new());
    let file = all.env.path("cid");
    let file = file.to_str().expect("UTF-8");
    let id = all.start(&["--cidfile", file], &["true"]);
    assert_eq!(std::fs::read_to_string(file).expect("a file"), id);
    let ran = all.run(&["run", "--cidfile", file, "t"]).fails(125);
    assert!(ran.stderr().contains("container ID file"), "{}", ran.stderr());
}

#[test]
fn privileged_logs_are_cut_by_lines_and_times() {
    let all = skip_unless!(Containers::new());
    let script = "echo one; echo two; sleep 1.2; echo three";
    all.run(&["run", "--network", "none", "--name", "c", "t", "sh", "-c", script]).success();
    assert_eq!(all.ok(&["logs", "--tail", "1", "c"]), "three");
    assert_eq!(all.ok(&["logs", "--tail", "all", "c"]), "one\ntwo\nthree");
    assert_eq!(all.ok(&["logs", "--tail", "0", "c"]), "");
    let timed = all.ok(&["logs", "-t", "c"]);
    let times: Vec<&str> = timed.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(times.iter().all(|time| time.len() == 30 && time.ends_with('Z')), "{timed}");
    assert_eq!(all.ok(&["logs", "--since", times[2], "c"]), "three");
    assert_eq!(all.ok(&["logs", "--until", times[2], "c"]), "one\ntwo");
    all.run(&["logs", "--since", "yesterday", "c"]).fails(2);
}

#[test]
fn privileged_a_log_has_the_room_that_was_asked_for() {
    let all = skip_unless!(Containers::new());
    let flags = ["--network", "none", "--name", "c", "--log-opt", "max-size=1k", "--log-opt", "max-file=2"];
    all.run(&[&["run"], &flags[..], &["t", "seq", "1", "1000"]].concat()).success();
    let logged = all.ok(&["logs", "c"]);
    let lines: Vec<u32> = logged.lines().map(|line| line.parse().expect("a number")).collect();
    assert!(lines.len() < 100 && lines.last() == Some(&1000), "{lines:?}");
    assert!(lines.windows(2).all(|pair| pair[1] == pair[0] + 1), "{lines:?}");
    all.run(&["run", "--log-opt", "size=1", "t"]).fails(125);
}

#[test]
fn privileged_a_further_process_runs_as_it_was_asked_to() {
    let all = skip_unless!(Containers::new());
    all.start(&["--name", "c", "-e", "A=1", "-e", "B=2"], &[]);
    let ran = all.run(&["exec", "-e", "B=3", "c", "sh", "-c", "echo $A $B; echo err >&2; exit 5"]).fails(5);
    assert_eq!((ran.stdout(), ran.stderr()), ("1 3\n".to_owned(), "err\n".to_owned()));
    assert_eq!(
        all.ok(&["exec", "-u", "7:8", "-w", "/tmp", "c", "sh", "-c", "pwd; id -u; id -g"]),
        "/tmp\n7\n8"
    );
    assert_eq!(all.run(&["exec", "c", "/nosuch"]).fails(127).stdout(), "");
    assert_eq!(all.run(&["exec", "c", "/etc"]).fails(126).stdout(), "");
    let mut command = all.env.command(&["exec", "-i", "c", "cat"]);
    let input = all.env.path("input");
    std::fs::write(&input, "through\n").expect("a file");
    command.stdin(std::fs::File::open(&input).expect("a file"));
    assert_eq!(Ran(command.output().expect("the binary runs")).success().stdout(), "through\n");
    all.ok(&["exec", "-d", "c", "touch", "/flag"]);
    all.wait_for("the file", &|| all.run(&["exec", "c", "test", "-e", "/flag"]).0.status.success());
    all.ok(&["stop", "-t", "0", "c"]);
    let ran = all.run(&["exec", "c", "true"]).fails(1);
    assert!(ran.stderr().contains("container c is not running"), "{}", ran.stderr());
}

#[test]
fn privileged_files_are_copied_into_a_container_and_out_of_it() {
    let all = skip_unless!(Containers::new());
    let path = |name: &str| all.env.path(name).to_str().expect("UTF-8").to_owned();
    std::fs::create_dir_all(path("d/sub")).expect("directories");
    std::fs::write(path("d/sub/f"), "text").expect("a file");
    std::os::unix::fs::symlink("sub/f", path("d/link")).expect("a symlink");
    all.ok(&[
        "create",
        "--network",
        "none",
        "--name",
        "c",
        "-v",
        "vol:/vol",
        "t",
        "cat",
        "/a/d/sub/f",
        "/vol/f",
    ]);
    all.ok(&["cp", &path("d"), "c:/a"]);
    all.ok(&["cp", &path("d"), "c:/a"]);
    all.ok(&["cp", &path("d/sub/f"), "c:/vol/"]);
    assert_eq!(all.ok(&["start", "-a", "c"]), "texttext");
    all.ok(&["cp", "c:/a/d/.", &path("out")]);
    assert_eq!(std::fs::read_to_string(path("out/sub/f")).expect("a file"), "text");
    assert_eq!(std::fs::read_link(path("out/link")).expect("a symlink").to_str(), Some("sub/f"));
    all.ok(&["cp", "-L", "c:/a/link", &path("file")]);
    assert_eq!(std::fs::read_to_string(path("file")).expect("a file"), "text");
    all.run(&["cp", "c:/nosuch", &path("x")]).fails(1);
    all.run(&["cp", &path("file"), "c:/nosuch/"]).fails(1);
    all.run(&["cp", &path("d"), "c:/a/d/sub/f"]).fails(1);
    all.start(&["--name", "up"], &[]);
    all.ok(&["cp", &path("d/sub/f"), "up:/tmp/g"]);
    assert_eq!(all.ok(&["exec", "up", "cat", "/tmp/g"]), "text");
    let mut packed = all.env.command(&["cp", "up:/tmp/g", "-"]);
    let tar = Ran(packed.output().expect("the binary runs")).success().0.stdout;
    std::fs::write(path("tar"), tar).expect("a file");
    let mut unpacked = all.env.command(&["cp", "-", "c:/tmp"]);
    unpacked.stdin(std::fs::File::open(path("tar")).expect("a file"));
    Ran(unpacked.output().expect("the binary runs")).success();
    all.ok(&["cp", "c:/tmp/g", &path("g")]);
    assert_eq!(std::fs::read_to_string(path("g")).expect("a file"), "text");
}

/// CVE-2018-15664, CVE-2019-14271: a container cannot lead a copy to files of this machine.
#[test]
fn privileged_no_symlink_of_a_container_leads_a_copy_out_of_it() {
    let all = skip_unless!(Containers::new());
    let canary = all.env.path("canary");
    std::fs::create_dir(&canary).expect("a directory");
    std::fs::write(canary.join("f"), "canary").expect("a file");
    let (outside, file) = (canary.to_str().expect("UTF-8"), all.env.path("file"));
    std::fs::write(&file, "attack").expect("a file");
    let script = format!("ln -s {outside} /out; ln -s ../../../../../../../..{outside} /up; sleep 1000");
    for running in [true, false] {
        all.start(&["--name", "c"], &["sh", "-c", &script]);
        all.wait_for("the symlinks", &|| all.run(&["exec", "c", "test", "-L", "/up"]).0.status.success());
        if !running {
            all.ok(&["kill", "c"]);
            all.ok(&["wait", "c"]);
        }
        for link in ["/out", "/up"] {
            all.run(&["cp", &format!("c:{link}/f"), all.env.path("stolen").to_str().expect("UTF-8")])
                .fails(1);
            all.run(&["cp", file.to_str().expect("UTF-8"), &format!("c:{link}/f")]).fails(1);
            all.run(&["cp", "-L", &format!("c:{link}"), all.env.path("stolen").to_str().expect("UTF-8")])
                .fails(1);
        }
        assert_eq!(std::fs::read_to_string(canary.join("f")).expect("a file"), "canary");
        assert!(!all.env.path("stolen").exists());
        all.ok(&["rm", "-f", "c"]);
    }
}

#[test]
fn privileged_changes_of_a_container_are_listed_and_become_an_image() {
    let all = skip_unless!(Containers::new());
    let script = "echo new > /new; rm /tmp/old; mkdir /dir; touch /dir/f";
    all.env.build("FROM base\nRUN touch /tmp/old\nENV A=1\nCMD [\"sh\"]\n", &[]).success();
    all.run(&["run", "--network", "none", "--name", "c", "-v", "v:/mnt/v", "t", "sh", "-c", script])
        .success();
    let changes = all.ok(&["container", "diff", "c"]);
    assert_eq!(changes, "A /dir\nA /dir/f\nA /new\nC /tmp\nD /tmp/old");
    let id = all.ok(&[
        "commit",
        "-m",
        "why",
        "-c",
        "CMD [\"cat\", \"/new\"]",
        "-c",
        "ENV B=\"2 3\"",
        "c",
        "made:1",
    ]);
    assert!(id.starts_with("sha256:"), "{id}");
    assert_eq!(all.ok(&["run", "--rm", "--network", "none", "made:1"]), "new");
    let listed = all.ok(&["run", "--rm", "--network", "none", "made:1", "sh", "-c", "echo $A $B; ls /tmp"]);
    assert_eq!(listed, "1 2 3");
    assert_eq!(all.ok(&["inspect", "--format", "{{json .Config.Cmd}}", "made:1"]), "[\"cat\",\"/new\"]");
    all.run(&["commit", "-c", "RUN true", "c"]).fails(2);
    all.ok(&["check"]);
    let tar = all.run(&["export", "c"]).success().0.stdout;
    assert!(tar.windows(4).any(|part| part == b"new\n") && tar.len() % 512 == 0);
    all.start(
        &["--name", "up", "-v", "v:/mnt/v"],
        &["sh", "-c", "echo up > /up; echo s3cr3t-0f > /mnt/v/f; sleep 1000"],
    );
    all.wait_for("the file", &|| all.run(&["exec", "up", "test", "-e", "/mnt/v/f"]).0.status.success());
    let file = all.env.path("tar").to_str().expect("UTF-8").to_owned();
    all.ok(&["export", "-o", &file, "up"]);
    let tar = std::fs::read(file).expect("a tar");
    let has = |text: &[u8]| tar.windows(text.len()).any(|part| part == text);
    assert!(has(b"up\n") && has(b"mnt/v/") && !has(b"s3cr3t-0f") && !has(b"proc/1/task"));
}

#[test]
fn privileged_the_health_of_a_container_is_checked() {
    let all = skip_unless!(Containers::new());
    let flags =
        ["--name", "c", "--health-cmd", "cat /ok", "--health-interval", "100ms", "--health-retries", "2"];
    all.start(&flags, &[]);
    assert_eq!(all.field("c", ".State.Health.Status"), "starting");
    all.wait_for("the verdict", &|| all.field("c", ".State.Health.Status") == "unhealthy");
    assert!(all.ok(&["ps"]).contains("(unhealthy)"));
    assert_eq!(all.ok(&["ps", "-q", "--filter", "health=healthy"]), "");
    all.ok(&["exec", "c", "touch", "/ok"]);
    all.wait_for("the verdict", &|| all.field("c", ".State.Health.Status") == "healthy");
    assert!(all.ok(&["ps"]).contains("(healthy)"));
    let id = all.ok(&["ps", "-q", "--no-trunc", "--filter", "health=healthy"]);
    assert_eq!(all.field("c", ".Id"), id);
}

#[test]
fn privileged_containers_are_listed_by_age_and_inspected_with_their_settings() {
    let all = skip_unless!(Containers::new());
    let flags =
        ["--restart", "on-failure:3", "--stop-signal", "INT", "--stop-timeout", "7", "-i", "--label", "k=v"];
    all.ok(&[&["create", "--network", "none", "--name", "old"], &flags[..], &["t", "echo", "a b"]].concat());
    std::thread::sleep(Duration::from_millis(5));
    all.ok(&["create", "--network", "none", "--name", "new", "t"]);
    assert_eq!(all.ok(&["ps", "-a", "--format", "{{.Names}}", "--filter", "before=new"]), "old");
    assert_eq!(all.ok(&["ps", "-a", "--format", "{{.Names}}", "--filter", "since=old"]), "new");
    assert_eq!(all.ok(&["ps", "-l", "--format", "{{.Names}}"]), "new");
    for (field, expected) in [
        (".HostConfig.RestartPolicy.Name", "on-failure"),
        (".HostConfig.RestartPolicy.MaximumRetryCount", "3"),
        (".Config.StopSignal", "INT"),
        (".Config.StopTimeout", "7"),
        (".Config.OpenStdin", "true"),
        (".Config.Image", "t"),
        (".State.Running", "false"),
        (".Path", "echo"),
    ] {
        assert_eq!(all.field("old", field), expected, "{field}");
    }
    assert_eq!(all.field("old", "json .Config.Cmd"), "[\"echo\",\"a b\"]");
    assert_eq!(all.field("new", "json .Config.Cmd"), "[\"sleep\",\"1000\"]");
    all.ok(&["update", "--restart", "always", "new"]);
    assert_eq!(all.field("new", ".HostConfig.RestartPolicy.Name"), "always");
    let sized = all.ok(&["ps", "-a", "-s", "--filter", "name=old"]);
    assert!(sized.contains("SIZE") && sized.contains("virtual"), "{sized}");
}

#[test]
fn privileged_a_container_is_paused_and_goes_on() {
    let all = skip_unless!(Containers::new());
    all.start(&["--name", "c"], &["sh", "-c", "while :; do echo x; sleep 0.02; done"]);
    let paused = all.run(&["pause", "c"]);
    let can_freeze = !paused.stderr().contains("no control group");
    skip_unless!(can_freeze.then_some(()).ok_or("processes cannot be frozen here"));
    paused.success();
    assert_eq!(all.field("c", ".State.Status"), "paused");
    assert!(all.ok(&["ps"]).contains("(Paused)"));
    all.run(&["pause", "c"]).fails(1);
    all.run(&["exec", "c", "true"]).fails(1);
    let before = all.ok(&["logs", "c"]).len();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(all.ok(&["logs", "c"]).len(), before);
    all.ok(&["unpause", "c"]);
    all.run(&["unpause", "c"]).fails(1);
    all.wait_for("more output", &|| all.ok(&["logs", "c"]).len() > before);
    let listed = all.ok(&["stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}} {{.MemUsage}}", "c"]);
    let pids = listed.split(' ').nth(1).and_then(|pids| pids.parse::<u32>().ok());
    assert!(listed.starts_with("c ") && pids.is_some_and(|pids| pids >= 1), "{listed}");
    assert!(all.ok(&["top", "c"]).contains("while :; do echo x"));
    all.ok(&["pause", "c"]);
    all.ok(&["stop", "-t", "0", "c"]);
    assert_eq!(all.field("c", ".State.Status"), "exited");
}
