//! The documents of an image: config, manifest, index; put into the store as blobs.

use cache::Store;
use oci::{Descriptor, DiffId, Index, Manifest, Platform, media_type};
use rootfs::layers::Layers;

use super::request::{Annotation, AnnotationTarget, ExportRequest, LayerCompression};
use super::{BuildTimes, BuiltImage, ExportError, compress, finish_config};
use oci::rfc3339;
use progress::{Phase, Vertex};

/// The annotation that says when an image was made.
const CREATED: &str = "org.opencontainers.image.created";

/// An image whose blobs are all in the store.
#[derive(Debug, Clone)]
pub(super) struct Assembled {
    /// Names the manifest; has a platform.
    pub descriptor: Descriptor,
    /// Its documents.
    pub manifest: Manifest,
}

/// Where the parts of images go, and how they are written.
pub(super) struct Assembler<'a> {
    pub store: &'a Store,
    pub layers: &'a Layers,
    pub request: &'a ExportRequest,
    pub times: &'a BuildTimes,
    pub vertex: &'a Vertex,
}

impl Assembler<'_> {
    /// Makes the config and the manifest of an image and the blobs of its layers.
    pub fn image(&self, built: &BuiltImage) -> Result<Assembled, ExportError> {
        let diff_ids = self.final_layers(built)?;
        let created_s = self.times.created_s(self.request.rewrite_timestamp);
        let config = finish_config(built.config.clone(), &diff_ids, created_s);
        self.vertex.enter(Phase::Compress);
        let blobs = diff_ids.iter().map(|diff| self.layer(diff)).collect::<Result<_, _>>()?;
        self.vertex.enter(Phase::Assemble);
        let config_type = if self.docker_types() { media_type::DOCKER_CONFIG } else { media_type::CONFIG };
        let mut manifest = Manifest::new(self.document(config_type, &config)?, blobs);
        if self.docker_types() {
            manifest.media_type = Some(media_type::DOCKER_MANIFEST.to_owned());
        }
        manifest.annotations = self.annotations(AnnotationTarget::Manifest, Some(&built.platform));
        oci::validate::image(&manifest, &config)?;
        let manifest_type = manifest.media_type.clone().unwrap_or_default();
        let mut descriptor = self.document(&manifest_type, &manifest)?;
        descriptor.platform = Some(built.platform.clone());
        Ok(Assembled { descriptor, manifest })
    }

    /// Makes the index of several images.
    pub fn index(&self, images: &[Assembled]) -> Result<Descriptor, ExportError> {
        let entries = images.iter().map(|image| {
            let mut entry = image.descriptor.clone();
            entry.annotations =
                self.annotations(AnnotationTarget::ManifestDescriptor, entry.platform.as_ref());
            entry
        });
        let mut index = Index::new(entries.collect());
        if self.docker_types() {
            index.media_type = Some(media_type::DOCKER_INDEX.to_owned());
        }
        index.annotations = self.annotations(AnnotationTarget::Index, None);
        let index_type = index.media_type.clone().unwrap_or_default();
        self.document(&index_type, &index)
    }

    /// The annotations that the entry of the whole result gets in the index of a layout.
    pub fn entry_annotations(&self, multi_platform: bool) -> std::collections::BTreeMap<String, String> {
        let target = match multi_platform {
            true => AnnotationTarget::IndexDescriptor,
            false => AnnotationTarget::ManifestDescriptor,
        };
        let mut annotations = self.annotations(target, None);
        let created_s = self.times.created_s(self.request.rewrite_timestamp);
        annotations.insert(CREATED.to_owned(), rfc3339(created_s));
        annotations
    }

    /// The layers with the times that the output wants. Those of the base image are left as they are.
    fn final_layers(&self, built: &BuiltImage) -> Result<Vec<DiffId>, ExportError> {
        let times = self.times.files(self.request.rewrite_timestamp);
        let base = built.base_layers()?;
        let own = built.layers[base.len()..].iter().map(|layer| self.layers.rewrite(layer, times));
        base.iter().copied().map(Ok).chain(own).collect::<Result<_, _>>().map_err(ExportError::from)
    }

    fn layer(&self, diff: &DiffId) -> Result<Descriptor, ExportError> {
        compress::blob(self.store, diff, self.request.layer_compression(), self.docker_types())
    }

    /// zstd has no type of Docker's.
    fn docker_types(&self) -> bool {
        let zstd = matches!(self.request.layer_compression(), LayerCompression::Zstd { .. });
        !self.request.oci_media_types && !zstd
    }

    fn document(
        &self,
        media_type: &str,
        document: &impl serde::Serialize,
    ) -> Result<Descriptor, ExportError> {
        let bytes = serde_json::to_vec(document).expect("documents have string keys only");
        let digest = self.store.put_blob(&bytes)?;
        Ok(Descriptor::new(media_type, digest, bytes.len() as u64))
    }

    fn annotations(
        &self,
        target: AnnotationTarget,
        platform: Option<&Platform>,
    ) -> std::collections::BTreeMap<String, String> {
        let applies = |annotation: &&Annotation| {
            annotation.target == target
                && annotation.platform.as_ref().is_none_or(|only| Some(only) == platform)
        };
        let pair = |annotation: &Annotation| (annotation.key.clone(), annotation.value.clone());
        self.request.annotations.iter().filter(applies).map(pair).collect()
    }
}
