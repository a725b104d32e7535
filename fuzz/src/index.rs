//! Damaged indexes of layers.
//!
//! The input describes a layer ([`crate::members`]) and damage: pairs of an offset and a value that is combined with
//! the byte there.

use std::fs;
use std::sync::Arc;

use cache::Store;
use rootfs::layers::Layers;

use crate::scratch::Scratch;
use crate::{members, tree};

/// Bytes of the input that describe damage.
const DAMAGE_BYTES: usize = 6;

/// Checks that a layer with a damaged index shows the same tree: damage is noticed, and the index made again of the tar.
pub fn check(input: &[u8]) {
    let (damage, members) = input.split_at(input.len().min(DAMAGE_BYTES));
    let scratch = Scratch::new();
    let store = Arc::new(Store::open(scratch.path()).expect("a new store opens"));
    let layers = Layers::new(Arc::clone(&store));
    let Ok(layer) = layers.import(&mut &members::tar(members)[..], None) else { return };
    let view = tree::flat(&*layers.view(&[layer]).expect("an imported layer has a view"));
    let path = store.layer_dir(&layer).expect("a layer has a directory").join("index");
    let mut bytes = fs::read(&path).expect("an imported layer has an index");
    for change in damage.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % bytes.len().max(1);
        bytes[at] ^= change[2];
    }
    fs::write(&path, &bytes).expect("the store is writable");
    let again = Layers::new(store);
    assert_eq!(tree::flat(&*again.view(&[layer]).expect("a damaged index is made again")), view);
}
