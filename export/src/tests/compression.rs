//! Compression: media types and kept blobs in every combination, and bytes that do not depend on the machine.

use images::layer_blobs;
use oci::media_type::{self, Compression};
use oci::{Descriptor, Digest};
use testing::packed;

use super::{Built, Layout, TIMES};
use crate::{LayerCompression, pack};

/// One combination a line. A layer that is `kept` has the blob that it was pulled as.
///
/// As with BuildKit, `compression` is about the layers of this build, unless it is forced on those of the base. Docker has
/// no media type for zstd: compression with zstd asks for OCI's documents, and a base layer in zstd is compressed anew for
/// Docker's documents.
const COMBINATIONS: &str = "
compression   documents  base   force  | documents  base layer  own layer
default       oci        tar    no     | oci        tar   kept  gzip
default       oci        gzip   no     | oci        gzip  kept  gzip
default       oci        zstd   no     | oci        zstd  kept  gzip
default       oci        tar    yes    | oci        gzip  new   gzip
default       oci        gzip   yes    | oci        gzip  new   gzip
default       oci        zstd   yes    | oci        gzip  new   gzip
default       docker     tar    no     | docker     tar   kept  gzip
default       docker     gzip   no     | docker     gzip  kept  gzip
default       docker     zstd   no     | docker     gzip  new   gzip
default       docker     tar    yes    | docker     gzip  new   gzip
default       docker     gzip   yes    | docker     gzip  new   gzip
default       docker     zstd   yes    | docker     gzip  new   gzip
gzip          oci        zstd   no     | oci        zstd  kept  gzip
gzip          oci        zstd   yes    | oci        gzip  new   gzip
gzip          docker     tar    no     | docker     tar   kept  gzip
gzip          docker     zstd   yes    | docker     gzip  new   gzip
zstd          oci        tar    no     | oci        tar   kept  zstd
zstd          oci        gzip   no     | oci        gzip  kept  zstd
zstd          oci        zstd   no     | oci        zstd  kept  zstd
zstd          oci        tar    yes    | oci        zstd  new   zstd
zstd          oci        gzip   yes    | oci        zstd  new   zstd
zstd          oci        zstd   yes    | oci        zstd  new   zstd
zstd          docker     tar    no     | oci        tar   kept  zstd
zstd          docker     gzip   no     | oci        gzip  kept  zstd
zstd          docker     zstd   no     | oci        zstd  kept  zstd
zstd          docker     tar    yes    | oci        zstd  new   zstd
zstd          docker     gzip   yes    | oci        zstd  new   zstd
zstd          docker     zstd   yes    | oci        zstd  new   zstd
uncompressed  oci        tar    no     | oci        tar   kept  tar
uncompressed  oci        gzip   no     | oci        gzip  kept  tar
uncompressed  oci        zstd   no     | oci        zstd  kept  tar
uncompressed  oci        tar    yes    | oci        tar   kept  tar
uncompressed  oci        gzip   yes    | oci        tar   new   tar
uncompressed  oci        zstd   yes    | oci        tar   new   tar
uncompressed  docker     tar    no     | docker     tar   kept  tar
uncompressed  docker     gzip   no     | docker     gzip  kept  tar
uncompressed  docker     zstd   no     | docker     tar   new   tar
uncompressed  docker     tar    yes    | docker     tar   kept  tar
uncompressed  docker     gzip   yes    | docker     tar   new   tar
uncompressed  docker     zstd   yes    | docker     tar   new   tar
";

#[test]
fn every_combination_has_its_media_types() {
    let built = Built::new(&["linux/amd64"]);
    for line in COMBINATIONS.lines().skip(2) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [compression, documents, base, force, "|", expected_documents, base_layer, base_blob, own_layer] =
            words[..]
        else {
            panic!("{line}")
        };
        let pulled = pulled_as(&built, base);
        let compression = format!("compression={compression}").replace("compression=default", "tar=true");
        let (is_oci, is_forced) = (documents == "oci", force == "yes");
        let attributes =
            format!("type=oci,oci-mediatypes={is_oci},force-compression={is_forced},{compression}");
        let (manifest, _) = Layout::of_tar(&built.export(&attributes, TIMES).1).only();
        let types = [layer_type(base_layer, expected_documents), layer_type(own_layer, expected_documents)];
        let found: Vec<&str> = manifest.layers.iter().map(|layer| layer.media_type.as_str()).collect();
        assert_eq!(found, types, "{line}");
        let (manifest_type, config_type) = match expected_documents {
            "docker" => (media_type::DOCKER_MANIFEST, media_type::DOCKER_CONFIG),
            _ => (media_type::MANIFEST, media_type::CONFIG),
        };
        assert_eq!(manifest.media_type.as_deref(), Some(manifest_type), "{line}");
        assert_eq!(manifest.config.media_type, config_type, "{line}");
        assert_eq!(manifest.layers[0].digest == pulled.digest, base_blob == "kept", "{line}");
    }
}

/// Puts a blob of the base layer into the store, compressed as a registry had it, and notes that it was pulled so.
fn pulled_as(built: &Built, form: &str) -> Descriptor {
    let base = built.layers[0];
    let tar = std::fs::read(built.env.store.blob_path(&base.0)).expect("the tar is a blob");
    let compression = match form {
        "gzip" => Compression::Gzip,
        "zstd" => Compression::Zstd,
        _ => Compression::None,
    };
    let bytes = packed(&tar, compression);
    let blob = Descriptor::new(layer_type(form, "oci"), Digest::of(&bytes), bytes.len() as u64);
    built.env.store.put_blob(&bytes).expect("stored");
    layer_blobs::remember(&built.env.store, &base, layer_blobs::ORIGIN, &blob).expect("noted");
    blob
}

fn layer_type(form: &str, documents: &str) -> &'static str {
    match (form, documents) {
        ("tar", "oci") => media_type::LAYER_TAR,
        ("gzip", "oci") => media_type::LAYER_GZIP,
        ("zstd", "oci") => media_type::LAYER_ZSTD,
        ("tar", "docker") => media_type::DOCKER_LAYER_TAR,
        ("gzip", "docker") => media_type::DOCKER_LAYER_GZIP,
        _ => panic!("{documents} has no type for {form}"),
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    // More than the parts that zstd hands to its workers at these levels.
    let mut state = 1_u32;
    let input: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b"abcdefghijklmnop"[(state >> 28) as usize]
    })
    .take(20 << 20)
    .collect();
    for compression in [
        LayerCompression::Gzip { level: 1 },
        LayerCompression::GZIP,
        LayerCompression::Zstd { level: 1 },
        LayerCompression::Zstd { level: 3 },
    ] {
        let packed_by = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            let mut out = Vec::new();
            pool.install(|| pack(&mut &input[..], &mut out, compression)).expect("packed");
            out
        };
        let one = packed_by(1);
        assert!(one.len() < input.len(), "{compression:?} compresses");
        for threads in [2, 5] {
            assert!(packed_by(threads) == one, "{compression:?} with {threads} threads");
        }
    }
}
