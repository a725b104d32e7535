//! The EROFS image of a layer on disk: made once, and not read to the end before each use.
//!
//! ```text
//! layers/<diff id>/erofs            the image
//!                  erofs-finished   the image with the times of the tar ([`super::finished`])
//!                  <image>.stamp    proof that the image is undamaged; small images have none
//! ```
//!
//! An image is never synced, so a power cut can damage it. Its seal shows whether it is undamaged to a reader of the
//! whole image. For a layer of many files that is a lot of data, so an image is read to the end once for each boot.
//! The stamp records the boot, the inode of the image and the time of its last change. If one of these differs, the
//! image is read again; if it is damaged or missing, it is made again.

use std::fs::File;
use std::io::Read;
#[cfg(feature = "testing")]
use std::io::Seek as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache::Store;
use oci::DiffId;

use super::files::LayerFiles;
use crate::RootfsError;
use crate::erofs::image::image;
use crate::erofs::seal;
use crate::error::failed;
use crate::times::Clamp;

/// Length up to which reading the whole image costs less than a stamp.
const SMALL_BYTES: u64 = 64 << 10;

/// One of the two images that a layer can have.
struct Form {
    layer: DiffId,
    /// Name of the image among the files derived from the layer.
    name: &'static str,
    /// Bytes that the seal binds the image to.
    identity: [u8; 32],
}

impl Form {
    fn of(layer: &DiffId, is_finished: bool) -> Self {
        let digest = *layer.0.as_bytes();
        if is_finished {
            let identity = *blake3::hash(&[b"finished", &digest[..]].concat()).as_bytes();
            Self { layer: *layer, name: "erofs-finished", identity }
        } else {
            Self { layer: *layer, name: "erofs", identity: digest }
        }
    }
}

#[cfg(feature = "testing")]
impl super::Layers {
    /// Returns the bytes of the EROFS image of `layer`; `None` if EROFS cannot represent the layer.
    pub fn erofs_image(&self, layer: &DiffId) -> Result<Option<Vec<u8>>, RootfsError> {
        let Some(mut image) = ErofsImage::of(&self.files, layer, None)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = image.file.rewind().and_then(|()| image.file.read_to_end(&mut bytes));
        read.map_err(failed("read", &image.path))?;
        Ok(Some(bytes))
    }
}

/// EROFS image of a layer that is known to be undamaged.
pub(super) struct ErofsImage {
    pub file: File,
    pub path: PathBuf,
    /// Whether the layer describes the root directory. If not, lower layers do.
    pub has_root: bool,
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
        let store = files.store();
        let form = Form::of(layer, finished.is_some());
        let path = store.layer_dir(layer)?.join(form.name);
        if let Some(image) = Self::load(store, &form, &path) {
            return Ok(Some(image));
        }
        let tar = Arc::new(files.open_tar(layer)?);
        let index = match finished {
            Some(clamp) => Arc::new(files.finished_index(layer, clamp)?),
            None => files.index(layer)?,
        };
        let bytes = image(&index, &tar, &form.identity).map_err(failed("read the tar of", &path))?;
        let Some(bytes) = bytes else { return Ok(None) };
        store.save_derived(layer, form.name, |out| out.write_all(&bytes))?;
        // If another process has replaced the file meanwhile, it has written the same bytes.
        let file = store.open_derived(layer, form.name).map_err(failed("open", &path))?;
        if bytes.len() as u64 > SMALL_BYTES {
            store.set_verified(layer, form.name, &file);
        }
        let has_root = bytes.first_chunk().and_then(seal::open_verified);
        Ok(has_root.map(|has_root| Self { file, path, has_root }))
    }

    fn load(store: &Store, form: &Form, path: &Path) -> Option<Self> {
        let mut file = store.open_derived(&form.layer, form.name).ok()?;
        let is_large = file.metadata().ok()?.len() > SMALL_BYTES;
        if is_large && store.is_verified(&form.layer, form.name, &file) {
            let mut seal = [0; seal::SEAL_BYTES];
            file.read_exact(&mut seal).ok()?;
            return Some(Self { has_root: seal::open_verified(&seal)?, file, path: path.to_owned() });
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        let has_root = seal::open(&bytes, &form.identity)?;
        if is_large {
            store.set_verified(&form.layer, form.name, &file);
        }
        Some(Self { file, path: path.to_owned(), has_root })
    }
}
