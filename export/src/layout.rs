//! OCI layouts and docker archives, as a tar or as a directory.
//!
//! ```text
//! oci-layout, index.json, blobs/sha256/*     the layout
//! manifest.json, repositories                further files that `docker load` reads
//! ```
//!
//! The tar has its entries in order, all of user 0 and with the same time: the same image gives the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufReader, Write};
use std::path::Path;

use cache::Store;
use oci::{Descriptor, Index, Manifest, Reference};
use progress::Cancel;
use serde::Serialize;

use crate::blob::BlobReader;
use crate::error::{ExportError, io_error};
use crate::file::{Draft, make_directories, sync_directory};

/// Annotation with the tag of an image.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// Annotation with the whole name of an image.
const IMAGE_NAME: &str = "io.containerd.image.name";

/// Content of the file `oci-layout`.
const LAYOUT_VERSION: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

/// Name of the file that lists the images.
const INDEX: &str = "index.json";

/// Files of a layout by name: short texts, and blobs of the store.
pub(crate) struct LayoutFiles {
    texts: BTreeMap<String, Vec<u8>>,
    blobs: BTreeMap<String, Descriptor>,
    entries: Vec<Descriptor>,
}

impl LayoutFiles {
    /// Creates a layout with one image: `root` (a manifest or an index) is listed once for each of `names`.
    pub fn new(root: &Descriptor, names: &[Reference], blobs: impl IntoIterator<Item = Descriptor>) -> Self {
        Self::of(&[(root, names)], blobs)
    }

    /// Creates a layout with several images, each with its names.
    pub fn of(roots: &[(&Descriptor, &[Reference])], blobs: impl IntoIterator<Item = Descriptor>) -> Self {
        let entries: Vec<_> = roots.iter().flat_map(|(root, names)| entries(root, names)).collect();
        let blobs = blobs.into_iter().map(|blob| (format!("blobs/sha256/{}", blob.digest.hex()), blob));
        let texts = [("oci-layout", LAYOUT_VERSION.as_bytes().to_vec()), (INDEX, index_text(&entries))];
        Self {
            texts: texts.into_iter().map(|(name, text)| (name.to_owned(), text)).collect(),
            blobs: blobs.collect(),
            entries,
        }
    }

    /// Adds the files that `docker load` reads, for images with their names.
    pub fn add_docker_files(&mut self, images: &[(&Manifest, &[Reference])]) {
        let archive: Vec<_> =
            images.iter().map(|(manifest, names)| ArchiveManifest::new(manifest, names)).collect();
        self.texts.insert("manifest.json".to_owned(), to_json(&archive));
        let repositories = repositories(images);
        if !repositories.is_empty() {
            self.texts.insert("repositories".to_owned(), to_json(&repositories));
        }
    }

    /// Writes everything as one tar. `dest` names the output in errors.
    pub fn write_tar(
        &self,
        store: &Store,
        dest: &Path,
        cancel: &Cancel,
        out: &mut dyn Write,
    ) -> Result<(), ExportError> {
        let broken = || io_error("write layout to", dest);
        let mut tar = tar::Builder::new(out);
        for dir in ["blobs/", "blobs/sha256/"] {
            let header = header(dir, tar::EntryType::Directory, 0o755, 0);
            tar.append(&header, &[][..]).map_err(broken())?;
        }
        // Names that begin with "blobs/" come before all others.
        for (name, blob) in &self.blobs {
            let header = header(name, tar::EntryType::Regular, 0o644, blob.size_bytes);
            let file = BufReader::with_capacity(256 << 10, BlobReader::open(store, blob, cancel)?);
            tar.append(&header, file).map_err(broken())?;
        }
        for (name, text) in &self.texts {
            let header = header(name, tar::EntryType::Regular, 0o644, text.len() as u64);
            tar.append(&header, &text[..]).map_err(broken())?;
        }
        tar.finish().map_err(broken())
    }

    /// Writes everything into the directory `dest`. A layout that exists there keeps its other images.
    pub fn write_dir(mut self, store: &Store, dest: &Path, cancel: &Cancel) -> Result<(), ExportError> {
        let changed = make_directories(&dest.join("blobs/sha256"))?;
        for (name, blob) in &self.blobs {
            let path = dest.join(name);
            if !has_blob(&path, blob) {
                let mut draft = Draft::create(&path)?;
                std::io::copy(&mut BlobReader::open(store, blob, cancel)?, &mut draft)
                    .map_err(io_error("write", &path))?;
                draft.publish()?;
            }
        }
        self.merge_index(&dest.join(INDEX));
        for (name, text) in &self.texts {
            let mut draft = Draft::create(&dest.join(name))?;
            draft.write_all(text).map_err(io_error("write", &dest.join(name)))?;
            draft.publish()?;
        }
        changed.iter().try_for_each(|directory| sync_directory(directory))
    }

    /// Takes over the images of the index at `path` that have other names.
    fn merge_index(&mut self, path: &Path) {
        let Ok(text) = fs::read(path) else { return };
        let Ok(there) = serde_json::from_slice::<Index>(&text) else { return };
        let replaced = |old: &Descriptor| self.entries.iter().any(|new| name_of(new) == name_of(old));
        let mut entries: Vec<_> = there.manifests.into_iter().filter(|old| !replaced(old)).collect();
        entries.extend(self.entries.iter().cloned());
        self.texts.insert(INDEX.to_owned(), index_text(&entries));
    }
}

/// Reports whether the layout has the blob already. A file gets this name only when its content is on disk.
fn has_blob(path: &Path, blob: &Descriptor) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.len() == blob.size_bytes)
}

/// Returns the entries of `index.json`: one for each name.
fn entries(root: &Descriptor, names: &[Reference]) -> Vec<Descriptor> {
    let named = names.iter().map(|name| {
        let mut entry = root.clone();
        entry.annotations.insert(IMAGE_NAME.to_owned(), name.to_string());
        entry.annotations.insert(REF_NAME.to_owned(), tag(name));
        entry
    });
    if names.is_empty() { vec![root.clone()] } else { named.collect() }
}

fn name_of(entry: &Descriptor) -> Option<&String> {
    entry.annotations.get(IMAGE_NAME).or_else(|| entry.annotations.get(REF_NAME))
}

fn tag(name: &Reference) -> String {
    name.tag.clone().unwrap_or_else(|| "latest".to_owned())
}

fn index_text(entries: &[Descriptor]) -> Vec<u8> {
    to_json(&Index::new(entries.to_vec()))
}

/// Entry of the file `manifest.json`.
///
/// Source: moby/moby, `image/tarexport`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ArchiveManifest {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

impl ArchiveManifest {
    fn new(manifest: &Manifest, names: &[Reference]) -> Self {
        let path = |blob: &Descriptor| format!("blobs/sha256/{}", blob.digest.hex());
        let tags: Vec<String> = names.iter().map(familiar_tag).collect();
        Self {
            config: path(&manifest.config),
            repo_tags: (!tags.is_empty()).then_some(tags),
            layers: manifest.layers.iter().map(path).collect(),
        }
    }
}

/// Returns `name:tag` as people write it.
fn familiar_tag(name: &Reference) -> String {
    Reference { digest: None, tag: Some(tag(name)), ..name.clone() }.familiar()
}

/// Returns the names as Docker kept them before `manifest.json`: repository, tag, top layer.
fn repositories(images: &[(&Manifest, &[Reference])]) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut repositories: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (manifest, names) in images {
        let Some(top) = manifest.layers.last() else { continue };
        for name in *names {
            let repository = Reference { digest: None, tag: None, ..name.clone() }.familiar();
            repositories.entry(repository).or_default().insert(tag(name), top.digest.hex());
        }
    }
    repositories
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("documents have string keys only")
}

fn header(name: &str, kind: tar::EntryType, mode: u32, size_bytes: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_path(name).expect("names of a layout are short and relative");
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size_bytes);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    header
}
