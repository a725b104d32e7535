//! For tests: a store of their own, and images made of a few bytes.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use cache::Store;
use oci::media_type::{self, Compression};
use oci::{Descriptor, DiffId, Digest, History, ImageConfig, Index, Manifest};
use rootfs::layers::Layers;

/// A store in a temporary folder.
pub(crate) struct Env {
    dir: tempfile::TempDir,
    pub store: Arc<Store>,
    pub layers: Layers,
}

impl Env {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("temporary folder");
        let store = Arc::new(Store::open(&dir.path().join("store")).expect("open store"));
        let layers = Layers::new(Arc::clone(&store));
        Self { dir, store, layers }
    }

    /// A path in the temporary folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Makes a layer with a file of 2020, as a step does.
    pub fn made_layer(&self, name: &str, content: &str) -> DiffId {
        use rootfs::entry::{Entry, Kind, Timestamp};
        let entry = Entry {
            kind: Kind::File { size_bytes: content.len() as u64 },
            mtime: Timestamp { seconds: 1_600_000_000, nanoseconds: 0 },
            ..Entry::directory(0o644)
        };
        let mut diff = rootfs::diff::Diff::new(Arc::new(rootfs::tree::Scratch));
        let content = rootfs::diff::Content::Bytes(content.as_bytes().into());
        diff.put(Path::new(name), entry, Some(content)).expect("put");
        self.layers.commit(diff).expect("commit")
    }

    /// Imports a layer.
    pub fn layer(&self, files: &[(&str, &str)]) -> DiffId {
        self.layers.import(&mut &tar(files)[..], None).expect("import layer")
    }
}

/// A tar of regular files.
pub(crate) fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = ::tar::Builder::new(Vec::new());
    for (name, content) in files {
        append(&mut tar, name, content.as_bytes());
    }
    tar.into_inner().expect("write to memory")
}

/// Adds a regular file to a tar.
pub(crate) fn append(tar: &mut ::tar::Builder<Vec<u8>>, name: &str, content: &[u8]) {
    let mut header = ::tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(1_600_000_000);
    tar.append_data(&mut header, name, content).expect("write to memory");
}

/// Adds a symbolic link to a tar.
pub(crate) fn append_link(tar: &mut ::tar::Builder<Vec<u8>>, name: &str, target: &str) {
    let mut header = ::tar::Header::new_gnu();
    header.set_entry_type(::tar::EntryType::Symlink);
    header.set_size(0);
    header.set_mode(0o777);
    tar.append_link(&mut header, name, target).expect("write to memory");
}

/// Packs bytes.
pub(crate) fn packed(bytes: &[u8], compression: Compression) -> Vec<u8> {
    match compression {
        Compression::None => bytes.to_vec(),
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("compress into memory")
        }
        Compression::Zstd => zstd::encode_all(bytes, 1).expect("compress into memory"),
    }
}

/// A layout in memory: blobs and the entries of `index.json`.
#[derive(Clone, Default)]
pub(crate) struct MemoryLayout {
    pub blobs: BTreeMap<Digest, Vec<u8>>,
    pub entries: Vec<Descriptor>,
}

impl MemoryLayout {
    pub fn blob(&mut self, media_type: &str, bytes: Vec<u8>) -> Descriptor {
        let descriptor = Descriptor::new(media_type, Digest::of(&bytes), bytes.len() as u64);
        self.blobs.insert(descriptor.digest, bytes);
        descriptor
    }

    pub fn document(&mut self, media_type: &str, document: &impl serde::Serialize) -> Descriptor {
        self.blob(media_type, serde_json::to_vec(document).expect("JSON"))
    }

    /// Adds an image; its layers are tars and how they are packed.
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

    /// Adds an image of a config and layers that are there.
    pub fn image_of(&mut self, config: &ImageConfig, layers: Vec<Descriptor>) -> Descriptor {
        let config_blob = self.document(media_type::CONFIG, config);
        let mut descriptor = self.document(media_type::MANIFEST, &Manifest::new(config_blob, layers));
        descriptor.platform = Some(config.platform.clone());
        descriptor
    }

    pub fn index(&mut self, manifests: Vec<Descriptor>) -> Descriptor {
        self.document(media_type::INDEX, &Index::new(manifests))
    }

    /// Lists an image under a tag or a name; under none if it is empty.
    pub fn list(&mut self, mut entry: Descriptor, name: &str) {
        if !name.is_empty() {
            entry.annotations.insert(super::layout::REF_NAME.to_owned(), name.to_owned());
        }
        self.entries.push(entry);
    }

    /// The files of the layout.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let blobs = self
            .blobs
            .iter()
            .map(|(digest, bytes)| (format!("blobs/sha256/{}", digest.hex()), bytes.clone()));
        let index = serde_json::to_vec(&Index::new(self.entries.clone())).expect("JSON");
        let layout = br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec();
        blobs.chain([("index.json".to_owned(), index), ("oci-layout".to_owned(), layout)]).collect()
    }

    /// Writes it as a folder.
    pub fn write(&self, dir: &Path) {
        for (name, bytes) in self.files() {
            let path = dir.join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("create");
            std::fs::write(path, bytes).expect("write");
        }
    }

    /// Writes it as a tar.
    pub fn tar(&self) -> Vec<u8> {
        let mut tar = ::tar::Builder::new(Vec::new());
        self.files().iter().for_each(|(name, bytes)| append(&mut tar, name, bytes));
        tar.into_inner().expect("write to memory")
    }
}

/// A registry that has one layout, its first entry under every tag; counts what it is asked.
pub(crate) struct FakeRegistry {
    pub host: String,
    pub requests: Arc<Mutex<Vec<String>>>,
}

impl FakeRegistry {
    /// Answers for the rest of the test's process.
    pub fn start(layout: MemoryLayout) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let host = listener.local_addr().expect("an address").to_string();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (layout, seen) = (layout.clone(), Arc::clone(&seen));
                std::thread::spawn(move || serve(stream, &layout, &seen));
            }
        });
        Self { host, requests }
    }

    /// How often something with `part` in its path was asked for.
    pub fn count(&self, part: &str) -> usize {
        self.requests.lock().expect("not poisoned").iter().filter(|path| path.contains(part)).count()
    }
}

fn serve(mut stream: TcpStream, layout: &MemoryLayout, seen: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let Some(path) = lines.next().and_then(|line| Some(line.split(' ').nth(1)?.to_owned())) else { return };
    lines.find(String::is_empty);
    let last = path.rsplit('/').next().unwrap_or_default().to_owned();
    seen.lock().expect("not poisoned").push(path);
    let digest = last.parse().unwrap_or_else(|_| layout.entries[0].digest);
    let (status, body) = match layout.blobs.get(&digest) {
        Some(bytes) if last != "missing" => ("200 OK", &bytes[..]),
        _ => ("404 Not Found", &b"{}"[..]),
    };
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    // A client that has gone away has its reasons.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}
