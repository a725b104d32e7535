//! The list of images when `index.json` is lost or damaged: its copy, or else what the blobs say.
//!
//! Names are nowhere but in `index.json` and the copy. A list that is made from the blobs has every image without a name, so that it can
//! be named again and is not collected at once.

use std::collections::BTreeSet;

use oci::{Descriptor, Digest, Index, Manifest, media_type};

use crate::files::{names_in, read_if_present};
use crate::index::{with_build_time, without_name};
use crate::{Store, StoreError};

/// Largest blob that is taken for a document.
const MAX_DOCUMENT_BYTES: u64 = 4 << 20;

impl Store {
    /// Returns the copy of the list if it is intact, and else a list made from the blobs, with a phrase about it for the user.
    pub(crate) fn restored_index(&self) -> Result<(Index, &'static str), StoreError> {
        // Stores of older versions have the list before its last change instead.
        for path in [self.index_copy_path(), self.root().join("index.json.previous")] {
            let copy = read_if_present(&path).ok().flatten();
            if let Some(index) = copy.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
                return Ok((index, "the names come from the copy of that file"));
            }
        }
        Ok((self.index_of_blobs()?, "the images are still here, without their names; dsbuild tag names them"))
    }

    /// Makes a list of all manifests and indexes that no other index names.
    fn index_of_blobs(&self) -> Result<Index, StoreError> {
        let (mut found, mut nested) = (Vec::new(), BTreeSet::new());
        for name in names_in(&self.root().join("blobs/sha256"))? {
            let Ok(digest) = Digest::from_hex(&name) else { continue };
            let Ok(Some(size_bytes)) = self.stat_blob(&digest) else { continue };
            if size_bytes > MAX_DOCUMENT_BYTES || !self.begins_like_json(&digest) {
                continue;
            }
            let Ok(bytes) = self.get_blob(&digest, MAX_DOCUMENT_BYTES) else { continue };
            if let Some((media_type, below)) = image_document(&bytes) {
                nested.extend(below);
                found.push(with_build_time(without_name(Descriptor::new(&media_type, digest, size_bytes))));
            }
        }
        found.retain(|entry| !nested.contains(&entry.digest));
        Ok(Index::new(found))
    }

    fn begins_like_json(&self, digest: &Digest) -> bool {
        use std::os::unix::fs::FileExt;
        let mut first = [0];
        crate::files::open_file(&self.blob_path(digest))
            .and_then(|file| file.read_exact_at(&mut first, 0))
            .is_ok()
            && first == *b"{"
    }
}

/// Returns the media type of a manifest or an index, with the manifests that an index names; `None` for other documents.
fn image_document(bytes: &[u8]) -> Option<(String, Vec<Digest>)> {
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let stated = value.get("mediaType").and_then(|text| text.as_str());
    if value.get("manifests").is_some() {
        let index: Index = serde_json::from_slice(bytes).ok()?;
        let below = index.manifests.iter().map(|entry| entry.digest).collect();
        return Some((stated.unwrap_or(media_type::INDEX).to_owned(), below));
    }
    let is_manifest = value.get("config").is_some_and(|config| config.get("digest").is_some())
        && value.get("layers").is_some()
        && serde_json::from_slice::<Manifest>(bytes).is_ok();
    is_manifest.then(|| (stated.unwrap_or(media_type::MANIFEST).to_owned(), Vec::new()))
}
