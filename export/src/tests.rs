//! Every kind of export, read back.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oci::media_type::{self, Compression};
use oci::{Document, History, ImageConfig, Index, Manifest, Platform};

use super::*;
use progress::{NoSink, Progress};
use testing::Env;

/// 2020-09-13, later than 1980: the time of files in fixtures.
const TIMES: BuildTimes = BuildTimes { source_date_s: None, commit_s: None, built_s: 1_700_000_000 };

/// A result with a base of one layer and one layer of its own.
struct Built {
    env: Env,
    planned: Vec<BuiltImage>,
    layers: Vec<DiffId>,
}

impl Built {
    fn new(platforms: &[&str]) -> Self {
        let env = Env::new();
        let base = env.layer(&[("etc/base", "base")]);
        let own = env.made_layer("own", "own");
        let planned = platforms.iter().map(|platform| planned(platform, base, vec![base, own])).collect();
        Self { env, planned, layers: vec![base, own] }
    }

    fn export(&self, output: &str, times: BuildTimes) -> (Exported, Vec<u8>) {
        self.try_export(output, times).unwrap_or_else(|error| panic!("{output}: {error}"))
    }

    fn try_export(&self, output: &str, times: BuildTimes) -> Result<(Exported, Vec<u8>), ExportError> {
        let images = self.planned.iter().cloned();
        let result = BuildResult { images: images.collect(), multi_platform: self.planned.len() > 1, times };
        let mut stdout = Vec::new();
        let request = ExportRequest::parse(output)?;
        let vertex = Progress::new(Arc::new(NoSink)).start("exporting");
        let (registry, cancel) = (Client::new(registry::Options::default()), Cancel::default());
        let (store, layers) = (&self.env.store, &self.env.layers);
        let exporter = Exporter { store, layers, registry: &registry, vertex: &vertex, cancel: &cancel };
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
    BuiltImage { platform, config, layers }
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

    /// The only image.
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

#[test]
fn layouts_of_all_kinds_are_valid() {
    #[track_caller]
    fn check(built: &Built, attributes: &str, layer_type: &str, manifest_type: &str, config_type: &str) {
        let output = format!("type=oci,dest=-{attributes}");
        let (exported, tar) = built.export(&output, TIMES);
        let layout = Layout::of_tar(&tar);
        let (manifest, _) = layout.only();
        assert_eq!(manifest.media_type.as_deref(), Some(manifest_type));
        assert_eq!(manifest.config.media_type, config_type);
        assert!(manifest.layers.iter().all(|layer| layer.media_type == layer_type), "{output}");
        assert_eq!(exported.descriptor, Some(layout.index().manifests[0].clone()));
        assert_eq!(exported.image_id(), Some(manifest.config.digest));
        let (_, again) = built.export(&output, TIMES);
        assert!(tar == again, "{output}: another export has other bytes");
    }
    use media_type::*;
    let built = Built::new(&["linux/amd64"]);
    check(&built, "", LAYER_GZIP, MANIFEST, CONFIG);
    check(&built, ",compression=uncompressed", LAYER_TAR, MANIFEST, CONFIG);
    check(&built, ",compression=zstd", LAYER_ZSTD, MANIFEST, CONFIG);
    check(&built, ",compression=gzip,compression-level=9", LAYER_GZIP, MANIFEST, CONFIG);
    check(&built, ",oci-mediatypes=false", DOCKER_LAYER_GZIP, DOCKER_MANIFEST, DOCKER_CONFIG);
    check(
        &built,
        ",oci-mediatypes=false,compression=uncompressed",
        DOCKER_LAYER_TAR,
        DOCKER_MANIFEST,
        DOCKER_CONFIG,
    );
    // zstd has no name of Docker's.
    check(&built, ",oci-mediatypes=false,compression=zstd", LAYER_ZSTD, MANIFEST, CONFIG);
}

#[test]
fn two_stores_give_the_same_bytes() {
    let export = |attributes: &str| {
        Built::new(&["linux/amd64"]).export(&format!("type=oci,dest=-{attributes}"), TIMES).1
    };
    for attributes in ["", ",compression=zstd", ",name=a:1"] {
        assert!(export(attributes) == export(attributes), "{attributes}");
    }
}

#[test]
fn the_config_is_finished() {
    let built = Built::new(&["linux/amd64"]);
    let created = |times: BuildTimes, attributes: &str| {
        let (_, tar) = built.export(&format!("type=oci{attributes}"), times);
        let (_, config) = Layout::of_tar(&tar).only();
        let history: Vec<_> =
            config.history.iter().map(|entry| entry.created.clone().expect("a time")).collect();
        assert_eq!(history[0], "2001-01-01T00:00:00Z", "the base's history");
        assert_eq!(
            history[1..],
            [config.created.clone().expect("a time"), config.created.clone().expect("a time")]
        );
        config.created.expect("a time")
    };
    let dated = BuildTimes { source_date_s: Some(1_000_000_000), ..TIMES };
    let commit = BuildTimes { commit_s: Some(1_100_000_000), ..TIMES };
    assert_eq!(created(TIMES, ""), "1980-01-01T00:00:00Z");
    assert_eq!(created(commit, ""), "2004-11-09T11:33:20Z");
    assert_eq!(created(dated, ""), "2001-09-09T01:46:40Z");
    assert_eq!(created(TIMES, ",rewrite-timestamp=false"), "2023-11-14T22:13:20Z");
    assert_eq!(created(dated, ",rewrite-timestamp=false"), "2001-09-09T01:46:40Z");
}

/// The times of the files in a layer.
fn mtimes(layer: &[u8]) -> Vec<u64> {
    let mut archive = ::tar::Archive::new(layer);
    let entries = archive.entries().expect("a tar");
    entries.map(|entry| entry.expect("an entry").header().mtime().expect("a time")).collect()
}

#[test]
fn times_are_rewritten_above_the_base_only() {
    #[track_caller]
    fn check(times: BuildTimes, attributes: &str, own: u64) {
        let built = Built::new(&["linux/amd64"]);
        let (_, tar) = built.export(&format!("type=oci,compression=uncompressed{attributes}"), times);
        let layout = Layout::of_tar(&tar);
        let (manifest, config) = layout.only();
        assert_eq!(config.rootfs.diff_ids[0], built.layers[0]);
        assert_eq!(mtimes(layout.blob(&manifest.layers[0])), [1_600_000_000]);
        assert_eq!(mtimes(layout.blob(&manifest.layers[1])), [own]);
    }
    let dated = |date| BuildTimes { source_date_s: Some(date), ..TIMES };
    check(TIMES, "", 315_532_800);
    check(dated(1_000_000_000), "", 1_000_000_000);
    check(dated(1_650_000_000), "", 1_600_000_000);
    check(dated(1_000_000_000), ",rewrite-timestamp=false", 1_600_000_000);
    check(TIMES, ",rewrite-timestamp=false", 1_600_000_000);
}

#[test]
fn every_name_has_its_entry() {
    let built = Built::new(&["linux/amd64"]);
    let (exported, tar) = built.export("type=oci,\"name=a,r.example/b:2\"", TIMES);
    let index = Layout::of_tar(&tar).index();
    let annotations: Vec<(&str, &str)> = index
        .manifests
        .iter()
        .map(|entry| {
            let value = |key: &str| entry.annotations[key].as_str();
            assert_eq!(value("org.opencontainers.image.created"), "1980-01-01T00:00:00Z");
            (value("io.containerd.image.name"), value("org.opencontainers.image.ref.name"))
        })
        .collect();
    assert_eq!(annotations, [("docker.io/library/a:latest", "latest"), ("r.example/b:2", "2")]);
    let metadata = exported.metadata();
    assert_eq!(metadata["image.name"], "docker.io/library/a:latest,r.example/b:2");
    assert_eq!(metadata["containerimage.digest"], index.manifests[0].digest.to_string());
}

#[test]
fn several_platforms_become_an_index() {
    let built = Built::new(&["linux/amd64", "linux/arm64"]);
    let (exported, tar) = built.export("type=oci,annotation-index.i=1,annotation[linux/arm64].m=2,annotation-manifest-descriptor.d=3,annotation-index-descriptor.e=4", TIMES);
    let layout = Layout::of_tar(&tar);
    let root = layout.index().manifests[0].clone();
    assert_eq!((root.media_type.as_str(), root.annotations["e"].as_str()), (media_type::INDEX, "4"));
    let Ok(Document::Index(index)) = Document::parse(Some(media_type::INDEX), layout.blob(&root)) else {
        panic!("no index")
    };
    assert_eq!(index.annotations["i"], "1");
    let platforms: Vec<String> = index
        .manifests
        .iter()
        .map(|entry| {
            let (manifest, config) = layout.image(entry);
            let platform = entry.platform.as_ref().expect("a platform");
            assert_eq!(*platform, config.platform);
            assert_eq!(entry.annotations["d"], "3");
            assert_eq!(manifest.annotations.contains_key("m"), platform.architecture == "arm64");
            platform.to_string()
        })
        .collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    assert_eq!((exported.config_digest, exported.image_id()), (None, Some(root.digest)));
    let error = built.try_export("type=docker", TIMES).expect_err("docker cannot");
    assert!(error.to_string().contains("several platforms"), "{error}");
}

#[test]
fn docker_archives_are_read_back() {
    let built = Built::new(&["linux/amd64"]);
    let (exported, tar) = built.export("type=docker,\"name=a:1,r.example/b:2\"", TIMES);
    let layout = Layout::of_tar(&tar);
    let index = layout.index();
    assert_eq!(index.manifests.len(), 2);
    layout.image(&index.manifests[0]);
    let listed: Value = serde_json::from_slice(&layout.files["manifest.json"]).expect("JSON");
    assert_eq!(listed[0]["RepoTags"], serde_json::json!(["a:1", "r.example/b:2"]));
    let config = listed[0]["Config"].as_str().expect("a path");
    assert_eq!(Some(Digest::of(&layout.files[config])), exported.config_digest);
    let layers = listed[0]["Layers"].as_array().expect("a list");
    assert!(layers.iter().all(|path| layout.files.contains_key(path.as_str().expect("a path"))));
    let repositories: Value = serde_json::from_slice(&layout.files["repositories"]).expect("JSON");
    assert!(repositories["a"]["1"].is_string() && repositories["r.example/b"]["2"].is_string());
}

#[test]
fn a_store_takes_images_by_name() {
    let built = Built::new(&["linux/amd64"]);
    let (exported, stdout) = built.export("type=image,name=mine:1", TIMES);
    assert!(stdout.is_empty());
    let name = "mine:1".parse().expect("a reference");
    let root = built.env.store.resolve(&name).expect("readable").expect("named");
    assert_eq!(Some(root.digest), exported.descriptor.map(|descriptor| descriptor.digest));
    let bytes = built.env.store.get_blob(&root.digest, 1 << 20).expect("there");
    let Ok(Document::Manifest(manifest)) = Document::parse(None, &bytes) else { panic!("no manifest") };
    // Nothing is compressed: the blobs are the tars that are there.
    let blobs: Vec<DiffId> = manifest.layers.iter().map(|layer| DiffId(layer.digest)).collect();
    assert_eq!(blobs, built.layers);

    built.export("type=image", TIMES);
    assert_eq!(built.env.store.images().expect("readable").len(), 1, "a known image needs no second entry");
}

#[test]
fn a_layout_folder_keeps_other_images() {
    let built = Built::new(&["linux/amd64"]);
    let dir = built.env.path("out");
    let export = |name: &str, level: &str| {
        built.export(
            &format!("type=oci,tar=false,dest={},name={name},compression={level}", dir.display()),
            TIMES,
        )
    };
    export("a:1", "gzip");
    export("b:1", "gzip");
    export("a:1", "zstd");
    let layout = Layout::of_dir(&dir);
    let index = layout.index();
    let names: Vec<&str> =
        index.manifests.iter().map(|entry| &*entry.annotations["io.containerd.image.name"]).collect();
    assert_eq!(names, ["docker.io/library/b:1", "docker.io/library/a:1"]);
    let (replaced, _) = layout.image(&index.manifests[1]);
    assert_eq!(replaced.layers[0].media_type, media_type::LAYER_ZSTD);
    assert!(layout.files.keys().all(|name| !name.contains("tmp")), "drafts are left");
}

fn tar_names(tar: &[u8]) -> Vec<PathBuf> {
    let mut archive = ::tar::Archive::new(tar);
    let entries = archive.entries().expect("a tar");
    entries.map(|entry| entry.expect("an entry").path().expect("a name").into_owned()).collect()
}

#[test]
fn files_are_exported() {
    let built = Built::new(&["linux/amd64"]);
    let dir = built.env.path("out");
    built.export(dir.to_str().expect("text"), TIMES);
    assert_eq!(std::fs::read_to_string(dir.join("etc/base")).expect("read"), "base");
    assert_eq!(std::fs::read_to_string(dir.join("own")).expect("read"), "own");
    let (_, tar) = built.export("-", TIMES);
    let names = tar_names(&tar);
    assert!(names.iter().any(|name| name == Path::new("etc/base")), "{names:?}");
}

#[test]
fn platforms_have_folders_of_their_own() {
    let built = Built::new(&["linux/amd64", "linux/arm/v7"]);
    let dir = built.env.path("out");
    built.export(&format!("type=local,dest={}", dir.display()), TIMES);
    for folder in ["linux_amd64", "linux_arm_v7"] {
        assert!(dir.join(folder).join("own").is_file(), "{folder}");
    }
    let (_, tar) = built.export("type=tar", TIMES);
    let names = tar_names(&tar);
    for name in ["linux_amd64/own", "linux_arm_v7/etc/base"] {
        assert!(names.iter().any(|found| found == Path::new(name)), "{name} is not in {names:?}");
    }
    built.try_export("type=tar,platform-split=false", TIMES).expect_err("they collide");
    built.try_export("type=local,platform-split=false,dest=x", TIMES).expect_err("they collide");
    let single = Built::new(&["linux/amd64"]);
    let dir = single.env.path("out");
    single.export(&format!("type=local,platform-split=true,dest={}", dir.display()), TIMES);
    assert!(dir.join("linux_amd64/own").is_file());
}

#[test]
fn nothing_is_exported_of_a_wrong_base() {
    let mut built = Built::new(&["linux/amd64"]);
    built.planned[0].layers.swap(0, 1);
    let error = built.try_export("type=oci", TIMES).expect_err("not on its base");
    assert!(matches!(error, ExportError::Base { index: 0, .. }), "{error}");
    built.planned[0].layers.clear();
    built.try_export("type=oci", TIMES).expect_err("no layers at all");
}

#[test]
fn an_image_without_layers_is_valid() {
    let mut built = Built::new(&["linux/amd64"]);
    built.planned[0].layers.clear();
    built.planned[0].config.rootfs.diff_ids.clear();
    built.planned[0].config.history.retain(|entry| entry.empty_layer);
    for output in ["type=oci", "type=docker,name=empty:1"] {
        let (_, tar) = built.export(output, TIMES);
        let (manifest, config) = Layout::of_tar(&tar).only();
        assert!(manifest.layers.is_empty());
        let text = serde_json::to_string(&config).expect("JSON");
        assert!(text.contains(r#""diff_ids":[]"#), "{text}");
    }
}

#[test]
fn an_output_that_cannot_be_written_is_an_error() {
    let built = Built::new(&["linux/amd64"]);
    let dir = built.env.path("folder");
    std::fs::create_dir(&dir).expect("create");
    built.try_export(&format!("type=oci,dest={}", dir.display()), TIMES).expect_err("a folder is there");
    built.try_export("type=oci,tar=false", TIMES).expect_err("no folder named");
    built.try_export("type=local", TIMES).expect_err("no folder named");
}

#[test]
fn skopeo_reads_what_we_write() {
    let skopeo = Path::new("/usr/bin/skopeo");
    if !skopeo.exists() {
        #[expect(clippy::print_stderr, reason = "a test that cannot run says so")]
        return eprintln!("SKIP skopeo is not installed");
    }
    let built = Built::new(&["linux/amd64"]);
    let file = |name: &str| built.env.path(name).display().to_string();
    built.export(&format!("type=oci,name=a:1,dest={}", file("oci.tar")), TIMES);
    built.export(&format!("type=docker,name=a:1,dest={}", file("docker.tar")), TIMES);
    built.export(&format!("type=oci,tar=false,name=a:1,dest={}", file("dir")), TIMES);
    built.export("type=image,name=a:1", TIMES);
    let store = built.env.store.root().display().to_string();
    for image in [
        format!("oci-archive:{}", file("oci.tar")),
        format!("docker-archive:{}:a:1", file("docker.tar")),
        format!("oci:{}:1", file("dir")),
        format!("oci:{store}:docker.io/library/a:1"),
    ] {
        let copy = format!("dir:{}", file("copy"));
        let output = std::process::Command::new(skopeo)
            .args(["--insecure-policy", "copy", "-q", &image, &copy])
            .output()
            .expect("run skopeo");
        assert!(output.status.success(), "{image}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
