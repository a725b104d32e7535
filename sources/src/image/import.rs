//! Import of images from files: OCI layouts (directories and archives), archives of `docker save`, and plain tars of a root
//! file system.
//!
//! An image is stored with the tars of its layers, however they were compressed. Its config, and with it its ID, stays as
//! it was; it gets another manifest.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use cache::{SparseWriter, Store};
use images::{BlobSource, CachingBlobs, Image, ImageError, MANIFEST_LIMIT_BYTES, choose};
use oci::{
    Descriptor, Digest, History, ImageConfig, Index, Manifest, Platform, Reference, finish_config, media_type,
};
use rootfs::layers::{Clamp, Layers};

use super::adopt::{StoredImage, adopt};
use super::archive::Archive;
use super::docker_archive;
use super::error::{SourceError, io_error};
use super::layout::{Layout, full_name, parse_index};
use super::pull::{TransferProgress, layers};
use super::uninterrupted::repeat;
use super::unpack;

/// Number of bytes that are written to the file of a stream at a time.
const SPOOL_BUFFER_BYTES: usize = 256 << 10;

/// Origin of an import.
pub enum ImportFrom<'a> {
    /// A file, or the directory of a layout.
    Path(&'a Path),
    /// A stream, which is written to a file first.
    Stream(&'a mut (dyn Read + Send)),
}

/// An image that was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Names of the image; empty if it came without one.
    pub names: Vec<Reference>,
    /// Descriptor of its manifest, or of its index if it is for several platforms.
    pub descriptor: Descriptor,
    /// Digest of its config, or of its index if it is for several platforms.
    pub image_id: Digest,
}

/// Imports every image of `from`. `names` replace the names in the file, which then must hold one image.
pub fn import(
    layers: &Layers,
    from: ImportFrom<'_>,
    names: &[Reference],
    progress: TransferProgress<'_>,
) -> Result<Vec<Imported>, SourceError> {
    let importer = Importer { layers, progress };
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

/// An image of the input, before it gets names.
struct FoundImage {
    /// Names that the input gives to it.
    names: Vec<Reference>,
    /// The image for each platform.
    images: Vec<StoredImage>,
}

struct Importer<'a> {
    layers: &'a Layers,
    progress: TransferProgress<'a>,
}

impl Importer<'_> {
    fn store(&self) -> &Store {
        self.layers.store()
    }

    /// Imports a file, which is decompressed first if it is compressed.
    fn file(&self, mut file: File, path: &Path) -> Result<Vec<FoundImage>, SourceError> {
        let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
        if !is_file || is_compressed(&file).map_err(io_error("read", path))? {
            return self.spooled(&mut file, path);
        }
        let archive = Archive::open(file, path)?;
        if archive.has("index.json") && archive.has("oci-layout") {
            let text = archive.read(Path::new("index.json"), MANIFEST_LIMIT_BYTES)?;
            let bad = |reason| ImageError::Layout { path: path.to_owned(), reason };
            return self.layout(&archive, &parse_index(&text).map_err(bad)?);
        }
        let Some(images) = docker_archive::images(&archive)? else {
            return Ok(vec![self.root_file_system(&archive)?]);
        };
        let imported = images.iter().map(|image| {
            let stored = image.import(self.layers, &archive)?;
            Ok(FoundImage { names: image.names(), images: vec![stored] })
        });
        imported.collect()
    }

    /// Writes a stream to a file, unpacked, and imports that.
    fn spooled(&self, stream: &mut (dyn Read + Send), path: &Path) -> Result<Vec<FoundImage>, SourceError> {
        let scratch = self.store().scratch()?;
        let spool = scratch.path().join("archive");
        let file = File::create(&spool).map_err(io_error("create", &spool))?;
        let mut file = BufWriter::with_capacity(SPOOL_BUFFER_BYTES, SparseWriter::new(file));
        let unpacked = unpack::spool(stream, &mut file).and_then(|()| file.flush());
        unpacked.and_then(|()| file.get_mut().finish()).map_err(io_error("unpack", path))?;
        let file = File::open(&spool).map_err(io_error("open", &spool))?;
        if is_compressed(&file).map_err(io_error("read", &spool))? {
            let reason = "it is compressed more than once".to_owned();
            return Err(ImageError::Layout { path: path.to_owned(), reason }.into());
        }
        self.file(file, path)
    }

    /// Imports the images that the index of a layout lists.
    fn layout(&self, source: &dyn BlobSource, index: &Index) -> Result<Vec<FoundImage>, SourceError> {
        let blobs = CachingBlobs { store: self.store(), inner: source };
        let mut roots: Vec<(&Descriptor, Vec<Reference>)> = Vec::new();
        for entry in &index.manifests {
            let names = full_name(entry);
            match roots.iter_mut().find(|(root, _)| root.digest == entry.digest) {
                Some((_, known)) => known.extend(names),
                None => roots.push((entry, names.into_iter().collect())),
            }
        }
        let found = |(root, names): (&Descriptor, Vec<Reference>)| {
            let images = choose::all(&blobs, root)?;
            let images = images.iter().map(|image| self.image(source, image)).collect::<Result<_, _>>()?;
            Ok(FoundImage { names, images })
        };
        roots.into_iter().map(found).collect()
    }

    fn image(&self, source: &dyn BlobSource, image: &Image) -> Result<StoredImage, SourceError> {
        let diff_ids = &image.config.rootfs.diff_ids;
        let wanted: Vec<_> = image.manifest.layers.iter().cloned().zip(diff_ids.iter().copied()).collect();
        layers(self.layers, source, &wanted, self.progress)?;
        adopt(self.store(), image)
    }

    /// Imports a tar of files as an image of one layer, for the platform of this machine.
    fn root_file_system(&self, archive: &Archive) -> Result<FoundImage, SourceError> {
        let diff = unpack::import(self.layers, archive.whole(), u64::MAX, None)?;
        let imported = History { comment: "Imported from a tar".to_owned(), ..History::default() };
        let config =
            ImageConfig { platform: Platform::host(), history: vec![imported], ..ImageConfig::default() };
        let config = finish_config(config, &[diff], Clamp::STORE.0);
        let text = serde_json::to_vec(&config).expect("a config has string keys only");
        let digest = self.store().put_blob(&text)?;
        let descriptor = Descriptor::new(media_type::CONFIG, digest, text.len() as u64);
        let manifest = Manifest::new(descriptor.clone(), Vec::new());
        let stored = adopt(self.store(), &Image { descriptor, manifest, config })?;
        Ok(FoundImage { names: Vec::new(), images: vec![stored] })
    }
}

/// Reports whether a file is compressed, without moving its position.
fn is_compressed(file: &File) -> io::Result<bool> {
    let mut start = [0; 4];
    let length = repeat(|| file.read_at(&mut start, 0))?;
    Ok(unpack::is_compressed(&start[..length]))
}

/// Gives names to the images of the input.
fn named(store: &Store, found: Vec<FoundImage>, names: &[Reference]) -> Result<Vec<Imported>, SourceError> {
    if found.len() != 1 && !names.is_empty() {
        let reason = format!("it has {} images; a name can be given to one only", found.len());
        return Err(ImageError::Layout { path: PathBuf::from("the archive"), reason }.into());
    }
    let named_one = |found: FoundImage| {
        let names = if names.is_empty() { found.names } else { names.to_vec() };
        let (descriptor, image_id) = root_of(store, &found.images)?;
        match &names[..] {
            [] => store.keep_image(descriptor.clone())?,
            names => names.iter().try_for_each(|name| store.tag(name, descriptor.clone()))?,
        }
        Ok(Imported { names, descriptor, image_id })
    };
    found.into_iter().map(named_one).collect()
}

/// Returns the descriptor that a name leads to, and the image ID: an index if the image is for several platforms.
fn root_of(store: &Store, images: &[StoredImage]) -> Result<(Descriptor, Digest), SourceError> {
    if let [only] = images {
        return Ok((only.descriptor.clone(), only.image_id));
    }
    let entries = images.iter().map(|image| image.descriptor.clone()).collect();
    let text = serde_json::to_vec(&Index::new(entries)).expect("an index has string keys only");
    let digest = store.put_blob(&text)?;
    Ok((Descriptor::new(media_type::INDEX, digest, text.len() as u64), digest))
}
