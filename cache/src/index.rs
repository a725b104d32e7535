//! The document `index.json` as plain data: which entry has which name.
//!
//! An image has one entry for each of its names. An image that has lost its last name keeps one entry without a name.
//! Nothing here touches the disk.

use oci::{Descriptor, Index, Manifest, Reference};

use crate::files::now_ms;

/// Annotation in which the image specification and skopeo look for a name.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Annotation in which containerd and Docker look for a name.
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// Annotation with the time at which this machine built the image, in milliseconds since 1970. The image itself cannot
/// carry that time: the same inputs must give the same image.
pub const BUILT_ANNOTATION: &str = "dsbuild.built";

/// Annotation with the image ID, so that lists and look-ups by ID need not read every manifest. It is a copy for reading
/// only: an image without it, or with a wrong one, is the same image.
pub const ID_ANNOTATION: &str = "dsbuild.id";

/// Annotation with the sum of the sizes of the image's layers, in bytes; a copy like [`ID_ANNOTATION`].
pub const SIZE_ANNOTATION: &str = "dsbuild.size";

/// Annotation with the time at which another image took the last name of this one, in milliseconds since 1970.
const REPLACED: &str = "dsbuild.replaced";

/// Returns the time at which an image lost its last name to another one; `None` if it has a name, or never had one.
pub(crate) fn replaced_ms(entry: &Descriptor) -> Option<u64> {
    entry.annotations.get(REPLACED)?.parse().ok()
}

/// Returns the JSON text of an index without entries.
pub(crate) fn empty() -> String {
    serde_json::to_string_pretty(&Index::new(Vec::new())).expect("an index is maps, strings and numbers")
}

/// Returns the name that an entry gives its image, or `None` for an image without a name.
pub(crate) fn name_of(entry: &Descriptor) -> Option<&String> {
    entry.annotations.get(REF_NAME)
}

/// Returns the entry with this name, and with a time of build if it has none.
pub(crate) fn with_name(entry: Descriptor, name: &Reference) -> Descriptor {
    let mut entry = with_build_time(entry);
    entry.annotations.remove(REPLACED);
    entry.annotations.insert(REF_NAME.to_owned(), name.to_string());
    entry.annotations.insert(CONTAINERD_NAME.to_owned(), name.to_string());
    entry
}

/// Returns the entry with the present as its time of build if it has none.
pub(crate) fn with_build_time(mut entry: Descriptor) -> Descriptor {
    entry.annotations.entry(BUILT_ANNOTATION.to_owned()).or_insert_with(|| now_ms().to_string());
    entry
}

/// Returns the entry of an image with copies of what lists show.
pub(crate) fn with_summary(mut entry: Descriptor, manifest: &Manifest) -> Descriptor {
    let size_bytes: u64 = manifest.layers.iter().map(|layer| layer.size_bytes).sum();
    entry.annotations.insert(ID_ANNOTATION.to_owned(), manifest.config.digest.to_string());
    entry.annotations.insert(SIZE_ANNOTATION.to_owned(), size_bytes.to_string());
    entry
}

/// Returns the entry without its name.
pub(crate) fn without_name(mut entry: Descriptor) -> Descriptor {
    entry.annotations.remove(REF_NAME);
    entry.annotations.remove(CONTAINERD_NAME);
    entry
}

/// Returns whether `entry` is for the image `manifest`, with the same platform and at least its annotations.
pub(crate) fn covers(entry: &Descriptor, manifest: &Descriptor) -> bool {
    let has = |(key, value)| entry.annotations.get(key) == Some(value);
    (&entry.digest, &entry.media_type, &entry.platform)
        == (&manifest.digest, &manifest.media_type, &manifest.platform)
        && manifest.annotations.iter().all(has)
}

/// Removes a name; returns whether an entry had it. The entry stays, without a name, if it was the last of its image.
///
/// `is_replaced`: another image gets the name, so the entry is kept for a while only.
pub(crate) fn take_name(entries: &mut Vec<Descriptor>, name: &Reference, is_replaced: bool) -> bool {
    let name = name.to_string();
    let Some(position) = entries.iter().position(|entry| name_of(entry) == Some(&name)) else { return false };
    let entry = entries.remove(position);
    if !entries.iter().any(|other| other.digest == entry.digest) {
        let mut entry = without_name(entry);
        if is_replaced {
            entry.annotations.insert(REPLACED.to_owned(), now_ms().to_string());
        }
        entries.push(entry);
    }
    true
}
