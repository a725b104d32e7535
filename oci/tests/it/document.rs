//! Parsing of manifests and indexes: the kind is decided strictly, and malformed documents are rejected.

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
fn generic_media_types_leave_the_kind_to_the_document() {
    for announced in [None, Some(""), Some("application/json"), Some("text/plain")] {
        assert_eq!(parse(announced, &manifest(None)), Ok("manifest"));
        assert_eq!(parse(announced, &index(None)), Ok("index"));
        assert_eq!(parse(announced, &manifest(Some(DOCKER_MANIFEST))), Ok("manifest"));
        assert_eq!(parse(announced, &index(Some(DOCKER_INDEX))), Ok("index"));
    }
}

#[test]
fn a_specific_media_type_is_accepted_if_the_document_agrees() {
    assert_eq!(parse(Some(MANIFEST), &manifest(None)), Ok("manifest"));
    assert_eq!(parse(Some(INDEX), &index(Some(INDEX))), Ok("index"));
}

#[test]
fn fields_of_both_kinds_are_ambiguous() {
    let mut both = manifest(None);
    both["manifests"] = json!([]);
    assert_eq!(parse(Some(MANIFEST), &both), Err(DocumentError::Ambiguous));
    assert_eq!(parse(Some(INDEX), &both), Err(DocumentError::Ambiguous));
    assert_eq!(parse(None, &both), Err(DocumentError::Ambiguous));
}

#[test]
fn a_media_type_that_contradicts_the_fields_is_ambiguous() {
    assert_eq!(parse(None, &manifest(Some(INDEX))), Err(DocumentError::Ambiguous));
    assert_eq!(parse(Some(MANIFEST), &index(None)), Err(DocumentError::Ambiguous));
}

#[test]
fn the_announced_media_type_must_be_the_documents_own() {
    let disagree = parse(Some(DOCKER_MANIFEST), &manifest(Some(MANIFEST)));
    assert!(matches!(disagree, Err(DocumentError::Disagree { .. })), "{disagree:?}");
}

#[test]
fn manifests_of_other_kinds_are_unsupported() {
    let signature = manifest(Some("application/vnd.docker.distribution.manifest.v1+prettyjws"));
    assert!(matches!(parse(None, &signature), Err(DocumentError::Unsupported { .. })));
}

#[test]
fn configs_of_other_kinds_are_unsupported() {
    let chart = Descriptor::new("application/vnd.cncf.helm.config.v1+json", Digest::of(b"{}"), 2);
    let config = ImageConfig::parse(&Manifest::new(chart, Vec::new()), b"{}");
    assert!(matches!(config, Err(DocumentError::Unsupported { .. })), "{config:?}");
}

#[test]
fn text_that_is_no_document_is_rejected() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for text in ["", "null", "7", "{}", "{", "\u{feff}{}", &deep] {
        assert!(Document::parse(None, text.as_bytes()).is_err(), "{text:.20} was accepted");
    }
}

#[test]
fn duplicate_keys_are_rejected() {
    let twice = manifest(None).to_string().replacen("\"layers\"", "\"layers\":[],\"layers\"", 1);
    assert!(matches!(Document::parse(None, twice.as_bytes()), Err(DocumentError::Json { .. })));
}

#[test]
fn malformed_descriptors_are_rejected() {
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
fn the_number_of_layers_is_limited() {
    let mut document = manifest(None);
    document["layers"] = vec![descriptor(LAYER_TAR); MAX_LAYERS].into();
    assert_eq!(parse(None, &document), Ok("manifest"));
    document["layers"] = vec![descriptor(LAYER_TAR); MAX_LAYERS + 1].into();
    assert!(matches!(parse(None, &document), Err(DocumentError::TooMany { .. })));
}

#[test]
fn null_is_read_as_an_empty_list_or_map() {
    let mut document = manifest(None);
    document["layers"] = Value::Null;
    document["annotations"] = Value::Null;
    assert_eq!(parse(None, &document), Ok("manifest"));
}

#[test]
fn a_round_trip_keeps_unknown_fields_of_manifests() {
    let mut document = manifest(Some(MANIFEST));
    document["subject"] = descriptor(MANIFEST);
    document["layers"][0]["urls"] = json!(["https://example.org"]);
    document["annotations"] = json!({"b": "1", "a": "2"});
    let read: Manifest = serde_json::from_value(document.clone()).expect("a manifest");
    assert_eq!(serde_json::to_value(&read).expect("JSON"), document);
}

#[test]
fn a_round_trip_keeps_unknown_fields_of_indexes() {
    let mut list = index(Some(INDEX));
    list["manifests"][0]["platform"] = json!({"architecture": "arm", "os": "linux", "variant": "v7"});
    list["artifactType"] = "x/y".into();
    let read: Index = serde_json::from_value(list.clone()).expect("an index");
    assert_eq!(serde_json::to_value(&read).expect("JSON"), list);
}

const FIELD: &str = "mediaType|layers|config|manifests|schemaVersion";
const VALUE: &str = "null|7|\"x\"|\\[\\]|\\{\\}|\\[null\\]";

proptest! {
    #[test]
    fn random_bytes_are_rejected(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Document::parse(None, &bytes).is_err());
    }

    #[test]
    fn a_field_given_twice_is_rejected(field in FIELD, value in VALUE) {
        let own_type = Some(MANIFEST);
        let document = manifest(own_type).to_string().replacen('{', &format!("{{\"{field}\":{value},"), 1);
        prop_assume!(manifest(own_type).get(&field).is_some());
        prop_assert!(Document::parse(None, document.as_bytes()).is_err());
    }

    #[test]
    fn a_document_with_a_changed_field_is_a_manifest_or_an_error(field in FIELD, value in VALUE) {
        let mut changed = manifest(Some(MANIFEST));
        changed[field.as_str()] = serde_json::from_str(&value).expect("JSON");
        if let Ok(document) = Document::parse(None, changed.to_string().as_bytes()) {
            prop_assert!(matches!(document, Document::Manifest(_)), "{changed}");
        }
    }
}
