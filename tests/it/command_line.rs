//! The command line: suggestions, docker's commands and flags, completions, man pages.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::env::{TestEnv, skip_unless};

/// Runs a command line that fails with exit code 2; returns the message.
#[track_caller]
fn refused(args: &[&str], code: i32) -> String {
    TestEnv::bare().dsbuild(args).fails(code).stderr()
}

#[test]
fn a_mistyped_command_gets_a_suggestion() {
    let error = refused(&["iamges"], 1);
    assert!(error.contains("did you mean `dsbuild images`?"), "{error}");
}

#[test]
fn a_command_of_docker_that_is_missing_is_named() {
    for command in ["buildx", "network", "swarm", "stack"] {
        let error = refused(&[command, "x"], 2);
        assert!(error.contains(&format!("error: no command `{command}` yet\nhint: ")), "{error}");
    }
}

#[test]
fn a_directory_may_have_the_name_of_a_command_of_docker() {
    let env = TestEnv::bare();
    fs::create_dir(env.path("network")).expect("directories can be made");
    let error = env.dsbuild(&["network"]).fails(1).stderr();
    assert!(error.contains("network/Dockerfile"), "{error}");
}

#[test]
fn a_mistyped_flag_gets_a_suggestion_and_an_unknown_one_does_not() {
    let error = refused(&["build", "--no-cahce", "."], 2);
    assert!(error.contains("hint: did you mean --no-cache?"), "{error}");
    let error = refused(&["build", "--frobnicate", "."], 2);
    assert!(error.contains("`dsbuild build` has no flag --frobnicate"), "{error}");
    assert!(
        error.contains("hint: `dsbuild build --help` lists all flags") && !error.contains("similar"),
        "{error}"
    );
}

/// Result of a flag of `docker build`.
#[derive(Debug, Clone, Copy)]
enum Answer {
    /// The build succeeds and says nothing about the flag.
    Taken,
    /// The build succeeds with a note that contains this text.
    Note(&'static str),
    /// The command line is refused with this text.
    Refused(&'static str),
}

/// Flags and values of `docker build`, with their results.
///
/// Source: the help of `docker buildx build`, and the flags of docker's classic builder that scripts still use.
const DOCKER_FLAGS: &[(&[&str], Answer)] = {
    use Answer::{Note, Refused, Taken};
    &[
        (&["--add-host=db:10.0.0.5"], Taken),
        (&["--add-host", "host.docker.internal:host-gateway"], Taken),
        (&["--add-host=a:10.0.0.5,b:10.0.0.6"], Taken),
        (&["--allow=network.host"], Taken),
        (&["--annotation=a=b"], Taken),
        (&["--attest=type=provenance,disabled=true"], Taken),
        (&["--attest", "type=sbom"], Taken),
        (&["--attest=type=vex"], Refused("expected sbom or provenance")),
        (&["--build-arg=A=b=c"], Taken),
        (&["--build-arg", "A"], Taken),
        (&["--build-context=more=docker-image://base"], Taken),
        (&["--builder=default"], Taken),
        (&["--builder", "mybuilder"], Taken),
        (&["--cache-from", "type=registry,ref=x/y"], Note("--cache-from is not supported yet")),
        (&["--cache-from=x/y"], Note("--cache-from is not supported yet")),
        (&["--cache-to=type=inline"], Note("--cache-to is not supported yet")),
        (&["--call=build"], Taken),
        (&["--cgroup-parent=x"], Note("--cgroup-parent has no effect")),
        (&["--check=false"], Taken),
        (&["--compress"], Taken),
        (&["--compress=true"], Taken),
        (&["--cpu-period=1"], Note("--cpu-period has no effect")),
        (&["--cpu-quota=1"], Note("--cpu-quota has no effect")),
        (&["-c", "512"], Note("--cpu-shares has no effect")),
        (&["--cpuset-cpus=0"], Note("--cpuset-cpus has no effect")),
        (&["--cpuset-mems=0"], Note("--cpuset-mems has no effect")),
        (&["--cpu-shares", "512"], Note("--cpu-shares has no effect")),
        (&["-D"], Taken),
        (&["--debug=false"], Taken),
        (&["--disable-content-trust"], Taken),
        (&["--disable-content-trust=true"], Taken),
        (&["--disable-content-trust=false"], Refused("content trust")),
        (&["-f", "context/Dockerfile"], Taken),
        (&["--file=context/Dockerfile"], Taken),
        (&["-f", "context/no-such-file", "-f", "context/Dockerfile"], Taken),
        (&["--force-rm"], Taken),
        (&["--force-rm=false"], Taken),
        (&["--iidfile=iid"], Taken),
        (&["--isolation=default"], Taken),
        (&["--label=a=b"], Taken),
        (&["--load"], Taken),
        (&["--load=true"], Taken),
        (&["-m", "4g"], Taken),
        (&["--memory=4g"], Taken),
        (&["--memory-swap", "-1"], Note("--memory-swap has no effect")),
        (&["--metadata-file=meta"], Taken),
        (&["--network=bridge"], Taken),
        (&["--network=default"], Taken),
        (&["--network=none"], Taken),
        (&["--network=host", "--allow=network.host"], Taken),
        (&["--network=weave"], Refused("unknown network mode")),
        (&["--no-cache"], Taken),
        (&["--no-cache=true"], Taken),
        (&["--no-cache=false"], Taken),
        (&["--no-cache=maybe"], Refused("use true or false")),
        (&["--no-cache", "--no-cache=false"], Taken),
        (&["--no-cache-filter=a"], Taken),
        (&["-o", "type=cacheonly"], Taken),
        (&["--output=out"], Taken),
        (
            &["--output=type=nonsense"],
            Refused("types are image, registry, oci, docker, local, tar and cacheonly"),
        ),
        (&["--platform=local"], Taken),
        (&["--progress=plain"], Taken),
        (&["--provenance=false"], Taken),
        (&["--provenance", "false"], Taken),
        (&["--provenance=mode=max"], Taken),
        (&["--provenance=true"], Taken),
        (&["--provenance=mode=huge"], Refused("expected min or max")),
        (&["--pull=false"], Taken),
        (&["--push=false"], Taken),
        (&["-q"], Taken),
        (&["-q=true"], Taken),
        (&["-q=false"], Taken),
        (&["-qt", "both"], Taken),
        (&["--quiet=true"], Taken),
        (&["--rm"], Taken),
        (&["--rm=false"], Taken),
        (&["--sbom=false"], Taken),
        (&["--sbom=true"], Taken),
        (&["--sbom=generator=x"], Refused("generator=x is not supported")),
        (&["--secret", "id=s,env=HOME"], Taken),
        (&["--security-opt=label=disable"], Note("--security-opt has no effect")),
        (&["--shm-size=64m"], Taken),
        (&["--squash"], Refused("--squash is not supported")),
        (&["--squash=false"], Taken),
        (&["--ssh=default=/no/such/key"], Refused("No such file")),
        (&["-t", "a", "--tag=b:1"], Taken),
        (&["--target=last"], Taken),
        (&["--ulimit=nofile=1024:2048"], Taken),
    ]
};

#[test]
fn privileged_flags_of_docker_build_are_taken_or_answered() {
    let env = skip_unless!(TestEnv::new());
    env.file("Dockerfile", "FROM base AS last\nARG A\nRUN true\n");
    let mut wrong = Vec::new();
    for (flags, answer) in DOCKER_FLAGS {
        let ran = env.dsbuild(&[&["build"], *flags, &["context"]].concat());
        let (code, error) = (ran.0.status.code(), ran.stderr());
        let is_right = match answer {
            Answer::Taken => code == Some(0) && !error.contains("note: --"),
            Answer::Note(text) => code == Some(0) && error.contains(&format!("note: {text}")),
            Answer::Refused(text) => code == Some(2) && error.contains(text) && !error.contains("tip:"),
        };
        if !is_right {
            wrong.push(format!("{flags:?} ({answer:?}), exit code {code:?}:\n{error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_flag_of_docker_build_is_in_the_table() {
    // Printed by `docker build --help` of docker 20.10.24 and 26.1.5, `docker-buildx build --help` of buildx 0.13.1, and
    // known of later versions: call, check, debug.
    let names = "add-host allow annotation attest build-arg build-context builder cache-from cache-to call cgroup-parent \
        check compress cpu-period cpu-quota cpu-shares cpuset-cpus cpuset-mems debug disable-content-trust file force-rm \
        iidfile isolation label load memory memory-swap metadata-file network no-cache no-cache-filter output platform \
        progress provenance pull push quiet rm sbom secret security-opt shm-size squash ssh tag target ulimit";
    for name in names.split_whitespace().map(|name| format!("--{name}")) {
        let is_listed = |flag: &&str| **flag == name || flag.starts_with(&format!("{name}="));
        assert!(DOCKER_FLAGS.iter().flat_map(|(flags, _)| *flags).any(is_listed), "{name}");
    }
}

#[test]
fn privileged_the_dockerfile_may_be_in_a_directory_that_cannot_be_listed() {
    let env = skip_unless!(TestEnv::new());
    let folder = env.path("hidden");
    fs::create_dir(&folder).expect("directories can be made");
    fs::write(folder.join("Dockerfile"), "FROM base\n").expect("files can be written");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o711)).expect("modes can be set");
    env.dsbuild(&["build", "-t", "t", "-f", "hidden/Dockerfile", "context"]).success();
}

#[test]
fn privileged_a_private_key_is_served_by_an_agent_during_the_build() {
    let env = skip_unless!(TestEnv::new());
    let keygen = env.program("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", "skey"]).status();
    skip_unless!(keygen.map_err(|error| format!("ssh-keygen: {error}")));
    env.give("skey");
    env.file("Dockerfile", "FROM base\nRUN --mount=type=ssh test -S \"$SSH_AUTH_SOCK\"\n");
    env.dsbuild(&["build", "-t", "t", "--ssh", "default=skey", "context"]).success();
    fs::write(env.path("skey"), "no key\n").expect("files can be written");
    let error = env.dsbuild(&["build", "-t", "t", "--ssh", "default=skey", "context"]).fails(2).stderr();
    assert!(error.contains("--ssh \"default=skey\"") && !error.contains("RUN"), "{error}");
}

#[test]
fn a_completion_script_knows_commands_and_flags() {
    let env = TestEnv::bare();
    for shell in ["bash", "zsh", "fish"] {
        let script = env.dsbuild(&["completion", shell]).success().stdout();
        assert!(script.contains("prune") && script.contains("no-cache"), "{shell}: {script}");
    }
    env.dsbuild(&["completion", "tcsh"]).fails(2);
}

#[test]
fn a_man_page_exists_for_dsbuild_and_for_each_command() {
    let env = TestEnv::bare();
    let page = env.dsbuild(&["man"]).success().stdout();
    assert!(page.contains(".TH dsbuild") && page.contains("prune"), "{page}");
    let page = env.dsbuild(&["man", "build"]).success().stdout();
    assert!(page.contains("dsbuild\\-build") && page.contains("no\\-cache"), "{page}");
    let error = env.dsbuild(&["man", "network"]).fails(2).stderr();
    assert!(error.contains("no command"), "{error}");
}
