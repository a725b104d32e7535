//! Media types of the documents and layers of images.
//!
//! Source: OCI image-spec v1.1, media-types.md, and the Docker manifest schema 2.

/// OCI's type of the manifest of one image.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// OCI's type of a list of manifests.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// OCI's type of an image config.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// OCI's type of an uncompressed layer.
pub const LAYER_TAR: &str = "application/vnd.oci.image.layer.v1.tar";
/// OCI's type of a layer compressed with gzip.
pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// OCI's type of a layer compressed with zstd.
pub const LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// Docker's equivalent of [`MANIFEST`].
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's equivalent of [`INDEX`].
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker's equivalent of [`CONFIG`].
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// Docker's equivalent of [`LAYER_GZIP`].
pub const DOCKER_LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
/// Docker's equivalent of [`LAYER_TAR`].
pub const DOCKER_LAYER_TAR: &str = "application/vnd.docker.image.rootfs.diff.tar";
/// Docker's equivalent of [`LAYER_ZSTD`], which BuildKit and containerd write though Docker never defined it.
pub const DOCKER_LAYER_ZSTD: &str = "application/vnd.docker.image.rootfs.diff.tar.zstd";

/// OCI's type of the config of an artifact that needs none: an empty object.
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// Type of an in-toto statement.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";
/// Type of an artifact that holds the attestations of an image.
pub const ATTESTATION: &str = "application/vnd.docker.attestation.manifest.v1+json";

/// Prefix of OCI's types for layers that must not be redistributed, such as those of Windows.
const NONDISTRIBUTABLE: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";
/// Docker's equivalent of [`NONDISTRIBUTABLE`].
const DOCKER_FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar";

/// Compression of a layer's tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// The blob is the tar itself.
    None,
    /// The blob is the tar compressed with gzip.
    Gzip,
    /// The blob is the tar compressed with zstd.
    Zstd,
}

/// Reports whether `media_type` is that of an index, OCI's or Docker's.
pub fn is_index(media_type: &str) -> bool {
    matches!(media_type, INDEX | DOCKER_INDEX)
}

/// Reports whether `media_type` is that of an image manifest, OCI's or Docker's.
pub fn is_manifest(media_type: &str) -> bool {
    matches!(media_type, MANIFEST | DOCKER_MANIFEST)
}

/// Returns the compression of layers with this media type, or `None` if the type is not that of a readable layer.
pub fn layer_compression(media_type: &str) -> Option<Compression> {
    match media_type {
        LAYER_TAR | DOCKER_LAYER_TAR => Some(Compression::None),
        LAYER_GZIP | DOCKER_LAYER_GZIP => Some(Compression::Gzip),
        LAYER_ZSTD | DOCKER_LAYER_ZSTD => Some(Compression::Zstd),
        other => nondistributable_compression(other),
    }
}

/// Returns the compression of a layer that must not be redistributed, or `None` for any other type.
fn nondistributable_compression(media_type: &str) -> Option<Compression> {
    let oci = media_type.strip_prefix(NONDISTRIBUTABLE).map(|rest| rest.replace('+', "."));
    let suffix = oci.or_else(|| media_type.strip_prefix(DOCKER_FOREIGN).map(str::to_owned))?;
    match suffix.as_str() {
        "" => Some(Compression::None),
        ".gzip" => Some(Compression::Gzip),
        ".zstd" => Some(Compression::Zstd),
        _ => None,
    }
}
