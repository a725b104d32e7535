//! Fixtures of the tests: a result of a build, and readers of outputs.
//!
//! ```text
//! layouts    OCI layouts and docker archives, read back
//! trees      files as a directory and as a tar
//! attested   attestations in indexes and as files
//! bases      blobs of base images
//! compression  media types and bytes of compressed layers
//! pushes     images on their way to a registry
//! damage     damaged blobs and cancellation
//! durable    system calls of an export, observed with strace
//! ```

mod attested;
mod bases;
mod compression;
mod damage;
mod durable;
mod layouts;
mod pushes;
mod trees;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use oci::media_type::{self, Compression};
use oci::{Descriptor, DiffId, Digest, Document, History, ImageConfig, Index, Manifest, Platform};
use progress::{Cancel, Event, EventKind, Progress, Sink};
use registry::Client;
use testing::Env;

use crate::{
    Attestations, BuildResult, BuildTimes, BuiltImage, ExportError, ExportRequest, Exported, Exporter,
};

/// 2020-09-13, later than 1980: the time of files in fixtures.
const TIMES: BuildTimes = BuildTimes { source_date_s: None, commit_s: None, built_s: 1_700_000_000 };

/// Keeps the texts of status events and warnings.
#[derive(Default)]
struct Events(Mutex<Vec<String>>);

impl Events {
    fn texts(&self) -> Vec<String> {
        self.0.lock().expect("not poisoned").clone()
    }
}

impl Sink for Events {
    fn event(&self, event: Event) {
        let text = match event.kind {
            EventKind::Status { id, .. } => id,
            EventKind::Warning { text } => text,
            _ => return,
        };
        self.0.lock().expect("not poisoned").push(text);
    }
}

/// A result with a base of one layer and one layer of its own.
struct Built {
    env: Env,
    planned: Vec<BuiltImage>,
    layers: Vec<DiffId>,
    cancel: Cancel,
    events: Arc<Events>,
}

impl Built {
    fn new(platforms: &[&str]) -> Self {
        let env = Env::new();
        let base = env.layer(&[("etc/base", "base")]);
        let own = env.made_layer("own", "own");
        let planned = platforms.iter().map(|platform| planned(platform, base, vec![base, own])).collect();
        Self { env, planned, layers: vec![base, own], cancel: Cancel::default(), events: Arc::default() }
    }

    fn export(&self, output: &str, times: BuildTimes) -> (Exported, Vec<u8>) {
        self.try_export(output, times).unwrap_or_else(|error| panic!("{output}: {error}"))
    }

    fn try_export(&self, output: &str, times: BuildTimes) -> Result<(Exported, Vec<u8>), ExportError> {
        let images = self.planned.iter().cloned();
        let result = BuildResult { images: images.collect(), multi_platform: self.planned.len() > 1, times };
        let mut stdout = Vec::new();
        let request = ExportRequest::parse(output)?;
        let vertex = Progress::new(Arc::clone(&self.events) as Arc<dyn Sink>).start("exporting");
        let registry = Client::new(registry::Options::default());
        let (store, layers, cancel) = (&self.env.store, &self.env.layers, &self.cancel);
        let exporter = Exporter { store, layers, registry: &registry, vertex: &vertex, cancel };
        let exported = exporter.export(&result, &request, &mut stdout)?;
        Ok((exported, stdout))
    }
}

fn planned(platform: &str, base: DiffId, layers: Vec<DiffId>) -> BuiltImage {
    let platform: Platform = platform.parse().expect("a platform");
    let mut config = ImageConfig { platform: platform.clone(), ..ImageConfig::default() };
    config.rootfs.diff_ids.push(base);
    let entry = |created: Option<&str>, by: &str, empty_layer| History {
        created: created.map(str::to_owned),
        created_by: by.to_owned(),
        empty_layer,
        ..History::default()
    };
    config.history = vec![
        entry(Some("2001-01-01T00:00:00Z"), "base", false),
        entry(None, "ENV a=b", true),
        entry(None, "COPY own /", false),
    ];
    config.config.env = vec!["a=b".to_owned()];
    BuiltImage { platform, config, base_name: None, layers, attestations: Attestations::default() }
}

/// A layout in memory, read strictly: every blob has its digest, every image is valid.
struct Layout {
    files: BTreeMap<String, Vec<u8>>,
}

impl Layout {
    fn of_tar(tar: &[u8]) -> Self {
        let mut archive = ::tar::Archive::new(tar);
        let mut files = BTreeMap::new();
        let mut names = Vec::new();
        for entry in archive.entries().expect("a tar") {
            let mut entry = entry.expect("an entry");
            let header = entry.header();
            assert_eq!(
                (header.uid().ok(), header.gid().ok(), header.mtime().ok()),
                (Some(0), Some(0), Some(0))
            );
            let name = entry.path().expect("a name").to_str().expect("text").to_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("read");
            names.push(name.clone());
            if !name.ends_with('/') {
                files.insert(name, bytes);
            }
        }
        assert!(names.is_sorted(), "{names:?}");
        Self { files }
    }

    fn of_dir(dir: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut todo = vec![PathBuf::new()];
        while let Some(at) = todo.pop() {
            for entry in std::fs::read_dir(dir.join(&at)).expect("list") {
                let name = at.join(entry.expect("entry").file_name());
                match std::fs::read(dir.join(&name)) {
                    Ok(bytes) => drop(files.insert(name.to_str().expect("text").to_owned(), bytes)),
                    Err(_) => todo.push(name),
                }
            }
        }
        Self { files }
    }

    fn index(&self) -> Index {
        assert_eq!(self.files["oci-layout"], br#"{"imageLayoutVersion":"1.0.0"}"#);
        serde_json::from_slice(&self.files["index.json"]).expect("an index")
    }

    #[track_caller]
    fn blob(&self, descriptor: &Descriptor) -> &[u8] {
        let bytes = &self.files[&format!("blobs/sha256/{}", descriptor.digest.hex())];
        assert_eq!((Digest::of(bytes), bytes.len() as u64), (descriptor.digest, descriptor.size_bytes));
        bytes
    }

    #[track_caller]
    fn image(&self, descriptor: &Descriptor) -> (Manifest, ImageConfig) {
        let document =
            Document::parse(Some(&descriptor.media_type), self.blob(descriptor)).expect("a document");
        let Document::Manifest(manifest) = document else { panic!("{descriptor:?} is an index") };
        let config = ImageConfig::parse(&manifest, self.blob(&manifest.config)).expect("a config");
        oci::validate::image(&manifest, &config).expect("valid");
        for (layer, diff) in manifest.layers.iter().zip(&config.rootfs.diff_ids) {
            let packed = media_type::layer_compression(&layer.media_type).expect("a layer");
            assert_eq!(DiffId(Digest::of(&unpacked(self.blob(layer), packed))), *diff);
        }
        (manifest, config)
    }

    /// Returns the only image of the layout.
    #[track_caller]
    fn only(&self) -> (Manifest, ImageConfig) {
        let index = self.index();
        assert_eq!(index.manifests.len(), 1);
        self.image(&index.manifests[0])
    }
}

fn unpacked(bytes: &[u8], compression: Compression) -> Vec<u8> {
    let mut tar = Vec::new();
    match compression {
        Compression::None => return bytes.to_vec(),
        Compression::Gzip => flate2::read::GzDecoder::new(bytes).read_to_end(&mut tar).map(drop),
        Compression::Zstd => zstd::stream::copy_decode(bytes, &mut tar),
    }
    .expect("packed well");
    tar
}

/// Returns the times of the files in a layer.
fn mtimes(layer: &[u8]) -> Vec<u64> {
    let mut archive = ::tar::Archive::new(layer);
    let entries = archive.entries().expect("a tar");
    entries.map(|entry| entry.expect("an entry").header().mtime().expect("a time")).collect()
}
