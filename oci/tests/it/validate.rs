//! The rules between the documents of an image.

use oci::media_type::*;
use oci::validate::{InvalidImage, base, image};
use oci::{Descriptor, DiffId, Digest, History, ImageConfig, Manifest};

fn good() -> (Manifest, ImageConfig) {
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

#[track_caller]
fn check(spoil: impl Fn(&mut Manifest, &mut ImageConfig), is_broken: impl Fn(&InvalidImage) -> bool) {
    let (mut manifest, mut config) = good();
    spoil(&mut manifest, &mut config);
    let error = image(&manifest, &config).expect_err("it was spoilt");
    assert!(is_broken(&error), "{error}");
}

#[test]
fn a_good_image_is_valid() {
    let (manifest, mut config) = good();
    assert_eq!(image(&manifest, &config), Ok(()));
    config.history.clear();
    assert_eq!(image(&manifest, &config), Ok(()), "an image need not have a history");
}

#[test]
fn each_rule_is_checked() {
    check(
        |manifest, _| manifest.schema_version = 1,
        |e| matches!(e, InvalidImage::SchemaVersion { found: 1 }),
    );
    check(
        |manifest, _| manifest.layers[0].media_type = "text/plain".to_owned(),
        |e| matches!(e, InvalidImage::LayerType { index: 0, .. }),
    );
    check(
        |manifest, _| manifest.layers.clear(),
        |e| matches!(e, InvalidImage::LayerCount { manifest: 0, config: 1 }),
    );
    check(
        |_, config| config.rootfs.diff_ids.clear(),
        |e| matches!(e, InvalidImage::LayerCount { manifest: 1, config: 0 }),
    );
    check(
        |_, config| config.history[1].empty_layer = false,
        |e| matches!(e, InvalidImage::History { history: 2, layers: 1 }),
    );
    check(|_, config| config.platform.os.clear(), |e| matches!(e, InvalidImage::Platform));
    check(|_, config| config.platform.architecture.clear(), |e| matches!(e, InvalidImage::Platform));
    for entry in ["NAME", "=value", "", "*"] {
        check(
            |_, config| config.config.env.push(entry.to_owned()),
            |e| matches!(e, InvalidImage::Env { entry: found } if found == entry),
        );
    }
}

#[test]
fn a_base_may_have_another_history() {
    let (manifest, mut config) = good();
    config.history.push(History::default());
    assert_eq!(base(&manifest, &config), Ok(()));
    config.config.env.push("*".to_owned());
    assert!(base(&manifest, &config).is_err());
}

#[test]
fn layer_types_are_known() {
    #[track_caller]
    fn check(media_type: &str, expected: Option<Compression>) {
        assert_eq!(layer_compression(media_type), expected, "{media_type}");
    }
    check(LAYER_TAR, Some(Compression::None));
    check(DOCKER_LAYER_TAR, Some(Compression::None));
    check(LAYER_GZIP, Some(Compression::Gzip));
    check(DOCKER_LAYER_GZIP, Some(Compression::Gzip));
    check(LAYER_ZSTD, Some(Compression::Zstd));
    check("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", None);
    check("application/vnd.in-toto+json", None);
    check("", None);
}
