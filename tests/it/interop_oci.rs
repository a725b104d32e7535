//! containerd, umoci and skopeo use images of dsbuild, also with attestations; dsbuild uses images of skopeo.

use std::process::Command;

use crate::env::{Ran, TestEnv, skip_unless};
use crate::interop::{Cgroup, EXPECTED, built, isolated, ran};

/// Starts containerd with directories of its own, imports the archives `$2`…, and runs the image of each in the cgroup
/// `$1`. The plugin for Kubernetes would change the network of the machine.
const CONTAINERD: &str = r#"
cat > containerd.toml <<END
version = 2
root = "$PWD/containerd"
state = "/run/containerd-test"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "/run/containerd-test.sock"
END
cgroup=$1; shift
containerd --config containerd.toml > containerd.log 2>&1 &
ctr() { command ctr --address /run/containerd-test.sock "$@"; }
i=0
until ctr version > /dev/null 2>&1; do
    i=$((i + 1)); [ $i -lt 300 ] || { cat containerd.log >&2; exit 1; }
    sleep 0.1
done
name=docker.io/library/t:latest
for archive; do
    ctr images import "$archive" > /dev/null || exit 1
    ctr run --rm --snapshotter native --cgroup "$cgroup" "$name" "test-$i" || exit 1
    ctr images rm --sync "$name" > /dev/null || exit 1
done
"#;

/// Adds the archives of the same image with attestations.
fn attest(env: &TestEnv) {
    let outputs = ["type=docker,dest=attested-docker.tar", "type=oci,dest=attested-oci.tar"];
    let args: Vec<&str> = outputs.into_iter().flat_map(|output| ["--output", output]).collect();
    let args =
        [&["build", "-t", "t", "--sbom=true", "--provenance=mode=max"], &args[..], &["context"]].concat();
    env.dsbuild(&args).success();
}

#[test]
fn privileged_containerd_imports_and_runs_an_image() {
    let env = skip_unless!(built(&["containerd", "ctr", "runc"]));
    attest(&env);
    let cgroup = Cgroup::new("containerd");
    let archives = ["oci.tar", "docker.tar", "attested-oci.tar", "attested-docker.tar"];
    let mut command = isolated(&env, "sh");
    command.args(["-c", CONTAINERD, "sh", &cgroup.0]).args(archives);
    assert_eq!(Ran(ran(&mut command)).success().stdout(), EXPECTED.repeat(archives.len()));
}

#[test]
fn privileged_umoci_unpacks_an_image() {
    let env = skip_unless!(built(&["umoci"]));
    let mut umoci = Command::new("umoci");
    umoci.args(["unpack", "--image", "oci:latest", "bundle"]).current_dir(env.path(""));
    Ran(ran(&mut umoci)).success();
    let root = env.path("bundle/rootfs");
    let mut facts = Command::new("stat");
    facts.args(["-c", "%n %h %u %a", "srv/out", "srv/out/hard"]).current_dir(&root);
    assert_eq!(Ran(ran(&mut facts)).success().stdout(), "srv/out 2 1000 700\nsrv/out/hard 2 1000 644\n");
    assert_eq!(std::fs::read_to_string(root.join("srv/out/soft")).expect("a link to the file"), "made\n");
    assert!(!root.join("bin/od").exists() && !root.join("srv/gone").exists());
}

#[test]
fn privileged_skopeo_copies_an_attested_image_and_its_compressed_copy_is_read() {
    let env = skip_unless!(built(&["skopeo"]));
    attest(&env);
    let skopeo = |args: &[&str]| {
        let mut skopeo = Command::new("skopeo");
        skopeo.args(["--insecure-policy", "copy", "--quiet"]).args(args).current_dir(env.path(""));
        Ran(ran(&mut skopeo)).success();
    };
    // With all entries of the index, and with the image of this machine alone.
    skopeo(&["--all", "oci-archive:attested-oci.tar", "dir:all"]);
    skopeo(&["oci-archive:attested-oci.tar", "dir:one"]);
    for form in ["zstd:chunked", "zstd"] {
        let copy = form.replace(':', "-");
        skopeo(&["--dest-compress-format", form, "oci-archive:attested-oci.tar", &format!("oci:{copy}:x")]);
        env.dsbuild(&["import", "--tag", &copy, &copy]).success();
        let run = env.dsbuild(&["run", "--rm", "--network", "none", &copy]).success();
        assert_eq!(run.stdout(), EXPECTED, "{form}");
    }
}

#[test]
fn privileged_podman_loads_an_attested_image() {
    let env = skip_unless!(built(&["podman"]));
    attest(&env);
    let podman = |args: &[&str]| {
        let mut command = isolated(&env, "podman");
        for (flag, name) in [("root", "podman"), ("runroot", "podman-run"), ("tmpdir", "podman-tmp")] {
            command.arg(format!("--{flag}")).arg(env.path(name));
        }
        Ran(ran(command.args(["--storage-driver=vfs"]).args(args))).success()
    };
    for archive in ["attested-docker.tar", "attested-oci.tar"] {
        podman(&["load", "--quiet", "--input", archive]);
        let labels = podman(&["image", "inspect", "--format", "{{json .Config.Labels}}", "t"]);
        assert_eq!(labels.stdout(), "{\"kind\":\"test\"}\n", "{archive}");
        podman(&["rmi", "t"]);
    }
}
