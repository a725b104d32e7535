//! Layers: tars of other programs, as a stack and exported again.
//!
//! The input describes the members of two layers, split in the middle ([`crate::members`]).

use std::sync::Arc;

use cache::Store;
use oci::{DiffId, Hasher};
use rootfs::layers::{Layers, Times};

use crate::scratch::Scratch;
use crate::{members, tree};

/// Checks these properties:
///
/// - A layer is kept byte for byte, under the sha256 of its tar.
/// - Listing, lookup, size, content and digest agree for every path of the stack.
/// - The exported stack is one layer that shows the same tree.
/// - A layer read again from the store shows the same tree.
pub fn check(input: &[u8]) {
    let scratch = Scratch::new();
    let store = Arc::new(Store::open(scratch.path()).expect("a new store opens"));
    let layers = Layers::new(Arc::clone(&store));
    let (lower, upper) = input.split_at(input.len() / 2);
    let stack: Vec<DiffId> =
        [lower, upper].into_iter().filter_map(|part| import(&layers, &members::tar(part))).collect();
    let view = tree::flat(&*layers.view(&stack).expect("imported layers have a view"));
    let mut exported = Vec::new();
    layers.write_tar(&stack, Times::Real, &mut exported).expect("a stack can be exported");
    let single = layers.import(&mut &exported[..], None).expect("an exported layer can be imported");
    assert_eq!(tree::flat(&*layers.view(&[single]).expect("as before")), view);
    let again = Layers::new(store);
    assert_eq!(tree::flat(&*again.view(&stack).expect("as before")), view);
}

fn import(layers: &Layers, tar: &[u8]) -> Option<DiffId> {
    let layer = layers.import(&mut &tar[..], None).ok()?;
    let mut hasher = Hasher::default();
    hasher.update(tar);
    assert_eq!(layer.0, hasher.finish());
    Some(layer)
}
