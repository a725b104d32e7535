//! Resolution: from names and layouts to manifests, with and without a registry.

use images::find;
use oci::media_type::Compression;
use oci::{Descriptor, Digest, Platform};
use serde_json::json;
use testing::{Env, FakeRegistry, MemoryLayout, tar};

use super::super::SourceError;
use super::{AMD64, content, fetch_layout, list_image, no_progress, platform, reference, sources};

#[test]
fn images_of_a_layout_are_chosen() {
    let mut layout = MemoryLayout::default();
    let layer = |name: &str| [(tar(&[(name, "")]), Compression::None)];
    let (amd, arm) = (layout.image(AMD64, &layer("amd")), layout.image("linux/arm64", &layer("arm")));
    let both = layout.index(vec![amd.clone(), arm.clone()]);
    layout.list(both.clone(), "latest");
    layout.list(arm.clone(), "docker.io/library/x:arm");
    let env = Env::new();
    let path = env.path("layout");
    layout.write(&path);
    let sources = sources(&env, false);
    let find = |tag: Option<&str>, digest: Option<&Digest>, wanted: &str| {
        sources
            .image_of_layout(&path, tag, digest, &platform(wanted))
            .map(|image| image.manifest)
            .map_err(|error| error.to_string())
    };
    assert_eq!(find(None, None, AMD64), Ok(amd.digest));
    assert_eq!(find(None, None, "linux/arm64"), Ok(arm.digest));
    assert_eq!(find(Some("latest"), None, "linux/arm64"), Ok(arm.digest));
    // A manifest that stands alone is chosen whatever its platform is.
    assert_eq!(find(Some("arm"), None, AMD64), Ok(arm.digest));
    assert_eq!(find(None, Some(&arm.digest), AMD64), Ok(arm.digest));
    assert_eq!(find(None, Some(&both.digest), AMD64), Ok(amd.digest));
    let error = find(None, None, "linux/s390x").expect_err("not there");
    assert!(error.contains("no match for platform") && error.contains("linux/arm64"), "{error}");
    let error = find(Some("absent"), None, AMD64).expect_err("not there");
    assert!(error.contains("not found"), "{error}");
    find(None, Some(&Digest::of(b"absent")), AMD64).expect_err("not there");
}

#[test]
fn attestations_are_not_chosen() {
    let mut layout = MemoryLayout::default();
    let image = layout.image(AMD64, &[(tar(&[("f", "")]), Compression::None)]);
    let mut attestation = image.clone();
    attestation.platform =
        Some(Platform { os: "unknown".into(), architecture: "unknown".into(), ..Platform::default() });
    let index = layout.index(vec![attestation, image]);
    layout.list(index, "");
    fetch_layout(&Env::new(), &layout).expect("the image beside the attestation");
}

#[test]
fn a_registry_is_asked_once() {
    let mut layout = MemoryLayout::default();
    let image = layout.image(AMD64, &[(tar(&[("f", "from afar")]), Compression::Gzip)]);
    let index = layout.index(vec![image.clone()]);
    layout.list(index, "");
    let registry = FakeRegistry::start(layout);
    let name = reference(&format!("{}/a/b:v1", registry.host));
    let env = Env::new();

    let first = sources(&env, false);
    let found = first.image(&name, &platform(AMD64)).expect("resolved");
    assert_eq!(found.manifest, image.digest);
    first.image(&name, &platform(AMD64)).expect("from memory");
    let layers = first.fetch(&found.origin, &found.manifest, &no_progress).expect("fetched");
    assert_eq!(content(&env, &layers, "f"), "from afar");
    assert_eq!(registry.count("manifests/v1"), 1);

    // Another build finds the pin.
    let again = sources(&env, false).image(&name, &platform(AMD64)).expect("pinned");
    assert_eq!((again.manifest, again.origin), (found.manifest, found.origin));
    assert_eq!(registry.count("manifests/v1"), 1);
    sources(&env, true).image(&name, &platform(AMD64)).expect("--pull");
    assert_eq!(registry.count("manifests/v1"), 2);
    assert_eq!(registry.count("blobs/"), 2, "config and layer come once");
}

#[test]
fn an_image_that_a_registry_lacks_is_not_found() {
    let mut layout = MemoryLayout::default();
    let image = layout.image("linux/arm64", &[]);
    let index = layout.index(vec![image]);
    layout.list(index, "");
    let registry = FakeRegistry::start(layout);
    let env = Env::new();
    let ask = |tag: &str| {
        let name = reference(&format!("{}/a:{tag}", registry.host));
        sources(&env, false).image(&name, &platform(AMD64)).expect_err("not there")
    };
    let error = ask("missing");
    assert_eq!(error.chain(), format!("{}/a:missing: not found", registry.host));
    let error = ask("other");
    assert!(error.chain().contains("no match for platform"), "{error}");
    assert!(error.chain().ends_with("there is linux/arm64"), "{}", error.chain());
}

/// An attestation as BuildKit puts it into an index.
fn attestation(image: &Descriptor) -> Descriptor {
    let unknown = Platform { os: "unknown".into(), architecture: "unknown".into(), ..Platform::default() };
    Descriptor { platform: Some(unknown), ..image.clone() }
}

#[test]
fn an_index_of_attestations_says_that_it_has_no_image() {
    let mut layout = MemoryLayout::default();
    let image = layout.image(AMD64, &[]);
    let index = layout.index(vec![attestation(&image)]);
    layout.list(index, "");
    let error = fetch_layout(&Env::new(), &layout).expect_err("no image");
    assert!(error.contains("no match for platform in manifest"), "{error}");
    assert!(error.contains("the index holds no image, only attestations or artifacts"), "{error}");
}

#[test]
fn an_image_without_a_platform_is_for_the_one_that_was_asked_for() {
    #[track_caller]
    fn check(config: serde_json::Value, entry: Option<&str>, expected: &str) {
        let mut layout = MemoryLayout::default();
        let mut image = list_image(&mut layout, config, "content");
        image.platform = entry.map(platform);
        let index = layout.index(vec![image]);
        layout.list(index, "");
        let env = Env::new();
        layout.write(&env.path("layout"));
        let found =
            sources(&env, false).image_of_layout(&env.path("layout"), None, None, &platform("linux/arm64"));
        assert_eq!(found.expect("resolved").config.platform.to_string(), expected);
    }
    check(json!({"os": "linux", "architecture": ""}), None, "linux/arm64");
    check(json!({"os": null, "architecture": null}), None, "linux/arm64");
    check(json!({}), Some("linux/arm64"), "linux/arm64");
    check(json!({"os": "linux", "architecture": "arm64"}), None, "linux/arm64");
}

#[test]
fn from_and_run_choose_the_same_manifest() {
    let mut layout = MemoryLayout::default();
    let layer = |name: &str| [(tar(&[(name, name)]), Compression::None)];
    // The nearest platform is neither the first nor the last entry; one entry serves the platform, but less well.
    let images = ["linux/arm64", "linux/386", "linux/arm/v6", AMD64, "linux/arm/v7", "windows/amd64"]
        .map(|text| layout.image(text, &layer(text)));
    let mut entries = vec![attestation(&images[3])];
    entries.extend(images.iter().flat_map(|image| [image.clone(), attestation(image)]));
    let index = layout.index(entries);
    let outer = layout.index(vec![index]);
    layout.list(outer.clone(), "");
    let env = Env::new();
    for bytes in layout.blobs.values() {
        env.store.put_blob(bytes).expect("stored");
    }
    let name = reference("local:1");
    env.store.tag(&name, outer).expect("tagged");
    for wanted in [AMD64, "linux/arm64", "linux/arm/v7", "linux/arm/v6", "linux/386"] {
        let from = sources(&env, false).image(&name, &platform(wanted)).expect("resolved");
        let run = find::by_name_or_id(&env.store, "local:1", &platform(wanted)).expect("found");
        assert_eq!(from.manifest, run.descriptor.digest, "{wanted}");
        assert_eq!(from.config.platform.to_string(), wanted);
    }
}

#[test]
fn a_pulled_image_is_found_offline_in_every_form_of_its_name() {
    let mut layout = MemoryLayout::default();
    let image = layout.image(AMD64, &[(tar(&[("f", "1")]), Compression::Gzip)]);
    let index = layout.index(vec![image.clone()]);
    layout.list(index.clone(), "");
    let (by_tag, by_digest) = ("a/b:latest".to_owned(), format!("a/b@{}", index.digest));
    let forms = [by_tag, by_digest, format!("a/b:latest@{}", index.digest)];
    for pulled in &forms {
        let registry = FakeRegistry::start(layout.clone());
        let env = Env::new();
        let name = |form: &str| reference(&format!("{}/{form}", registry.host));
        let online = sources(&env, false);
        let found = online.image(&name(pulled), &platform(AMD64)).expect("resolved");
        online.fetch(&found.origin, &found.manifest, &no_progress).expect("fetched");
        registry.stop();
        // A tag that stood beside a digest is not what the registry said; without a registry it is the best there is.
        let asked =
            forms.iter().filter(|form| !(pulled.starts_with("a/b@") && form.as_str() == "a/b:latest"));
        for form in asked {
            let found = sources(&env, false).image(&name(form), &platform(AMD64));
            let found = found.unwrap_or_else(|error| panic!("{form}, pulled by {pulled}: {}", error.chain()));
            assert_eq!(found.manifest, image.digest, "{form}, pulled by {pulled}");
        }
    }
}

#[test]
fn a_tag_beside_a_digest_is_no_answer_while_the_registry_can_be_asked() {
    let mut layout = MemoryLayout::default();
    let old = layout.image(AMD64, &[(tar(&[("f", "old")]), Compression::Gzip)]);
    let new = layout.image(AMD64, &[(tar(&[("f", "new")]), Compression::Gzip)]);
    layout.list(new.clone(), "");
    let registry = FakeRegistry::start(layout);
    let env = Env::new();
    let find = |form: &str| {
        let name = reference(&format!("{}/a/b:1{form}", registry.host));
        sources(&env, false).image(&name, &platform(AMD64)).expect("resolved").manifest
    };
    assert_eq!(find(&format!("@{}", old.digest)), old.digest);
    assert_eq!(find(""), new.digest);
}

#[test]
fn a_registry_that_cannot_be_reached_is_reported() {
    let registry = FakeRegistry::start(MemoryLayout::default());
    let name = reference(&format!("{}/a:1", registry.host));
    registry.stop();
    let error = sources(&Env::new(), false).image(&name, &platform(AMD64)).expect_err("nobody is there");
    assert!(matches!(error, SourceError::Registry(registry::RegistryError::Unreachable { .. })), "{error}");
}
