//! Faults of content: documents and layers that have their right digest and make no sense.

use std::io::Write as _;

use serde_json::{Value, json};

use super::image::Image;
use super::{Case, Expect};

/// Media type of an index.
const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";

/// Media type of a manifest of 2015.
const SCHEMA_1_TYPE: &str = "application/vnd.docker.distribution.manifest.v1+json";

/// Digest of nothing in the registry.
const UNKNOWN: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

/// Returns the cases of all faults of content.
pub fn cases(image: &Image) -> Vec<Case> {
    let manifests = documents(image).into_iter().chain(descriptors(image));
    let failing = manifests.chain(layers(image)).chain(configs(image));
    let failing = failing.map(|(name, image)| case(name, image, Expect::Failure));
    let doubtful = doubtful(image).into_iter().map(|(name, image)| case(name, image, Expect::Either));
    failing.chain(doubtful).collect()
}

fn case(name: &str, image: Image, expect: Expect) -> Case {
    let (needs_token, is_slow, is_push) = (false, false, false);
    Case { name: name.to_owned(), image, fault: None, needs_token, expect, is_slow, is_push }
}

/// Returns manifests that are no documents, or documents of another kind.
fn documents(image: &Image) -> Vec<(&'static str, Image)> {
    let bytes = |bytes: &str| image.with_manifest_bytes(bytes, &image.media_type);
    let other = |bytes: &str, media_type: &str| image.with_manifest_bytes(bytes, media_type);
    vec![
        ("manifest: half a document", bytes(r#"{"schemaVersion":2,"#)),
        ("manifest: an array", bytes("[]")),
        ("manifest: an empty object", bytes("{}")),
        ("manifest: null", bytes("null")),
        ("manifest: HTML", other("<html>", "text/html")),
        ("manifest: 100,000 brackets", bytes(&"[".repeat(100_000))),
        ("manifest: 10 MB", bytes(&format!(r#"{{"a":"{}"}}"#, "x".repeat(10_000_000)))),
        ("manifest: schema 1", other(r#"{"schemaVersion":1}"#, SCHEMA_1_TYPE)),
        ("manifest: no UTF-8", image.with_manifest_bytes(&b"{\"a\":\"\xff\xfe\"}"[..], &image.media_type)),
        ("index: another platform", other(&index(image, "s390x"), INDEX_TYPE)),
        ("index: leads to itself", other(&index(image, "amd64"), INDEX_TYPE)),
        ("index: no manifests", other(r#"{"schemaVersion":2,"manifests":[]}"#, INDEX_TYPE)),
    ]
}

/// Returns an index that lists an unknown manifest for a platform.
fn index(image: &Image, architecture: &str) -> String {
    json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [{
        "mediaType": image.media_type, "digest": UNKNOWN, "size": 100,
        "platform": {"os": "linux", "architecture": architecture}}]})
    .to_string()
}

/// Returns manifests whose descriptors are wrong.
fn descriptors(image: &Image) -> Vec<(&'static str, Image)> {
    let layer = |key: &str, value: Value| image.with_manifest(|manifest| manifest["layers"][0][key] = value);
    let config = |value: Value| image.with_manifest(|manifest| manifest["config"]["digest"] = value);
    let layers = |change: fn(&mut Value)| image.with_manifest(|manifest| change(&mut manifest["layers"]));
    vec![
        ("layer size: negative", layer("size", json!(-1))),
        ("layer size: 2^63 - 1", layer("size", json!(i64::MAX))),
        ("layer size: too small", layer("size", json!(100))),
        ("layer size: text", layer("size", json!("many"))),
        ("layer digest: unknown", layer("digest", json!(UNKNOWN))),
        ("layer digest: a path", layer("digest", json!("sha256:../../../../etc/passwd"))),
        ("layer digest: empty", layer("digest", json!(""))),
        ("layer type: unknown", layer("mediaType", json!("application/x-unknown"))),
        ("layers: none", layers(|layers| *layers = json!([]))),
        ("layers: twice the first", layers(|layers| *layers = json!([layers[0], layers[0]]))),
        (
            "layers: reversed",
            layers(|layers| {
                layers.as_array_mut().into_iter().for_each(|layers| layers.reverse());
            }),
        ),
        ("config: is a layer", config(json!(image.layer))),
        ("config: unknown", config(json!(UNKNOWN))),
    ]
}

fn layers(image: &Image) -> Vec<(&'static str, Image)> {
    let right = &image.blobs[&image.layer];
    let zeros = packed(&[0; 10_240]);
    let other = packed(b"this is no tar archive".repeat(100).as_slice());
    vec![
        ("layer: truncated gzip", image.with_layer(right[..right.len() - 1000].to_vec())),
        ("layer: half of the gzip", image.with_layer(right[..right.len() / 2].to_vec())),
        ("layer: no gzip", image.with_layer(b"hello".repeat(1000))),
        ("layer: gzip of something else", image.with_layer(other)),
        ("layer: gzip of an empty tar", image.with_layer(zeros)),
        ("layer: empty", image.with_layer(Vec::new())),
        ("layer: gzip of 1 GB of zeros", image.with_layer(bomb())),
    ]
}

fn configs(image: &Image) -> Vec<(&'static str, Image)> {
    let diff_ids = |value: Value| image.with_changed_config(|config| config["rootfs"]["diff_ids"] = value);
    vec![
        ("config: no JSON", image.with_config(b"not JSON".to_vec())),
        ("config: empty", image.with_config(Vec::new())),
        ("config: an array", image.with_config(b"[1]".to_vec())),
        ("config: no diff IDs", diff_ids(json!([]))),
        ("config: unknown diff IDs", diff_ids(json!([UNKNOWN, UNKNOWN]))),
        ("config: diff IDs that are no digests", diff_ids(json!(["sha256:zz", ""]))),
        ("config: Env is a number", image.with_changed_config(|config| config["config"]["Env"] = json!(7))),
    ]
}

/// Faults that a client can live with.
fn doubtful(image: &Image) -> Vec<(&'static str, Image)> {
    let mut trailing = image.blobs[&image.layer].clone();
    trailing.extend(b"garbage");
    vec![
        ("layer: bytes after the gzip", image.with_layer(trailing)),
        (
            "config: null everywhere",
            image.with_changed_config(|config| {
                config["config"] = json!({"Env": null, "Cmd": null, "Labels": null});
                config["history"] = Value::Null;
            }),
        ),
        (
            "config: another architecture",
            image.with_changed_config(|config| {
                config["architecture"] = json!("s390x");
            }),
        ),
        ("manifest: no media type", image.with_manifest(|manifest| manifest["mediaType"] = Value::Null)),
        ("manifest: unknown fields", image.with_manifest(|manifest| manifest["new"] = json!({"a": [1]}))),
    ]
}

/// Returns bytes that are compressed with gzip.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("a vector takes all bytes");
    encoder.finish().expect("a vector takes all bytes")
}

/// Returns a gzip file of 1 MB that unpacks to 1 GB.
fn bomb() -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let part = vec![0; 1 << 20];
    (0..1024).for_each(|_| encoder.write_all(&part).expect("a vector takes all bytes"));
    encoder.finish().expect("a vector takes all bytes")
}
