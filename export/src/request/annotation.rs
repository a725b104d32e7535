//! Annotations of an image: attributes of `--output`, and `--annotation`.

use oci::Platform;

use crate::error::ExportError;

/// An annotation, and the documents that carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Kind of document that carries the annotation.
    pub target: AnnotationTarget,
    /// Platform whose image carries the annotation; `None` means all platforms.
    pub platform: Option<Platform>,
    /// Key of the annotation, such as `org.opencontainers.image.title`.
    pub key: String,
    /// Value of the annotation, which can be empty.
    pub value: String,
}

/// Kind of document that carries an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotationTarget {
    /// Manifest of an image.
    Manifest,
    /// Index of an image for several platforms.
    Index,
    /// Descriptor of a manifest in that index.
    ManifestDescriptor,
    /// Descriptor of the index in a layout.
    IndexDescriptor,
}

impl AnnotationTarget {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "" | "manifest" => Some(Self::Manifest),
            "index" => Some(Self::Index),
            "manifest-descriptor" => Some(Self::ManifestDescriptor),
            "index-descriptor" => Some(Self::IndexDescriptor),
            _ => None,
        }
    }
}

impl Annotation {
    /// Parses an `--annotation`: `[TARGET{,TARGET}:]KEY=VALUE`, where a target can name a platform: `manifest[linux/arm64]`.
    ///
    /// Returns one annotation for each target, and none for an empty text.
    pub fn parse(text: &str) -> Result<Vec<Self>, ExportError> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        parse(text).map_err(|reason| ExportError::Request { text: text.to_owned(), reason })
    }
}

fn parse(text: &str) -> Result<Vec<Annotation>, String> {
    let (key, value) = text.split_once('=').ok_or("it is not KEY=VALUE")?;
    let (targets, key) = key.split_once(':').unwrap_or(("", key));
    targets.split(',').map(|target| annotation(target, key, value)).collect()
}

/// Parses an attribute of `--output`: the key is `annotation[-TARGET][ "[" PLATFORM "]" ].KEY`.
pub(super) fn of_attribute(attribute: &str, value: &str) -> Result<Annotation, String> {
    let unknown = || format!("unknown attribute {attribute:?}");
    let rest = attribute.strip_prefix("annotation").ok_or_else(unknown)?;
    // The key can contain dots and brackets, so the target ends at the first of them.
    let end = match rest.find(['.', '[']).ok_or_else(unknown)? {
        bracket if rest[bracket..].starts_with('[') => {
            bracket + rest[bracket..].find("].").ok_or_else(unknown)? + 1
        }
        dot => dot,
    };
    let (target, key) = (&rest[..end], &rest[end + 1..]);
    let target = if target.is_empty() { target } else { target.strip_prefix('-').unwrap_or(target) };
    annotation(target, key, value).map_err(|_| unknown())
}

fn annotation(target: &str, key: &str, value: &str) -> Result<Annotation, String> {
    let unknown = || format!("unknown annotation target {target:?}");
    let (name, platform) = match target.strip_suffix(']') {
        Some(selected) => {
            let (name, platform) = selected.split_once('[').ok_or_else(unknown)?;
            (name, Some(platform.parse::<Platform>().map_err(|error| error.to_string())?))
        }
        None => (target, None),
    };
    let target = AnnotationTarget::parse(name).ok_or_else(unknown)?;
    if key.is_empty() {
        return Err("the annotation has no key".to_owned());
    }
    Ok(Annotation { target, platform, key: key.to_owned(), value: value.to_owned() })
}
