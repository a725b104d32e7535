//! A store in a temporary directory, and tars for its layers.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache::Store;
use oci::DiffId;
use oci::media_type::Compression;
use rootfs::layers::Layers;

/// A store in a temporary directory, which is removed when the test ends.
pub struct Env {
    dir: tempfile::TempDir,
    pub store: Arc<Store>,
    pub layers: Layers,
}

impl Default for Env {
    fn default() -> Self {
        Self::new()
    }
}

impl Env {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Arc::new(Store::open(&dir.path().join("store")).expect("open store"));
        let layers = Layers::new(Arc::clone(&store));
        Self { dir, store, layers }
    }

    /// Returns a path in the temporary directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Makes a layer with one file, whose time is in 2020, as a step does.
    pub fn made_layer(&self, name: &str, content: &str) -> DiffId {
        use trees::entry::{Entry, Kind, Timestamp};
        let entry = Entry {
            kind: Kind::File { size_bytes: content.len() as u64 },
            mtime: Timestamp { seconds: 1_600_000_000, nanoseconds: 0 },
            ..Entry::directory(0o644)
        };
        let mut diff = rootfs::diff::Diff::new(Arc::new(trees::tree::Scratch));
        let content = rootfs::diff::Content::Bytes(content.as_bytes().into());
        diff.put(Path::new(name), entry, Some(content)).expect("put");
        self.layers.commit(diff).expect("commit")
    }

    /// Imports a layer with the given files.
    pub fn layer(&self, files: &[(&str, &str)]) -> DiffId {
        self.layers.import(&mut &tar(files)[..], None).expect("import layer")
    }
}

/// Returns a tar of regular files.
pub fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = ::tar::Builder::new(Vec::new());
    for (name, content) in files {
        append(&mut tar, name, content.as_bytes());
    }
    tar.into_inner().expect("write to memory")
}

/// Adds a regular file to a tar.
pub fn append(tar: &mut ::tar::Builder<Vec<u8>>, name: &str, content: &[u8]) {
    let mut header = ::tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(1_600_000_000);
    tar.append_data(&mut header, name, content).expect("write to memory");
}

/// Adds a symbolic link to a tar.
pub fn append_link(tar: &mut ::tar::Builder<Vec<u8>>, name: &str, target: &str) {
    let mut header = ::tar::Header::new_gnu();
    header.set_entry_type(::tar::EntryType::Symlink);
    header.set_size(0);
    header.set_mode(0o777);
    tar.append_link(&mut header, name, target).expect("write to memory");
}

/// Compresses bytes in the given way.
pub fn packed(bytes: &[u8], compression: Compression) -> Vec<u8> {
    match compression {
        Compression::None => bytes.to_vec(),
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("compress into memory")
        }
        Compression::Zstd => zstd::encode_all(bytes, 1).expect("compress into memory"),
    }
}
