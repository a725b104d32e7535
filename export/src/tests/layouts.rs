//! OCI layouts and docker archives, read back.

use std::path::Path;

use oci::media_type;
use oci::{DiffId, Digest, Document};
use serde_json::Value;

use super::{Built, Layout, TIMES, mtimes};
use crate::{BuildTimes, ExportError};

#[test]
fn layouts_of_all_kinds_are_valid() {
    #[track_caller]
    fn check(built: &Built, attributes: &str, layer_type: &str, manifest_type: &str, config_type: &str) {
        let output = format!("type=oci,dest=-{attributes}");
        let (exported, tar) = built.export(&output, TIMES);
        let layout = Layout::of_tar(&tar);
        let (manifest, _) = layout.only();
        assert_eq!(manifest.media_type.as_deref(), Some(manifest_type));
        assert_eq!(manifest.config.media_type, config_type);
        assert!(manifest.layers.iter().all(|layer| layer.media_type == layer_type), "{output}");
        assert_eq!(exported.descriptor, Some(layout.index().manifests[0].clone()));
        assert_eq!(exported.image_id(), Some(manifest.config.digest));
        let (_, again) = built.export(&output, TIMES);
        assert!(tar == again, "{output}: another export has other bytes");
    }
    use media_type::*;
    let built = Built::new(&["linux/amd64"]);
    check(&built, "", LAYER_GZIP, MANIFEST, CONFIG);
    check(&built, ",compression=uncompressed", LAYER_TAR, MANIFEST, CONFIG);
    check(&built, ",compression=zstd", LAYER_ZSTD, MANIFEST, CONFIG);
    check(&built, ",compression=gzip,compression-level=9", LAYER_GZIP, MANIFEST, CONFIG);
    check(&built, ",oci-mediatypes=false", DOCKER_LAYER_GZIP, DOCKER_MANIFEST, DOCKER_CONFIG);
    check(
        &built,
        ",oci-mediatypes=false,compression=uncompressed",
        DOCKER_LAYER_TAR,
        DOCKER_MANIFEST,
        DOCKER_CONFIG,
    );
    // Docker has no media type for zstd.
    check(&built, ",oci-mediatypes=false,compression=zstd", LAYER_ZSTD, MANIFEST, CONFIG);
}

#[test]
fn two_stores_give_the_same_bytes() {
    let export = |attributes: &str| {
        Built::new(&["linux/amd64"]).export(&format!("type=oci,dest=-{attributes}"), TIMES).1
    };
    for attributes in ["", ",compression=zstd", ",name=a:1"] {
        assert!(export(attributes) == export(attributes), "{attributes}");
    }
}

#[test]
fn the_config_is_finished() {
    let built = Built::new(&["linux/amd64"]);
    let created = |times: BuildTimes, attributes: &str| {
        let (_, tar) = built.export(&format!("type=oci{attributes}"), times);
        let (_, config) = Layout::of_tar(&tar).only();
        let history: Vec<_> =
            config.history.iter().map(|entry| entry.created.clone().expect("a time")).collect();
        assert_eq!(history[0], "2001-01-01T00:00:00Z", "the base's history");
        assert_eq!(
            history[1..],
            [config.created.clone().expect("a time"), config.created.clone().expect("a time")]
        );
        config.created.expect("a time")
    };
    let dated = BuildTimes { source_date_s: Some(1_000_000_000), ..TIMES };
    let commit = BuildTimes { commit_s: Some(1_100_000_000), ..TIMES };
    assert_eq!(created(TIMES, ""), "1980-01-02T00:00:00Z");
    assert_eq!(created(commit, ""), "2004-11-09T11:33:20Z");
    assert_eq!(created(dated, ""), "2001-09-09T01:46:40Z");
    assert_eq!(created(TIMES, ",rewrite-timestamp=false"), "2023-11-14T22:13:20Z");
    assert_eq!(created(dated, ",rewrite-timestamp=false"), "2001-09-09T01:46:40Z");
}

#[test]
fn times_are_rewritten_above_the_base_only() {
    #[track_caller]
    fn check(times: BuildTimes, attributes: &str, own: u64) {
        let built = Built::new(&["linux/amd64"]);
        let (_, tar) = built.export(&format!("type=oci,compression=uncompressed{attributes}"), times);
        let layout = Layout::of_tar(&tar);
        let (manifest, config) = layout.only();
        assert_eq!(config.rootfs.diff_ids[0], built.layers[0]);
        assert_eq!(mtimes(layout.blob(&manifest.layers[0])), [1_600_000_000]);
        assert_eq!(mtimes(layout.blob(&manifest.layers[1])), [own]);
    }
    let dated = |date| BuildTimes { source_date_s: Some(date), ..TIMES };
    check(TIMES, "", 315_619_200);
    check(dated(1_000_000_000), "", 1_000_000_000);
    check(dated(1_650_000_000), "", 1_600_000_000);
    check(dated(1_000_000_000), ",rewrite-timestamp=false", 1_600_000_000);
    check(TIMES, ",rewrite-timestamp=false", 1_600_000_000);
}

#[test]
fn every_name_has_its_entry() {
    let built = Built::new(&["linux/amd64"]);
    let (exported, tar) = built.export("type=oci,\"name=a,r.example/b:2\"", TIMES);
    let index = Layout::of_tar(&tar).index();
    let annotations: Vec<(&str, &str)> = index
        .manifests
        .iter()
        .map(|entry| {
            let value = |key: &str| entry.annotations[key].as_str();
            assert_eq!(value("org.opencontainers.image.created"), "1980-01-02T00:00:00Z");
            (value("io.containerd.image.name"), value("org.opencontainers.image.ref.name"))
        })
        .collect();
    assert_eq!(annotations, [("docker.io/library/a:latest", "latest"), ("r.example/b:2", "2")]);
    let metadata = exported.metadata();
    assert_eq!(metadata["image.name"], "docker.io/library/a:latest,r.example/b:2");
    assert_eq!(metadata["containerimage.digest"], index.manifests[0].digest.to_string());
}

#[test]
fn several_platforms_become_an_index() {
    let built = Built::new(&["linux/amd64", "linux/arm64"]);
    let (exported, tar) = built.export("type=oci,annotation-index.i=1,annotation[linux/arm64].m=2,annotation-manifest-descriptor.d=3,annotation-index-descriptor.e=4", TIMES);
    let layout = Layout::of_tar(&tar);
    let root = layout.index().manifests[0].clone();
    assert_eq!((root.media_type.as_str(), root.annotations["e"].as_str()), (media_type::INDEX, "4"));
    let Ok(Document::Index(index)) = Document::parse(Some(media_type::INDEX), layout.blob(&root)) else {
        panic!("no index")
    };
    assert_eq!(index.annotations["i"], "1");
    let platforms: Vec<String> = index
        .manifests
        .iter()
        .map(|entry| {
            let (manifest, config) = layout.image(entry);
            let platform = entry.platform.as_ref().expect("a platform");
            assert_eq!(*platform, config.platform);
            assert_eq!(entry.annotations["d"], "3");
            assert_eq!(manifest.annotations.contains_key("m"), platform.architecture == "arm64");
            platform.to_string()
        })
        .collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    assert_eq!((exported.config_digest, exported.image_id()), (None, Some(root.digest)));
    let error = built.try_export("type=docker", TIMES).expect_err("docker cannot");
    assert!(error.to_string().contains("several platforms"), "{error}");
}

#[test]
fn a_docker_archive_lists_config_layers_and_names() {
    let built = Built::new(&["linux/amd64"]);
    let (exported, tar) = built.export("type=docker,\"name=a:1,r.example/b:2\"", TIMES);
    let layout = Layout::of_tar(&tar);
    let index = layout.index();
    assert_eq!(index.manifests.len(), 2);
    layout.image(&index.manifests[0]);
    let listed: Value = serde_json::from_slice(&layout.files["manifest.json"]).expect("JSON");
    assert_eq!(listed[0]["RepoTags"], serde_json::json!(["a:1", "r.example/b:2"]));
    let config = listed[0]["Config"].as_str().expect("a path");
    assert_eq!(Some(Digest::of(&layout.files[config])), exported.config_digest);
    let layers = listed[0]["Layers"].as_array().expect("a list");
    assert!(layers.iter().all(|path| layout.files.contains_key(path.as_str().expect("a path"))));
    let repositories: Value = serde_json::from_slice(&layout.files["repositories"]).expect("JSON");
    assert!(repositories["a"]["1"].is_string() && repositories["r.example/b"]["2"].is_string());
}

#[test]
fn images_are_kept_in_the_store_by_name() {
    let built = Built::new(&["linux/amd64"]);
    let (exported, stdout) = built.export("type=image,name=mine:1", TIMES);
    assert!(stdout.is_empty());
    let name = "mine:1".parse().expect("a reference");
    let root = built.env.store.resolve(&name).expect("readable").expect("named");
    assert_eq!(Some(root.digest), exported.descriptor.map(|descriptor| descriptor.digest));
    let bytes = built.env.store.get_blob(&root.digest, 1 << 20).expect("there");
    let Ok(Document::Manifest(manifest)) = Document::parse(None, &bytes) else { panic!("no manifest") };
    // Nothing is compressed: the blobs are the tars of the layers.
    let blobs: Vec<DiffId> = manifest.layers.iter().map(|layer| DiffId(layer.digest)).collect();
    assert_eq!(blobs, built.layers);

    built.export("type=image", TIMES);
    assert_eq!(built.env.store.images().expect("readable").len(), 1, "a known image needs no second entry");
}

#[test]
fn a_layout_directory_keeps_other_images() {
    let built = Built::new(&["linux/amd64"]);
    let dir = built.env.path("out");
    let export = |name: &str, level: &str| {
        built.export(
            &format!("type=oci,tar=false,dest={},name={name},compression={level}", dir.display()),
            TIMES,
        )
    };
    export("a:1", "gzip");
    export("b:1", "gzip");
    export("a:1", "zstd");
    let layout = Layout::of_dir(&dir);
    let index = layout.index();
    let names: Vec<&str> =
        index.manifests.iter().map(|entry| &*entry.annotations["io.containerd.image.name"]).collect();
    assert_eq!(names, ["docker.io/library/b:1", "docker.io/library/a:1"]);
    let (replaced, _) = layout.image(&index.manifests[1]);
    assert_eq!(replaced.layers[0].media_type, media_type::LAYER_ZSTD);
    assert!(layout.files.keys().all(|name| !name.contains("tmp")), "drafts are left");
}

#[test]
fn a_result_on_another_base_is_refused() {
    let mut built = Built::new(&["linux/amd64"]);
    built.planned[0].layers.swap(0, 1);
    let error = built.try_export("type=oci", TIMES).expect_err("not on its base");
    assert!(matches!(error, ExportError::Base { index: 0, .. }), "{error}");
    built.planned[0].layers.clear();
    built.try_export("type=oci", TIMES).expect_err("no layers at all");
}

#[test]
fn an_image_without_layers_is_valid() {
    let mut built = Built::new(&["linux/amd64"]);
    built.planned[0].layers.clear();
    built.planned[0].config.rootfs.diff_ids.clear();
    built.planned[0].config.history.retain(|entry| entry.empty_layer);
    for output in ["type=oci", "type=docker,name=empty:1"] {
        let (_, tar) = built.export(output, TIMES);
        let (manifest, config) = Layout::of_tar(&tar).only();
        assert!(manifest.layers.is_empty());
        let text = serde_json::to_string(&config).expect("JSON");
        assert!(text.contains(r#""diff_ids":[]"#), "{text}");
    }
}

#[test]
fn skopeo_reads_what_we_write() {
    let skopeo = Path::new("/usr/bin/skopeo");
    if !skopeo.exists() {
        #[expect(clippy::print_stderr, reason = "a test that cannot run says so")]
        return eprintln!("SKIP skopeo is not installed");
    }
    let built = Built::new(&["linux/amd64"]);
    let file = |name: &str| built.env.path(name).display().to_string();
    built.export(&format!("type=oci,name=a:1,dest={}", file("oci.tar")), TIMES);
    built.export(&format!("type=docker,name=a:1,dest={}", file("docker.tar")), TIMES);
    built.export(&format!("type=oci,tar=false,name=a:1,dest={}", file("dir")), TIMES);
    built.export("type=image,name=a:1", TIMES);
    let store = built.env.store.root().display().to_string();
    for image in [
        format!("oci-archive:{}", file("oci.tar")),
        format!("docker-archive:{}:a:1", file("docker.tar")),
        format!("oci:{}:1", file("dir")),
        format!("oci:{store}:docker.io/library/a:1"),
    ] {
        let copy = format!("dir:{}", file("copy"));
        let output = std::process::Command::new(skopeo)
            .args(["--insecure-policy", "copy", "-q", &image, &copy])
            .output()
            .expect("run skopeo");
        assert!(output.status.success(), "{image}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn rewritten_layers_are_annotated_with_the_source_date() {
    #[track_caller]
    fn check(times: BuildTimes, attributes: &str, expected: Option<&str>) {
        let (_, tar) = Built::new(&["linux/amd64"]).export(&format!("type=oci{attributes}"), times);
        let (manifest, _) = Layout::of_tar(&tar).only();
        let found = |layer: usize| manifest.layers[layer].annotations.get("buildkit/rewritten-timestamp");
        assert_eq!(found(0), None, "the base is never rewritten");
        assert_eq!(found(1).map(String::as_str), expected, "{attributes}");
    }
    let dated = BuildTimes { source_date_s: Some(1_000_000_000), ..TIMES };
    check(TIMES, "", None);
    check(dated, "", Some("1000000000"));
    check(dated, ",rewrite-timestamp=false", None);
    check(dated, ",source-date-epoch=1100000000", Some("1100000000"));
    check(TIMES, ",source-date-epoch=1100000000", Some("1100000000"));
    check(dated, ",oci-mediatypes=false", None);
}

#[test]
fn the_source_date_of_an_output_dates_its_config_and_its_files() {
    let built = Built::new(&["linux/amd64"]);
    let output = "type=oci,compression=uncompressed,source-date-epoch=1000000000";
    let layout = Layout::of_tar(&built.export(output, TIMES).1);
    let (manifest, config) = layout.only();
    assert_eq!(config.created.as_deref(), Some("2001-09-09T01:46:40Z"));
    assert_eq!(mtimes(layout.blob(&manifest.layers[1])), [1_000_000_000]);
}

#[test]
fn compression_is_shown_while_it_runs() {
    let built = Built::new(&["linux/amd64"]);
    built.export("type=oci", TIMES);
    let own = format!("compressing {}", built.layers[1]);
    assert!(built.events.texts().contains(&own), "{:?}", built.events.texts());
}

#[test]
fn errors_name_the_path_of_the_output() {
    let built = Built::new(&["linux/amd64"]);
    for output in ["type=oci,dest=/dev/full", "type=docker,dest=/dev/full", "type=tar,dest=/dev/full"] {
        let error = built.try_export(output, TIMES).expect_err("no room");
        assert!(error.to_string().contains("/dev/full"), "{output}: {error}");
        assert!(matches!(error, ExportError::Io { .. }), "{error:?}");
    }
}
