//! Commands on images in docker's words: lists, names, history, documents, removal, archives.

use serde_json::Value;

use crate::env::{TestEnv, skip_unless};

const DOCKERFILE: &str =
    "FROM base\nLABEL team=data\nENV A=1 B=2\nRUN echo hi > /hi\nENTRYPOINT [\"sleep\"]\nCMD [\"9\"]\n";

/// Returns an environment with the image `t`, which has the name `other/app:2` as well, and with `base`.
fn built() -> Result<TestEnv, String> {
    let env = TestEnv::new()?;
    env.build(DOCKERFILE, &[]).success();
    env.dsbuild(&["tag", "t", "other/app:2"]).success();
    Ok(env)
}

/// Runs a command, and compares what it prints.
#[track_caller]
fn check(env: &TestEnv, args: &[&str], expected: &str) {
    assert_eq!(env.dsbuild(args).success().stdout(), expected, "{args:?}");
}

#[test]
fn privileged_images_are_listed_and_filtered_as_by_docker() {
    let env = skip_unless!(built());
    let format = "{{.Repository}}:{{.Tag}}";
    let check = |args: &[&str], expected: &str| {
        let all: Vec<&str> = ["images", "--format", format].iter().chain(args).copied().collect();
        check(&env, &all, expected);
    };
    check(&[], "t:latest\nother/app:2\nbase:latest\n");
    check(&["t"], "t:latest\n");
    check(&["other/*"], "other/app:2\n");
    check(&["-f", "reference=t:l*", "-f", "reference=base"], "t:latest\nbase:latest\n");
    check(&["-f", "label=team=data"], "t:latest\nother/app:2\n");
    check(&["-f", "label!=team"], "base:latest\n");
    check(&["-f", "before=t"], "base:latest\n");
    check(&["-f", "since=base"], "t:latest\nother/app:2\n");
    check(&["-f", "until=24h"], "");
    check(&["-f", "dangling=true"], "");
    env.dsbuild(&["images", "-f", "color=red"]).fails(2);
}

#[test]
fn privileged_each_spelling_of_a_list_prints_the_same() {
    let env = skip_unless!(built());
    let images = env.dsbuild(&["images", "-q"]).success().stdout();
    for args in [["image", "ls", "-q"], ["image", "list", "-q"]] {
        check(&env, &args, &images);
    }
    for args in [["container", "ls"], ["container", "list"], ["container", "ps"]] {
        check(&env, &args, "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES\n");
    }
}

#[test]
fn privileged_lists_have_the_forms_of_docker() {
    let env = skip_unless!(built());
    let lines = env.dsbuild(&["images", "--format", "json"]).success().stdout();
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[2]["Repository"], "base");
    check(
        &env,
        &["images", "--format", "table {{.Tag}}\\t{{upper .Repository}}"],
        "TAG       REPOSITORY\nlatest    T\n2         OTHER/APP\nlatest    BASE\n",
    );
    let id = env.dsbuild(&["images", "-q", "t"]).success().stdout();
    let full = env.dsbuild(&["images", "-q", "--no-trunc", "t"]).success().stdout();
    assert_eq!(id.len(), 13);
    assert!(full.starts_with(&format!("sha256:{}", id.trim())) && full.len() == 72, "{full}");
    let error = env.dsbuild(&["images", "--format", "{{.Repo}}"]).fails(1).stderr();
    assert!(error.contains("map has no entry for key: Repo"), "{error}");
}

#[test]
fn privileged_history_lists_the_instructions_with_the_newest_first() {
    let env = skip_unless!(built());
    let id = env.dsbuild(&["images", "-q", "t"]).success().stdout();
    let got = env.dsbuild(&["history", "--format", "{{.ID}}|{{.CreatedBy}}", "t"]).success().stdout();
    let expected = [
        &format!("{}|CMD [\"9\"]", id.trim()),
        "<missing>|ENTRYPOINT [\"sleep\"]",
        "<missing>|RUN /bin/sh -c echo hi > /hi # buildkit",
        "<missing>|ENV A=1 B=2",
        "<missing>|LABEL team=data",
        "<missing>|",
    ];
    assert_eq!(got.lines().collect::<Vec<_>>(), expected);
    let sizes = env.dsbuild(&["history", "-H=false", "--format", "{{.Size}}", "t"]).success().stdout();
    assert!(sizes.lines().all(|size| size.parse::<u64>().is_ok()), "{sizes}");
}

#[test]
fn privileged_inspect_prints_the_documents_of_docker() {
    let env = skip_unless!(built());
    let check = |format: &str, expected: &str| {
        check(&env, &["inspect", "--format", format, "t"], &format!("{expected}\n"));
    };
    check(
        "{{json .Config.Env}}",
        r#"["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","A=1","B=2"]"#,
    );
    check("{{.Config.Entrypoint}} {{.Config.Cmd}} {{json .Config.OnBuild}}", "[sleep] [9] null");
    check("{{index .Config.Labels \"team\"}} {{.Os}} {{len .RootFS.Layers}}", "data linux 2");
    check("{{range .RepoTags}}{{println .}}{{end}}", "t:latest\nother/app:2\n");
    let text = env.dsbuild(&["inspect", "t", "base"]).success().stdout();
    let documents: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(documents[0]["RepoTags"][0], "t:latest");
    assert_eq!(documents[1]["Config"]["Entrypoint"], Value::Null);
    assert!(text.starts_with("[\n    {\n        \"Id\": \"sha256:"), "{text}");
}

#[test]
fn privileged_inspect_prints_what_exists_and_fails_for_the_rest() {
    let env = skip_unless!(built());
    let ran = env.dsbuild(&["inspect", "--format", "{{.Os}}", "nope", "t"]).fails(1);
    assert_eq!(ran.stdout(), "linux\n");
    assert!(ran.stderr().contains("error: No such object: nope\nhint: "), "{}", ran.stderr());
    let ran = env.dsbuild(&["image", "inspect", "nope"]).fails(1);
    assert_eq!(ran.stdout(), "[]\n");
    assert!(ran.stderr().contains("error: No such image: nope\n"), "{}", ran.stderr());
    env.dsbuild(&["inspect", "--type", "container", "t"]).fails(1);
}

#[test]
fn privileged_images_are_removed_by_the_rules_of_docker() {
    let env = skip_unless!(built());
    let id = env.dsbuild(&["images", "-q", "--no-trunc", "t"]).success().stdout();
    let id = id.trim();
    let refused = env.dsbuild(&["rmi", id]).fails(1).stderr();
    assert!(refused.contains("(must be forced) - image is referenced in multiple repositories"), "{refused}");
    check(&env, &["rmi", "other/app:2"], "Untagged: other/app:2\n");
    let ran = env.dsbuild(&["rmi", "nope", "t"]).fails(1);
    assert_eq!(ran.stdout(), format!("Untagged: t:latest\nDeleted: {id}\n"));
    assert!(ran.stderr().contains("No such image: nope"), "{}", ran.stderr());
    check(&env, &["rmi", "--force", "nope"], "");
    check(&env, &["images", "--format", "{{.Repository}}"], "base\n");
}

#[test]
fn privileged_force_removes_all_names_of_an_image() {
    let env = skip_unless!(built());
    let id = env.dsbuild(&["images", "-q", "--no-trunc", "t"]).success().stdout();
    let expected = format!("Untagged: t:latest\nUntagged: other/app:2\nDeleted: {id}");
    check(&env, &["rmi", "-f", id.trim()], &expected);
}

#[test]
fn privileged_an_archive_holds_several_images_with_their_names() {
    let env = skip_unless!(built());
    env.dsbuild(&["save", "-o", "saved.tar", "t", "other/app:2", "base"]).success();
    let again = env.dsbuild(&["save", "t", "other/app:2", "base"]).success();
    let saved = std::fs::read(env.path("saved.tar")).expect("the archive");
    assert!(again.0.stdout == saved, "an archive on stdout has the same bytes");
    let full =
        env.dsbuild(&["images", "--no-trunc", "--format", "{{.Repository}} {{.ID}}"]).success().stdout();
    env.dsbuild(&["rmi", "t", "other/app:2", "base"]).success();
    let loaded = env.dsbuild(&["load", "-i", "saved.tar"]).success().stdout();
    assert_eq!(loaded, "Loaded image: t:latest\nLoaded image: other/app:2\nLoaded image: base:latest\n");
    let back =
        env.dsbuild(&["images", "--no-trunc", "--format", "{{.Repository}} {{.ID}}"]).success().stdout();
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&back), sorted(&full));
}

#[test]
fn privileged_pruning_removes_only_what_nothing_needs() {
    let env = skip_unless!(built());
    env.build("FROM base\nLABEL new=1\n", &[]).success();
    env.dsbuild(&["rmi", "t"]).success();
    env.build("FROM base\nLABEL newest=1\n", &[]).success();
    env.build("FROM base\nLABEL newer=1\n", &[]).success();
    let refused = env.dsbuild(&["image", "prune"]).fails(1);
    assert!(refused.stdout().ends_with("Are you sure you want to continue? [y/N] "), "{}", refused.stdout());
    assert_eq!(env.dsbuild(&["images", "-qf", "dangling=true"]).success().stdout().lines().count(), 1);
    let pruned = env.dsbuild(&["image", "prune", "-f"]).success().stdout();
    assert!(pruned.starts_with("Deleted Images:\ndeleted: sha256:"), "{pruned}");
    assert!(pruned.contains("\n\nTotal reclaimed space: "), "{pruned}");
    check(&env, &["images", "-qf", "dangling=true"], "");
    let all = env.dsbuild(&["image", "prune", "-af", "--filter", "label=newer"]).success().stdout();
    assert!(all.starts_with("Deleted Images:\nuntagged: t:latest\ndeleted: sha256:"), "{all}");
    check(&env, &["images", "--format", "{{.Repository}}"], "other/app\nbase\n");
    env.dsbuild(&["run", "--rm", "--network", "none", "--entrypoint", "cat", "other/app:2", "/hi"]).success();
}

#[test]
fn privileged_disk_usage_has_the_kinds_of_docker() {
    let env = skip_unless!(built());
    check(
        &env,
        &["system", "df", "--format", "{{.Type}} {{.TotalCount}} {{.Active}}"],
        "Images 2 0\nContainers 0 0\nLocal Volumes 0 0\nBuild Cache 2 0\n",
    );
    let verbose = env.dsbuild(&["system", "df", "-v"]).success().stdout();
    for title in ["Images space usage:", "Containers space usage:", "Local Volumes space usage:"] {
        assert!(verbose.contains(title), "{verbose}");
    }
}

#[test]
fn privileged_system_prune_keeps_images_with_names_unless_all_is_said() {
    let env = skip_unless!(built());
    let pruned = env.dsbuild(&["system", "prune", "-f"]).success().stdout();
    assert!(pruned.contains("Total reclaimed space: "), "{pruned}");
    assert_eq!(env.dsbuild(&["images", "-q"]).success().stdout().lines().count(), 3);
    let pruned = env.dsbuild(&["system", "prune", "-af"]).success().stdout();
    assert!(pruned.contains("untagged: base:latest\n"), "{pruned}");
    check(&env, &["images", "-q"], "");
    assert_eq!(
        env.dsbuild(&["system", "df", "--format", "{{.TotalCount}}"]).success().stdout(),
        "0\n0\n0\n0\n"
    );
}

#[test]
fn privileged_a_manifest_list_holds_images_under_one_name() {
    let env = skip_unless!(built());
    let expected = "Created manifest list docker.io/library/list:1\n";
    check(&env, &["manifest", "create", "list:1", "t", "base"], expected);
    env.dsbuild(&["manifest", "create", "list:1", "t"]).fails(1);
    check(&env, &["manifest", "create", "--amend", "list:1", "t"], expected);
    env.dsbuild(&["manifest", "annotate", "list:1", "base", "--arch", "arm", "--variant", "v7"]).success();
    let text = env.dsbuild(&["manifest", "inspect", "list:1"]).success().stdout();
    let index: Value = serde_json::from_str(&text).expect("JSON");
    let platforms: Vec<&Value> =
        index["manifests"].as_array().expect("entries").iter().map(|entry| &entry["platform"]).collect();
    assert_eq!(platforms.len(), 2);
    assert!(platforms.iter().any(|one| one["architecture"] == "arm" && one["variant"] == "v7"), "{text}");
    check(&env, &["manifest", "rm", "list:1"], "Untagged: list:1\n");
    env.dsbuild(&["manifest", "annotate", "list:1", "base", "--arch", "arm"]).fails(1);
    assert_eq!(env.dsbuild(&["images", "-q"]).success().stdout().lines().count(), 3);
}

#[test]
fn privileged_a_volume_is_removed_only_when_no_container_has_it() {
    let env = skip_unless!(TestEnv::new());
    let run = ["run", "--name", "user", "--network", "none", "-v", "data:/data", "base", "touch", "/data/f"];
    env.dsbuild(&run).success();
    check(&env, &["volume", "ls"], "DRIVER    VOLUME NAME\nlocal     data\n");
    check(&env, &["volume", "ls", "-qf", "dangling=true"], "");
    assert!(env.dsbuild(&["volume", "rm", "data"]).fails(1).stderr().contains("volume is in use - ["));
    check(&env, &["rm", "user"], "user\n");
    check(&env, &["volume", "rm", "data"], "data\n");
    check(&env, &["volume", "ls", "-q"], "");
    env.dsbuild(&["volume", "rm", "data"]).fails(1);
    env.dsbuild(&["volume", "rm", "../containers"]).fails(1);
}
