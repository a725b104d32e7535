//! Images from layouts, registries and archives, good ones and bad ones.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Mutex;

use oci::ImageConfig;
use oci::media_type::{self, Compression};
use registry::Options;

use super::*;
use testing::{Env, FakeRegistry, MemoryLayout, append, append_link, packed, tar};

const AMD64: &str = "linux/amd64";

fn platform(text: &str) -> Platform {
    text.parse().expect("a platform")
}

fn sources(env: &Env, pull: bool) -> Sources {
    Sources::new(Arc::clone(&env.store), env.layers.clone(), Client::new(Options::default()), pull)
}

fn no_progress(_: &str, _: u64, _: Option<u64>, _: bool) {}

/// The file `name` in the root file system of `layers`.
fn content(env: &Env, layers: &[DiffId], name: &str) -> String {
    let view = env.layers.view(layers).expect("view");
    let mut text = String::new();
    view.open(Path::new(name)).expect("open").read_to_string(&mut text).expect("read");
    text
}

/// Resolves the only image of a layout and fetches it.
fn fetch_layout(env: &Env, layout: &MemoryLayout) -> Result<Vec<DiffId>, String> {
    let path = env.path("layout");
    layout.write(&path);
    let sources = sources(env, false);
    let image =
        sources.image_of_layout(&path, None, None, &platform(AMD64)).map_err(|error| error.chain())?;
    let fetched =
        sources.fetch(&image.origin, &image.manifest, &no_progress).map_err(|error| error.chain())?;
    assert_eq!(fetched, image.layers());
    Ok(fetched)
}

#[test]
fn layers_are_unpacked_whatever_they_are_packed_in() {
    let env = Env::new();
    let mut layout = MemoryLayout::default();
    let layers = [
        (tar(&[("plain", "1")]), Compression::None),
        (tar(&[("gzip", "2")]), Compression::Gzip),
        (tar(&[("zstd", "3")]), Compression::Zstd),
        (tar(&[("plain", "1")]), Compression::None),
    ];
    let image = layout.image(AMD64, &layers);
    layout.list(image, "latest");
    let diff_ids = fetch_layout(&env, &layout).expect("fetched");
    assert_eq!(diff_ids.len(), 4);
    for (name, expected) in [("plain", "1"), ("gzip", "2"), ("zstd", "3")] {
        assert_eq!(content(&env, &diff_ids, name), expected);
    }
    // What is here is not fetched again.
    std::fs::remove_dir_all(env.path("layout/blobs")).expect("remove");
    let origin = ImageOrigin::Layout { path: env.path("layout") };
    let manifest = layout.entries[0].digest;
    assert_eq!(sources(&env, false).fetch(&origin, &manifest, &no_progress).expect("here"), diff_ids);
}

#[test]
fn the_blob_of_a_layer_is_remembered_but_not_kept() {
    let env = Env::new();
    let mut layout = MemoryLayout::default();
    let image = layout.image(AMD64, &[(tar(&[("f", "x")]), Compression::Gzip)]);
    layout.list(image, "");
    let diff_ids = fetch_layout(&env, &layout).expect("fetched");
    let known =
        images::layer_blobs::recall(&env.store, &diff_ids[0], images::layer_blobs::ORIGIN).expect("readable");
    let blob = known.expect("remembered");
    assert_eq!(blob.media_type, media_type::LAYER_GZIP);
    assert!(layout.blobs.contains_key(&blob.digest));
    assert_eq!(env.store.stat_blob(&blob.digest).expect("stat"), None);
}

#[test]
fn progress_has_the_start_and_the_end_of_every_blob() {
    let env = Env::new();
    let mut layout = MemoryLayout::default();
    let image = layout
        .image(AMD64, &[(tar(&[("a", "1")]), Compression::Gzip), (tar(&[("b", "2")]), Compression::Gzip)]);
    layout.list(image.clone(), "");
    layout.write(&env.path("layout"));
    let told = Mutex::new(BTreeMap::<String, Vec<bool>>::new());
    let note = |id: &str, current: u64, total: Option<u64>, is_done: bool| {
        assert_eq!(Some(current), if is_done { total } else { Some(0) });
        told.lock().expect("not poisoned").entry(id.to_owned()).or_default().push(is_done);
    };
    let origin = ImageOrigin::Layout { path: env.path("layout") };
    sources(&env, false).fetch(&origin, &image.digest, &note).expect("fetched");
    let told: Vec<Vec<bool>> = told.into_inner().expect("not poisoned").into_values().collect();
    assert_eq!(told, [[false, true], [false, true]]);
}

/// A layout with one image whose only layer has the blob `blob` and the tar `layer`.
fn image_of(blob: Vec<u8>, layer: &[u8]) -> MemoryLayout {
    let mut layout = MemoryLayout::default();
    let blob = layout.blob(media_type::LAYER_GZIP, blob);
    let mut config = ImageConfig { platform: platform(AMD64), ..ImageConfig::default() };
    config.rootfs.diff_ids.push(DiffId(Digest::of(layer)));
    let image = layout.image_of(&config, vec![blob]);
    layout.list(image, "");
    layout
}

#[test]
fn layers_are_verified_to_the_last_byte() {
    #[track_caller]
    fn check(layout: &MemoryLayout, complaint: Option<&str>) {
        let env = Env::new();
        match (fetch_layout(&env, layout), complaint) {
            (Ok(_), None) => {}
            (Err(error), Some(part)) => assert!(error.contains(part), "{error}"),
            (result, _) => panic!("{result:?}, not {complaint:?}"),
        }
        let published = layout.entries.iter().any(|_| complaint.is_some() && has_layers(&env, layout));
        assert!(!published, "a bad layer was published");
    }
    fn has_layers(env: &Env, layout: &MemoryLayout) -> bool {
        let tars = layout.blobs.values().filter(|blob| blob.starts_with(&[0x1f, 0x8b]));
        tars.into_iter().any(|blob| {
            let mut tar = Vec::new();
            let _ = flate2::read::MultiGzDecoder::new(&blob[..]).read_to_end(&mut tar);
            env.layers.contains(&DiffId(Digest::of(&tar))).expect("stat")
        })
    }
    let layer = tar(&[("f", "content")]);
    let gzip = |bytes: &[u8]| packed(bytes, Compression::Gzip);
    check(&image_of(gzip(&layer), &layer), None);
    let (front, back) = layer.split_at(700);
    check(&image_of([gzip(front), gzip(back)].concat(), &layer), None);
    // A tar, its end, and more: the diff ID is over all of it (A13).
    let longer = [&layer[..], b"junk behind the end"].concat();
    check(&image_of(gzip(&longer), &longer), None);
    check(&image_of(gzip(&longer), &layer), Some("corrupt"));
    check(&image_of(gzip(&tar(&[("f", "other")])), &layer), Some("corrupt"));
    check(&image_of([gzip(&layer), b"junk".to_vec()].concat(), &layer), Some("end of file"));
    check(&image_of(gzip(&layer)[..60].to_vec(), &layer), Some("layer"));
}

#[test]
fn a_blob_must_have_its_digest() {
    #[track_caller]
    fn check(change: impl Fn(&mut Vec<u8>), complaint: &str) {
        let layer = tar(&[("f", "content")]);
        let mut layout = image_of(packed(&layer, Compression::Gzip), &layer);
        let blob = layout.blobs.values_mut().find(|blob| blob.starts_with(&[0x1f, 0x8b])).expect("the layer");
        change(blob);
        let error = fetch_layout(&Env::new(), &layout).expect_err(complaint);
        assert!(error.contains(complaint), "{error}");
    }
    // The flags of the gzip header: the tar stays the same.
    check(|blob| blob[9] ^= 1, "expected sha256:");
    check(|blob| blob.push(0), "longer than");
    check(|blob| blob.truncate(blob.len() - 1), "layer");
}

#[test]
fn links_in_a_layout_are_refused() {
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
    // An image that stands alone is taken whatever its platform is.
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
fn attestations_are_no_images() {
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
fn bad_documents_are_refused() {
    #[track_caller]
    fn check(media_type: &str, document: &serde_json::Value, complaint: &str) {
        let mut layout = MemoryLayout::default();
        let root = layout.document(media_type, document);
        layout.list(root, "");
        let error = fetch_layout(&Env::new(), &layout).expect_err(complaint);
        assert!(error.contains(complaint), "{error}");
    }
    use serde_json::json;
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
fn a_registry_is_asked_once() {
    let mut layout = MemoryLayout::default();
    let image = layout.image(AMD64, &[(tar(&[("f", "from afar")]), Compression::Gzip)]);
    let index = layout.index(vec![image.clone()]);
    layout.list(index, "");
    let registry = FakeRegistry::start(layout);
    let name: Reference = format!("{}/a/b:v1", registry.host).parse().expect("a reference");
    let env = Env::new();

    let first = sources(&env, false);
    let found = first.image(&name, &platform(AMD64)).expect("resolved");
    assert_eq!(found.manifest, image.digest);
    first.image(&name, &platform(AMD64)).expect("from memory");
    let layers = first.fetch(&found.origin, &found.manifest, &no_progress).expect("fetched");
    assert_eq!(content(&env, &layers, "f"), "from afar");
    assert_eq!(registry.count("manifests/v1"), 1);

    // Another build: the pin tells.
    let again = sources(&env, false).image(&name, &platform(AMD64)).expect("pinned");
    assert_eq!((again.manifest, again.origin), (found.manifest, found.origin));
    assert_eq!(registry.count("manifests/v1"), 1);
    sources(&env, true).image(&name, &platform(AMD64)).expect("--pull");
    assert_eq!(registry.count("manifests/v1"), 2);
    assert_eq!(registry.count("blobs/"), 2, "config and layer come once");
}

#[test]
fn what_a_registry_does_not_have_is_not_found() {
    let mut layout = MemoryLayout::default();
    let image = layout.image("linux/arm64", &[]);
    let index = layout.index(vec![image]);
    layout.list(index, "");
    let registry = FakeRegistry::start(layout);
    let env = Env::new();
    let ask = |tag: &str| {
        let name: Reference = format!("{}/a:{tag}", registry.host).parse().expect("a reference");
        sources(&env, false).image(&name, &platform(AMD64)).expect_err("not there")
    };
    let error = ask("missing");
    assert_eq!(error.chain(), format!("{}/a:missing: not found", registry.host));
    let error = ask("other");
    assert!(error.chain().contains("no match for platform"), "{error}");
    assert!(error.chain().ends_with("there is linux/arm64"), "{}", error.chain());
}

#[test]
fn a_pulled_image_has_its_name_in_the_store() {
    let mut layout = MemoryLayout::default();
    let image = layout.image(AMD64, &[(tar(&[("f", "1")]), Compression::Gzip)]);
    layout.list(image, "");
    let registry = FakeRegistry::start(layout);
    let name: Reference = format!("{}/a:v1", registry.host).parse().expect("a reference");
    let env = Env::new();
    let pulled = sources(&env, false).pull(&name, &platform(AMD64), &no_progress).expect("pulled");
    assert_eq!(env.store.resolve(&name).expect("readable").map(|known| known.digest), Some(pulled.digest));
    let asked = registry.count("");
    let found = sources(&env, false).image(&name, &platform(AMD64)).expect("in the store");
    assert_eq!(found.origin, ImageOrigin::Store { name: name.clone() });
    let layers = sources(&env, false).fetch(&found.origin, &found.manifest, &no_progress).expect("here");
    assert_eq!(content(&env, &layers, "f"), "1");
    sources(&env, false).pull(&name, &platform(AMD64), &no_progress).expect("nothing to do");
    assert_eq!(registry.count(""), asked);
}

/// Imports bytes as a file and as a stream; gives names and layers of what is found.
#[track_caller]
fn imported(archive: &[u8], names: &[&str]) -> Result<Vec<(Vec<String>, String)>, String> {
    let names: Vec<Reference> = names.iter().map(|name| name.parse().expect("a reference")).collect();
    let run = |as_stream: bool| {
        let env = Env::new();
        let path = env.path("archive.tar");
        std::fs::write(&path, archive).expect("write");
        let mut stream = archive;
        let from = if as_stream { ImportFrom::Stream(&mut stream) } else { ImportFrom::Path(&path) };
        let found = import(&env.layers, from, &names, &no_progress).map_err(|error| error.chain())?;
        Ok(found
            .iter()
            .map(|image| (image.names.iter().map(Reference::familiar).collect(), first_file(&env, image)))
            .collect())
    };
    let from_path: Result<Vec<(Vec<String>, String)>, String> = run(false);
    let from_stream = run(true);
    assert_eq!(from_path.as_ref().ok(), from_stream.as_ref().ok());
    from_path
}

/// What the file `f` of an imported image has in it; checks the image on the way.
fn first_file(env: &Env, image: &Imported) -> String {
    for name in &image.names {
        assert_eq!(
            env.store.resolve(name).expect("readable").expect("named").digest,
            image.descriptor.digest
        );
    }
    let here = StoreBlobs(&env.store);
    let blobs = Through { store: &env.store, inner: &here };
    let found = choose::find(&blobs, &image.descriptor, &Platform::host()).expect("in the store");
    oci::validate::image(&found.manifest, &found.config).expect("valid");
    for layer in &found.manifest.layers {
        assert_eq!(env.store.stat_blob(&layer.digest).expect("stat"), Some(layer.size_bytes));
    }
    content(env, &found.config.rootfs.diff_ids, "f")
}

fn named(names: &[&str], content: &str) -> (Vec<String>, String) {
    (names.iter().map(|name| (*name).to_owned()).collect(), content.to_owned())
}

#[test]
fn layouts_are_imported() {
    let mut layout = MemoryLayout::default();
    let layer = |text: &str| [(tar(&[("f", text)]), Compression::Gzip)];
    let (one, two) = (layout.image(AMD64, &layer("1")), layout.image(AMD64, &layer("2")));
    layout.list(one.clone(), "docker.io/library/one:v1");
    layout.list(one, "one:v2");
    layout.list(two, "latest");
    let expected = [named(&["one:v1", "one:v2"], "1"), named(&[], "2")];
    assert_eq!(imported(&layout.tar(), &[]).expect("imported"), expected);
    assert_eq!(imported(&packed(&layout.tar(), Compression::Gzip), &[]).expect("imported"), expected);
    assert_eq!(imported(&packed(&layout.tar(), Compression::Zstd), &[]).expect("imported"), expected);
    let error = imported(&layout.tar(), &["new:1"]).expect_err("which of them?");
    assert!(error.contains("it has 2 images"), "{error}");
}

#[test]
fn platforms_that_are_not_there_are_left_out() {
    let mut layout = MemoryLayout::default();
    let host = Platform::host().to_string();
    let here = layout.image(&host, &[(tar(&[("f", "1")]), Compression::None)]);
    let mut gone = MemoryLayout::default().image("linux/s390x", &[]);
    gone.platform = Some(platform("linux/s390x"));
    let index = layout.index(vec![gone, here]);
    layout.list(index, "x:1");
    assert_eq!(imported(&layout.tar(), &["y:2"]).expect("imported"), [named(&["y:2"], "1")]);
}

/// What `docker save` wrote before it wrote layouts: `manifest.json`, configs, layers, links between them.
fn docker_archive(layer_path: &str, links: &[(&str, &str)]) -> Vec<u8> {
    let layer = tar(&[("f", "saved")]);
    let mut config = ImageConfig { platform: Platform::host(), ..ImageConfig::default() };
    config.rootfs.diff_ids.push(DiffId(Digest::of(&layer)));
    let mut archive = ::tar::Builder::new(Vec::new());
    append(&mut archive, "abc.json", &serde_json::to_vec(&config).expect("JSON"));
    append(&mut archive, "abc/layer.tar", &layer);
    links.iter().for_each(|(name, target)| append_link(&mut archive, name, target));
    let manifest =
        serde_json::json!([{"Config": "abc.json", "RepoTags": ["saved:1"], "Layers": [layer_path]}]);
    append(&mut archive, "manifest.json", manifest.to_string().as_bytes());
    archive.into_inner().expect("write to memory")
}

#[test]
fn docker_archives_are_imported() {
    #[track_caller]
    fn check(layer_path: &str, links: &[(&str, &str)], complaint: Option<&str>) {
        match (imported(&docker_archive(layer_path, links), &[]), complaint) {
            (Ok(images), None) => assert_eq!(images, [named(&["saved:1"], "saved")]),
            (Err(error), Some(part)) => assert!(error.contains(part), "{error}"),
            (result, _) => panic!("{result:?}, not {complaint:?}"),
        }
    }
    check("abc/layer.tar", &[], None);
    check("./abc/layer.tar", &[], None);
    check("def/layer.tar", &[("def/layer.tar", "../abc/layer.tar")], None);
    // A21: paths and links that lead out, or nowhere.
    check("../../etc/passwd", &[], Some("leads out"));
    check("/etc/passwd", &[], Some("leads out"));
    check("x", &[("x", "/etc/passwd")], Some("not found"));
    check("x", &[("x", "../../etc/passwd")], Some("not found"));
    check("x", &[("x", "y"), ("y", "x")], Some("leads nowhere"));
    check("abc.json", &[], Some("layer"));
}

#[test]
fn a_tar_of_files_becomes_an_image() {
    let files = tar(&[("f", "root"), ("manifest.json", "{\"mine\": true}")]);
    assert_eq!(imported(&files, &["r:1"]).expect("imported"), [named(&["r:1"], "root")]);
    assert_eq!(imported(&packed(&files, Compression::Gzip), &[]).expect("imported"), [named(&[], "root")]);
    let twice = packed(&packed(&files, Compression::Gzip), Compression::Gzip);
    assert!(imported(&twice, &[]).expect_err("packed twice").contains("more than once"));
    imported(b"no tar at all, but long enough to be asked for", &[]).expect_err("no tar");
}
