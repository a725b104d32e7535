//! Volumes: those of the image, named and anonymous ones, their commands, and what goes with a container.

use std::fs;

use crate::env::{TestEnv, skip_unless};

#[track_caller]
fn check(env: &TestEnv, args: &[&str], expected: &str) {
    assert_eq!(env.dsbuild(args).success().stdout(), expected, "{args:?}");
}

/// Runs a script in the image `t` in a container that stays.
fn run(env: &TestEnv, flags: &[&str], script: &str) -> String {
    let args = [&["run", "--network", "none"], flags, &["t", "sh", "-c", script]].concat();
    env.dsbuild(&args).success().stdout()
}

fn count(env: &TestEnv) -> usize {
    env.dsbuild(&["volume", "ls", "-q"]).success().stdout().lines().count()
}

#[test]
fn privileged_the_volumes_of_an_image_go_with_the_container() {
    let env = skip_unless!(TestEnv::new());
    let dockerfile =
        "FROM base\nRUN mkdir /data && echo seed > /data/seed && chown -R app /data\nVOLUME /data\n";
    env.build(dockerfile, &["--network=none"]).success();
    // The volume gets the files of the image, with their owners.
    let look = "cat /data/seed; stat -c %u /data/seed; grep -c ' /data ' /proc/mounts";
    assert_eq!(run(&env, &["--name", "a"], look), "seed\n1000\n1\n");
    assert_eq!(count(&env), 1);
    assert_eq!(run(&env, &["--rm"], look), "seed\n1000\n1\n");
    assert_eq!(count(&env), 1, "run --rm removes its volume");
    // A volume of the user's takes the place of the image's.
    assert_eq!(run(&env, &["--rm", "-v", "mine:/data"], "echo x > /data/x; ls /data"), "seed\nx\n");
    check(&env, &["volume", "ls", "-q", "--filter", "name=mine"], "mine\n");
    // Another container that has the volume keeps it.
    assert_eq!(run(&env, &["--name", "b", "--volumes-from", "a"], "echo y > /data/y; ls /data"), "seed\ny\n");
    env.dsbuild(&["rm", "-v", "a"]).success();
    assert_eq!(count(&env), 2);
    env.dsbuild(&["rm", "-v", "b"]).success();
    check(&env, &["volume", "ls", "-q"], "mine\n");
}

#[test]
fn privileged_volumes_are_made_listed_and_pruned() {
    let env = skip_unless!(TestEnv::new());
    env.build("FROM base\n", &[]).success();
    check(&env, &["volume", "create", "--label", "team=ml", "data"], "data\n");
    check(&env, &["volume", "create", "data"], "data\n");
    let name = env.dsbuild(&["volume", "create"]).success().stdout();
    assert_eq!(name.trim_end().len(), 64, "{name}");
    check(&env, &["volume", "ls", "-q", "-f", "label=team=ml"], "data\n");
    check(&env, &["volume", "ls", "-q", "-f", "label!=team", "-f", "driver=local"], &name);
    check(&env, &["volume", "ls", "-f", "name=data", "--format", "{{.Name}} {{.Labels}}"], "data team=ml\n");
    check(
        &env,
        &["volume", "inspect", "-f", "{{.Name}} {{.Driver}} {{.Labels.team}}", "data"],
        "data local ml\n",
    );
    let missing = env.dsbuild(&["volume", "inspect", "absent"]).fails(1);
    assert!(missing.stderr().contains("no such volume"), "{}", missing.stderr());
    run(&env, &["--name", "user", "-v", "used:/u"], "true");
    let pruned = env.dsbuild(&["volume", "prune", "-f"]).success().stdout();
    assert!(pruned.contains(name.trim_end()) && !pruned.contains("data"), "{pruned}");
    let pruned = env.dsbuild(&["volume", "prune", "-af"]).success().stdout();
    assert!(pruned.contains("data") && !pruned.contains("used"), "{pruned}");
    check(&env, &["volume", "ls", "-q"], "used\n");
    env.dsbuild(&["volume", "create", "../x"]).fails(2);
    env.dsbuild(&["volume", "create", "-o", "type=nfs", "-o", "device=:/x", "n"]).fails(2);
    env.dsbuild(&["volume", "create", "-d", "nfs", "n"]).fails(2);
}

#[test]
fn privileged_a_volume_can_be_a_directory_of_this_machine_or_memory() {
    let env = skip_unless!(TestEnv::new());
    env.build("FROM base\n", &[]).success();
    fs::create_dir(env.path("data")).expect("directories can be made");
    env.give("data");
    let device = format!("device={}", env.path("data").display());
    check(&env, &["volume", "create", "-o", "type=none", "-o", "o=bind", "-o", &device, "there"], "there\n");
    run(&env, &["--rm", "-v", "there:/d"], "echo x > /d/f");
    assert_eq!(fs::read_to_string(env.path("data/f")).expect("the container wrote it"), "x\n");
    // The directory is the user's, and stays.
    env.dsbuild(&["volume", "rm", "there"]).success();
    assert!(env.path("data/f").exists());
    check(&env, &["volume", "create", "-o", "type=tmpfs", "-o", "o=size=64k", "mem"], "mem\n");
    assert_eq!(
        run(&env, &["--rm", "-v", "mem:/m"], "grep ' /m ' /proc/mounts | grep -o size=64k"),
        "size=64k\n"
    );
}

#[test]
fn privileged_mounts_have_docker_s_options() {
    let env = skip_unless!(TestEnv::new());
    env.build("FROM base\nRUN mkdir /seeded && echo s > /seeded/s\n", &["--network=none"]).success();
    fs::create_dir_all(env.path("data/sub")).expect("directories can be made");
    fs::write(env.path("data/sub/f"), "deep\n").expect("files can be written");
    ["data", "data/sub", "data/sub/f"].iter().for_each(|name| env.give(name));
    let data = env.path("data").display().to_string();
    let mount = format!("type=bind,source={data},target=/d,readonly");
    assert_eq!(
        run(&env, &["--rm", "--mount", &mount], "cat /d/sub/f; touch /d/x 2>/dev/null || echo no"),
        "deep\nno\n"
    );
    // -v makes a directory that does not exist.
    let made = format!("{data}/made/here:/d");
    run(&env, &["--rm", "-v", &made], "touch /d/x");
    assert!(env.path("data/made/here/x").exists());
    assert_eq!(run(&env, &["--rm", "-v", "v:/seeded:nocopy"], "ls /seeded"), "");
    let owner = format!("{data}:/d:U");
    assert_eq!(run(&env, &["--rm", "-u", "app", "-v", &owner], "stat -c %u /d /d/sub/f"), "1000\n1000\n");
    run(&env, &["--rm", "-v", "w:/w"], "mkdir /w/sub; echo part > /w/sub/f; ln -s /etc /w/etc");
    let subpath = "type=volume,source=w,target=/w,volume-subpath=sub";
    assert_eq!(run(&env, &["--rm", "--mount", subpath], "cat /w/f"), "part\n");
    // A symlink in the volume leads nowhere else.
    let escape = "type=volume,source=w,target=/w,volume-subpath=etc";
    let args = ["run", "--rm", "--network", "none", "--mount", escape, "t", "ls", "/w"];
    env.dsbuild(&args).fails(125);
}
