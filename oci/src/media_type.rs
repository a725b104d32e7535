//! The media types that images are made of.
//!
//! Source: OCI image-spec v1.1, media-types.md, and the Docker manifest schema 2.

/// One image.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Several images by platform.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An image's config.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// An uncompressed layer.
pub const LAYER_TAR: &str = "application/vnd.oci.image.layer.v1.tar";
/// A gzip-compressed layer.
pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// A zstd-compressed layer.
pub const LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// Docker's name for [`MANIFEST`].
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's name for [`INDEX`].
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker's name for [`CONFIG`].
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// Docker's name for [`LAYER_GZIP`].
pub const DOCKER_LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
/// Docker's name for [`LAYER_TAR`].
pub const DOCKER_LAYER_TAR: &str = "application/vnd.docker.image.rootfs.diff.tar";

/// How a layer's tar is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// The tar itself.
    None,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
}

/// True for the types of an index, OCI's and Docker's.
pub fn is_index(media_type: &str) -> bool {
    matches!(media_type, INDEX | DOCKER_INDEX)
}

/// True for the types of an image manifest, OCI's and Docker's.
pub fn is_manifest(media_type: &str) -> bool {
    matches!(media_type, MANIFEST | DOCKER_MANIFEST)
}

/// How a layer of this type is packed; `None` where it is no layer that we can read.
pub fn layer_compression(media_type: &str) -> Option<Compression> {
    match media_type {
        LAYER_TAR | DOCKER_LAYER_TAR => Some(Compression::None),
        LAYER_GZIP | DOCKER_LAYER_GZIP => Some(Compression::Gzip),
        LAYER_ZSTD => Some(Compression::Zstd),
        _ => None,
    }
}
