//! Checking without building.

use std::path::Path;

use oci::{DiffId, Digest, ImageConfig, Platform, Reference};
use parser::ast::Dockerfile;

use super::{Checks, habits};
use crate::graph::ImageOrigin;
use crate::lower::error::LowerError;
use crate::lower::{Scope, lower_within};
use crate::options::{BuildOptions, Entitlements};
use crate::plan::{Plan, ResolveError, ResolvedImage, Resolver, Warning};

/// What the checks came to.
#[derive(Debug)]
pub struct CheckReport {
    /// In the order of their lines.
    pub warnings: Vec<Warning>,
    /// Why the Dockerfile could not be built, if so; the checks ended there.
    pub error: Option<LowerError>,
}

/// Checks a Dockerfile: all stages, or what the target needs if one is named.
///
/// Nothing is refused for want of an entitlement, since nothing runs. An image that cannot be had counts
/// as one without any config.
pub fn check(dockerfile: &Dockerfile, options: &BuildOptions, resolver: &dyn Resolver) -> CheckReport {
    let options = allowing_all(options);
    let scope = if options.target.is_none() { Scope::AllStages } else { Scope::Target };
    let checks = match Checks::new(dockerfile, &options) {
        Ok(checks) => checks,
        Err(error) => return CheckReport { warnings: Vec::new(), error: Some(error) },
    };
    habits::check(&options.context, &checks);
    let error = lower_within(dockerfile, &options, &Lenient(resolver), scope, &checks).err();
    CheckReport { warnings: checks.warnings(), error }
}

/// A plan to look at, not to build from: nothing is refused, checked or asked for, and of images nothing is known.
pub fn sketch(dockerfile: &Dockerfile, options: &BuildOptions) -> Result<Plan, LowerError> {
    let checks = Checks::default();
    checks.silence();
    lower_within(dockerfile, &allowing_all(options), &Lenient(&NoImages), Scope::Target, &checks)
}

/// Has no image.
struct NoImages;

impl Resolver for NoImages {
    fn image(&self, name: &Reference, _: &Platform) -> Result<ResolvedImage, ResolveError> {
        Err(not_asked_for(name.to_string()))
    }

    fn layout(
        &self,
        path: &Path,
        _: Option<&str>,
        _: Option<&Digest>,
        _: &Platform,
    ) -> Result<ResolvedImage, ResolveError> {
        Err(not_asked_for(path.display().to_string()))
    }
}

fn not_asked_for(name: String) -> ResolveError {
    ResolveError { name, reason: "images are not looked at".to_owned(), hint: None }
}

/// The options, with nothing left to allow.
pub(in crate::lower) fn allowing_all(options: &BuildOptions) -> BuildOptions {
    let allow = Entitlements { network_host: true, security_insecure: true, device: true };
    BuildOptions { allow, ..options.clone() }
}

/// Makes up the images that cannot be had.
pub(in crate::lower) struct Lenient<'r>(pub &'r dyn Resolver);

impl Resolver for Lenient<'_> {
    fn image(&self, name: &Reference, platform: &Platform) -> Result<ResolvedImage, ResolveError> {
        let found = self.0.image(name, platform);
        Ok(found.unwrap_or_else(|_| unknown(ImageOrigin::Registry(name.clone()), platform)))
    }

    fn layout(
        &self,
        path: &Path,
        tag: Option<&str>,
        digest: Option<&Digest>,
        platform: &Platform,
    ) -> Result<ResolvedImage, ResolveError> {
        self.0.layout(path, tag, digest, platform)
    }
}

/// An image of one layer of which nothing is known.
fn unknown(origin: ImageOrigin, platform: &Platform) -> ResolvedImage {
    let nothing = Digest::of(b"");
    let mut config = ImageConfig { platform: platform.clone(), ..ImageConfig::default() };
    config.rootfs.diff_ids = vec![DiffId(nothing)];
    ResolvedImage { origin, manifest: nothing, config }
}
