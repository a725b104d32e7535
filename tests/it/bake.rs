//! `dsbuild bake`: the targets of bake files and Compose files.

use serde_json::Value;

use crate::env::{TestEnv, skip_unless};

const FILE: &str = r#"
variable "TAG" { default = "1" }
group "default" { targets = ["app", "tool"] }
target "lib" {
  context = "context"
  args = { TEXT = "lib ${TAG}" }
}
target "app" {
  contexts = { lib = "target:lib" }
  tags = ["app:${TAG}"]
  dockerfile-inline = "FROM base\nCOPY --from=lib /text /text\nCMD [\"cat\", \"/text\"]\n"
}
target "tool" {
  context = "context"
  args = { TEXT = "tool" }
  tags = ["tool:${TAG}"]
}
"#;

#[test]
fn privileged_targets_are_built_after_those_that_they_use() {
    let env = skip_unless!(TestEnv::new());
    env.file("Dockerfile", "FROM base\nARG TEXT\nRUN echo \"$TEXT\" > /text\n");
    std::fs::write(env.path("docker-bake.hcl"), FILE).unwrap();
    env.dsbuild(&["bake", "--var", "TAG=7", "--set", "*.network=none", "--metadata-file", "metadata.json"])
        .success();
    let run = env.dsbuild(&["run", "--rm", "--network=none", "app:7"]).success();
    assert_eq!(run.stdout(), "lib 7\n");
    let metadata = std::fs::read_to_string(env.path("metadata.json")).unwrap();
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    for target in ["lib", "app", "tool"] {
        assert!(metadata[target]["containerimage.digest"].is_string(), "{target}: {metadata}");
    }
    assert_eq!(metadata["tool"]["image.name"], "docker.io/library/tool:7");
}

#[test]
fn privileged_a_failed_target_ends_the_bake() {
    let env = skip_unless!(TestEnv::new());
    env.file("Dockerfile", "FROM base\nRUN exit 3\n");
    let file = "target \"bad\" { context = \"context\" }\ntarget \"good\" { context = \"context\" }";
    std::fs::write(env.path("docker-bake.hcl"), file).unwrap();
    let failed = env.dsbuild(&["bake", "--set", "*.network=none", "bad", "good"]).fails(1);
    assert!(failed.stderr().ends_with("target bad failed\n"), "{}", failed.stderr());
    assert!(!failed.stderr().contains("== target good"), "{}", failed.stderr());
}

#[test]
fn targets_of_all_default_files_are_printed() {
    let env = TestEnv::bare();
    std::fs::write(env.path("compose.yaml"), "services: {api: {build: ., image: 'api:1'}, db: {image: db}}")
        .unwrap();
    std::fs::write(env.path("docker-bake.json"), r#"{"target": {"api": {"args": {"A": "1"}}}}"#).unwrap();
    let printed = env.dsbuild(&["bake", "--print"]).success();
    let plan: Value = serde_json::from_str(&printed.stdout()).unwrap();
    assert_eq!(plan["group"]["default"]["targets"], serde_json::json!(["api"]));
    let expected = serde_json::json!({
        "context": ".", "dockerfile": "Dockerfile", "tags": ["api:1"], "args": {"A": "1"},
    });
    assert_eq!(plan["target"]["api"], expected);
}

#[test]
fn a_directory_without_bake_files_is_an_error_with_a_hint() {
    let env = TestEnv::bare();
    let failed = env.dsbuild(&["bake"]).fails(1);
    assert!(failed.stderr().contains("there is no bake file in"), "{}", failed.stderr());
    assert!(failed.stderr().contains("create docker-bake.hcl"), "{}", failed.stderr());
}
