//! The EROFS image of a layer on disk: made once, and not read to the end before each use.
//!
//! ```text
//! layers/<diff id>/erofs         the image
//!                  erofs.stamp   that it is whole; small images have none
//! ```
//!
//! An image is never synced, so what a power cut left of it must not be believed, and its seal says whether it is whole
//! to who reads all of it. For a layer of many files that is much: so it is done once a boot. A stamp says which file it
//! was in which boot, and when that had last been changed; where one of these is not as the stamp has it, the image is
//! read again, and made anew if it is damaged or missing.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oci::DiffId;
use serde::{Deserialize, Serialize};

use super::tree::boot;
use crate::RootfsError;
use crate::erofs::image::image;
use crate::erofs::seal;
use crate::error::failed;
use crate::layers::{Layers, save};

/// To read so much costs less than a stamp.
const SMALL_BYTES: u64 = 64 << 10;

/// An image that is whole.
pub(super) struct Image {
    pub file: File,
    pub path: PathBuf,
    /// Whether the layer says what the root is; else those below do.
    pub has_root: bool,
}

/// Of which file it is known that it is whole.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    boot: String,
    inode: u64,
    size_bytes: u64,
    /// The time of the inode's last change, which nobody can set.
    changed: (i64, i64),
}

impl Stamp {
    /// That of a file as it is now.
    fn of(file: &File) -> io::Result<Self> {
        let stat = file.metadata()?;
        let changed = (stat.ctime(), stat.ctime_nsec());
        Ok(Self { boot: boot().to_owned(), inode: stat.ino(), size_bytes: stat.len(), changed })
    }

    /// The stamp at `path`; `None` if there is none or it is damaged.
    fn load(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// Notes that `image` is whole. If it comes to nothing, it is read once more the next time.
    fn save(&self, image: &Path) {
        if self.is_large() {
            let _ = save(&stamp_path(image), &serde_json::to_vec(self).expect("a stamp is plain data"));
        }
    }

    fn is_large(&self) -> bool {
        self.size_bytes > SMALL_BYTES
    }
}

impl Image {
    /// That of `layer`, made if there is none; `None` if there can be none.
    pub(super) fn of(layers: &Layers, layer: &DiffId) -> Result<Option<Self>, RootfsError> {
        let path = layers.store().layer_dir(layer)?.join("erofs");
        if let Some(image) = Self::load(&path) {
            return Ok(Some(image));
        }
        let tar = Arc::new(layers.open_tar(layer)?);
        let bytes =
            image(&*layers.index(layer)?, &tar, uuid(layer)).map_err(failed("read the tar of", &path))?;
        let Some(bytes) = bytes else { return Ok(None) };
        save(&path, &bytes).map_err(failed("write", &path))?;
        // Who races with us writes the same.
        let file = File::open(&path).map_err(failed("open", &path))?;
        Stamp::of(&file).map_err(failed("stat", &path))?.save(&path);
        let has_root = bytes.first_chunk().and_then(seal::open_whole);
        Ok(has_root.map(|has_root| Self { file, path, has_root }))
    }

    fn load(path: &Path) -> Option<Self> {
        let mut file = File::open(path).ok()?;
        // Before it is read, so that no later change is taken for what was read.
        let stamp = Stamp::of(&file).ok()?;
        if stamp.is_large() && Stamp::load(&stamp_path(path)).as_ref() == Some(&stamp) {
            let mut seal = [0; seal::SEAL_BYTES];
            file.read_exact(&mut seal).ok()?;
            return Some(Self { has_root: seal::open_whole(&seal)?, file, path: path.to_owned() });
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

/// Tells the layer from others that are in an overlay with it.
fn uuid(layer: &DiffId) -> [u8; 16] {
    *layer.0.as_bytes().first_chunk().expect("a sha256 is longer")
}
