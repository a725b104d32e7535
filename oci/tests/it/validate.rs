//! The rules between the documents of an image, each of them violated once.

use oci::media_type::*;
use oci::validate::{InvalidImage, base, image};
use oci::{Descriptor, DiffId, Digest, History, ImageConfig, Manifest};

fn valid_image() -> (Manifest, ImageConfig) {
    let digest = Digest::of(b"");
    let layer = Descriptor::new(LAYER_GZIP, digest, 0);
    let manifest = Manifest::new(Descriptor::new(CONFIG, digest, 0), vec![layer]);
    let mut config =
        ImageConfig { platform: "linux/amd64".parse().expect("valid"), ..ImageConfig::default() };
    config.rootfs.diff_ids.push(DiffId(digest));
    config.history = vec![History::default(), History { empty_layer: true, ..History::default() }];
    config.config.env = vec!["A=1".to_owned(), "EMPTY=".to_owned(), "B=x=y".to_owned()];
    (manifest, config)
}

/// Checks that a valid image that was changed by `spoil` violates the rule `expected`.
#[track_caller]
fn check(spoil: impl Fn(&mut Manifest, &mut ImageConfig), expected: InvalidImage) {
    let (mut manifest, mut config) = valid_image();
    spoil(&mut manifest, &mut config);
    assert_eq!(image(&manifest, &config), Err(expected));
}

#[test]
fn a_consistent_image_is_valid() {
    let (manifest, config) = valid_image();
    assert_eq!(image(&manifest, &config), Ok(()));
}

#[test]
fn an_image_without_a_history_is_valid() {
    let (manifest, mut config) = valid_image();
    config.history.clear();
    assert_eq!(image(&manifest, &config), Ok(()));
}

#[test]
fn the_schema_version_must_be_2() {
    check(|manifest, _| manifest.schema_version = 1, InvalidImage::SchemaVersion { found: 1 });
}

#[test]
fn layers_must_have_a_known_media_type() {
    let media_type = "text/plain".to_owned();
    let expected = InvalidImage::LayerType { index: 0, media_type: media_type.clone() };
    check(|manifest, _| manifest.layers[0].media_type = media_type.clone(), expected);
}

#[test]
fn manifest_and_config_must_have_the_same_number_of_layers() {
    check(|manifest, _| manifest.layers.clear(), InvalidImage::LayerCount { manifest: 0, config: 1 });
    check(|_, config| config.rootfs.diff_ids.clear(), InvalidImage::LayerCount { manifest: 1, config: 0 });
}

#[test]
fn the_history_must_have_one_entry_for_each_layer() {
    let expected = InvalidImage::History { history: 2, layers: 1 };
    check(|_, config| config.history[1].empty_layer = false, expected);
}

#[test]
fn the_platform_must_be_complete() {
    check(|_, config| config.platform.os.clear(), InvalidImage::Platform);
    check(|_, config| config.platform.architecture.clear(), InvalidImage::Platform);
}

#[test]
fn environment_entries_must_have_a_name_and_a_value() {
    for entry in ["NAME", "=value", "", "*"] {
        let expected = InvalidImage::Env { entry: entry.to_owned() };
        check(|_, config| config.config.env.push(entry.to_owned()), expected);
    }
}

/// Checks that a valid image that was changed by `spoil` can still be a base.
#[track_caller]
fn check_base(spoil: impl Fn(&mut Manifest, &mut ImageConfig)) {
    let (mut manifest, mut config) = valid_image();
    spoil(&mut manifest, &mut config);
    assert_eq!(base(&manifest, &config), Ok(()));
}

#[test]
fn a_base_image_can_have_an_incomplete_config() {
    check_base(|_, config| config.history.push(History::default()));
    check_base(|_, config| config.platform.os.clear());
    check_base(|_, config| config.platform.architecture.clear());
    check_base(|_, config| config.config.env.push("NAME".to_owned()));
}

#[test]
fn a_base_image_must_have_readable_layers_with_diff_ids() {
    let (manifest, mut config) = valid_image();
    config.rootfs.diff_ids.clear();
    assert_eq!(base(&manifest, &config), Err(InvalidImage::LayerCount { manifest: 1, config: 0 }));
    let (mut manifest, config) = valid_image();
    manifest.layers[0].media_type.clear();
    let expected = InvalidImage::LayerType { index: 0, media_type: String::new() };
    assert_eq!(base(&manifest, &config), Err(expected));
}

#[test]
fn media_types_of_readable_layers_have_a_compression() {
    #[track_caller]
    fn check(media_type: &str, expected: Option<Compression>) {
        assert_eq!(layer_compression(media_type), expected, "{media_type}");
    }
    check(LAYER_TAR, Some(Compression::None));
    check(DOCKER_LAYER_TAR, Some(Compression::None));
    check(LAYER_GZIP, Some(Compression::Gzip));
    check(DOCKER_LAYER_GZIP, Some(Compression::Gzip));
    check(LAYER_ZSTD, Some(Compression::Zstd));
    check(DOCKER_LAYER_ZSTD, Some(Compression::Zstd));
    check("application/vnd.docker.image.rootfs.foreign.diff.tar", Some(Compression::None));
    check("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Some(Compression::Gzip));
    check("application/vnd.oci.image.layer.nondistributable.v1.tar", Some(Compression::None));
    check("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", Some(Compression::Gzip));
    check("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", Some(Compression::Zstd));
    check("application/vnd.oci.image.layer.nondistributable.v1.tar+bzip2", None);
    check("application/vnd.in-toto+json", None);
    check("", None);
}
