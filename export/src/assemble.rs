//! The documents of an image: config, manifest, index; put into the store as blobs.

use std::collections::BTreeMap;

use cache::Store;
use oci::{Descriptor, DiffId, Index, Manifest, Platform, Reference, finish_config, media_type, rfc3339};
use progress::{Phase, Vertex};
use rootfs::layers::Layers;

use crate::compress::Compressor;
use crate::error::ExportError;
use crate::request::annotation::{Annotation, AnnotationTarget};
use crate::request::{ExportRequest, LayerCompression};
use crate::result::BuiltImage;
use crate::times::BuildTimes;

/// Annotation with the time at which an image was made.
const CREATED: &str = "org.opencontainers.image.created";

/// Annotation of a layer whose times were rewritten, with the source date.
///
/// Source: BuildKit, `exporter/containerimage/writer.go`.
const REWRITTEN: &str = "buildkit/rewritten-timestamp";

/// Field of a manifest with the type of an artifact.
pub(crate) const ARTIFACT_TYPE: &str = "artifactType";

/// Field of a manifest with the descriptor of the image that it refers to.
pub(crate) const SUBJECT: &str = "subject";

/// An image whose documents are in the store.
#[derive(Debug, Clone)]
pub(crate) struct Assembled {
    /// Descriptor of the manifest, with its platform.
    pub descriptor: Descriptor,
    /// Manifest of the image.
    pub manifest: Manifest,
    /// Layers above the base image, with the times of the output.
    pub own_layers: Vec<DiffId>,
}

/// An attestation manifest whose documents are in the store.
#[derive(Debug, Clone)]
pub(crate) struct Attested {
    /// Descriptor of the manifest, as an index lists it.
    pub descriptor: Descriptor,
    /// Manifest, whose layers are the statements.
    pub manifest: Manifest,
}

/// Blobs of the layers of the base image, for outputs that keep them.
pub(crate) trait BaseBlobs {
    /// Returns the blob that the manifest names for a layer of the base image; `None` if the layer is compressed anew.
    /// `base` is the name that the base image was pulled by.
    fn blob(
        &self,
        layer: &DiffId,
        base: Option<&Reference>,
        docker_types: bool,
    ) -> Result<Option<Descriptor>, ExportError>;
}

/// Assembles the images of one output.
pub(crate) struct Assembler<'a> {
    pub store: &'a Store,
    pub layers: &'a Layers,
    pub request: &'a ExportRequest,
    pub times: &'a BuildTimes,
    pub vertex: &'a Vertex,
    pub cancel: &'a progress::Cancel,
    pub bases: &'a dyn BaseBlobs,
    /// True if an image of the output has attestations.
    pub is_attested: bool,
}

impl Assembler<'_> {
    /// Makes the config and the manifest of an image and the blobs of its layers.
    pub fn image(&self, built: &BuiltImage) -> Result<Assembled, ExportError> {
        let base_count = built.base_layers()?.len();
        let diff_ids = self.final_layers(built, base_count)?;
        let created_s = self.times.created_s(self.request.rewrite_timestamp);
        let config = finish_config(built.config.clone(), &diff_ids, created_s);
        self.vertex.enter(Phase::Compress);
        let blobs = self.blobs(built, &diff_ids, base_count)?;
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
        Ok(Assembled { descriptor, manifest, own_layers: diff_ids[base_count..].to_vec() })
    }

    /// Makes the index of images and their attestations.
    pub fn index(&self, images: &[Assembled], attestations: &[Attested]) -> Result<Descriptor, ExportError> {
        let entries = images.iter().map(|image| {
            let mut entry = image.descriptor.clone();
            entry.annotations =
                self.annotations(AnnotationTarget::ManifestDescriptor, entry.platform.as_ref());
            entry
        });
        let attestations = attestations.iter().map(|attested| attested.descriptor.clone());
        let mut index = Index::new(entries.chain(attestations).collect());
        if self.docker_types() {
            index.media_type = Some(media_type::DOCKER_INDEX.to_owned());
        }
        index.annotations = self.annotations(AnnotationTarget::Index, None);
        let index_type = index.media_type.clone().unwrap_or_default();
        self.document(&index_type, &index)
    }

    /// Returns the annotations of the entry for the whole result in the index of a layout.
    pub fn entry_annotations(&self, multi_platform: bool) -> BTreeMap<String, String> {
        let target = if multi_platform {
            AnnotationTarget::IndexDescriptor
        } else {
            AnnotationTarget::ManifestDescriptor
        };
        let mut annotations = self.annotations(target, None);
        let created_s = self.times.created_s(self.request.rewrite_timestamp);
        annotations.insert(CREATED.to_owned(), rfc3339(created_s));
        annotations
    }

    /// Returns the layers with the times of the output. Those of the base image are left as they are.
    fn final_layers(&self, built: &BuiltImage, base_count: usize) -> Result<Vec<DiffId>, ExportError> {
        let times = self.times.files(self.request.rewrite_timestamp);
        let (base, own) = built.layers.split_at(base_count);
        let own = own.iter().map(|layer| self.layers.rewrite(layer, times));
        base.iter().copied().map(Ok).chain(own).collect::<Result<_, _>>().map_err(ExportError::from)
    }

    fn blobs(
        &self,
        built: &BuiltImage,
        diff_ids: &[DiffId],
        base_count: usize,
    ) -> Result<Vec<Descriptor>, ExportError> {
        let (base, own) = diff_ids.split_at(base_count);
        let base = base.iter().map(|layer| self.base_blob(layer, built.base_name.as_ref()));
        let own = own.iter().map(|layer| self.own_blob(layer));
        base.chain(own).collect()
    }

    fn base_blob(&self, layer: &DiffId, base: Option<&Reference>) -> Result<Descriptor, ExportError> {
        if self.request.keeps_base_blobs()
            && let Some(kept) = self.bases.blob(layer, base, self.docker_types())?
        {
            return Ok(kept);
        }
        self.compressor().blob(layer)
    }

    /// Makes the blob of a layer above the base. OCI's manifests say to which source date its times were rewritten.
    fn own_blob(&self, layer: &DiffId) -> Result<Descriptor, ExportError> {
        let mut blob = self.compressor().blob(layer)?;
        if let Some(date) = self.times.rewritten_s(self.request.rewrite_timestamp)
            && !self.docker_types()
        {
            blob.annotations.insert(REWRITTEN.to_owned(), date.to_string());
        }
        Ok(blob)
    }

    fn compressor(&self) -> Compressor<'_> {
        Compressor {
            store: self.store,
            compression: self.request.layer_compression(),
            docker_types: self.docker_types(),
            vertex: self.vertex,
            cancel: self.cancel,
        }
    }

    /// Reports whether documents and layers have Docker's media types. Docker has no types for zstd and attestations.
    fn docker_types(&self) -> bool {
        let zstd = matches!(self.request.layer_compression(), LayerCompression::Zstd { .. });
        !self.request.oci_media_types && !zstd && !self.is_attested
    }

    pub fn document(
        &self,
        media_type: &str,
        document: &impl serde::Serialize,
    ) -> Result<Descriptor, ExportError> {
        let bytes = serde_json::to_vec(document).expect("documents have string keys only");
        let digest = self.store.put_blob(&bytes)?;
        Ok(Descriptor::new(media_type, digest, bytes.len() as u64))
    }

    fn annotations(&self, target: AnnotationTarget, platform: Option<&Platform>) -> BTreeMap<String, String> {
        let applies = |annotation: &&Annotation| {
            annotation.target == target
                && annotation.platform.as_ref().is_none_or(|only| Some(only) == platform)
        };
        let pair = |annotation: &Annotation| (annotation.key.clone(), annotation.value.clone());
        self.request.annotations.iter().filter(applies).map(pair).collect()
    }
}
