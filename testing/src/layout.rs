//! An OCI image layout in memory, to be written or served.

use std::collections::BTreeMap;
use std::path::Path;

use oci::media_type::{self, Compression};
use oci::{Descriptor, DiffId, Digest, History, ImageConfig, Index, Manifest};

use crate::store::{append, packed};

/// Annotation with the name of an image in a layout.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// A layout in memory: its blobs, and the entries of its `index.json`.
#[derive(Clone, Default)]
pub struct MemoryLayout {
    pub blobs: BTreeMap<Digest, Vec<u8>>,
    pub entries: Vec<Descriptor>,
}

impl MemoryLayout {
    /// Adds a blob and returns its descriptor.
    pub fn blob(&mut self, media_type: &str, bytes: Vec<u8>) -> Descriptor {
        let descriptor = Descriptor::new(media_type, Digest::of(&bytes), bytes.len() as u64);
        self.blobs.insert(descriptor.digest, bytes);
        descriptor
    }

    /// Adds a document as JSON and returns its descriptor.
    pub fn document(&mut self, media_type: &str, document: &impl serde::Serialize) -> Descriptor {
        self.blob(media_type, serde_json::to_vec(document).expect("JSON"))
    }

    /// Adds an image whose layers are the given tars, compressed as given.
    pub fn image(&mut self, platform: &str, layers: &[(Vec<u8>, Compression)]) -> Descriptor {
        let mut config =
            ImageConfig { platform: platform.parse().expect("a platform"), ..ImageConfig::default() };
        let mut blobs = Vec::new();
        for (tar, compression) in layers {
            config.rootfs.diff_ids.push(DiffId(Digest::of(tar)));
            config.history.push(History { created_by: "base".to_owned(), ..History::default() });
            let media_type = match compression {
                Compression::None => media_type::LAYER_TAR,
                Compression::Gzip => media_type::LAYER_GZIP,
                Compression::Zstd => media_type::LAYER_ZSTD,
            };
            blobs.push(self.blob(media_type, packed(tar, *compression)));
        }
        self.image_of(&config, blobs)
    }

    /// Adds an image from a config and from layers whose blobs were added before.
    pub fn image_of(&mut self, config: &ImageConfig, layers: Vec<Descriptor>) -> Descriptor {
        let config_blob = self.document(media_type::CONFIG, config);
        let mut descriptor = self.document(media_type::MANIFEST, &Manifest::new(config_blob, layers));
        descriptor.platform = Some(config.platform.clone());
        descriptor
    }

    /// Adds an image index and returns its descriptor.
    pub fn index(&mut self, manifests: Vec<Descriptor>) -> Descriptor {
        self.document(media_type::INDEX, &Index::new(manifests))
    }

    /// Adds an image to `index.json` under a tag or a name, or without one if `name` is empty.
    pub fn list(&mut self, mut entry: Descriptor, name: &str) {
        if !name.is_empty() {
            entry.annotations.insert(REF_NAME.to_owned(), name.to_owned());
        }
        self.entries.push(entry);
    }

    /// Returns the files of the layout by their path.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let blobs = self
            .blobs
            .iter()
            .map(|(digest, bytes)| (format!("blobs/sha256/{}", digest.hex()), bytes.clone()));
        let index = serde_json::to_vec(&Index::new(self.entries.clone())).expect("JSON");
        let layout = br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec();
        blobs.chain([("index.json".to_owned(), index), ("oci-layout".to_owned(), layout)]).collect()
    }

    /// Writes the layout as a directory.
    pub fn write(&self, dir: &Path) {
        for (name, bytes) in self.files() {
            let path = dir.join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("create");
            std::fs::write(path, bytes).expect("write");
        }
    }

    /// Returns the layout as a tar.
    pub fn tar(&self) -> Vec<u8> {
        let mut tar = ::tar::Builder::new(Vec::new());
        self.files().iter().for_each(|(name, bytes)| append(&mut tar, name, bytes));
        tar.into_inner().expect("write to memory")
    }
}
