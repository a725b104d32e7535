//! Limits on RUN and on containers: each failure names the limit.

use std::path::Path;

use crate::env::{Ran, TestEnv, skip_unless};

/// An environment where limits can be enforced: a writable hierarchy of control groups.
fn with_cgroups() -> Result<TestEnv, String> {
    let env = TestEnv::new()?;
    let is_writable = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup/cgroup.controllers"]
        .map(Path::new)
        .iter()
        .any(|dir| dir.exists());
    if is_writable && std::env::var_os("DSBUILD_TEST_USER").is_none() {
        Ok(env)
    } else {
        Err("no control groups".to_owned())
    }
}

const BOMB: &str = "for i in $(seq 60); do sleep 5 & done; wait";
const HOG: &str = "dd if=/dev/zero of=/dev/null bs=150M count=1";

/// F.37: a fork bomb, a memory hog and a full disk end as errors of the step that name the limit.
#[test]
fn privileged_a_step_that_reaches_a_limit_names_it() {
    let env = skip_unless!(with_cgroups());
    let check = |run: &str, args: &[&str], expected: &[&str]| {
        let told = env
            .build(&format!("FROM base\nRUN {run}\n"), &[&["--network=none"], args].concat())
            .fails(1)
            .stderr();
        expected.iter().for_each(|words| assert!(told.contains(words), "no {words}: {told}"));
    };
    check(BOMB, &["--pids-limit=20"], &["the limit of 20 processes was reached", "hint: raise --pids-limit"]);
    check(HOG, &["--memory=32m"], &["the memory limit of 32 MiB was reached", "hint: raise --memory"]);
    env.build(&format!("FROM base\nRUN {HOG}\n"), &["--network=none", "--memory=1g", "--pids-limit=200"])
        .success();
}

/// F.37: a RUN that fills the disk of the store.
#[test]
fn privileged_a_step_that_fills_the_disk_names_it() {
    let env = skip_unless!(TestEnv::new());
    env.file("Dockerfile", "FROM base\nRUN dd if=/dev/zero of=/big bs=1M\n");
    let mounted =
        "mkdir disk; mount -t tmpfs -o size=40m,mode=777 none disk; export DSBUILD_ROOT=$PWD/disk/store";
    let dsbuild = env.binary();
    let build = format!(
        "{mounted}; {0} import -t base base.tar > /dev/null && exec {0} build --network=none context",
        dsbuild.display()
    );
    let mut command = std::process::Command::new("unshare");
    command.args(["-m", "sh", "-c", &build]).current_dir(env.path("")).stdin(std::process::Stdio::null());
    let told = Ran(command.output().expect("unshare runs")).fails(1).stderr();
    for words in ["disk/store is full", "No space left on device", "hint: free some space"] {
        assert!(told.contains(words), "no {words}: {told}");
    }
}

#[test]
fn privileged_a_container_that_reaches_a_limit_says_so() {
    let env = skip_unless!(with_cgroups());
    env.build("FROM base\n", &[]).success();
    let run = |args: &[&str], script: &str| {
        let all = [&["run", "--rm", "--network=none"], args, &["t", "sh", "-c", script]].concat();
        env.dsbuild(&all)
    };
    let check = |ran: Ran, expected: &str| {
        assert!(!ran.0.status.success(), "{}", ran.stderr());
        assert!(ran.stderr().contains(expected), "{}", ran.stderr());
    };
    check(run(&["--memory=32m"], HOG), "reached --memory 32m");
    check(run(&["--pids-limit=20"], BOMB), "reached --pids-limit 20");
    run(&["--memory=64m", "--pids-limit=50"], "echo enough").success();
}

/// E.34: /dev/shm has the size that was asked for, or is that of this machine; a bus error is explained.
#[test]
fn privileged_dev_shm_can_be_larger_or_shared() {
    let env = skip_unless!(TestEnv::new());
    env.build("FROM base\n", &[]).success();
    let run = |args: &[&str], script: &str| {
        let all = [&["run", "--rm", "--network=none"], args, &["t", "sh", "-c", script]].concat();
        env.dsbuild(&all)
    };
    let size = "stat -f -c '%S %b' /dev/shm | (read size blocks; echo $((size * blocks / 1048576)))";
    assert_eq!(run(&[], size).success().stdout(), "64\n");
    assert_eq!(run(&["--shm-size=256m"], size).success().stdout(), "256\n");
    let name = format!("dsbuild-test-{}", std::process::id());
    let shared = Path::new("/dev/shm").join(&name);
    std::fs::write(&shared, "shared\n").expect("/dev/shm can be written");
    let look = format!("cat /dev/shm/{name}");
    assert_eq!(run(&["--ipc=host"], &look).success().stdout(), "shared\n");
    run(&["--ipc=private"], &look).fails(1);
    std::fs::remove_file(shared).expect("it can be removed");
    let told = run(&[], "sh -c 'kill -BUS $$'; exit $?").fails(135).stderr();
    assert!(told.contains("hint: 135 is signal 7") && told.contains("--shm-size"), "{told}");
}
