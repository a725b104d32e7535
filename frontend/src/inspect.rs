//! Inspecting a Dockerfile without building it: build checks, and plans that are only looked at.

use std::path::Path;

use graph::{AllowedDevices, Graph, Lines, Op, ResolvedImage, Step};
use oci::{Digest, Platform, Reference};
use parser::ast::Dockerfile;

use crate::base_images::BaseImages;
use crate::check::{Checks, FindHabits};
use crate::error::{LowerError, Problem};
use crate::lower::{LowerRequest, lower_for};
use crate::options::{Entitlements, Options};
use crate::plan::{Plan, ResolveError, Resolver, Warning};
use crate::session::Purpose;
use crate::syntax;

/// Result of the build checks.
#[derive(Debug, Default)]
pub struct CheckReport {
    /// Findings in the order of their lines.
    pub warnings: Vec<Warning>,
    /// Reason why the Dockerfile cannot be built, at which the checks ended; `None` if it can be built.
    pub error: Option<LowerError>,
    /// Remarks of dsbuild that are not build checks of BuildKit, in the order in which they were found.
    pub notes: Vec<CheckNote>,
    /// Steps of the inspected stages; `None` if there is an error.
    pub graph: Option<Graph>,
}

/// A remark about the Dockerfile, or about the limits of the checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckNote {
    /// Lines that the remark is about; `None` if it is about an option.
    pub lines: Option<Lines>,
    /// Description in one line.
    pub message: String,
    /// Way out; `None` if there is nothing to do.
    pub hint: Option<String>,
    /// Whether a build would fail because of this.
    pub is_failure: bool,
}

/// Checks a Dockerfile: all stages, or those that the target needs if a target is named.
///
/// Nothing runs, so no entitlement is required, except for devices (see [`check_devices`]). An unavailable image counts
/// as an image that could set anything, and a note names it.
pub fn check(
    dockerfile: &Dockerfile,
    options: &Options,
    resolver: &dyn Resolver,
    find_habits: FindHabits<'_>,
) -> CheckReport {
    let (allowed, options) = (&options.allow.devices, allowing_all(options));
    let purpose = if options.target.is_none() { Purpose::InspectAll } else { Purpose::Inspect };
    let checks = match Checks::new(dockerfile, &options) {
        Ok(checks) => checks,
        Err(error) => return CheckReport { error: Some(error), ..CheckReport::default() },
    };
    checks.add_habits(&options.context, find_habits);
    let (options, checks) = (&options, &checks);
    let request = LowerRequest { dockerfile, options, resolver, purpose, checks, probe: None };
    let mut images = BaseImages::default();
    let lowered = lower_for(&request, &mut images);
    let checked = lowered.and_then(|plan| check_devices(&plan.graph, allowed).map(|()| plan.graph));
    let other_syntax =
        syntax::check(dockerfile, options).err().map(|error| CheckNote::of_error(&error, true));
    let unseen = images.unavailable.iter().map(unseen_base);
    let (graph, error) = match checked {
        Ok(graph) => (Some(graph), None),
        Err(error) => (None, Some(error)),
    };
    CheckReport {
        warnings: checks.warnings(),
        error,
        notes: other_syntax.into_iter().chain(unseen).collect(),
        graph,
    }
}

/// Returns the findings in the part of a file above the instruction that does not parse.
///
/// BuildKit reports these findings beside the error, too. Rules about the whole file, such as the case of keywords, need
/// the rest of it and are left out.
pub fn check_unfinished(dockerfile: &Dockerfile, options: &Options) -> Vec<Warning> {
    let Ok(checks) = Checks::new(dockerfile, options) else { return Vec::new() };
    checks.add_text(dockerfile);
    checks.warnings()
}

impl CheckNote {
    /// Creates the note about an error that a build would fail with.
    fn of_error(error: &LowerError, is_failure: bool) -> Self {
        Self { lines: error.lines, message: error.to_string(), hint: error.hint(), is_failure }
    }
}

/// Describes a base image that is unavailable, and what that means for the checks.
fn unseen_base(error: &LowerError) -> CheckNote {
    let message = match &error.problem {
        Problem::Resolve { written, reason, .. } => {
            format!(
                "the base image {written} could not be seen, so variables that it may set are not checked: {reason}"
            )
        }
        _ => error.to_string(),
    };
    CheckNote { message, ..CheckNote::of_error(error, false) }
}

/// Fails if a RUN needs devices and none are allowed.
///
/// The devices depend on the machine, and docker's stable frontend rejects `RUN --device`, so such a Dockerfile does not
/// build everywhere. `--allow device` checks it for a machine with devices.
fn check_devices(graph: &Graph, allowed: &AllowedDevices) -> Result<(), LowerError> {
    if *allowed != AllowedDevices::default() {
        return Ok(());
    }
    let needs_devices = |step: &&Step| matches!(&step.op, Op::Exec(exec) if !exec.devices.is_empty());
    let Some(step) = graph.steps.iter().find(needs_devices) else { return Ok(()) };
    let hint = "docker's stable frontend refuses RUN --device too; check with --allow device if that does not matter";
    Err(Problem::NotAllowed { entitlement: "device", hint: hint.to_owned() }.within(step.meta.lines))
}

/// Makes a plan to look at, not to build from. No image is looked up, and nothing has to be allowed.
pub fn sketch(dockerfile: &Dockerfile, options: &Options) -> Result<Plan, LowerError> {
    let checks = Checks::default();
    checks.silence();
    let request = LowerRequest {
        dockerfile,
        options: &allowing_all(options),
        resolver: &NoImages,
        purpose: Purpose::Inspect,
        checks: &checks,
        probe: None,
    };
    lower_for(&request, &mut BaseImages::default())
}

/// Resolver for which every image is unavailable.
pub(crate) struct NoImages;

impl Resolver for NoImages {
    fn image(&self, name: &Reference, _: &Platform) -> Result<ResolvedImage, ResolveError> {
        Err(not_looked_up(name.to_string()))
    }

    fn layout(
        &self,
        path: &Path,
        _: Option<&str>,
        _: Option<&Digest>,
        _: &Platform,
    ) -> Result<ResolvedImage, ResolveError> {
        Err(not_looked_up(path.display().to_string()))
    }
}

fn not_looked_up(name: String) -> ResolveError {
    ResolveError { name, reason: "images are not looked up".to_owned(), hint: None }
}

/// Returns the options with all entitlements granted.
pub(crate) fn allowing_all(options: &Options) -> Options {
    let allow = Entitlements {
        network_host: true,
        security_insecure: true,
        devices: AllowedDevices { all: true, ..AllowedDevices::default() },
    };
    Options { allow, ..options.clone() }
}
