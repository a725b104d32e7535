//! The images of the local store as lists and removals see them: each with all of its names.

use cache::Store;
use oci::{Descriptor, Digest, Platform, Reference};

use crate::{Image, ImageError, find};

/// An image of the store, or an index of several, with its names.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Descriptor of the manifest or index.
    pub root: Descriptor,
    /// Names that lead to it, sorted; empty for an image that has lost its last name.
    pub names: Vec<Reference>,
}

/// An image that a text stands for.
#[derive(Debug, Clone)]
pub struct Found {
    /// Entries of the store that hold it: one for a name, and each one with this ID for an ID.
    pub entries: Vec<Entry>,
    /// Image for the platform that was asked for.
    pub image: Image,
    /// Name that the text is, or `None` if it is an ID.
    pub name: Option<Reference>,
}

impl Found {
    /// Returns the image ID: the digest of the config.
    pub fn id(&self) -> Digest {
        self.image.manifest.config.digest
    }

    /// Returns the first descriptor that leads to the image.
    pub fn root(&self) -> &Descriptor {
        self.entries.first().map_or(&self.image.descriptor, |entry| &entry.root)
    }

    /// Returns all names of the image.
    pub fn names(&self) -> impl Iterator<Item = &Reference> {
        self.entries.iter().flat_map(|entry| &entry.names)
    }
}

/// Lists every image with its names, sorted by the first of them. Images without a name come last.
pub fn entries(store: &Store) -> Result<Vec<Entry>, ImageError> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut positions = std::collections::BTreeMap::new();
    for (name, root) in store.images()? {
        let position = *positions.entry(root.digest).or_insert(entries.len());
        if position == entries.len() {
            entries.push(Entry { root, names: Vec::new() });
        }
        entries[position].names.extend(name);
    }
    Ok(entries)
}

/// Finds the image that `text` stands for, with everything that leads to it.
///
/// A name wins over an ID, as in [`find::by_name_or_id`].
pub fn find(store: &Store, text: &str, platform: &Platform) -> Result<Found, ImageError> {
    let image = find::by_name_or_id(store, text, platform)?;
    let all = entries(store)?;
    let name = text.parse::<Reference>().ok();
    let name = name.filter(|name| all.iter().any(|entry| entry.names.contains(name)));
    let entries = match &name {
        Some(name) => all.into_iter().filter(|entry| entry.names.contains(name)).collect(),
        None => all.into_iter().filter(|entry| holds(store, entry, &image, platform)).collect(),
    };
    Ok(Found { entries, image, name })
}

/// Reports whether an entry leads to an image with the same ID.
fn holds(store: &Store, entry: &Entry, image: &Image, platform: &Platform) -> bool {
    entry.root.digest == image.descriptor.digest
        || !find::is_other(&entry.root, &image.manifest.config.digest.hex())
            && find::at(store, &entry.root, platform)
                .is_ok_and(|other| other.manifest.config.digest == image.manifest.config.digest)
}
