//! Pulls: layers of every compression, their verification, progress, and names.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Mutex;

use graph::ImageOrigin;
use oci::media_type::{self, Compression};
use oci::{Descriptor, DiffId, Digest, ImageConfig, Manifest};
use testing::http::{Server, answer};
use testing::{Env, FakeRegistry, MemoryLayout, packed, tar};

use super::{AMD64, content, fetch_layout, image_of, no_progress, platform, reference, sources};

#[test]
fn layers_of_every_compression_are_unpacked() {
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
    // Layers in the store are not fetched again.
    std::fs::remove_dir_all(env.path("layout/blobs")).expect("remove");
    let origin = ImageOrigin::Layout { path: env.path("layout") };
    let manifest = layout.entries[0].digest;
    assert_eq!(sources(&env, false).fetch(&origin, &manifest, &no_progress).expect("here"), diff_ids);
}

#[test]
fn the_blob_of_a_layer_from_a_file_is_remembered_and_kept() {
    let env = Env::new();
    let mut layout = MemoryLayout::default();
    let image = layout.image(AMD64, &[(tar(&[("f", "x")]), Compression::Gzip)]);
    layout.list(image, "");
    let diff_ids = fetch_layout(&env, &layout).expect("fetched");
    let known = images::layer_blobs::recall(&env.store, &diff_ids[0], images::layer_blobs::ORIGIN);
    let blob = known.expect("remembered");
    assert_eq!(blob.media_type, media_type::LAYER_GZIP);
    assert_eq!(
        Some(&env.store.get_blob(&blob.digest, 1 << 20).expect("kept")),
        layout.blobs.get(&blob.digest)
    );
}

#[test]
fn progress_has_the_start_and_the_end_of_every_blob() {
    let env = Env::new();
    let mut layout = MemoryLayout::default();
    let image = layout
        .image(AMD64, &[(tar(&[("a", "1")]), Compression::Gzip), (tar(&[("b", "2")]), Compression::Gzip)]);
    layout.list(image.clone(), "");
    layout.write(&env.path("layout"));
    let reported = Mutex::new(BTreeMap::<String, Vec<bool>>::new());
    let note = |id: &str, current: u64, total: Option<u64>, is_done: bool| {
        assert_eq!(Some(current), if is_done { total } else { Some(0) });
        reported.lock().expect("not poisoned").entry(id.to_owned()).or_default().push(is_done);
    };
    let origin = ImageOrigin::Layout { path: env.path("layout") };
    sources(&env, false).fetch(&origin, &image.digest, &note).expect("fetched");
    let reported: Vec<Vec<bool>> = reported.into_inner().expect("not poisoned").into_values().collect();
    assert_eq!(reported, [[false, true], [false, true]]);
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
    // Bytes behind the end of the tar: the diff ID covers them, too.
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
fn a_pulled_image_has_its_name_in_the_store() {
    let mut layout = MemoryLayout::default();
    let image = layout.image(AMD64, &[(tar(&[("f", "1")]), Compression::Gzip)]);
    layout.list(image, "");
    let registry = FakeRegistry::start(layout);
    let name = reference(&format!("{}/a:v1", registry.host));
    let env = Env::new();
    let pulled = sources(&env, false).pull(&name, &platform(AMD64), &no_progress).expect("pulled");
    let stored = env.store.resolve(&name).expect("readable").map(|known| known.digest);
    assert_eq!(stored, Some(pulled.descriptor.digest));
    let asked = registry.count("");
    let found = sources(&env, false).image(&name, &platform(AMD64)).expect("in the store");
    assert_eq!(found.origin, ImageOrigin::Store { name: name.clone() });
    let layers = sources(&env, false).fetch(&found.origin, &found.manifest, &no_progress).expect("here");
    assert_eq!(content(&env, &layers, "f"), "1");
    sources(&env, false).pull(&name, &platform(AMD64), &no_progress).expect("nothing to do");
    assert_eq!(registry.count(""), asked);
}

/// Lays out an image whose layer has the media type `media_type` and is compressed with `compression`.
fn with_layer_type(media_type: &str, compression: Compression) -> (MemoryLayout, Descriptor) {
    let mut layout = MemoryLayout::default();
    let tar = tar(&[("f", "content")]);
    let mut config = ImageConfig { platform: platform(AMD64), ..ImageConfig::default() };
    config.rootfs.diff_ids.push(DiffId(Digest::of(&tar)));
    let blob = layout.blob(media_type, packed(&tar, compression));
    let image = layout.image_of(&config, vec![blob.clone()]);
    layout.list(image, "");
    (layout, blob)
}

#[test]
fn layers_of_every_type_that_docker_reads_are_pulled() {
    #[track_caller]
    fn check(media_type: &str, compression: Compression) {
        let (layout, _) = with_layer_type(media_type, compression);
        let env = Env::new();
        let layers = fetch_layout(&env, &layout).expect(media_type);
        assert_eq!(content(&env, &layers, "f"), "content", "{media_type}");
    }
    check("application/vnd.docker.image.rootfs.diff.tar.zstd", Compression::Zstd);
    check("application/vnd.docker.image.rootfs.diff.tar.gzip", Compression::Zstd);
    check("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Compression::Gzip);
    check("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", Compression::Gzip);
    check("application/vnd.oci.image.layer.nondistributable.v1.tar", Compression::None);
}

#[test]
fn a_layer_that_only_another_server_has_is_fetched_there() {
    const FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    let mut layout = MemoryLayout::default();
    let tar = tar(&[("f", "foreign")]);
    let blob = packed(&tar, Compression::Gzip);
    let mut layer = Descriptor::new(FOREIGN, Digest::of(&blob), blob.len() as u64);
    let elsewhere = Server::start(move |request| match request.target.as_str() {
        "/layer" => answer(200, &[], &blob),
        _ => answer(404, &[], b""),
    });
    layer.extra.insert("urls".to_owned(), vec![elsewhere.url("/none"), elsewhere.url("/layer")].into());
    let mut config = ImageConfig { platform: platform(AMD64), ..ImageConfig::default() };
    config.rootfs.diff_ids.push(DiffId(Digest::of(&tar)));
    let config = layout.document(media_type::CONFIG, &config);
    let image = layout.document(media_type::MANIFEST, &Manifest::new(config, vec![layer]));
    layout.list(image, "");
    let registry = FakeRegistry::start(layout);
    let env = Env::new();
    let name = reference(&format!("{}/a:v1", registry.host));
    let sources = sources(&env, false);
    let found = sources.image(&name, &platform(AMD64)).expect("resolved");
    let layers = sources.fetch(&found.origin, &found.manifest, &no_progress).expect("fetched");
    assert_eq!(content(&env, &layers, "f"), "foreign");
    assert_eq!(elsewhere.requests().len(), 2);
}

#[test]
fn a_name_whose_pull_failed_is_asked_for_again() {
    let mut layout = MemoryLayout::default();
    let image = layout.image(AMD64, &[(tar(&[("f", "1")]), Compression::Gzip)]);
    layout.list(image, "");
    let layer =
        *layout.blobs.keys().find(|digest| layout.blobs[digest].starts_with(&[0x1f, 0x8b])).expect("a layer");
    let registry = FakeRegistry::start(layout);
    let name = reference(&format!("{}/a:v1", registry.host));
    let env = Env::new();
    let pull = || sources(&env, false).pull(&name, &platform(AMD64), &no_progress);
    registry.hide(&layer);
    for asked in 1..3 {
        let error = pull().expect_err("without the layer").chain();
        assert!(error.contains("not found"), "{error}");
        assert_eq!(registry.count("manifests/v1"), asked);
    }
    registry.show(&layer);
    pull().expect("the registry is whole again");
    assert_eq!(registry.count("manifests/v1"), 3);
}

#[test]
fn pulling_again_replaces_a_damaged_layer() {
    let mut layout = MemoryLayout::default();
    let layer = tar(&[("f", "1")]);
    let diff = DiffId(Digest::of(&layer));
    let image = layout.image(AMD64, &[(layer.clone(), Compression::Gzip)]);
    layout.list(image, "");
    let registry = FakeRegistry::start(layout);
    let name = reference(&format!("{}/a:v1", registry.host));
    let env = Env::new();
    let fetch = |always_pull| {
        let sources = sources(&env, always_pull);
        let found = sources.image(&name, &platform(AMD64)).expect("known");
        sources.fetch(&found.origin, &found.manifest, &no_progress).expect("fetched")
    };
    assert_eq!(fetch(true), [diff]);
    let mut damaged = layer.clone();
    *damaged.last_mut().expect("a tar") ^= 1;
    std::fs::write(env.store.blob_path(&diff.0), &damaged).expect("a file of the test");
    assert_eq!(fetch(true), [diff]);
    assert_eq!(std::fs::read(env.store.blob_path(&diff.0)).expect("the blob"), layer);
}

#[test]
fn a_failed_pull_leaves_no_pin_in_any_form_of_its_name() {
    let mut layout = MemoryLayout::default();
    let image = layout.image(AMD64, &[(tar(&[("f", "1")]), Compression::Gzip)]);
    let index = layout.document(media_type::INDEX, &oci::Index::new(vec![image.clone()]));
    layout.list(index.clone(), "");
    let layer =
        *layout.blobs.keys().find(|digest| layout.blobs[digest].starts_with(&[0x1f, 0x8b])).expect("a layer");
    let registry = FakeRegistry::start(layout);
    registry.hide(&layer);
    let name = reference(&format!("{}/a:v1", registry.host));
    let env = Env::new();
    sources(&env, true).pull(&name, &platform(AMD64), &no_progress).expect_err("without the layer");
    for form in [format!("{}/a:v1", registry.host), format!("{}/a@{}", registry.host, index.digest)] {
        let pin = images::pins::load(&env.store, &reference(&form), &platform(AMD64)).expect("read");
        assert_eq!(pin, None, "{form}");
    }
    assert_eq!(env.store.resolve(&name).expect("read"), None);
}

#[test]
fn a_pulled_image_knows_the_manifest_of_its_registry() {
    let mut layout = MemoryLayout::default();
    let image = layout.image(AMD64, &[(tar(&[("f", "1")]), Compression::Gzip)]);
    layout.list(image.clone(), "");
    let registry = FakeRegistry::start(layout);
    let name = reference(&format!("{}/a:v1", registry.host));
    let env = Env::new();
    let pulled = sources(&env, true).pull(&name, &platform(AMD64), &no_progress).expect("pulled");
    let origin = images::PulledFrom::of(&pulled.descriptor).expect("a note");
    assert_eq!((origin.root, origin.manifest), (image.digest, image.digest));
    assert_eq!(pulled.root, Some(image.digest));
    let stored = env.store.resolve(&name).expect("read").expect("it has the name");
    assert_eq!(images::PulledFrom::of(&stored), Some(origin));
}

#[test]
fn a_pulled_layer_remembers_its_repository() {
    let mut layout = MemoryLayout::default();
    let layer = tar(&[("f", "1")]);
    let diff = DiffId(Digest::of(&layer));
    let image = layout.image(AMD64, &[(layer, Compression::Gzip)]);
    layout.list(image, "");
    let registry = FakeRegistry::start(layout);
    let name = reference(&format!("{}/a/b:v1", registry.host));
    let env = Env::new();
    sources(&env, false).pull(&name, &platform(AMD64), &no_progress).expect("pulled");
    let blob =
        images::layer_blobs::recall(&env.store, &diff, images::layer_blobs::ORIGIN).expect("remembered");
    assert_eq!(images::layer_blobs::source(&blob).expect("a repository").name(), name.name());
    assert_eq!(
        env.store.stat_blob(&blob.digest).expect("stat"),
        Some(blob.size_bytes),
        "the registry can be gone"
    );
}

/// A registry whose large layer breaks off after half of its bytes, unless a request has a range.
fn breaking_registry(layout: MemoryLayout, layer: Digest) -> Server {
    Server::start(move |request| {
        let last = request.target.rsplit('/').next().unwrap_or_default();
        let digest = last.parse().unwrap_or(layout.entries[0].digest);
        let bytes = &layout.blobs[&digest];
        let range = request.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'));
        let start = range.and_then(|start| start.parse::<usize>().ok());
        let size = bytes.len();
        match start {
            Some(start) => {
                let part = format!("bytes {start}-{}/{size}", size - 1);
                answer(206, &[("Content-Range", &part)], &bytes[start..])
            }
            None if digest == layer => {
                answer(200, &[("Content-Length", &size.to_string())], &bytes[..size / 2])
            }
            None => answer(200, &[], bytes),
        }
    })
}

#[test]
fn a_large_layer_that_broke_off_is_resumed_by_the_next_build() {
    let mut layout = MemoryLayout::default();
    let text: String = (0..3_000_000).map(|n| format!("{n:06}")).collect();
    let layer = tar(&[("f", &text)]);
    let (digest, size_bytes) = (Digest::of(&layer), layer.len());
    let image = layout.image(AMD64, &[(layer, Compression::None)]);
    layout.list(image, "");
    let server = breaking_registry(layout, digest);
    let env = Env::new();
    let name = reference(&format!("{}/a:v1", server.host()));
    let pull = || sources(&env, false).pull(&name, &platform(AMD64), &no_progress);
    let error = pull().expect_err("broken off").chain();
    assert!(error.contains("broke off"), "{error}");
    pull().expect("resumed");
    let requests = server.requests();
    let ranges: Vec<_> = requests.iter().filter_map(|request| request.header("range")).collect();
    let start: usize =
        ranges[0].trim_start_matches("bytes=").trim_end_matches('-').parse().expect("a number");
    assert_eq!(ranges.len(), 1);
    assert!(start > size_bytes / 3 && start <= size_bytes / 2, "{start} of {size_bytes}");
    assert!(env.layers.contains(&DiffId(digest)).expect("read"));
}
