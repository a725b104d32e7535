//! Images from files into the store: OCI layouts (folders and archives), what `docker save` writes, and plain tars of
//! a root file system.
//!
//! An image is stored with the tars of its layers, whatever they were packed in: its config, and with it its ID, stay
//! as they were; its manifest becomes another.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use cache::Store;
use oci::{
    Descriptor, DiffId, Digest, History, ImageConfig, Index, Manifest, Platform, Reference, media_type,
};
use rootfs::layers::{Clamp, Layers};
use serde::Deserialize;

use super::archive::Archive;
use super::layout::{IMAGE_NAME, Layout, REF_NAME, parse_index};
use super::{Progress, SourceError, fetch, layer};
use images::{BlobSource, CONFIG_LIMIT_BYTES, ImageError, MANIFEST_LIMIT_BYTES, Through};
use images::{Image, choose};
use oci::finish_config;

/// Where an import comes from.
pub enum ImportFrom<'a> {
    /// A file or a folder.
    Path(&'a Path),
    /// A stream, which is written to a file first.
    Stream(&'a mut (dyn Read + Send)),
}

/// An image that was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Its names; none for an image that came without one.
    pub names: Vec<Reference>,
    /// Names its manifest, or its index if it is for several platforms.
    pub descriptor: Descriptor,
    /// The digest of its config; of the index if it is for several platforms.
    pub image_id: Digest,
}

/// Imports every image of `from`. `names` replace the names that it comes with; they need it to be one image.
pub fn import(
    layers: &Layers,
    from: ImportFrom<'_>,
    names: &[Reference],
    progress: Progress<'_>,
) -> Result<Vec<Imported>, SourceError> {
    let importer = Importer { store: layers.store(), layers, progress };
    let found = match from {
        ImportFrom::Path(path) if path.is_dir() => {
            let layout = Layout::open(path)?;
            importer.layout(&layout, &layout.index()?)?
        }
        ImportFrom::Path(path) => {
            let file = File::open(path).map_err(io_error("open", path))?;
            importer.file(file, path)?
        }
        ImportFrom::Stream(stream) => importer.spooled(stream, Path::new("the input"))?,
    };
    named(layers.store(), found, names)
}

/// What an import has found, before it gets names.
struct Found {
    names: Vec<Reference>,
    images: Vec<Stored>,
}

/// An image whose blobs are in the store.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    /// Names the manifest; has a platform.
    pub descriptor: Descriptor,
    /// Its config's digest.
    pub image_id: Digest,
}

struct Importer<'a> {
    store: &'a Store,
    layers: &'a Layers,
    progress: Progress<'a>,
}

impl Importer<'_> {
    /// Imports a file; one that is packed is unpacked first.
    fn file(&self, mut file: File, path: &Path) -> Result<Vec<Found>, SourceError> {
        let mut start = [0; 4];
        let length = {
            use std::os::unix::fs::FileExt as _;
            file.read_at(&mut start, 0).map_err(io_error("read", path))?
        };
        if layer::is_packed(&start[..length]) || !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            return self.spooled(&mut file, path);
        }
        let archive = Archive::open(file, path)?;
        if archive.has("index.json") && archive.has("oci-layout") {
            let text = archive.read(Path::new("index.json"), MANIFEST_LIMIT_BYTES)?;
            let index =
                parse_index(&text).map_err(|reason| ImageError::Layout { path: path.to_owned(), reason })?;
            return self.layout(&archive, &index);
        }
        match archive.has("manifest.json").then(|| docker_images(&archive)).transpose()?.flatten() {
            Some(images) => images.iter().map(|image| self.docker_image(&archive, image)).collect(),
            None => self.root_file_system(&archive).map(|found| vec![found]),
        }
    }

    /// Writes a stream to a file, unpacked, and imports that.
    fn spooled(&self, stream: &mut (dyn Read + Send), path: &Path) -> Result<Vec<Found>, SourceError> {
        let scratch = self.store.scratch()?;
        let spool = scratch.path().join("archive");
        let mut file = File::create(&spool).map_err(io_error("create", &spool))?;
        let mut unpacked = layer::unpacked(stream).map_err(io_error("unpack", path))?;
        io::copy(&mut unpacked, &mut file).map_err(io_error("unpack", path))?;
        let file = File::open(&spool).map_err(io_error("open", &spool))?;
        let mut start = [0; 4];
        let length = (&file).read(&mut start).map_err(io_error("read", &spool))?;
        if layer::is_packed(&start[..length]) {
            let reason = "it is packed more than once".to_owned();
            return Err(ImageError::Layout { path: path.to_owned(), reason }.into());
        }
        self.file(file, path)
    }

    /// Imports the images that an index of a layout lists.
    fn layout(&self, source: &dyn BlobSource, index: &Index) -> Result<Vec<Found>, SourceError> {
        let blobs = Through { store: self.store, inner: source };
        let mut roots: Vec<(Descriptor, Vec<Reference>)> = Vec::new();
        for entry in &index.manifests {
            let names = entry_name(entry);
            match roots.iter_mut().find(|(root, _)| root.digest == entry.digest) {
                Some((_, known)) => known.extend(names),
                None => roots.push((entry.clone(), names.into_iter().collect())),
            }
        }
        let found = |(root, names): (Descriptor, Vec<Reference>)| {
            let images = choose::all(&blobs, &root)?;
            let images = images.iter().map(|image| self.image(source, image)).collect::<Result<_, _>>()?;
            Ok(Found { names, images })
        };
        roots.into_iter().map(found).collect()
    }

    fn image(&self, source: &dyn BlobSource, image: &Image) -> Result<Stored, SourceError> {
        let diff_ids = &image.config.rootfs.diff_ids;
        let wanted: Vec<_> = image.manifest.layers.iter().cloned().zip(diff_ids.iter().copied()).collect();
        fetch::layers(self.store, self.layers, source, &wanted, self.progress)?;
        adopt(self.store, image)
    }

    fn docker_image(&self, archive: &Archive, listed: &DockerImage) -> Result<Found, SourceError> {
        let text = archive.read(&listed.config, CONFIG_LIMIT_BYTES)?;
        let digest = self.store.put_blob(&text)?;
        let config = Descriptor::new(media_type::CONFIG, digest, text.len() as u64);
        let mut manifest = Manifest::new(config, Vec::new());
        let config =
            ImageConfig::parse(&manifest, &text).map_err(|source| ImageError::Document { digest, source })?;
        let diff_ids = &config.rootfs.diff_ids;
        for (path, diff) in listed.layers.iter().zip(diff_ids) {
            let part = archive.member(path)?;
            if !self.layers.contains(diff)? {
                let size_bytes = part.size_bytes();
                layer::import(self.layers, part, size_bytes, Some(*diff))
                    .map_err(|error| SourceError::Layer { digest: diff.0, source: Box::new(error) })?;
            }
        }
        // As many as the archive has: that the config has as many is checked below.
        manifest.layers =
            listed.layers.iter().map(|_| Descriptor::new(media_type::LAYER_TAR, digest, 0)).collect();
        oci::validate::base(&manifest, &config).map_err(|source| ImageError::Invalid { digest, source })?;
        let image = Image { descriptor: manifest.config.clone(), manifest, config };
        let names = listed.repo_tags.iter().flatten().filter_map(|name| name.parse().ok()).collect();
        Ok(Found { names, images: vec![adopt(self.store, &image)?] })
    }

    /// Imports a tar of files as an image of one layer, for this machine's platform.
    fn root_file_system(&self, archive: &Archive) -> Result<Found, SourceError> {
        let diff = layer::import(self.layers, archive.whole(), u64::MAX, None)?;
        let imported = History { comment: "Imported from a tar".to_owned(), ..History::default() };
        let config =
            ImageConfig { platform: Platform::host(), history: vec![imported], ..ImageConfig::default() };
        let config = finish_config(config, &[diff], Clamp::STORE.0);
        let text = serde_json::to_vec(&config).expect("a config has string keys only");
        let digest = self.store.put_blob(&text)?;
        let descriptor = Descriptor::new(media_type::CONFIG, digest, text.len() as u64);
        let manifest = Manifest::new(descriptor.clone(), Vec::new());
        Ok(Found {
            names: Vec::new(),
            images: vec![adopt(self.store, &Image { descriptor, manifest, config })?],
        })
    }
}

/// Puts a manifest into the store that names the tars of the image's layers, which are there.
pub(super) fn adopt(store: &Store, image: &Image) -> Result<Stored, SourceError> {
    let tar = |diff: &DiffId| -> Result<Descriptor, SourceError> {
        let size_bytes = store.stat_blob(&diff.0)?.ok_or(cache::StoreError::Missing { digest: diff.0 })?;
        Ok(Descriptor::new(media_type::LAYER_TAR, diff.0, size_bytes))
    };
    let layers = image.config.rootfs.diff_ids.iter().map(tar).collect::<Result<_, _>>()?;
    let Descriptor { digest: image_id, size_bytes, .. } = image.manifest.config;
    let mut manifest = Manifest::new(Descriptor::new(media_type::CONFIG, image_id, size_bytes), layers);
    manifest.annotations.clone_from(&image.manifest.annotations);
    let text = serde_json::to_vec(&manifest).expect("a manifest has string keys only");
    let digest = store.put_blob(&text)?;
    let mut descriptor = Descriptor::new(media_type::MANIFEST, digest, text.len() as u64);
    descriptor.platform = Some(image.config.platform.clone());
    Ok(Stored { descriptor, image_id })
}

/// Gives names to what was found.
fn named(store: &Store, found: Vec<Found>, names: &[Reference]) -> Result<Vec<Imported>, SourceError> {
    if found.len() != 1 && !names.is_empty() {
        let reason = format!("it has {} images; a name can be given to one only", found.len());
        return Err(ImageError::Layout { path: PathBuf::from("the archive"), reason }.into());
    }
    let named_one = |found: Found| {
        let names = if names.is_empty() { found.names } else { names.to_vec() };
        let (descriptor, image_id) = match &found.images[..] {
            [one] => (one.descriptor.clone(), one.image_id),
            several => {
                let entries = several.iter().map(|image| image.descriptor.clone()).collect();
                let text = serde_json::to_vec(&Index::new(entries)).expect("an index has string keys only");
                let digest = store.put_blob(&text)?;
                (Descriptor::new(media_type::INDEX, digest, text.len() as u64), digest)
            }
        };
        match &names[..] {
            [] => store.keep_image(descriptor.clone())?,
            names => names.iter().try_for_each(|name| store.tag(name, descriptor.clone()))?,
        }
        Ok(Imported { names, descriptor, image_id })
    };
    found.into_iter().map(named_one).collect()
}

/// An entry of `manifest.json`, as `docker save` writes it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    config: PathBuf,
    repo_tags: Option<Vec<String>>,
    layers: Vec<PathBuf>,
}

/// The images that `manifest.json` lists; `None` if the file is something else (a root file system may have one).
fn docker_images(archive: &Archive) -> Result<Option<Vec<DockerImage>>, SourceError> {
    let text = archive.read(Path::new("manifest.json"), MANIFEST_LIMIT_BYTES)?;
    let Ok(images) = serde_json::from_slice::<Vec<DockerImage>>(&text) else { return Ok(None) };
    Ok((!images.is_empty()).then_some(images))
}

/// The whole name that an entry of a layout has; a lone tag is none.
fn entry_name(entry: &Descriptor) -> Option<Reference> {
    let name = |key: &str| entry.annotations.get(key).filter(|name| name.contains(['/', ':']))?.parse().ok();
    name(IMAGE_NAME).or_else(|| name(REF_NAME))
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SourceError {
    let path = path.to_owned();
    move |source| SourceError::Io { action, path, source }
}
