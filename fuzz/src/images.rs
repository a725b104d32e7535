//! Archives of images: those of `docker save`, OCI layouts, and tars that are neither.
//!
//! The input describes the members of an archive (`members`). Documents name the digests of members before them by
//! placeholders, so that a changed document still fits its layers.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache::Store;
use oci::{Descriptor, Digest, Document, ImageConfig};
use rootfs::layers::Layers;
use sources::{ImportFrom, Imported, import};

use crate::scratch::Scratch;
use crate::tree;

mod archive;

/// Checks these properties:
///
/// - An archive is imported, or refused with a reason, alike as a file and as a compressed stream.
/// - An imported image is complete: its manifest, config and layers are blobs of the store with the digests that lead to
///   them, it has passed the rules for a base image, and its tree can be read.
/// - Whatever happens, no temporary file is left.
pub fn check(input: &[u8]) {
    let bytes = archive::tar(input);
    let as_file = imported(&bytes, false);
    assert_eq!(as_file, imported(&bytes, true));
}

/// Imports an archive into a new store; `None` if it is refused.
fn imported(archive: &[u8], as_stream: bool) -> Option<Vec<Imported>> {
    let scratch = Scratch::new();
    let store = Arc::new(Store::open(&scratch.path().join("store")).expect("a new store opens"));
    let layers = Layers::new(Arc::clone(&store));
    let path = scratch.path().join("archive");
    fs::write(&path, archive).expect("the scratch directory is writable");
    let mut stream = flate2::read::GzEncoder::new(archive, flate2::Compression::fast());
    let from = if as_stream { ImportFrom::Stream(&mut stream) } else { ImportFrom::Path(&path) };
    let result = import(&layers, from, &[], &|_, _, _, _| ());
    // This process has one directory there.
    let own = listed(&store.root().join("tmp"));
    let left: Vec<_> = own.iter().flat_map(|own| listed(own)).collect();
    assert!(left.is_empty(), "temporary files are left: {left:?}");
    match result {
        Ok(images) => {
            for image in &images {
                check_image(&layers, image);
            }
            Some(images)
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

/// Returns the paths in a directory.
fn listed(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).expect("a store has this directory");
    entries.map(|entry| entry.expect("it can be listed").path()).collect()
}

fn check_image(layers: &Layers, image: &Imported) {
    let store = layers.store();
    for name in &image.names {
        let named = store.resolve(name).expect("the store is readable").expect("an image has its names");
        // An archive can give one name to several images, the last of which gets it.
        assert!(store.stat_blob(&named.digest).expect("the store is readable").is_some());
    }
    match Document::parse(None, &blob(store, &image.descriptor)).expect("a document of the store's own") {
        Document::Manifest(manifest) => {
            assert_eq!(manifest.config.digest, image.image_id);
            check_manifest(layers, &manifest);
        }
        Document::Index(index) => {
            assert_eq!(image.descriptor.digest, image.image_id);
            for entry in &index.manifests {
                let document = Document::parse(None, &blob(store, entry)).expect("as before");
                let Document::Manifest(manifest) = document else { panic!("an index in an index") };
                check_manifest(layers, &manifest);
            }
        }
    }
}

fn check_manifest(layers: &Layers, manifest: &oci::Manifest) {
    let config = blob(layers.store(), &manifest.config);
    let config = ImageConfig::parse(manifest, &config).expect("an imported config is valid");
    oci::validate::base(manifest, &config).expect("an imported image can be a base");
    let diff_ids = &config.rootfs.diff_ids;
    assert!(manifest.layers.iter().map(|layer| layer.digest).eq(diff_ids.iter().map(|diff| diff.0)));
    for layer in &manifest.layers {
        blob(layers.store(), layer);
    }
    tree::flat(&*layers.view(diff_ids).expect("imported layers have a view"));
}

/// Reads a blob of the store, which must have the size and the digest of its descriptor.
fn blob(store: &Store, descriptor: &Descriptor) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut file = store.open_blob(&descriptor.digest).expect("a blob that was imported exists");
    file.read_to_end(&mut bytes).expect("the store is readable");
    assert_eq!(Digest::of(&bytes), descriptor.digest);
    assert_eq!(bytes.len() as u64, descriptor.size_bytes);
    bytes
}

/// Returns the path of a blob in a layout.
fn blob_path(bytes: &[u8]) -> String {
    Path::new("blobs/sha256").join(Digest::of(bytes).hex()).display().to_string()
}
