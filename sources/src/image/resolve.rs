//! Resolution: from a name, or a place in an OCI layout, to the manifest and config for a platform.

use std::path::Path;

use graph::{ImageOrigin, ResolvedImage};
use images::{CachingBlobs, Image, ImageError, choose, find, pins};
use oci::{Descriptor, Digest, Platform, Reference};
use registry::RegistryError;

use super::error::SourceError;
use super::layout::{self, Layout};
use super::registry_blobs::RegistryBlobs;
use super::sources::{ImageRequest, Resolution, Sources};

impl Sources {
    /// Finds the image of a name. Unless `--pull` was given, the store and the pins come before the registry.
    pub fn image(&self, name: &Reference, platform: &Platform) -> Result<ResolvedImage, SourceError> {
        Ok(self.resolution(name, platform)?.image)
    }

    /// Finds the image of a name, and what its registry answered if it was asked.
    pub(super) fn resolution(
        &self,
        name: &Reference,
        platform: &Platform,
    ) -> Result<Resolution, SourceError> {
        self.remembered(ImageRequest::Name(name.clone()), platform, || self.find_named(name, platform))
    }

    /// Finds an image of an OCI layout: the one with that digest or tag, or the only one.
    pub fn image_of_layout(
        &self,
        path: &Path,
        tag: Option<&str>,
        digest: Option<&Digest>,
        platform: &Platform,
    ) -> Result<ResolvedImage, SourceError> {
        let request = ImageRequest::Layout {
            path: path.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.copied(),
        };
        let find = || self.find_in_layout(path, tag, digest, platform);
        Ok(self.remembered(request, platform, find)?.image)
    }

    /// Forgets what was resolved to a manifest that turned out to be incomplete, so that its registry is asked again.
    pub(super) fn forget(&self, name: &Reference, manifest: &Digest) -> Result<(), SourceError> {
        let request = ImageRequest::Name(name.clone());
        let mut forgotten = Vec::new();
        self.resolved().retain(|(known, platform), found| {
            let is_it = *known == request && found.image.manifest == *manifest;
            forgotten.extend(is_it.then(|| (platform.clone(), found.root)));
            !is_it
        });
        for (platform, root) in forgotten {
            let root = root.or(name.digest).unwrap_or(*manifest);
            pins::forget(
                &self.store,
                name,
                &pins::Pinned { platform: &platform, root, manifest: *manifest },
            )?;
        }
        Ok(())
    }

    /// Returns the answer to an earlier request, or else that of `find`.
    fn remembered(
        &self,
        request: ImageRequest,
        platform: &Platform,
        find: impl FnOnce() -> Result<Resolution, SourceError>,
    ) -> Result<Resolution, SourceError> {
        let key = (request, platform.clone());
        if let Some(found) = self.resolved().get(&key) {
            return Ok(found.clone());
        }
        let found = find()?;
        self.resolved().insert(key, found.clone());
        Ok(found)
    }

    fn find_named(&self, name: &Reference, platform: &Platform) -> Result<Resolution, SourceError> {
        let from_registry = |image| resolved(ImageOrigin::Registry(name.clone()), image);
        let answered = |(image, root)| Resolution { root: Some(root), ..from_registry(image) };
        if let Some(image) = self.find_by_id(name, platform)? {
            return Ok(resolved(ImageOrigin::Store { name: name.clone() }, image));
        }
        if self.always_pull {
            return self.ask_registry(name, platform).map(answered);
        }
        if let Some(known) = find::known(&self.store, name, platform)? {
            if known.is_pin {
                return Ok(from_registry(known.image));
            }
            return Ok(resolved(ImageOrigin::Store { name: name.clone() }, known.image));
        }
        match self.ask_registry(name, platform) {
            Err(SourceError::Registry(error @ RegistryError::Unreachable { .. })) => {
                let known = find::known_offline(&self.store, name, platform)?;
                known.map(from_registry).ok_or_else(|| self.unavailable(name, platform, error))
            }
            Err(SourceError::Registry(error)) => Err(self.unavailable(name, platform, error)),
            answer => answer.map(answered),
        }
    }

    /// Returns the error about an image that the registry does not give. If the store has it for other platforms, that
    /// is what the user has to know: an image that was built here is in no registry.
    fn unavailable(&self, name: &Reference, platform: &Platform, error: RegistryError) -> SourceError {
        let Ok(Some(root)) = self.store.resolve(name) else { return error.into() };
        match find::at(&self.store, &root, platform) {
            Err(other @ ImageError::NoPlatform { .. }) => other.into(),
            _ => error.into(),
        }
    }

    /// Finds the image of the store that `FROM sha256:…`, or `FROM` with the first digits of an ID, stands for.
    ///
    /// A name of the store wins over an ID. No registry has images whose names are IDs, so that none is asked for
    /// `sha256:…`.
    fn find_by_id(&self, name: &Reference, platform: &Platform) -> Result<Option<Image>, SourceError> {
        let Some(id) = image_id(name) else { return Ok(None) };
        if self.store.resolve(name)?.is_some() {
            return Ok(None);
        }
        match find::by_name_or_id(&self.store, &id, platform) {
            Err(error) if error.is_not_found() && !id.starts_with(ID_PREFIX) => Ok(None),
            found => Ok(Some(found?)),
        }
    }

    /// Asks the registry for an image, and pins its answer. Returns the digest that the name leads to as well.
    fn ask_registry(&self, name: &Reference, platform: &Platform) -> Result<(Image, Digest), SourceError> {
        let raw = self.client.manifest(name)?;
        self.store.put_blob(&raw.bytes)?;
        let root = Descriptor::new(&raw.media_type, raw.digest, raw.bytes.len() as u64);
        let source = RegistryBlobs { client: &self.client, name };
        let image = choose::find(&CachingBlobs { store: &self.store, inner: &source }, &root, platform)?;
        let pinned = pins::Pinned { platform, root: root.digest, manifest: image.descriptor.digest };
        pins::save(&self.store, name, &pinned)?;
        Ok((image, root.digest))
    }

    fn find_in_layout(
        &self,
        path: &Path,
        tag: Option<&str>,
        digest: Option<&Digest>,
        platform: &Platform,
    ) -> Result<Resolution, SourceError> {
        let layout = Layout::open(path)?;
        let blobs = CachingBlobs { store: &self.store, inner: &layout };
        let image = layout::find(&layout, &blobs, tag, digest, platform)?;
        Ok(resolved(ImageOrigin::Layout { path: path.to_owned() }, image))
    }
}

/// Beginning of an image ID with its algorithm.
const ID_PREFIX: &str = "sha256:";

/// Fewest digits of an ID without `sha256:` that FROM takes: as many as `dsbuild images` prints.
const MIN_ID_DIGITS: usize = 12;

/// Returns the image ID that a name may be, as it was written: `sha256:9ac7…`, or the first 12 or more digits.
fn image_id(name: &Reference) -> Option<String> {
    let written = name.familiar();
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if name.digest.is_some() {
        return None;
    }
    if let Some(digits) = written.strip_prefix(ID_PREFIX) {
        return is_hex(digits).then_some(written);
    }
    let digits = written.strip_suffix(":latest")?;
    (digits.len() >= MIN_ID_DIGITS && is_hex(digits)).then(|| digits.to_owned())
}

fn resolved(origin: ImageOrigin, image: Image) -> Resolution {
    let image = ResolvedImage { origin, manifest: image.descriptor.digest, config: image.config };
    Resolution { image, root: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_told_from_a_name() {
        let digits = "9ac7601a94e0c4bc212ce4736016526496bcc9613af051f8a8ca44b000364671";
        let check = |text: &str, expected: Option<&str>| {
            let name: Reference = text.parse().expect("it is a name");
            assert_eq!(image_id(&name).as_deref(), expected, "{text}");
        };
        let whole = format!("sha256:{digits}");
        check(&whole, Some(&whole));
        check(digits, Some(digits));
        check("9ac7601a94e0", Some("9ac7601a94e0"));
        check("cafe", None);
        check("busybox", None);
        check("sha256:latest", None);
        check("9ac7601a94e0:1.0", None);
        check("example.com/9ac7601a94e0", None);
    }
}
