//! Layers in forms that can be read piece by piece: eStargz and zstd:chunked. They are ordinary gzip and zstd with more
//! members or frames, and are read as such.

use std::io::Write as _;

use oci::media_type::{self, Compression};
use oci::{Descriptor, DiffId, Digest, ImageConfig, Manifest};
use testing::{Env, MemoryLayout, append, packed};

use super::{AMD64, content, fetch_layout, platform};

const FILES: [(&str, &str); 2] = [("a", "first"), ("b", "second")];

/// Returns the tar of a layer in pieces: one for each file, and the end.
fn pieces(files: &[(&str, &str)]) -> Vec<Vec<u8>> {
    let piece = |(name, content): &(&str, &str)| {
        let mut tar = ::tar::Builder::new(Vec::new());
        append(&mut tar, name, content.as_bytes());
        let mut bytes = tar.into_inner().expect("write to memory");
        // Without the two empty blocks that end an archive.
        bytes.truncate(bytes.len() - 1024);
        bytes
    };
    files.iter().map(piece).chain([vec![0; 1024]]).collect()
}

/// Returns an eStargz layer: a gzip member for each piece, the table of contents as a file, and a footer.
///
/// Source: containerd/stargz-snapshotter, docs/estargz.md.
fn estargz() -> (Vec<u8>, Vec<u8>) {
    let toc = r#"{"version":1,"entries":[]}"#;
    let pieces = pieces(&[FILES[0], FILES[1], ("stargz.index.json", toc)]);
    let mut blob = Vec::new();
    for piece in &pieces {
        blob.extend(packed(piece, Compression::Gzip));
    }
    blob.extend([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 26, 0, b'S', b'G', 22, 0]);
    write!(blob, "{:016x}STARGZ", 0).expect("write to memory");
    blob.extend([1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
    (pieces.concat(), blob)
}

/// Returns a zstd:chunked layer: a frame for each piece, then frames that a decompressor skips.
///
/// Source: containers/storage, `pkg/chunked`.
fn zstd_chunked() -> (Vec<u8>, Vec<u8>) {
    let pieces = pieces(&FILES);
    let mut blob = Vec::new();
    for piece in &pieces {
        blob.extend(packed(piece, Compression::Zstd));
    }
    for skipped in [&packed(br#"{"version":1,"entries":[]}"#, Compression::Zstd)[..], b"0123456789GNUlInUx"] {
        blob.extend([0x50, 0x2a, 0x4d, 0x18]);
        blob.extend(u32::try_from(skipped.len()).expect("short").to_le_bytes());
        blob.extend(skipped);
    }
    (pieces.concat(), blob)
}

/// Puts an image with this layer into a layout, announced by these media types.
fn image_of(blob: Vec<u8>, tar: &[u8], types: [&str; 3], annotations: [&str; 2]) -> MemoryLayout {
    let [manifest_type, config_type, layer_type] = types;
    let mut layout = MemoryLayout::default();
    let mut layer = layout.blob(layer_type, blob);
    layer.annotations = annotations.iter().map(|key| ((*key).to_owned(), "x".to_owned())).collect();
    let mut config = ImageConfig { platform: platform(AMD64), ..ImageConfig::default() };
    config.rootfs.diff_ids.push(DiffId(Digest::of(tar)));
    let config: Descriptor = layout.document(config_type, &config);
    let mut manifest = Manifest::new(config, vec![layer]);
    manifest.media_type = Some(manifest_type.to_owned());
    let manifest = layout.document(manifest_type, &manifest);
    layout.list(manifest, "");
    layout
}

#[test]
fn layers_that_can_be_read_in_pieces_are_read_whole() {
    use media_type::*;
    #[track_caller]
    fn check((tar, blob): (Vec<u8>, Vec<u8>), types: [&str; 3], annotations: [&str; 2]) {
        let env = Env::new();
        let layout = image_of(blob, &tar, types, annotations);
        let layers = fetch_layout(&env, &layout).unwrap_or_else(|error| panic!("{types:?}: {error}"));
        for (name, expected) in FILES {
            assert_eq!(content(&env, &layers, name), expected, "{types:?}");
        }
    }
    let stargz = ["containerd.io/snapshot/stargz/toc.digest", "io.containers.estargz.uncompressed-size"];
    check(estargz(), [MANIFEST, CONFIG, LAYER_GZIP], stargz);
    check(estargz(), [DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER_GZIP], stargz);
    let chunked = [
        "io.github.containers.zstd-chunked.manifest-checksum",
        "io.github.containers.zstd-chunked.manifest-position",
    ];
    check(zstd_chunked(), [MANIFEST, CONFIG, LAYER_ZSTD], chunked);
    check(zstd_chunked(), [DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER_ZSTD], chunked);
    // Some tools announce another compression than that of the blob.
    check(zstd_chunked(), [DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER_GZIP], chunked);
}
