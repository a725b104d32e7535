//! Attestations in indexes and as files.

use attest::{AttestRequest, Provenance, ProvenanceRequest};
use cache::Store;
use images::attestations::{self, AttestationKind};
use images::{CachingBlobs, StoreBlobs, choose};
use oci::{Descriptor, Document, Index, Manifest, media_type};
use packages::{Inventory, Kind, Package};
use serde_json::{Value, json};

use super::{Built, Layout, TIMES};
use crate::Attestations;

fn package() -> Package {
    Package {
        kind: Kind::Dpkg,
        name: "curl".to_owned(),
        version: "8.1".to_owned(),
        architecture: None,
        location: "var/lib/dpkg/status".into(),
        license: None,
        source: None,
        supplier: None,
        purl: "pkg:deb/debian/curl@8.1".to_owned(),
    }
}

/// Builds images with an SBOM and a provenance.
fn attested(platforms: &[&str]) -> Built {
    let mut built = Built::new(platforms);
    for image in &mut built.planned {
        let request = ProvenanceRequest::default();
        image.attestations = Attestations {
            provenance: Some(Provenance { request, ..Provenance::default() }),
            packages: Some(Inventory { packages: vec![package()], ..Inventory::default() }),
        };
    }
    assert!(AttestRequest::default().is_empty());
    built
}

fn exported(built: &Built, attributes: &str) -> Layout {
    Layout::of_tar(&built.export(&format!("type=oci,name=x:1{attributes}"), TIMES).1)
}

/// Returns the index that a layout lists as its only image.
#[track_caller]
fn index(layout: &Layout) -> Index {
    let root = &layout.index().manifests[0];
    match Document::parse(Some(&root.media_type), layout.blob(root)) {
        Ok(Document::Index(index)) => index,
        other => panic!("no index: {other:?}"),
    }
}

#[track_caller]
fn manifest(layout: &Layout, entry: &Descriptor) -> Manifest {
    match Document::parse(Some(&entry.media_type), layout.blob(entry)) {
        Ok(Document::Manifest(manifest)) => manifest,
        other => panic!("no manifest: {other:?}"),
    }
}

#[test]
fn each_image_of_the_index_has_an_attestation_manifest() {
    let layout = exported(&attested(&["linux/amd64", "linux/arm64"]), "");
    let index = index(&layout);
    let platforms: Vec<String> =
        index.manifests.iter().map(|entry| entry.platform.as_ref().expect("one").to_string()).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64", "unknown/unknown", "unknown/unknown"]);
    for number in [0, 1] {
        let (image, entry) = (&index.manifests[number], &index.manifests[number + 2]);
        layout.image(image);
        assert_eq!(entry.attests_to(), Some(image.digest.to_string().as_str()));
        let attestation = manifest(&layout, entry);
        let subject = json!({
            "mediaType": image.media_type, "digest": image.digest, "size": image.size_bytes,
        });
        assert_eq!(attestation.extra["subject"], subject);
        assert_eq!(attestation.extra["artifactType"], media_type::ATTESTATION);
        assert_eq!(
            (&*attestation.config.media_type, layout.blob(&attestation.config)),
            (media_type::EMPTY, &b"{}"[..])
        );
        let types: Vec<(&str, &str)> = attestation
            .layers
            .iter()
            .map(|layer| (&*layer.media_type, &*layer.annotations["in-toto.io/predicate-type"]))
            .collect();
        let in_toto = media_type::IN_TOTO;
        assert_eq!(
            types,
            [(in_toto, "https://spdx.dev/Document"), (in_toto, "https://slsa.dev/provenance/v1")]
        );
        for layer in &attestation.layers {
            let statement: Value = serde_json::from_slice(layout.blob(layer)).expect("JSON");
            let name = format!("pkg:docker/x@1?platform={}", platforms[number].replace('/', "%2F"));
            let subject = json!([{"name": name, "digest": {"sha256": image.digest.hex()}}]);
            assert_eq!(statement["subject"], subject);
            assert_eq!(statement["predicateType"], layer.annotations["in-toto.io/predicate-type"]);
        }
    }
}

#[test]
fn the_older_form_is_an_image_whose_layers_are_the_statements() {
    let layout = exported(&attested(&["linux/amd64"]), ",oci-artifact=false");
    let attestation = manifest(&layout, &index(&layout).manifests[1]);
    assert!(attestation.extra.is_empty(), "{:?}", attestation.extra);
    let config: Value = serde_json::from_slice(layout.blob(&attestation.config)).expect("JSON");
    let digests: Vec<String> = attestation.layers.iter().map(|layer| layer.digest.to_string()).collect();
    assert_eq!(config["rootfs"]["diff_ids"], json!(digests));
    assert_eq!((&config["os"], &config["architecture"]), (&json!("unknown"), &json!("unknown")));
}

#[test]
fn attested_images_are_the_same_for_everyone() {
    let tar = |attributes: &str| {
        let output = format!("type=oci,name=x:1{attributes}");
        attested(&["linux/amd64"]).export(&output, TIMES).1
    };
    assert!(tar("") == tar(""));
    // Docker's media types have none for attestations.
    assert!(tar("") == tar(",oci-mediatypes=false"));
}

#[test]
fn the_sbom_has_the_time_of_the_image() {
    let layout = exported(&attested(&["linux/amd64"]), ",source-date-epoch=1000000000");
    let sbom = &manifest(&layout, &index(&layout).manifests[1]).layers[0];
    let statement: Value = serde_json::from_slice(layout.blob(sbom)).expect("JSON");
    assert_eq!(statement["predicate"]["creationInfo"]["created"], "2001-09-09T01:46:40Z");
    assert_eq!(statement["predicate"]["packages"][1]["name"], "curl");
}

#[test]
fn a_docker_archive_has_the_image_for_old_readers_and_the_index_for_new_ones() {
    let layout = Layout::of_tar(&attested(&["linux/amd64"]).export("type=docker,name=x:1", TIMES).1);
    let index = index(&layout);
    let (image, _) = layout.image(&index.manifests[0]);
    assert_eq!(index.manifests.len(), 2);
    let archive: Value = serde_json::from_slice(&layout.files["manifest.json"]).expect("JSON");
    assert_eq!(archive[0]["Config"], format!("blobs/sha256/{}", image.config.digest.hex()));
}

/// Exports into the store; returns it, and the descriptor of the index.
fn kept(built: &Built) -> (&Store, Descriptor) {
    built.export("type=image,name=x:1", TIMES);
    let store = &built.env.store;
    let name = "x:1".parse().expect("a name");
    (store, store.resolve(&name).expect("readable").expect("kept"))
}

#[test]
fn the_store_finds_the_image_beside_its_attestations() {
    let built = attested(&["linux/amd64"]);
    let (store, root) = kept(&built);
    let inner = StoreBlobs(store);
    let blobs = CachingBlobs { store, inner: &inner };
    assert_eq!(choose::all(&blobs, &root).expect("found").len(), 1);
    let read = attestations::read(&blobs, &root).expect("read");
    let sbom = read.view(AttestationKind::Sbom);
    assert_eq!(sbom["SPDX"]["packages"][1]["name"], "curl");
    let provenance = read.view(AttestationKind::Provenance);
    assert!(provenance["SLSA"]["buildDefinition"]["buildType"].is_string(), "{provenance}");
    assert_eq!(store.check(true).expect("checked").problems.len(), 0);
}

#[test]
fn outputs_that_are_files_have_their_statements_beside_them() {
    let built = attested(&["linux/amd64"]);
    let dir = built.env.path("out");
    built.export(&format!("type=local,dest={},attestation-prefix=a-", dir.display()), TIMES);
    let read = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(dir.join(name)).expect("written")).expect("JSON")
    };
    let digest = |text: &str| json!({"sha256": oci::Digest::of(text.as_bytes()).hex()});
    let subject = json!([
        {"name": "etc/base", "digest": digest("base")},
        {"name": "own", "digest": digest("own")},
    ]);
    assert_eq!(read("a-sbom.spdx.json")["subject"], subject);
    assert_eq!(read("a-provenance.json")["subject"], subject);
    built.try_export("type=local,dest=x,attestation-prefix=../", TIMES).expect_err("a path");
}
