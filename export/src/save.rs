//! `docker save`: images of the store as one archive, which is an OCI layout and a docker archive at once.
//!
//! The bytes are the same for the same images: nothing is packed, and nothing depends on the clock.

use std::io::Write;
use std::path::Path;

use cache::Store;
use images::{CachingBlobs, Image, ImageError, StoreBlobs, attestations, choose};
use oci::{Descriptor, Reference};
use progress::Cancel;

use crate::blob::OutputWriter;
use crate::error::{ExportError, io_error};
use crate::file::Draft;
use crate::layout::LayoutFiles;

/// An image to save, with the names that it gets in the archive.
#[derive(Debug, Clone)]
pub struct SavedImage {
    /// Manifest, or index of several images.
    pub root: Descriptor,
    /// Names of the image; empty for one that was asked for by its ID.
    pub names: Vec<Reference>,
    /// Image that docker gets: it knows one platform only.
    pub image: Image,
}

/// Writes images as an archive, to a file or to `stdout`.
pub fn save(
    store: &Store,
    images: &[SavedImage],
    dest: Option<&Path>,
    cancel: &Cancel,
    stdout: &mut dyn Write,
) -> Result<(), ExportError> {
    let files = files(store, images)?;
    let Some(path) = dest else { return write(&files, store, Path::new("stdout"), cancel, stdout) };
    let mut draft = Draft::create(path)?;
    write(&files, store, path, cancel, &mut draft)?;
    draft.publish()
}

fn write(
    files: &LayoutFiles,
    store: &Store,
    dest: &Path,
    cancel: &Cancel,
    out: &mut dyn Write,
) -> Result<(), ExportError> {
    let mut output = OutputWriter::new(out, cancel);
    let written = files.write_tar(store, dest, cancel, &mut output);
    match output.failure.take() {
        Some(failure) => Err(io_error("write", dest)(failure)),
        None => written,
    }
}

/// Lists the files of the archive: the blobs of every image, and the documents that name the images.
fn files(store: &Store, images: &[SavedImage]) -> Result<LayoutFiles, ExportError> {
    let mut blobs = Vec::new();
    for saved in images {
        blobs.push(saved.root.clone());
        for image in all(store, saved)? {
            blobs.extend([image.descriptor.clone(), image.manifest.config.clone()]);
            blobs.extend(image.manifest.layers.iter().cloned());
        }
        let here = StoreBlobs(store);
        for attested in attestations::manifests(&CachingBlobs { store, inner: &here }, &saved.root)? {
            blobs.extend([attested.descriptor, attested.manifest.config]);
            blobs.extend(attested.manifest.layers);
        }
    }
    let roots: Vec<_> = images.iter().map(|saved| (&saved.root, &saved.names[..])).collect();
    let docker: Vec<_> = images.iter().map(|saved| (&saved.image.manifest, &saved.names[..])).collect();
    let mut files = LayoutFiles::of(&roots, blobs);
    files.add_docker_files(&docker);
    Ok(files)
}

/// Returns the images of every platform that the store has.
fn all(store: &Store, saved: &SavedImage) -> Result<Vec<Image>, ExportError> {
    let here = StoreBlobs(store);
    choose::all(&CachingBlobs { store, inner: &here }, &saved.root).map_err(|error| match error {
        ImageError::Store(error) => error.into(),
        error => error.into(),
    })
}
