//! Indexes that a person puts together, as `docker manifest` does: one name for the images of several platforms.

use cache::Store;
use oci::{Descriptor, Digest, Document, Index, Platform, Reference, media_type};

use crate::{CachingBlobs, Image, ImageError, MANIFEST_LIMIT_BYTES, StoreBlobs, choose};

/// Changes to the platform that an index says of an image. Fields that are `None` stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlatformChange {
    /// Architecture, such as `arm64`.
    pub architecture: Option<String>,
    /// Operating system, such as `linux`.
    pub os: Option<String>,
    /// Version of the operating system, for Windows.
    pub os_version: Option<String>,
    /// Variant of the architecture, such as `v7`.
    pub variant: Option<String>,
}

/// Reads the index that a name leads to; `None` if the store has no such name, or the name leads to a single image.
pub fn load(store: &Store, name: &Reference) -> Result<Option<Index>, ImageError> {
    let Some(root) = store.resolve(name)?.filter(|root| media_type::is_index(&root.media_type)) else {
        return Ok(None);
    };
    let bytes = store.get_blob(&root.digest, MANIFEST_LIMIT_BYTES)?;
    let parsed = Document::parse(Some(&root.media_type), &bytes).map_err(|source| ImageError::Document {
        kind: "image index",
        digest: root.digest,
        source,
    })?;
    Ok(match parsed {
        Document::Index(index) => Some(index),
        Document::Manifest(_) => None,
    })
}

/// Gives a name to an index. The index that had the name before is taken off the list, unless it has another name.
pub fn save(store: &Store, name: &Reference, index: &Index) -> Result<(), ImageError> {
    let text = serde_json::to_vec(index).expect("an index has string keys only");
    let digest = store.put_blob(&text)?;
    let before = store.resolve(name)?;
    store.tag(name, Descriptor::new(media_type::INDEX, digest, text.len() as u64))?;
    match before.filter(|before| before.digest != digest) {
        Some(before) => remove_if_nameless(store, &before.digest),
        None => Ok(()),
    }
}

/// Takes an index off the list of images if no name leads to it.
pub fn remove_if_nameless(store: &Store, index: &Digest) -> Result<(), ImageError> {
    let is_named = store.images()?.iter().any(|(name, root)| name.is_some() && root.digest == *index);
    if !is_named {
        store.remove_image(index)?;
    }
    Ok(())
}

/// Returns the entries that an image or index of the store adds to an index, each with its platform.
pub fn entries(store: &Store, root: &Descriptor) -> Result<Vec<Descriptor>, ImageError> {
    let here = StoreBlobs(store);
    let images = choose::all(&CachingBlobs { store, inner: &here }, root)?;
    let entry = |image: Image| Descriptor { platform: Some(image.config.platform), ..image.descriptor };
    Ok(images.into_iter().map(entry).collect())
}

/// Adds an entry to an index. An entry for the same manifest is replaced.
pub fn add(index: &mut Index, entry: Descriptor) {
    index.manifests.retain(|other| other.digest != entry.digest);
    index.manifests.push(entry);
}

/// Changes the platform of the entry for a manifest; returns whether the index has one.
pub fn annotate(index: &mut Index, manifest: &Digest, change: &PlatformChange) -> bool {
    let Some(entry) = index.manifests.iter_mut().find(|entry| entry.digest == *manifest) else {
        return false;
    };
    let platform = entry.platform.get_or_insert_with(Platform::host);
    let set = |field: &mut String, value: &Option<String>| {
        if let Some(value) = value {
            field.clone_from(value);
        }
    };
    set(&mut platform.architecture, &change.architecture);
    set(&mut platform.os, &change.os);
    if change.os_version.is_some() {
        platform.os_version.clone_from(&change.os_version);
    }
    if change.variant.is_some() {
        platform.variant.clone_from(&change.variant);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(content: &[u8]) -> Descriptor {
        let descriptor = Descriptor::new(media_type::MANIFEST, Digest::of(content), 1);
        Descriptor { platform: Some(Platform::host()), ..descriptor }
    }

    #[test]
    fn an_entry_for_the_same_manifest_is_replaced() {
        let mut index = Index::new(vec![entry(b"a"), entry(b"b")]);
        add(&mut index, Descriptor { platform: None, ..entry(b"a") });
        let digests: Vec<Digest> = index.manifests.iter().map(|entry| entry.digest).collect();
        assert_eq!(digests, [Digest::of(b"b"), Digest::of(b"a")]);
        assert_eq!(index.manifests[1].platform, None);
    }

    #[test]
    fn only_the_fields_that_are_given_are_changed() {
        let mut index = Index::new(vec![entry(b"a")]);
        let arm = PlatformChange {
            architecture: Some("arm".into()),
            variant: Some("v7".into()),
            ..Default::default()
        };
        assert!(annotate(&mut index, &Digest::of(b"a"), &arm));
        let platform = index.manifests[0].platform.clone().expect("a platform");
        assert_eq!((platform.to_string().as_str(), platform.os.as_str()), ("linux/arm/v7", "linux"));
        assert!(!annotate(&mut index, &Digest::of(b"b"), &arm));
    }

    #[test]
    fn a_saved_index_is_found_under_its_name() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(&dir.path().join("store")).expect("a store");
        let name: Reference = "list:1".parse().expect("a reference");
        assert!(load(&store, &name).expect("readable").is_none());
        let index = Index::new(vec![entry(b"a")]);
        save(&store, &name, &index).expect("saved");
        assert_eq!(load(&store, &name).expect("readable"), Some(index));
    }
}
