//! The disk space of the store by docker's kinds.

use std::collections::BTreeMap;

use cache::Store;
use images::catalog::{self, Entry};
use images::{Image, find};
use oci::{Digest, Platform};
use runner::container::Container;

use crate::failure::Failure;

/// Images with the sizes of their layers, and the containers that use them.
pub(super) struct ImageUsage {
    /// Each image of the store with its layers.
    pub(super) images: Vec<UsedImage>,
    /// Number of images that have each layer.
    sharers: BTreeMap<Digest, usize>,
}

/// Image with the layers that it consists of.
pub(super) struct UsedImage {
    /// Image or index, with its names.
    pub(super) entry: Entry,
    /// Documents of the image for this machine; `None` if they are damaged.
    pub(super) image: Option<Image>,
    /// Number of containers, running or not.
    pub(super) containers: usize,
}

impl UsedImage {
    /// Returns the layers with their sizes in bytes.
    fn layers(&self) -> impl Iterator<Item = (Digest, u64)> {
        let layers = self.image.iter().flat_map(|image| &image.manifest.layers);
        layers.map(|layer| (layer.digest, layer.size_bytes))
    }

    /// Returns the size in bytes of all layers.
    pub(super) fn size_bytes(&self) -> u64 {
        self.layers().map(|(_, size_bytes)| size_bytes).sum()
    }
}

impl ImageUsage {
    /// Reads the manifests of all images.
    pub(super) fn of(store: &Store, containers: &[Container]) -> Result<Self, Failure> {
        let mut usage = Self { images: Vec::new(), sharers: BTreeMap::new() };
        for entry in catalog::entries(store)? {
            let image = find::at(store, &entry.root, &Platform::host()).ok();
            let manifest = image.as_ref().map(|image| image.descriptor.digest);
            let containers =
                containers.iter().filter(|one| Some(one.config.manifest.digest) == manifest).count();
            let used = UsedImage { entry, image, containers };
            used.layers().for_each(|(digest, _)| *usage.sharers.entry(digest).or_default() += 1);
            usage.images.push(used);
        }
        Ok(usage)
    }

    /// Returns the size in bytes of the layers of some images, each layer once.
    pub(super) fn size_bytes(&self, is_counted: impl Fn(&UsedImage) -> bool) -> u64 {
        let layers = self.images.iter().filter(|image| is_counted(image)).flat_map(UsedImage::layers);
        layers.collect::<BTreeMap<_, _>>().values().sum()
    }

    /// Returns the size in bytes of the layers that an image has alone.
    pub(super) fn unique_bytes(&self, image: &UsedImage) -> u64 {
        let is_alone = |digest: &Digest| self.sharers.get(digest) == Some(&1);
        image.layers().filter(|(digest, _)| is_alone(digest)).map(|(_, size_bytes)| size_bytes).sum()
    }
}
