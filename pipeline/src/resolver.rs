//! Image names of a Dockerfile, looked up through `sources`.

use std::path::Path;

use frontend::plan::{ResolveError, Resolver};
use graph::ResolvedImage;
use images::ImageError;
use oci::{Digest, Platform, Reference};
use progress::{Phase, Progress};
use sources::{SourceError, Sources};

/// Looks images up, and shows each look-up as a vertex.
pub struct ShownResolver<'a> {
    /// Where images are looked up.
    pub sources: &'a Sources,
    /// Receives one vertex for each look-up.
    pub progress: &'a Progress,
}

impl ShownResolver<'_> {
    fn shown(
        &self,
        name: String,
        resolve: impl FnOnce() -> Result<ResolvedImage, SourceError>,
    ) -> Result<ResolvedImage, ResolveError> {
        let vertex = self.progress.start(&format!("[internal] load metadata for {name}"));
        vertex.enter(Phase::Resolve);
        let resolved = resolve().map_err(|error| refused(name, &error));
        let resolved = resolved.inspect_err(|error| vertex.failed(error))?;
        vertex.finished(false);
        Ok(resolved)
    }
}

impl Resolver for ShownResolver<'_> {
    fn image(&self, name: &Reference, platform: &Platform) -> Result<ResolvedImage, ResolveError> {
        self.shown(name.to_string(), || self.sources.image(name, platform))
    }

    fn layout(
        &self,
        path: &Path,
        tag: Option<&str>,
        digest: Option<&Digest>,
        platform: &Platform,
    ) -> Result<ResolvedImage, ResolveError> {
        self.shown(format!("oci-layout://{}", path.display()), || {
            self.sources.image_of_layout(path, tag, digest, platform)
        })
    }
}

fn refused(name: String, error: &SourceError) -> ResolveError {
    let hint = match error {
        SourceError::Image(ImageError::NoPlatform { available, .. }) if !available.is_empty() => {
            Some(format!("the image is there for {available}"))
        }
        _ => None,
    };
    ResolveError { name, reason: error.chain(), hint }
}
