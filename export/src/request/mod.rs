//! `--output`: the form of an output, its destination and its attributes.
//!
//! ```text
//! parse        the text of --output
//! csv          the fields of a line of CSV
//! annotation   annotations, from --output and --annotation
//! ```

pub(crate) mod annotation;
mod csv;
mod parse;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use oci::Reference;

use crate::error::ExportError;
use annotation::Annotation;

/// An output that the user asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRequest {
    /// Form of the output.
    pub kind: ExportKind,
    /// Destination; without one, types that are files go to standard output.
    pub dest: Option<Dest>,
    /// Names that the image gets.
    pub names: Vec<Reference>,
    /// Compression of layers; `None` means the default of the type, see [`ExportRequest::layer_compression`].
    pub compression: Option<LayerCompression>,
    /// Compresses the layers of the base image as well, instead of keeping the blobs that they came as.
    pub force_compression: bool,
    /// Uses the media types of OCI; `false` means those of Docker.
    pub oci_media_types: bool,
    /// Writes attestations as OCI artifacts; `false` means as images, in the form of older versions of BuildKit.
    pub oci_artifact: bool,
    /// Beginning of the names of files with attestations, for outputs that are files.
    pub attestation_prefix: String,
    /// Clamps the times of files to the source date; `false` keeps the real times.
    pub rewrite_timestamp: bool,
    /// Source date of this output in seconds since 1970; `None` means that of the build.
    pub source_date_s: Option<i64>,
    /// Annotations of the documents, in the order in which they were given.
    pub annotations: Vec<Annotation>,
    /// Writes each platform into a directory of its own; `None` means only if there are several.
    pub platform_split: Option<bool>,
    /// Writes a layout as a tar; `false` means a directory.
    pub tar: bool,
    /// Pushes the image to the registries of its names; `None` means that it stays here.
    pub push: Option<Push>,
    /// Allows plain HTTP and unverified TLS for the push.
    pub is_registry_insecure: bool,
}

/// The way in which an image is pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Push {
    /// Under the names of the request.
    Named,
    /// By its digest alone, to the repositories of its names; it gets no name in the store either.
    ByDigest,
}

/// Form of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportKind {
    /// An image in the store.
    Image,
    /// An OCI layout, as a tar or as a directory.
    Oci,
    /// A tar that `docker load` reads.
    Docker,
    /// A directory with the files.
    Local,
    /// A tar with the files.
    Tar,
    /// Nothing: the result stays in the cache.
    CacheOnly,
}

impl ExportKind {
    const ALL: [Self; 6] = [Self::Local, Self::Tar, Self::Oci, Self::Docker, Self::Image, Self::CacheOnly];

    /// Returns the name of the form in `type=`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Oci => "oci",
            Self::Docker => "docker",
            Self::Local => "local",
            Self::Tar => "tar",
            Self::CacheOnly => "cacheonly",
        }
    }
}

/// Destination of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dest {
    /// Standard output of the program.
    Stdout,
    /// Path of a file or directory.
    Path(PathBuf),
}

/// Compression of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LayerCompression {
    /// The layer is a plain tar.
    Uncompressed,
    /// The layer is compressed with gzip.
    Gzip {
        /// Level from 0, the fastest, to 9, the smallest.
        level: u32,
    },
    /// The layer is compressed with zstd.
    Zstd {
        /// Level from 1, the fastest, to 22, the smallest; 0 means the default, 3.
        level: i32,
    },
}

impl LayerCompression {
    /// gzip at the level that other builders use.
    pub const GZIP: Self = Self::Gzip { level: 6 };
}

impl ExportRequest {
    /// Creates a request with the defaults of its type.
    pub fn new(kind: ExportKind) -> Self {
        Self {
            kind,
            dest: None,
            names: Vec::new(),
            compression: None,
            force_compression: false,
            oci_media_types: true,
            oci_artifact: true,
            attestation_prefix: String::new(),
            rewrite_timestamp: true,
            source_date_s: None,
            annotations: Vec::new(),
            platform_split: None,
            tar: true,
            push: None,
            is_registry_insecure: false,
        }
    }

    /// Creates the request of `type=registry`: an image that is pushed.
    pub fn pushed() -> Self {
        Self { push: Some(Push::Named), ..Self::new(ExportKind::Image) }
    }

    /// Parses the text of an `--output`.
    pub fn parse(text: &str) -> Result<Self, ExportError> {
        parse::parse(text).map_err(|reason| ExportError::Request { text: text.to_owned(), reason })
    }

    /// Reports whether the output is one file, on disk or on standard output.
    pub fn is_file(&self) -> bool {
        match self.kind {
            ExportKind::Oci | ExportKind::Docker => self.tar,
            ExportKind::Tar => true,
            ExportKind::Image | ExportKind::Local | ExportKind::CacheOnly => false,
        }
    }

    /// Checks that the output is possible, once the request has all its names.
    pub fn check(&self) -> Result<(), ExportError> {
        let refused =
            |reason: &str| Err(ExportError::Unsupported { kind: "registry", reason: reason.to_owned() });
        match self.push {
            Some(_) if self.names.is_empty() => refused("a push needs a name: give -t REGISTRY/NAME[:TAG]"),
            Some(_) if self.names.iter().any(|name| name.digest.is_some()) => {
                refused("an image cannot be pushed under a given digest: it has its own")
            }
            _ => Ok(()),
        }
    }

    /// Returns the compression of layers that this build made. Layers that stay on this machine are not compressed unless
    /// the user asks for it.
    pub fn layer_compression(&self) -> LayerCompression {
        match self.kind {
            ExportKind::Image if self.push.is_some() => self.compression.unwrap_or(LayerCompression::GZIP),
            ExportKind::Oci => self.compression.unwrap_or(LayerCompression::GZIP),
            _ => self.compression.unwrap_or(LayerCompression::Uncompressed),
        }
    }

    /// Reports whether layers of the base image keep the blobs that they were pulled as. As with BuildKit, `compression=`
    /// is about new layers unless `force-compression=true` is given.
    pub(crate) fn keeps_base_blobs(&self) -> bool {
        let leaves_machine = self.kind == ExportKind::Oci || self.push.is_some();
        leaves_machine && !self.force_compression
    }
}
