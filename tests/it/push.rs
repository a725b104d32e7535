//! `build --push`: images in a registry, from where skopeo and another dsbuild read them.

use std::fs;

use crate::env::{Ran, TestEnv, skip_unless};
use crate::registry::{Registry, env_with_registry, free_address, inspect};

const DOCKERFILE: &str = "FROM base\nRUN echo pushed > /proof\nCMD [\"cat\", \"/proof\"]\n";

/// Builds the context with these arguments.
#[must_use = "a test looks at the result: success() or fails()"]
fn build(env: &TestEnv, dockerfile: &str, args: &[&str]) -> Ran {
    env.file("Dockerfile", dockerfile);
    env.dsbuild(&[&["build", "--metadata-file", "metadata.json"], args, &["context"]].concat())
}

/// Runs an image without a network.
#[must_use = "a test looks at the result: success() or fails()"]
fn run(env: &TestEnv, image: &str) -> Ran {
    env.dsbuild(&["run", "--rm", "--network", "none", image])
}

/// Returns the digest of the image that was built last.
fn built_digest(env: &TestEnv) -> String {
    let text = fs::read_to_string(env.path("metadata.json")).expect("the build wrote it");
    let metadata: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    metadata["containerimage.digest"].as_str().expect("it is an image").to_owned()
}

/// Returns the media types of an image's layers.
fn layer_types(name: &str) -> Vec<String> {
    let manifest = inspect(name, &["--raw"]);
    let layers = manifest["layers"].as_array().expect("it has layers");
    layers.iter().map(|layer| layer["mediaType"].as_str().expect("text").to_owned()).collect()
}

#[test]
fn privileged_an_image_is_pushed_under_all_its_names() {
    let env = skip_unless!(env_with_registry());
    let registry = Registry::open(&env);
    let (one, two) = (registry.name("team/app:1"), registry.name("team/app:2"));
    let ran = build(&env, DOCKERFILE, &["--push", "-t", &one, "-t", &two]).success();
    assert!(ran.stderr().contains(&format!("pushing manifest for {one}")), "{}", ran.stderr());
    for name in [&one, &two] {
        assert_eq!(inspect(name, &[])["Digest"].as_str(), Some(&*built_digest(&env)));
        assert_eq!(layer_types(name), ["application/vnd.oci.image.layer.v1.tar+gzip"; 2]);
    }
}

#[test]
fn privileged_another_machine_builds_on_a_pushed_image() {
    let env = skip_unless!(env_with_registry());
    let registry = Registry::open(&env);
    let name = registry.name("team/app:1");
    build(&env, DOCKERFILE, &["--push", "-t", &name]).success();
    let elsewhere = env.clean();
    elsewhere.build(&format!("FROM {name}\n"), &[]).success();
    assert_eq!(run(&elsewhere, "t").success().stdout(), "pushed\n");
}

#[test]
fn privileged_a_pushed_image_stays_in_the_store_and_can_be_pushed_again() {
    let env = skip_unless!(env_with_registry());
    let registry = Registry::open(&env);
    let name = registry.name("team/app:1");
    build(&env, DOCKERFILE, &["--push", "-t", &name]).success();
    assert_eq!(run(&env, &name).success().stdout(), "pushed\n");
    let digest = built_digest(&env);
    build(&env, DOCKERFILE, &["--push", "-t", &name]).success();
    assert_eq!(built_digest(&env), digest);
}

#[test]
fn privileged_an_output_chooses_the_compression() {
    let env = skip_unless!(env_with_registry());
    let registry = Registry::open(&env);
    let name = registry.name("x/zstd:1");
    let output = format!("type=image,name={name},push=true,compression=zstd,registry.insecure=true");
    build(&env, DOCKERFILE, &["--output", &output]).success();
    assert_eq!(layer_types(&name), ["application/vnd.oci.image.layer.v1.tar+zstd"; 2]);
}

#[test]
fn privileged_an_image_pushed_by_digest_gets_no_name() {
    let env = skip_unless!(env_with_registry());
    let registry = Registry::open(&env);
    let name = registry.name("x/by-digest");
    let output = format!("type=image,name={name},push-by-digest=true,push=true");
    build(&env, DOCKERFILE, &["--output", &output]).success();
    let digest = built_digest(&env);
    assert_eq!(inspect(&format!("{name}@{digest}"), &["--raw"])["schemaVersion"], 2);
    run(&env, &name).fails(125);
}

#[test]
fn privileged_several_platforms_are_pushed_as_an_index() {
    let env = skip_unless!(env_with_registry());
    let registry = Registry::open(&env);
    let name = registry.name("x/index:1");
    env.file("file", "one for all");
    let args = ["--push", "-t", &name, "--platform", "linux/amd64,linux/arm64"];
    build(&env, "FROM scratch\nARG TARGETARCH\nCOPY file /$TARGETARCH\n", &args).success();
    assert_eq!(inspect(&name, &["--raw"])["manifests"].as_array().map(Vec::len), Some(2));
    for arch in ["amd64", "arm64"] {
        assert_eq!(inspect(&name, &["--override-arch", arch])["Architecture"], arch);
    }
}

#[test]
fn privileged_a_push_without_a_login_fails_and_keeps_the_image() {
    let env = skip_unless!(env_with_registry());
    let registry = Registry::with_login(&env);
    let name = registry.name("team/app:1");
    let error = build(&env, DOCKERFILE, &["--push", "-t", &name]).fails(1).stderr();
    assert!(error.contains("refuses access (401)"), "{error}");
    assert!(error.contains(&format!("dsbuild login {}", registry.host)), "{error}");
    assert!(error.contains(&format!("hint: the image is in the store as {name}")), "{error}");
    assert_eq!(run(&env, &name).success().stdout(), "pushed\n");
}

#[test]
fn privileged_a_push_uses_the_login_of_docker() {
    let env = skip_unless!(env_with_registry());
    let registry = Registry::with_login(&env);
    let name = registry.name("team/app:1");
    env.file("Dockerfile", DOCKERFILE);
    let args = ["build", "--push", "-t", &name, "--metadata-file", "metadata.json", "context"];
    let mut command = env.command(&args);
    command.env("DOCKER_CONFIG", registry.log_in(&env));
    Ran(command.output().expect("the binary runs")).success();
    let found = inspect(&name, &["--creds", "user:secret"]);
    assert_eq!(found["Digest"].as_str(), Some(&*built_digest(&env)));
}

#[test]
fn privileged_a_push_without_a_name_fails_before_the_build() {
    let env = skip_unless!(TestEnv::new());
    let error = build(&env, DOCKERFILE, &["--push"]).fails(2).stderr();
    assert!(error.contains("needs a name") && !error.contains("RUN"), "{error}");
}

#[test]
fn privileged_an_unreachable_registry_has_one_exit_code_for_pull_and_push() {
    let env = skip_unless!(TestEnv::new());
    let address = free_address();
    let push = build(&env, DOCKERFILE, &["--push", "-t", &format!("{address}/a:1")]).fails(1).stderr();
    assert!(push.contains(&format!("cannot reach {address}")), "{push}");
    let pull = build(&env, &format!("FROM {address}/b:1\n"), &[]).fails(1).stderr();
    assert!(pull.contains(&format!("cannot reach {address}")), "{pull}");
}
