//! Attestations of an image: facts about its packages, and about how it was built.
//!
//! ```text
//! provenance  options, sources and steps of the build
//! dependency  sources of steps as dependencies
//! operation   operations of steps as BuildKit's LLB
//! ```
//!
//! Everything here happens only if the user asks for attestations. The documents themselves are made by the export, since
//! they name digests and times of the output.

mod dependency;
mod operation;
mod provenance;

use attest::{Provenance, Vcs};
use builder::Materials;
use export::Attestations;
use frontend::options::Context;
use frontend::plan::{Plan, PlannedImage};
use oci::DiffId;
use progress::{Phase, Vertex};
use sources::git::checkout;

use crate::error::BuildError;
use crate::pipeline::{Pipeline, Watch};
use crate::request::BuildRequest;
use provenance::ImageBuild;

/// A build whose images get attestations.
pub(crate) struct AttestedBuild<'a> {
    pub request: &'a BuildRequest,
    pub plan: &'a Plan,
    /// Identities of the sources that the build has fetched.
    pub materials: &'a Materials,
    /// Commit that the local context is a checkout of; `None` without a checkout, and without a provenance.
    pub vcs: Option<Vcs>,
    pub watch: Watch<'a>,
}

impl AttestedBuild<'_> {
    /// Returns the facts that one image is attested with.
    pub fn attestations(
        &self,
        pipeline: &Pipeline,
        image: &PlannedImage,
        layers: &[DiffId],
    ) -> Result<Attestations, BuildError> {
        let Self { request, plan, materials, watch, .. } = *self;
        let wanted = &request.attest;
        let build =
            |wanted| ImageBuild { request, wanted, graph: &plan.graph, target: image.step, materials };
        let with_vcs = |provenance| Provenance { vcs: self.vcs.clone(), ..provenance };
        let provenance = wanted.provenance.as_ref().map(|wanted| with_vcs(build(wanted).provenance()));
        if !wanted.sbom {
            return Ok(Attestations { provenance, packages: None });
        }
        let vertex = watch.progress.start(&format!("[{}] list packages for the SBOM", image.platform));
        vertex.enter(Phase::Scan);
        let packages = inventory(pipeline, layers, &vertex).inspect_err(|error| vertex.failed(error))?;
        vertex.finished(false);
        Ok(Attestations { provenance, packages: Some(packages) })
    }
}

/// Returns the commit that a local context is a checkout of, marked as buildx does if files differ from it.
pub(crate) fn vcs(pipeline: &Pipeline, request: &BuildRequest) -> Option<Vcs> {
    let Context::Local { path, .. } = &request.options.context else { return None };
    let state = checkout::state(&pipeline.engine.store, path, &request.run.fetch.git_variables)?;
    let mark = if state.is_dirty == Some(true) { "-dirty" } else { "" };
    Some(Vcs { revision: state.commit + mark })
}

/// Lists the packages in the files of an image.
fn inventory(
    pipeline: &Pipeline,
    layers: &[DiffId],
    vertex: &Vertex,
) -> Result<packages::Inventory, BuildError> {
    let tree = pipeline.engine.layers.view(layers)?;
    let inventory = packages::find(&*tree).map_err(|source| BuildError::Packages { source })?;
    inventory.problems.iter().for_each(|problem| vertex.warning(&problem.to_string()));
    vertex.status(&format!("found {} packages", inventory.packages.len()), 0, None, true);
    Ok(inventory)
}
