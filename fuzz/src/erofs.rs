//! EROFS images of layers, read by a small reader that knows the kernel's documentation and not the writer.
//!
//! The input describes the members of two layers, split in the middle ([`crate::members`]).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache::Store;
use oci::DiffId;
use rootfs::layers::Layers;
use trees::entry::{Entry, Kind};

use crate::scratch::Scratch;
use crate::tree::Flat;
use crate::{members, tree};

pub mod reader;

/// Checks these properties:
///
/// - Each layer without holes has an image, and making the image of a layer twice gives the same bytes.
/// - The image of a layer shows what the index of the layer shows: every path, attribute, hard link and byte.
/// - Images on top of each other show what the indexes do, if whiteouts and opaque directories mean what overlayfs says.
pub fn check(input: &[u8]) {
    let scratch = Scratch::new();
    let layers = Layers::new(Arc::new(Store::open(scratch.path()).expect("a new store opens")));
    let (lower, upper) = input.split_at(input.len() / 2);
    let mut stack = Vec::new();
    let mut merged = Some(BTreeMap::new());
    for part in [lower, upper] {
        let tar = members::tar(part);
        let Ok(layer) = layers.import(&mut &tar[..], None) else { continue };
        let shown = image(&layers, &layer, &tar);
        assert!(shown.is_some() || members::has_sparse(part), "a layer without holes has an image");
        stack.push(layer);
        merged = merged.zip(shown).map(|(below, shown)| on_top(below, shown));
    }
    if let Some(merged) = merged {
        tree::assert_same(&merged, &tree::flat(&*layers.view(&stack).expect("imported layers have a view")));
    }
}

/// Returns the tree in the image of a layer, after a comparison with the view of the layer alone.
fn image(layers: &Layers, layer: &DiffId, tar: &[u8]) -> Option<Flat> {
    let bytes = layers.erofs_image(layer).expect("the store is writable")?;
    let again = layers.erofs_image(layer).expect("the store is readable");
    assert_eq!(again.as_ref(), Some(&bytes));
    let shown = reader::read(&bytes, tar);
    let alone = on_top(BTreeMap::new(), shown.clone());
    tree::assert_same(&alone, &tree::flat(&*layers.view(&[*layer]).expect("an imported layer has a view")));
    Some(shown)
}

/// Puts the tree of a layer, which can have whiteouts and opaque directories, on top of what is below it.
fn on_top(mut below: Flat, layer: Flat) -> Flat {
    for (path, (mut entry, content)) in layer {
        let is_opaque = entry.kind == Kind::Directory { opaque: true };
        let met = below.get(&path).filter(|(met, _)| met.is_dir() && entry.is_dir()).cloned();
        let is_root = path.as_os_str().is_empty();
        if is_opaque || met.is_none() && !is_root {
            below.retain(|other, _| !other.starts_with(&path));
        }
        // A view does not list its root.
        if entry.kind == Kind::Whiteout || is_root {
            continue;
        }
        match met {
            // A directory that the layer only implies keeps what lower layers say about it.
            Some((met, _)) if is_implied(&entry) => entry = met,
            _ if is_opaque => entry.kind = Kind::Directory { opaque: false },
            _ => {}
        }
        below.insert(path, (entry, content));
    }
    below
}

/// Reports whether a directory is one that the layer does not describe, although it can mark it as opaque. [`members`]
/// never gives one this mode.
fn is_implied(entry: &Entry) -> bool {
    entry.is_dir() && *entry == Entry { kind: entry.kind.clone(), ..Entry::directory(0o755) }
}

/// Returns the path of `name` in the directory `parent`.
fn child(parent: &Path, name: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    parent.join(std::ffi::OsStr::from_bytes(name))
}
