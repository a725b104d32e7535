//! A damaged index is made again from the tar, whenever the damage is found.

use std::fs;
use std::path::{Path, PathBuf};

use oci::DiffId;
use rootfs::layers::Layers;

use crate::support::{TestEnv, at, file, flat, put_dir, put_entry, put_file, read};

/// Makes a small base layer.
fn base(env: &TestEnv) -> DiffId {
    let mut diff = env.diff(&[]);
    put_dir(&mut diff, "etc");
    put_file(&mut diff, "etc/hosts", "localhost");
    put_file(&mut diff, "etc/passwd", "root:");
    env.layers.commit(diff).expect("a layer")
}

/// Makes a layer of several thousand entries on top of `below`, so that its index has several blocks.
fn large(env: &TestEnv, layers: &Layers, below: DiffId) -> DiffId {
    let mut diff = env.diff(&[below]);
    put_dir(&mut diff, "many");
    (0..30).for_each(|number| put_dir(&mut diff, &format!("many/{number}")));
    for number in 0..3000 {
        let path = format!("many/{}/{number}", number / 100);
        put_entry(&mut diff, &path, at(file(4), 1_700_000_000 + number), &format!("{number:04}"));
    }
    diff.link(Path::new("zlast"), Path::new("many/0/7")).expect("a link");
    diff.remove(Path::new("etc/hosts")).expect("a removal");
    layers.commit(diff).expect("a layer")
}

fn index_path(env: &TestEnv, layer: &DiffId) -> PathBuf {
    env.store.layer_dir(layer).expect("a directory").join("index")
}

/// Replaces the second half of an index by zeros, as a power cut can; returns both versions.
fn tear(index: &Path) -> (Vec<u8>, Vec<u8>) {
    let good = fs::read(index).expect("an index");
    let mut torn = good.clone();
    torn[good.len() / 2..].fill(0);
    fs::write(index, &torn).expect("damage");
    (good, torn)
}

#[test]
fn an_index_with_a_flipped_bit_is_made_again() {
    let env = TestEnv::new();
    let layer = base(&env);
    let expected = flat(&*env.layers.view(&[layer]).expect("a view"));
    let index = index_path(&env, &layer);
    let mut bytes = fs::read(&index).expect("an index");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&index, bytes).expect("damage");
    assert_eq!(flat(&*env.reopened().view(&[layer]).expect("a view")), expected);
}

#[test]
fn an_empty_or_foreign_index_is_made_again() {
    let env = TestEnv::new();
    let layer = base(&env);
    let expected = flat(&*env.layers.view(&[layer]).expect("a view"));
    for bytes in [&b""[..], b"dsbuild index\0\0\x01", &[0; 200]] {
        fs::write(index_path(&env, &layer), bytes).expect("damage");
        assert_eq!(flat(&*env.reopened().view(&[layer]).expect("a view")), expected);
    }
}

#[test]
fn damage_in_a_block_is_repaired_when_the_block_is_read() {
    let env = TestEnv::new();
    let base = base(&env);
    let layers = [base, large(&env, &env.layers, base)];
    let expected = flat(&*env.layers.view(&layers).expect("a view"));
    let index = index_path(&env, &layers[1]);
    let (_, torn) = tear(&index);
    let view = env.reopened().view(&layers).expect("a view");
    assert_eq!(read(&*view, "many/0/7"), "0007");
    assert_eq!(fs::read(&index).expect("an index"), torn, "the damaged block has not been read");
    assert_eq!(read(&*view, "zlast"), "0007");
    assert_ne!(fs::read(&index).expect("an index"), torn);
    assert_eq!(flat(&*view), expected);
    assert_eq!(flat(&*env.reopened().view(&layers).expect("a view")), expected);
}

/// Only a process that makes the layer knows the real times.
#[test]
fn making_a_layer_again_restores_a_damaged_index() {
    let env = TestEnv::new();
    let base = base(&env);
    let layer = large(&env, &env.layers, base);
    let index = index_path(&env, &layer);
    let (good, _) = tear(&index);
    assert_eq!(large(&env, &env.reopened(), base), layer);
    assert_eq!(fs::read(&index).expect("an index"), good);
}
