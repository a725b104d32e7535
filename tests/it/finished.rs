//! Finished images and outputs: times of files, layers of the base, files that survive a power cut.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::env::{TestEnv, skip_unless};

/// 1980-01-02T00:00:00Z, which zip can store in every time zone.
const DEFAULT_DATE_S: &str = "315619200";

#[test]
fn privileged_run_from_and_exports_of_an_image_show_the_same_times() {
    let env = skip_unless!(TestEnv::new());
    env.file("f", "copied");
    let dockerfile = "FROM base\nCOPY f /f\nRUN echo made > /g && mkdir /d\n";
    env.build(dockerfile, &[]).success();
    let output = format!("type=oci,dest={}", env.path("t.tar").display());
    env.build(dockerfile, &["--output", &output]).success();
    let archive = env.path("t.tar").display().to_string();
    env.dsbuild(&["import", "--tag", "exported", &archive]).success();
    let stat = ["stat", "-c", "%Y", "/f", "/g", "/d"];
    let expected = format!("{DEFAULT_DATE_S}\n").repeat(3);
    for image in ["t", "exported"] {
        let run = [&["run", "--rm", "--network", "none", image][..], &stat].concat();
        assert_eq!(env.dsbuild(&run).success().stdout(), expected, "run {image}");
        let from = format!("FROM {image}\nRUN {} > /times\nCMD [\"cat\", \"/times\"]\n", stat.join(" "));
        env.build(&from, &["-t", "below"]).success();
        let seen = env.dsbuild(&["run", "--rm", "--network", "none", "below"]).success();
        assert_eq!(seen.stdout(), expected, "FROM {image}");
    }
}

#[test]
fn privileged_a_copy_from_an_image_of_the_store_shows_the_times_of_its_tars() {
    let env = skip_unless!(TestEnv::new());
    env.build("FROM base\nRUN echo made > /g\n", &["-t", "stored"]).success();
    let dockerfile = "FROM base\nCOPY --from=stored /g /copied\nRUN --mount=from=stored,target=/mnt \
        stat -c %Y /copied /mnt/g > /times\nCMD [\"cat\", \"/times\"]\n";
    env.build(dockerfile, &[]).success();
    let seen = env.dsbuild(&["run", "--rm", "--network", "none", "t"]).success();
    assert_eq!(seen.stdout(), format!("{DEFAULT_DATE_S}\n").repeat(2));
}

#[test]
fn privileged_the_runs_of_a_build_see_real_times() {
    let env = skip_unless!(TestEnv::new());
    let dockerfile = "FROM base\nRUN echo made > /g\nRUN stat -c %Y /g > /time\nCMD [\"cat\", \"/time\"]\n";
    env.build(dockerfile, &[]).success();
    let seen = env.dsbuild(&["run", "--rm", "--network", "none", "t"]).success();
    let time_s: u64 = seen.stdout().trim().parse().expect("a number");
    assert!(time_s > 1_700_000_000, "{time_s}");
}

#[test]
fn privileged_under_no_cache_a_cache_mount_begins_empty() {
    let env = skip_unless!(TestEnv::new());
    let dockerfile = "FROM base\nARG N=abc\n\
        RUN --mount=type=cache,id=c,target=/cache touch /cache/$N\n\
        RUN --mount=type=cache,id=c,target=/cache ls /cache > /out\nCMD [\"cat\", \"/out\"]\n";
    let check = |flags: &[&str], expected: &str| {
        env.build(dockerfile, flags).success();
        let seen = env.dsbuild(&["run", "--rm", "--network", "none", "t"]).success();
        assert_eq!(seen.stdout(), expected, "{flags:?}");
    };
    check(&[], "abc\n");
    check(&["--build-arg", "N=def"], "abc\ndef\n");
    check(&["--no-cache", "--build-arg", "N=ghi"], "ghi\n");
    check(&["--build-arg", "N=jkl"], "ghi\njkl\n");
}

#[test]
fn privileged_too_many_layers_are_refused_before_anything_runs() {
    let env = skip_unless!(TestEnv::new());
    let mut dockerfile = "FROM base\n".to_owned();
    (0..1100).for_each(|n| dockerfile += &format!("RUN echo {n} > /f\n"));
    let failed = env.build(&dockerfile, &["--progress", "plain"]).fails(1);
    let told = failed.stderr();
    assert!(told.contains("max depth exceeded") && told.contains("limit of 999"), "{told}");
    assert!(!told.contains("DONE 0.1s") || !told.contains("RUN echo 5 "), "{told}");
}

#[test]
fn privileged_waiting_for_another_build_of_the_step_is_shown() {
    let env = skip_unless!(TestEnv::new());
    env.file("Dockerfile", "FROM base\nRUN echo begun && sleep 3 && echo done > /f\n");
    let build = |name: &str| {
        let args = ["build", "--network=none", "--progress=plain", "-t", name, "context"];
        let mut child = env.command(&args).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let told =
            BufReader::new(child.stderr.take().expect("stderr is a pipe")).lines().map_while(Result::ok);
        (child, told)
    };
    let (mut first, mut told) = build("first");
    assert!(told.any(|line| line.ends_with(" begun")), "the first build runs the step");
    let (mut second, mut waiting) = build("second");
    assert!(
        waiting.any(|line| line.contains("waiting for another build")),
        "the second build says that it waits"
    );
    assert!(first.wait().expect("it ends").success() && second.wait().expect("it ends").success());
}

#[test]
fn privileged_small_files_of_the_user_are_synced_before_they_get_their_names() {
    let env = skip_unless!(TestEnv::new());
    let has_strace =
        Command::new("strace").arg("--version").output().is_ok_and(|output| output.status.success());
    skip_unless!(has_strace.then_some(()).ok_or("strace is not installed: run scripts/setup test"));
    env.file("Dockerfile", "FROM base\nCOPY Dockerfile /f\n");
    let dir = env.path("out");
    std::fs::create_dir(&dir).expect("a directory for the files");
    let [iid, metadata, timings] = ["iid", "meta", "t.json"].map(|name| dir.join(name).display().to_string());
    let timings_flag = format!("--timings={timings}");
    let args = [
        "build",
        "--network=none",
        "--iidfile",
        &iid,
        "--metadata-file",
        &metadata,
        &timings_flag,
        "context",
    ];
    env.give("out");
    let mut strace = env.program("strace");
    strace.args(["-f", "-y", "-qq", "-s", "4096", "-e", "trace=fsync,rename,renameat,renameat2", "-o"]);
    strace.arg(dir.join("trace")).arg(env.binary()).args(args);
    let output = strace.output().expect("strace runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let calls = std::fs::read_to_string(dir.join("trace")).expect("a trace");
    let calls: Vec<&str> = calls.lines().collect();
    for file in [&iid, &metadata, &timings] {
        let renamed =
            calls.iter().position(|call| call.contains("rename") && call.contains(&format!("\"{file}\"")));
        let renamed = renamed.unwrap_or_else(|| panic!("{file} is renamed into place"));
        let draft = calls[renamed].split('"').nth(1).expect("the old name");
        let is_synced =
            |call: &&str, path: &str| call.contains("fsync(") && call.contains(&format!("<{path}>"));
        assert!(calls[..renamed].iter().any(|call| is_synced(call, draft)), "{file} is synced before");
        let parent = dir.display().to_string();
        assert!(calls[renamed..].iter().any(|call| is_synced(call, &parent)), "its name is synced after");
    }
}
