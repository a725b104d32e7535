//! The origin of the images of a build, for the versions of their names: Dockerfile, context, commit, base images.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use cache::Store;
use frontend::options::Context;
use frontend::plan::{ImageLookup, LookedUpImage};
use images::versions::{Base, Origin};
use oci::Digest;
use sources::git::checkout;

use crate::pipeline::Pipeline;
use crate::request::BuildRequest;

impl Pipeline {
    /// Lets the store describe the versions that this build records. Everything is worked out only when a name moves to
    /// another image: a build that changes nothing does not pay for it.
    pub(crate) fn describe_versions(&self, request: &BuildRequest, looked_up: &[LookedUpImage]) {
        let inputs = Inputs {
            dockerfile: request.dockerfile.clone(),
            context: request.options.context.clone(),
            variables: request.run.fetch.git_variables.clone(),
            bases: bases(looked_up),
        };
        // A weak handle: the store owns the function that uses it.
        let store = Arc::downgrade(&self.engine.store);
        self.engine.store.describe_changes(move || match store.upgrade() {
            Some(store) => inputs.origin(&store).fields(),
            None => Origin::default().fields(),
        });
    }
}

/// Inputs of a build that its origin names.
struct Inputs {
    dockerfile: Vec<u8>,
    context: Context,
    variables: BTreeMap<String, OsString>,
    bases: Vec<Base>,
}

impl Inputs {
    fn origin(&self, store: &Store) -> Origin {
        let state = self.folder().and_then(|folder| checkout::state(store, folder, &self.variables));
        let (commit, dirty) = state.map_or((None, None), |state| (Some(state.commit), state.is_dirty));
        Origin {
            dockerfile: Some(Digest::of(&self.dockerfile)),
            context: match &self.context {
                Context::Local { path, .. } => Some(path.display().to_string()),
                Context::Stored { origin, .. } => Some(origin.clone()),
                _ => None,
            },
            commit,
            dirty,
            bases: self.bases.clone(),
            ..Origin::default()
        }
    }

    fn folder(&self) -> Option<&Path> {
        match &self.context {
            Context::Local { path, .. } => Some(path),
            _ => None,
        }
    }
}

/// Lists the images that were looked up, each once.
fn bases(looked_up: &[LookedUpImage]) -> Vec<Base> {
    let mut bases: Vec<Base> = Vec::new();
    for LookedUpImage { lookup, image, .. } in looked_up {
        let name = match lookup {
            ImageLookup::Reference(name) => name.to_string(),
            ImageLookup::Layout { path, .. } => format!("oci-layout://{}", path.display()),
        };
        let base = Base { name, digest: image.manifest };
        if !bases.contains(&base) {
            bases.push(base);
        }
    }
    bases
}
