//! Manifests and indexes are told apart by what they are.

use oci::media_type::*;
use oci::{Descriptor, Digest, Document, DocumentError, ImageConfig, Index, MAX_LAYERS, Manifest};
use proptest::prelude::*;
use serde_json::{Value, json};

fn descriptor(media_type: &str) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(b""), "size": 0})
}

fn manifest(own: Option<&str>) -> Value {
    let mut document =
        json!({"schemaVersion": 2, "config": descriptor(CONFIG), "layers": [descriptor(LAYER_TAR)]});
    if let Some(own) = own {
        document["mediaType"] = own.into();
    }
    document
}

fn index(own: Option<&str>) -> Value {
    let mut document = json!({"schemaVersion": 2, "manifests": [descriptor(MANIFEST)]});
    if let Some(own) = own {
        document["mediaType"] = own.into();
    }
    document
}

#[track_caller]
fn parse(announced: Option<&str>, document: &Value) -> Result<&'static str, DocumentError> {
    Document::parse(announced, document.to_string().as_bytes()).map(|document| match document {
        Document::Manifest(_) => "manifest",
        Document::Index(_) => "index",
    })
}

#[test]
fn kinds_follow_from_the_document() {
    for announced in [None, Some(""), Some("application/json"), Some("text/plain")] {
        assert_eq!(parse(announced, &manifest(None)), Ok("manifest"));
        assert_eq!(parse(announced, &index(None)), Ok("index"));
        assert_eq!(parse(announced, &manifest(Some(DOCKER_MANIFEST))), Ok("manifest"));
        assert_eq!(parse(announced, &index(Some(DOCKER_INDEX))), Ok("index"));
    }
    assert_eq!(parse(Some(MANIFEST), &manifest(None)), Ok("manifest"));
    assert_eq!(parse(Some(INDEX), &index(Some(INDEX))), Ok("index"));
}

#[test]
fn what_could_be_both_is_neither() {
    let mut both = manifest(None);
    both["manifests"] = json!([]);
    assert_eq!(parse(Some(MANIFEST), &both), Err(DocumentError::Ambiguous));
    assert_eq!(parse(Some(INDEX), &both), Err(DocumentError::Ambiguous));
    assert_eq!(parse(None, &both), Err(DocumentError::Ambiguous));
    assert_eq!(parse(None, &manifest(Some(INDEX))), Err(DocumentError::Ambiguous));
    assert_eq!(parse(Some(MANIFEST), &index(None)), Err(DocumentError::Ambiguous));
    let disagree = parse(Some(DOCKER_MANIFEST), &manifest(Some(MANIFEST)));
    assert!(matches!(disagree, Err(DocumentError::Disagree { .. })), "{disagree:?}");
}

#[test]
fn other_things_are_no_images() {
    let signature = manifest(Some("application/vnd.docker.distribution.manifest.v1+prettyjws"));
    assert!(matches!(parse(None, &signature), Err(DocumentError::Unsupported { .. })));
    let chart = Descriptor::new("application/vnd.cncf.helm.config.v1+json", Digest::of(b"{}"), 2);
    let config = ImageConfig::parse(&Manifest::new(chart, Vec::new()), b"{}");
    assert!(matches!(config, Err(DocumentError::Unsupported { .. })), "{config:?}");
}

#[test]
fn bad_documents_are_refused() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for text in ["", "null", "7", "{}", "{", "\u{feff}{}", &deep] {
        assert!(Document::parse(None, text.as_bytes()).is_err(), "{text:.20} was taken");
    }
    let twice = manifest(None).to_string().replacen("\"layers\"", "\"layers\":[],\"layers\"", 1);
    assert!(matches!(Document::parse(None, twice.as_bytes()), Err(DocumentError::Json { .. })));
    for (field, value) in [
        ("digest", json!("sha256:../x")),
        ("size", json!(-1)),
        ("size", json!(1.5)),
        ("size", json!("1")),
        ("digest", json!(null)),
    ] {
        let mut document = manifest(None);
        document["layers"][0][field] = value;
        assert!(matches!(parse(None, &document), Err(DocumentError::Json { .. })), "{document}");
    }
}

#[test]
fn lists_have_limits() {
    let mut document = manifest(None);
    document["layers"] = vec![descriptor(LAYER_TAR); MAX_LAYERS].into();
    assert_eq!(parse(None, &document), Ok("manifest"));
    document["layers"] = vec![descriptor(LAYER_TAR); MAX_LAYERS + 1].into();
    assert!(matches!(parse(None, &document), Err(DocumentError::TooMany { .. })));
}

#[test]
fn null_lists_are_empty() {
    let mut document = manifest(None);
    document["layers"] = Value::Null;
    document["annotations"] = Value::Null;
    assert_eq!(parse(None, &document), Ok("manifest"));
}

#[test]
fn unknown_fields_survive() {
    let mut document = manifest(Some(MANIFEST));
    document["subject"] = descriptor(MANIFEST);
    document["layers"][0]["urls"] = json!(["https://example.org"]);
    document["annotations"] = json!({"b": "1", "a": "2"});
    let read: Manifest = serde_json::from_value(document.clone()).expect("a manifest");
    assert_eq!(serde_json::to_value(&read).expect("JSON"), document);
    let mut list = index(Some(INDEX));
    list["manifests"][0]["platform"] = json!({"architecture": "arm", "os": "linux", "variant": "v7"});
    list["artifactType"] = "x/y".into();
    let read: Index = serde_json::from_value(list.clone()).expect("an index");
    assert_eq!(serde_json::to_value(&read).expect("JSON"), list);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Document::parse(None, &bytes);
    }

    #[test]
    fn no_json_makes_it_panic(key in "mediaType|layers|config|manifests|schemaVersion", text in "null|7|\"x\"|\\[\\]|\\{\\}|\\[null\\]") {
        let document = manifest(None).to_string().replacen('{', &format!("{{\"{key}\":{text},"), 1);
        let _ = Document::parse(None, document.as_bytes());
        let mut changed = manifest(Some(MANIFEST));
        changed[key.as_str()] = serde_json::from_str(&text).expect("JSON");
        let _ = Document::parse(None, changed.to_string().as_bytes());
    }
}
