//! OCI layouts: directories with `oci-layout`, `index.json` and `blobs/`.
//!
//! Invariant: nothing outside the directory is read. A blob, or a directory on the way to it, that is a symbolic link is
//! refused, as is anything but a regular file.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use oci::VerifiedReader;
use oci::{Descriptor, Digest, Index, Platform, Reference};
use rustix::fs::{FileType, Mode, OFlags};

use images::{BlobSource, Image, ImageError, MANIFEST_LIMIT_BYTES, Through, choose};

/// Annotation with the tag, or the full name, of an image.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// Annotation with the full name of an image.
const IMAGE_NAME: &str = "io.containerd.image.name";

/// A layout whose directory is open.
pub(super) struct Layout {
    path: PathBuf,
    root: OwnedFd,
}

impl Layout {
    /// Opens the directory at `path`.
    pub fn open(path: &Path) -> Result<Self, ImageError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(root) => Ok(Self { path: path.to_owned(), root }),
            Err(error) => {
                Err(ImageError::Io { action: "open OCI layout", path: path.to_owned(), source: error.into() })
            }
        }
    }

    /// Reads the list of the layout's images.
    pub fn index(&self) -> Result<Index, ImageError> {
        let file = self
            .open_file(Path::new("index.json"))
            .map_err(|error| self.bad(format!("it is not an OCI layout: cannot open index.json: {error}")))?;
        let mut text = Vec::new();
        file.take(MANIFEST_LIMIT_BYTES + 1).read_to_end(&mut text).map_err(|source| ImageError::Io {
            action: "read",
            path: self.path.join("index.json"),
            source,
        })?;
        parse_index(&text).map_err(|reason| self.bad(reason))
    }

    fn bad(&self, reason: String) -> ImageError {
        ImageError::Layout { path: self.path.clone(), reason }
    }

    fn open_blob(&self, digest: &Digest) -> io::Result<File> {
        self.open_file(&blob_name(digest))
    }

    fn open_file(&self, name: &Path) -> io::Result<File> {
        let (parents, last) = (name.parent().unwrap_or(Path::new("")), name.file_name().unwrap_or_default());
        let mut dir = None;
        for name in parents {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let parent = dir.as_ref().unwrap_or(&self.root);
            dir = Some(rustix::fs::openat(parent, name, flags, Mode::empty())?);
        }
        // Without blocking, so that a named pipe is refused instead of waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(dir.as_ref().unwrap_or(&self.root), last, flags, Mode::empty())?;
        if FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) != FileType::RegularFile {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(File::from(file))
    }
}

impl BlobSource for Layout {
    fn describe(&self, digest: &Digest) -> Result<Descriptor, ImageError> {
        let size_bytes = self
            .open_blob(digest)
            .and_then(|file| file.metadata())
            .map_err(|source| ImageError::Io {
                action: "open",
                path: self.path.join(blob_name(digest)),
                source,
            })?
            .len();
        Ok(Descriptor::new("", *digest, size_bytes))
    }

    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>, ImageError> {
        let file = self.open_blob(&blob.digest).map_err(|source| ImageError::Io {
            action: "open",
            path: self.path.join(blob_name(&blob.digest)),
            source,
        })?;
        Ok(Box::new(VerifiedReader::new(file, blob.digest, blob.size_bytes)))
    }
}

/// Returns the path of a blob in a layout.
pub(super) fn blob_name(digest: &Digest) -> PathBuf {
    Path::new("blobs/sha256").join(digest.hex())
}

/// Parses the text of an `index.json`.
pub(super) fn parse_index(text: &[u8]) -> Result<Index, String> {
    if text.len() as u64 > MANIFEST_LIMIT_BYTES {
        return Err(format!("index.json is larger than {MANIFEST_LIMIT_BYTES} bytes"));
    }
    serde_json::from_slice(text).map_err(|error| format!("index.json cannot be read: {error}"))
}

/// Returns the full name of an entry of a layout. A tag alone does not count as one.
pub(super) fn full_name(entry: &Descriptor) -> Option<Reference> {
    let name = |key: &str| entry.annotations.get(key).filter(|name| name.contains(['/', ':']))?.parse().ok();
    name(IMAGE_NAME).or_else(|| name(REF_NAME))
}

/// Finds an image of a layout: the one of `digest`, else of `tag`, else the only one or the one tagged `latest`.
pub(super) fn find(
    layout: &Layout,
    blobs: &Through<'_>,
    tag: Option<&str>,
    digest: Option<&Digest>,
    wanted: &Platform,
) -> Result<Image, ImageError> {
    if let Some(digest) = digest {
        return choose::find(blobs, &layout.describe(digest)?, wanted);
    }
    let entries = layout.index()?.manifests;
    let chosen = select(&entries, tag).ok_or_else(|| layout.bad(not_found(&entries, tag)))?;
    match &chosen[..] {
        [one] => choose::find(blobs, one, wanted),
        several => choose::choose(blobs, several, wanted),
    }
}

/// Returns the entries that `tag` can mean: several if they are one image for several platforms.
fn select(entries: &[Descriptor], tag: Option<&str>) -> Option<Vec<Descriptor>> {
    let tagged = |tag: &str| -> Vec<Descriptor> {
        entries.iter().filter(|entry| has_tag(entry, tag)).cloned().collect()
    };
    let chosen = match tag {
        Some(tag) => tagged(tag),
        None if entries.iter().all(|entry| entry.digest == entries[0].digest) => {
            entries.first().cloned().into_iter().collect()
        }
        None => match tagged("latest") {
            latest if !latest.is_empty() => latest,
            // Entries without any name differ in their platform only.
            _ if entries.iter().all(|entry| !is_named(entry)) => entries.to_vec(),
            _ => Vec::new(),
        },
    };
    (!chosen.is_empty()).then_some(chosen)
}

fn is_named(entry: &Descriptor) -> bool {
    entry.annotations.contains_key(REF_NAME) || entry.annotations.contains_key(IMAGE_NAME)
}

/// Reports whether one of the entry's names is `tag`, or a full name with that tag.
fn has_tag(entry: &Descriptor, tag: &str) -> bool {
    [REF_NAME, IMAGE_NAME]
        .iter()
        .filter_map(|key| entry.annotations.get(*key))
        .any(|name| name == tag || name.rsplit_once(':').is_some_and(|(_, last)| last == tag))
}

fn not_found(entries: &[Descriptor], tag: Option<&str>) -> String {
    let names: Vec<&str> =
        entries.iter().filter_map(|entry| entry.annotations.get(REF_NAME).map(String::as_str)).collect();
    match tag {
        _ if entries.is_empty() => "the layout has no image".to_owned(),
        Some(tag) => format!("{tag}: not found; the layout has {}", names.join(", ")),
        None => format!("the layout has several images; name one of them: {}", names.join(", ")),
    }
}
