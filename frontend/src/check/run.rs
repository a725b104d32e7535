//! Checking without building.

use std::path::Path;

use oci::{Digest, Platform, Reference};
use parser::ast::Dockerfile;

use super::habits::FindHabits;
use super::{Checks, habits};
use crate::error::{LowerError, Problem};
use crate::lower::lower_for;
use crate::options::{Entitlements, Options};
use crate::plan::{Plan, ResolveError, Resolver, Warning};
use crate::session::Purpose;
use graph::{AllowedDevices, ResolvedImage};
use graph::{Graph, Op, Step};

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
/// Nothing is refused for want of an entitlement, since nothing runs; but devices are, see [`devices`]. An image that
/// cannot be had counts as one without any config.
pub fn check(
    dockerfile: &Dockerfile,
    options: &Options,
    resolver: &dyn Resolver,
    find_habits: FindHabits<'_>,
) -> CheckReport {
    let (allowed, options) = (&options.allow.devices, allowing_all(options));
    let purpose = if options.target.is_none() { Purpose::LookAtAll } else { Purpose::Look };
    let checks = match Checks::new(dockerfile, &options) {
        Ok(checks) => checks,
        Err(error) => return CheckReport { warnings: Vec::new(), error: Some(error) },
    };
    habits::check(&options.context, &checks, find_habits);
    let lowered = lower_for(dockerfile, &options, resolver, purpose, &checks);
    let error = lowered.and_then(|plan| devices(&plan.graph, allowed)).err();
    CheckReport { warnings: checks.warnings(), error }
}

/// Refuses all devices unless some are allowed.
///
/// Which of them a machine has is up to the machine, and docker's stable frontend knows no `RUN --device`: that a
/// Dockerfile with one builds cannot be promised. Who checks it for a machine with devices says so.
fn devices(graph: &Graph, allowed: &AllowedDevices) -> Result<(), LowerError> {
    if *allowed != AllowedDevices::default() {
        return Ok(());
    }
    let asks = |step: &&Step| matches!(&step.op, Op::Exec(exec) if !exec.devices.is_empty());
    let Some(step) = graph.steps.iter().find(asks) else { return Ok(()) };
    let hint = "docker's stable frontend refuses RUN --device, too; check with --allow device if that does not matter";
    Err(Problem::NotAllowed { entitlement: "device", hint: hint.to_owned() }.within(step.meta.lines))
}

/// A plan to look at, not to build from: nothing is refused, checked or asked for, and of images nothing is known.
pub fn sketch(dockerfile: &Dockerfile, options: &Options) -> Result<Plan, LowerError> {
    let checks = Checks::default();
    checks.silence();
    lower_for(dockerfile, &allowing_all(options), &NoImages, Purpose::Look, &checks)
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
pub(crate) fn allowing_all(options: &Options) -> Options {
    let allow = Entitlements {
        network_host: true,
        security_insecure: true,
        devices: AllowedDevices { all: true, ..AllowedDevices::default() },
    };
    Options { allow, ..options.clone() }
}
