//! The EROFS image of a layer on disk: made once, and not read to the end before each use.
//!
//! ```text
//! layers/<diff id>/erofs         the image
//!                  erofs.stamp   proof that the image is undamaged; small images have none
//! ```
//!
//! An image is never synced, so a power cut can damage it. Its seal shows whether it is undamaged to a reader of the
//! whole image. For a layer of many files that is a lot of data, so an image is read to the end once for each boot.
//! The stamp records the boot, the inode of the image and the time of its last change. If one of these differs, the
//! image is read again; if it is damaged or missing, it is made again.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oci::DiffId;
use serde::{Deserialize, Serialize};

use super::boot::boot_id;
use super::files::LayerFiles;
use super::save::save;
use crate::RootfsError;
use crate::erofs::image::image;
use crate::erofs::seal;
use crate::error::failed;
use crate::times::Clamp;

/// Length up to which reading the whole image costs less than a stamp.
const SMALL_BYTES: u64 = 64 << 10;

/// EROFS image of a layer that is known to be undamaged.
pub(super) struct ErofsImage {
    pub file: File,
    pub path: PathBuf,
    /// Whether the layer describes the root directory. If not, lower layers do.
    pub has_root: bool,
}

/// State of an image file at the time when all of it was verified.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ImageStamp {
    boot: String,
    inode: u64,
    size_bytes: u64,
    /// Time of the inode's last change, which no process can set; seconds and nanoseconds.
    changed: (i64, i64),
}

impl ImageStamp {
    /// Returns the stamp of a file in its current state.
    fn of(file: &File) -> io::Result<Self> {
        let stat = file.metadata()?;
        let changed = (stat.ctime(), stat.ctime_nsec());
        Ok(Self { boot: boot_id().to_owned(), inode: stat.ino(), size_bytes: stat.len(), changed })
    }

    /// Reads the stamp at `path`; returns `None` if it is missing or damaged.
    fn load(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// Records that the image at `path` is undamaged.
    fn save(&self, path: &Path) {
        if self.is_large() {
            let bytes = serde_json::to_vec(self).expect("a stamp is plain data");
            // Without a stamp, the next process reads the whole image once more.
            let _ = save(&stamp_path(path), &bytes);
        }
    }

    fn is_large(&self) -> bool {
        self.size_bytes > SMALL_BYTES
    }
}

impl ErofsImage {
    /// Returns the image of `layer`, and makes it if it does not exist. Returns `None` if EROFS cannot represent the
    /// layer.
    ///
    /// The image of a finished layer has the times of the tar.
    pub(super) fn of(
        files: &LayerFiles,
        layer: &DiffId,
        finished: Option<Clamp>,
    ) -> Result<Option<Self>, RootfsError> {
        let name = if finished.is_some() { "erofs-finished" } else { "erofs" };
        let path = files.store().layer_dir(layer)?.join(name);
        if let Some(image) = Self::load(&path) {
            return Ok(Some(image));
        }
        let tar = Arc::new(files.open_tar(layer)?);
        let index = match finished {
            Some(clamp) => Arc::new(files.finished_index(layer, clamp)?),
            None => files.index(layer)?,
        };
        let bytes = image(&index, &tar, uuid(layer)).map_err(failed("read the tar of", &path))?;
        let Some(bytes) = bytes else { return Ok(None) };
        save(&path, &bytes).map_err(failed("write", &path))?;
        // If another process has replaced the file meanwhile, it has written the same bytes.
        let file = File::open(&path).map_err(failed("open", &path))?;
        ImageStamp::of(&file).map_err(failed("stat", &path))?.save(&path);
        let has_root = bytes.first_chunk().and_then(seal::open_verified);
        Ok(has_root.map(|has_root| Self { file, path, has_root }))
    }

    fn load(path: &Path) -> Option<Self> {
        let mut file = File::open(path).ok()?;
        // Taken before the file is read, so that it does not cover a later change.
        let stamp = ImageStamp::of(&file).ok()?;
        if stamp.is_large() && ImageStamp::load(&stamp_path(path)).as_ref() == Some(&stamp) {
            let mut seal = [0; seal::SEAL_BYTES];
            file.read_exact(&mut seal).ok()?;
            return Some(Self { has_root: seal::open_verified(&seal)?, file, path: path.to_owned() });
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        let has_root = seal::open(&bytes)?;
        stamp.save(path);
        Some(Self { file, path: path.to_owned(), has_root })
    }
}

fn stamp_path(image: &Path) -> PathBuf {
    image.with_extension("stamp")
}

/// Returns the UUID of the image, which differs between all layers of an overlay.
fn uuid(layer: &DiffId) -> [u8; 16] {
    *layer.0.as_bytes().first_chunk().expect("a sha256 is longer")
}
