//! From the plan to results: an engine runs the steps, and the layers that come back become images.

use std::time::{SystemTime, UNIX_EPOCH};

use builder::{Engine, Materials, SolveRequest};
use export::{Attestations, BuildResult, BuildTimes, BuiltImage, ExportRequest};
use frontend::options::Context;
use frontend::plan::{LookedUpImage, Plan, UnusedArg, Warning};
use frontend::{Culprit, FailedStep};
use graph::{Graph, ImageOrigin, InputIndex, Op, Source, StepId};
use oci::Reference;
use sources::git::checkout::{self, UnknownTime};

use crate::attest::{AttestedBuild, vcs};
use crate::error::BuildError;
use crate::pipeline::{Pipeline, Watch};
use crate::request::BuildRequest;

/// A finished build, ready to be exported.
#[derive(Debug)]
pub struct Built {
    /// Images, ready to be exported.
    pub result: BuildResult,
    /// Findings of the build checks.
    pub warnings: Vec<Warning>,
    /// Build arguments that no ARG takes.
    pub unused_args: Vec<UnusedArg>,
}

impl Pipeline {
    /// Builds what the request asks for. A context that is [pending](BuildRequest::pending) is fetched first.
    pub fn build(&self, request: &mut BuildRequest, watch: Watch<'_>) -> Result<Built, BuildError> {
        request.finish();
        let plan = self.plan(&request.dockerfile, &request.options, &request.run.fetch, watch)?;
        request.run.source_date_s = latest_source_date(plan.source_date_s, &request.exports);
        let targets: Vec<StepId> = plan.images.iter().map(|image| image.step).collect();
        let materials = Materials::default();
        let wanted = request.attest.provenance.as_ref().map(|_| &materials);
        let solve =
            SolveRequest { graph: &plan.graph, targets: &targets, options: &request.run, materials: wanted };
        let layers = self
            .engine
            .solve(&solve, watch.progress, watch.cancel)
            .map_err(|error| traced(BuildError::of_solve(error, &plan.graph), request, &plan.looked_up))?;
        self.describe_versions(request, &plan.looked_up);
        let times = self.times(&plan, request, watch);
        let vcs = wanted.and_then(|_| vcs(self, request));
        let attested = AttestedBuild { request, plan: &plan, materials: &materials, vcs, watch };
        let attestations: Vec<Attestations> = plan
            .images
            .iter()
            .zip(&layers)
            .map(|(image, layers)| attested.attestations(self, image, layers))
            .collect::<Result<_, _>>()?;
        let Plan { images, multi_platform, warnings, unused_args, ref graph, .. } = plan;
        let built = images.into_iter().zip(layers).zip(attestations);
        let images = built.map(|((image, layers), attestations)| BuiltImage {
            base_name: base_name(graph, image.step),
            platform: image.platform,
            config: image.config,
            layers,
            attestations,
        });
        let result = BuildResult { images: images.collect(), multi_platform, times };
        Ok(Built { result, warnings, unused_args })
    }

    fn times(&self, plan: &Plan, request: &BuildRequest, watch: Watch<'_>) -> BuildTimes {
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        BuildTimes {
            source_date_s: plan.source_date_s,
            commit_s: self.commit_time(request).unwrap_or_else(|error| {
                if plan.source_date_s.is_none() {
                    warn_of_default_date(&error, watch);
                }
                None
            }),
            built_s: i64::try_from(now_s).unwrap_or(i64::MAX),
        }
    }

    /// Returns the time of the commit that the context is a checkout of, if it is one.
    fn commit_time(&self, request: &BuildRequest) -> Result<Option<i64>, UnknownTime> {
        match &request.options.context {
            Context::Local { path, .. } => {
                checkout::time(&self.engine.store, path, &request.run.fetch.git_variables)
            }
            Context::Stored { time_s, commit: Some(_), .. } => Ok(*time_s),
            _ => Ok(None),
        }
    }
}

/// Warns that the images get another date, and thus another digest, than with a commit that can be read.
fn warn_of_default_date(error: &UnknownTime, watch: Watch<'_>) {
    let vertex = watch.progress.start("[internal] read the date of the commit");
    vertex.warning(&format!("{error}; the images get the default date, 1980-01-02"));
    vertex.finished(false);
}

/// Returns the latest source date of the outputs: their own, or that of the build.
fn latest_source_date(of_build: Option<i64>, exports: &[ExportRequest]) -> Option<i64> {
    let of_outputs = exports.iter().filter_map(|export| export.source_date_s.or(of_build)).max();
    of_outputs.or(of_build)
}

/// Returns the name that the base image of a step was pulled by; `None` if it did not come from a registry.
fn base_name(graph: &Graph, step: StepId) -> Option<Reference> {
    let step = &graph.steps[step.0];
    let below = match &step.op {
        Op::Source(Source::Image { name: ImageOrigin::Registry(name), .. }) => return Some(name.clone()),
        Op::Source(_) => None,
        Op::Exec(exec) => exec.root,
        Op::File(file) => file.base,
        Op::Merge => (!step.inputs.is_empty()).then_some(InputIndex(0)),
    };
    below.and_then(|input| base_name(graph, step.inputs[input.0]))
}

/// Adds to the error of a step the origins of the variables in the word that is to blame.
fn traced(error: BuildError, request: &BuildRequest, looked_up: &[LookedUpImage]) -> BuildError {
    let BuildError::Step { name, lines: Some(lines), cause, .. } = error else { return error };
    let culprit =
        cause.culprit().map(|word| Culprit { word: word.to_owned(), is_user: cause.is_about_user() });
    let step = FailedStep { lines, culprit };
    let origins = frontend::trace_step(&request.dockerfile, &request.options, looked_up, &step);
    BuildError::Step { name, lines: Some(lines), origins, cause }
}
