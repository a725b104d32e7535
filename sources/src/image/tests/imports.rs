//! Imports: layouts, docker archives and root file systems, as files and as streams.

use images::{CachingBlobs, StoreBlobs, choose, layer_blobs};
use oci::media_type::Compression;
use oci::{DiffId, Digest, ImageConfig, Platform, Reference};
use testing::{Env, MemoryLayout, append, append_link, packed, tar};

use super::super::{ImportFrom, Imported, import};
use super::{AMD64, content, no_progress, platform};

/// Imports bytes as a file and as a stream; returns the names and the first file of each image.
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

/// Reads the file `f` of an imported image, and checks the image on the way.
fn first_file(env: &Env, image: &Imported) -> String {
    for name in &image.names {
        assert_eq!(
            env.store.resolve(name).expect("readable").expect("named").digest,
            image.descriptor.digest
        );
    }
    let here = StoreBlobs(&env.store);
    let blobs = CachingBlobs { store: &env.store, inner: &here };
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

/// The archive is gone when an image on top of the layer is pushed.
#[test]
fn the_compressed_blobs_of_an_archive_are_kept() {
    let mut layout = MemoryLayout::default();
    let layers = [Compression::Gzip, Compression::Zstd, Compression::None]
        .map(|compression| (tar(&[("f", &format!("{compression:?}"))]), compression));
    let image = layout.image(AMD64, &layers);
    layout.list(image, "x:1");
    let env = Env::new();
    let archive = packed(&layout.tar(), Compression::Gzip);
    import(&env.layers, ImportFrom::Stream(&mut &archive[..]), &[], &no_progress).expect("imported");
    for (tar, compression) in &layers {
        let diff = DiffId(Digest::of(tar));
        let blob = layer_blobs::recall(&env.store, &diff, layer_blobs::ORIGIN).expect("remembered");
        assert_eq!(blob.digest == diff.0, *compression == Compression::None);
        let kept = env.store.get_blob(&blob.digest, 1 << 20).expect("kept");
        assert_eq!(Some(&kept), layout.blobs.get(&blob.digest), "{compression:?}");
    }
}

#[test]
fn platforms_without_blobs_are_left_out() {
    let mut layout = MemoryLayout::default();
    let host = Platform::host().to_string();
    let here = layout.image(&host, &[(tar(&[("f", "1")]), Compression::None)]);
    let mut gone = MemoryLayout::default().image("linux/s390x", &[]);
    gone.platform = Some(platform("linux/s390x"));
    let index = layout.index(vec![gone, here]);
    layout.list(index, "x:1");
    assert_eq!(imported(&layout.tar(), &["y:2"]).expect("imported"), [named(&["y:2"], "1")]);
}

/// An archive of `docker save`: `manifest.json`, a config, a layer, and links between members.
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
    // Paths and links that leave the archive, or lead nowhere.
    check("../../etc/passwd", &[], Some("leads out"));
    check("/abc/layer.tar", &[], None);
    check("/etc/passwd", &[], Some("not found"));
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

/// A docker archive with layers whose names are as given; the config has the tars in the same order.
fn archive_of_layers(layers: &[(&str, &[u8])]) -> Vec<u8> {
    let mut config = ImageConfig::default();
    config.rootfs.diff_ids = layers.iter().map(|(_, tar)| DiffId(Digest::of(tar))).collect();
    let mut archive = ::tar::Builder::new(Vec::new());
    append(&mut archive, "config.json", &serde_json::to_vec(&config).expect("JSON"));
    for (name, tar) in layers.iter().filter(|(name, _)| !name.is_empty()) {
        append(&mut archive, name.trim_start_matches('/'), tar);
    }
    let names: Vec<&str> = layers.iter().map(|(name, _)| *name).collect();
    let manifest = serde_json::json!([{"Config": "config.json", "RepoTags": null, "Layers": names}]);
    append(&mut archive, "manifest.json", manifest.to_string().as_bytes());
    archive.into_inner().expect("write to memory")
}

#[test]
fn layers_without_a_name_are_empty_ones() {
    let (files, empty) = (tar(&[("f", "content")]), tar(&[]));
    assert_eq!(empty.len(), 1024);
    for empty in [&empty[..], &[0; 10_240]] {
        let archive = archive_of_layers(&[("", empty), ("", empty), ("/b.tar", &files)]);
        assert_eq!(imported(&archive, &[]).expect("imported"), [named(&[], "content")]);
    }
    let archive = archive_of_layers(&[("", &files), ("b.tar", &files)]);
    let error = imported(&archive, &[]).expect_err("a layer with files");
    assert!(error.contains("names no file for a layer that is not empty"), "{error}");
}

#[test]
fn an_archive_without_a_platform_is_for_this_machine() {
    let files = tar(&[("f", "content")]);
    assert_eq!(
        imported(&archive_of_layers(&[("b.tar", &files)]), &[]).expect("imported"),
        [named(&[], "content")]
    );
}
