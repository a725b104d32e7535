//! Files with holes: the layer has their zeros, but neither its tar in the store nor what is made from it takes disk
//! space for them.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use cache::ContentDigest;
use oci::{DiffId, Digest};
use rootfs::diff::Content;
use rootfs::layers::{Layers, Times};
use trees::materialize::materialize;

use crate::support::{TestEnv, file, put_file};

const MIB: usize = 1 << 20;
/// Length of the file: it ends within a block.
const SIZE: usize = 20 * MIB + 100;
/// Disk space that is allowed for it: its few bytes, and the blocks around them.
const MAX_DISK_BYTES: u64 = 128 << 10;

/// Returns the bytes of the file: holes at its start, in its middle and at its end, of which one has no whole block.
fn bytes() -> Vec<u8> {
    let mut bytes = vec![0; SIZE];
    bytes[3 * MIB + 17..3 * MIB + 22].copy_from_slice(b"first");
    bytes[3 * MIB + 4000..3 * MIB + 4006].copy_from_slice(b"second");
    bytes[11 * MIB] = b'3';
    bytes
}

/// Commits a layer with the file `big` between two small ones. The holes of `big` are known only if `is_sparse`.
fn commit(env: &TestEnv, is_sparse: bool) -> DiffId {
    let source = tempfile::tempfile_in(env.dir.path()).expect("a file");
    if is_sparse {
        source.set_len(SIZE as u64).expect("its length");
        for at in [3 * MIB, 11 * MIB] {
            source.write_all_at(&bytes()[at..at + 5000], at as u64).expect("data");
        }
    } else {
        source.write_all_at(&bytes(), 0).expect("data");
    }
    let mut diff = env.diff(&[]);
    put_file(&mut diff, "a", "before");
    let content = Content::Range { file: Arc::new(source), offset: 0 };
    diff.put(Path::new("big"), file(SIZE), Some(content)).expect("a file");
    put_file(&mut diff, "c", "after");
    env.layers.commit(diff).expect("a layer")
}

#[track_caller]
fn check_disk(path: &Path) {
    let on_disk = fs::metadata(path).expect("it is there").blocks() * 512;
    assert!(on_disk <= MAX_DISK_BYTES, "{} takes {on_disk} bytes", path.display());
}

#[track_caller]
fn check_content(layers: &Layers, layer: DiffId) {
    let view = layers.view(&[layer]).expect("a view");
    let mut found = Vec::new();
    view.open(Path::new("big")).expect("opened").read_to_end(&mut found).expect("read");
    assert!(found == bytes());
    assert_eq!(view.content(Path::new("big")).expect("a digest"), ContentDigest::of(&bytes()));
    let mut after = String::new();
    view.open(Path::new("c")).expect("opened").read_to_string(&mut after).expect("read");
    assert_eq!(after, "after");
}

#[test]
fn a_hole_is_part_of_the_tar_and_takes_no_space_in_the_store() {
    let (sparse, dense) = (TestEnv::new(), TestEnv::new());
    let layer = commit(&sparse, true);
    assert_eq!(layer, commit(&dense, false), "holes do not change the digest");
    for env in [&sparse, &dense] {
        assert_eq!(Digest::of(&env.tar(&layer)), layer.0);
        check_disk(&env.store.blob_path(&layer.0));
        check_content(&env.layers, layer);
    }
}

#[test]
fn the_file_with_the_largest_holes_is_found() {
    let env = TestEnv::new();
    let layer = commit(&env, true);
    let found = env.layers.largest_holes(&layer, 10 << 20).expect("read").expect("a file");
    assert_eq!(found.path, Path::new("big"));
    assert!((19 << 20..20 << 20).contains(&found.hole_bytes), "{found:?}");
    assert_eq!(env.layers.largest_holes(&layer, 20 << 20).expect("read"), None);
}

#[test]
fn an_imported_layer_takes_no_space_for_zeros() {
    let (env, other) = (TestEnv::new(), TestEnv::new());
    let layer = commit(&env, true);
    let tar = env.tar(&layer);
    other.layers.import(&mut &tar[..], Some(layer)).expect("imported");
    check_disk(&other.store.blob_path(&layer.0));
    check_content(&other.layers, layer);
}

#[test]
fn everything_that_is_made_from_a_layer_has_its_holes() {
    let env = TestEnv::new();
    let layer = commit(&env, true);
    let (dest, bound) = (env.dir.path().join("dest"), env.dir.path().join("bound"));
    env.layers.write_dir(&[layer], Times::Real, &dest, &|| Ok(())).expect("an export");
    fs::create_dir(&bound).expect("a directory");
    let view = env.layers.view(&[layer]).expect("a view");
    materialize(&*view, Path::new(""), &bound).expect("materialized");
    let tree = env.layers.tree(&layer).expect("a tree");
    for made in [&dest, &bound, &tree] {
        check_disk(&made.join("big"));
        assert!(fs::read(made.join("big")).expect("read") == bytes(), "{}", made.display());
    }
}

#[test]
fn a_copy_of_the_file_in_another_layer_is_the_same() {
    let env = TestEnv::new();
    let base = commit(&env, true);
    let mut diff = env.diff(&[]);
    let content = Content::Tree {
        tree: env.layers.view(&[base]).expect("a view"),
        path: "big".into(),
        digest: Some(ContentDigest::of(&bytes())),
    };
    diff.put(Path::new("copy"), file(SIZE), Some(content)).expect("a file");
    let copy = env.layers.commit(diff).expect("a layer");
    check_disk(&env.store.blob_path(&copy.0));
    let mut tar = Vec::new();
    env.layers.write_tar(&[copy], Times::Store, &mut tar).expect("an export");
    assert_eq!(Digest::of(&tar), copy.0, "a tar that is no file has every zero");
}
