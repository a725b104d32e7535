//! Differences between two images of a store.

use compare::{Change, Comparison, compare};
use images::Image;
use oci::{Descriptor, Digest, History, ImageConfig, Manifest, media_type};
use rootfs::layers::Layers;
use testing::store::Env;

/// Files of a layer, by path.
type Files<'a> = &'a [(&'a str, &'a str)];

/// Returns an image with these layers and this `config`, as JSON.
fn image(env: &Env, layers: &[Files<'_>], config: &str) -> Image {
    let diff_ids: Vec<_> = layers.iter().map(|files| env.layer(files)).collect();
    let blob = |digest: Digest| Descriptor::new(media_type::LAYER_TAR, digest, 10);
    let blobs = diff_ids.iter().map(|diff_id| blob(diff_id.0)).collect();
    let mut document =
        ImageConfig { config: serde_json::from_str(config).expect("a config"), ..Default::default() };
    document.rootfs.diff_ids = diff_ids;
    document.history = (0..layers.len())
        .flat_map(|number| {
            let made = History { created_by: format!("RUN step {number}"), ..History::default() };
            [History { empty_layer: true, ..History::default() }, made]
        })
        .collect();
    let descriptor = Descriptor::new(media_type::MANIFEST, Digest::of(config.as_bytes()), 2);
    Image { descriptor, manifest: Manifest::new(blob(Digest::of(b"")), blobs), config: document }
}

fn compared(env: &Env, before: &Image, after: &Image) -> Comparison {
    compare(&Layers::new(env.layers.store().clone()), before, after).expect("compared")
}

const STATUS: &str = "Package: curl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 8.1\n";

#[test]
fn packages_with_another_version_are_named() {
    let env = Env::new();
    let base: Files<'_> =
        &[("var/lib/dpkg/status", STATUS), ("a-1.dist-info/METADATA", "Name: a\nVersion: 1\n")];
    let newer = STATUS.replace("8.1", "8.2");
    let before = image(&env, &[base], "{}");
    let upgrade: Files<'_> =
        &[("var/lib/dpkg/status", &newer), ("b-2.dist-info/METADATA", "Name: b\nVersion: 2\n")];
    let after = image(&env, &[base, upgrade], "{}");
    let found = compared(&env, &before, &after);
    let packages: Vec<_> = found
        .packages
        .iter()
        .map(|change| {
            (
                change.kind.name(),
                change.name.as_str(),
                change.change,
                change.before.len(),
                change.after.first(),
            )
        })
        .collect();
    assert_eq!(
        packages,
        [
            ("dpkg", "curl", Change::Changed, 1, Some(&"8.2".to_owned())),
            ("pip", "b", Change::Added, 0, Some(&"2".to_owned())),
        ]
    );
    assert_eq!((found.layers.common, found.layers.removed.len()), (1, 0));
    assert_eq!(found.layers.added[0].created_by, "RUN step 1");
    assert_eq!(found.files.changed, 1);
}

#[test]
fn settings_are_compared_one_by_one() {
    let env = Env::new();
    let before = r#"{"Env":["PATH=/bin","OLD=1"],"Cmd":["a"],"User":"x","Labels":{"k":"1"},"ExposedPorts":{"80/tcp":{}}}"#;
    let after =
        r#"{"Env":["PATH=/usr/bin","NEW="],"Cmd":["a","b"],"Labels":{"k":"2"},"ExposedPorts":{"81/tcp":{}}}"#;
    let found = compared(&env, &image(&env, &[], before), &image(&env, &[], after));
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
    let lines: Vec<String> = found
        .config
        .iter()
        .map(|setting| format!("{}: {} {}", setting.name, text(&setting.before), text(&setting.after)))
        .collect();
    assert_eq!(
        lines,
        [
            r#"Cmd: ["a"] ["a","b"]"#,
            "Env NEW: - ",
            "Env OLD: 1 -",
            "Env PATH: /bin /usr/bin",
            "ExposedPort 80/tcp:  -",
            "ExposedPort 81/tcp: - ",
            "Label k: 1 2",
            "User: x -",
        ]
    );
}

#[test]
fn an_image_does_not_differ_from_itself() {
    let env = Env::new();
    let one = image(&env, &[&[("a/f", "1")], &[("b", "2")]], r#"{"Env":["A=1"]}"#);
    let found = compared(&env, &one, &one);
    assert!(found.is_empty());
    assert_eq!(found.layers.common, 2);
    // The same files in other layers are no difference either.
    let other = image(&env, &[&[("a/f", "1"), ("b", "2")]], r#"{"Env":["A=1"]}"#);
    assert!(compared(&env, &one, &other).is_empty());
}

#[test]
fn the_document_has_the_documented_form() {
    let env = Env::new();
    let (before, after) = (image(&env, &[&[("d/f", "1")]], "{}"), image(&env, &[&[("d/f", "22")]], "{}"));
    let document = serde_json::to_value(compared(&env, &before, &after)).expect("JSON");
    let files = r#"{"added":0,"removed":0,"changed":1,"beforeBytes":1,"afterBytes":2,"changes":[
        {"path":"d/f","change":"changed","differs":["content"],
         "before":{"type":"file","size":1,"mode":"0644","uid":0,"gid":0},
         "after":{"type":"file","size":2,"mode":"0644","uid":0,"gid":0}}]}"#;
    assert_eq!(document["files"], serde_json::from_str::<serde_json::Value>(files).expect("JSON"));
    assert_eq!(document["layers"]["common"], 0);
    assert_eq!(document["packages"], serde_json::json!([]));
}
