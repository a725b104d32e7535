//! Broken layouts and documents, which are refused, and documents of odd builders, which are not.

use std::path::Path;

use oci::Digest;
use oci::media_type::{self, Compression};
use serde_json::json;
use testing::{Env, MemoryLayout, packed, tar};

use super::{AMD64, content, fetch_layout, image_of, list_image, platform, sources};

#[test]
fn symlinks_in_a_layout_are_refused() {
    #[track_caller]
    fn check(replace: impl Fn(&Path)) {
        let env = Env::new();
        let layer = tar(&[("f", "content")]);
        let layout = image_of(packed(&layer, Compression::Gzip), &layer);
        let path = env.path("layout");
        layout.write(&path);
        replace(&path);
        let sources = sources(&env, false);
        sources.image_of_layout(&path, None, None, &platform(AMD64)).expect_err("a link was followed");
    }
    let moved = |path: &Path| {
        let away = path.with_extension("away");
        std::fs::rename(path, &away).expect("rename");
        std::os::unix::fs::symlink(&away, path).expect("link");
    };
    check(|layout| moved(&layout.join("index.json")));
    check(|layout| moved(&layout.join("blobs")));
    check(|layout| moved(&layout.join("blobs/sha256")));
    check(|layout| {
        for blob in std::fs::read_dir(layout.join("blobs/sha256")).expect("list") {
            moved(&blob.expect("entry").path());
        }
    });
}

#[test]
fn bad_documents_are_refused() {
    #[track_caller]
    fn check(media_type: &str, document: &serde_json::Value, complaint: &str) {
        let mut layout = MemoryLayout::default();
        let root = layout.document(media_type, document);
        layout.list(root, "");
        let error = fetch_layout(&Env::new(), &layout).expect_err(complaint);
        assert!(error.contains(complaint), "{error}");
    }
    let config = json!({"mediaType": media_type::CONFIG, "digest": Digest::of(b"{}"), "size": 2});
    check(
        media_type::MANIFEST,
        &json!({"schemaVersion": 2, "config": config, "layers": [], "manifests": []}),
        "ambiguous",
    );
    check(media_type::INDEX, &json!({"schemaVersion": 2, "config": config, "layers": []}), "ambiguous");
    check(
        media_type::MANIFEST,
        &json!({"schemaVersion": 2, "config": {"mediaType": "x", "digest": "sha256:../../x", "size": 1}, "layers": []}),
        "invalid digest",
    );
    check(
        media_type::MANIFEST,
        &json!({"schemaVersion": 2, "config": config, "layers": [{"mediaType": "x", "digest": Digest::of(b""), "size": -1}]}),
        "cannot be read",
    );
    let huge = json!({"mediaType": media_type::CONFIG, "digest": Digest::of(b"{}"), "size": u64::MAX});
    check(media_type::MANIFEST, &json!({"schemaVersion": 2, "config": huge, "layers": []}), "more than");
}

#[test]
fn configs_that_docker_reads_are_read() {
    #[track_caller]
    fn check(config: serde_json::Value) {
        let mut layout = MemoryLayout::default();
        let image = list_image(&mut layout, config.clone(), "content");
        layout.list(image, "");
        let env = Env::new();
        let layers = fetch_layout(&env, &layout).unwrap_or_else(|error| panic!("{config}: {error}"));
        assert_eq!(content(&env, &layers, "f"), "content");
    }
    for field in ["User", "WorkingDir", "StopSignal", "ArgsEscaped", "Env", "Healthcheck", "Shell", "OnBuild"]
    {
        check(json!({"os": "linux", "architecture": "amd64", "config": {field: null}}));
    }
    for field in ["os", "architecture", "variant", "os.features", "author", "created", "history", "config"] {
        check(json!({field: null}));
    }
    check(json!({"history": [{"created": null, "created_by": null, "author": null, "empty_layer": null}]}));
    check(json!({"config": {"Env": ["PATH=/bin", "NOVALUE", "", "=odd", null]}}));
    check(json!({"os": "linux", "architecture": ""}));
}

#[test]
fn a_config_that_cannot_be_read_is_named_with_its_field() {
    let mut layout = MemoryLayout::default();
    let image = list_image(&mut layout, json!({"config": {"Cmd": "sh"}}), "content");
    layout.list(image, "");
    let error = fetch_layout(&Env::new(), &layout).expect_err("a command as text");
    assert!(error.contains("bad image config sha256:"), "{error}");
    assert!(error.contains("config.Cmd: invalid type: string \"sh\", expected a sequence"), "{error}");
}
