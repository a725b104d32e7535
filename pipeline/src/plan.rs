//! From the text of the Dockerfile to a plan: everything that can be known without running a step.

use frontend::plan::Plan;
use frontend::{Options, SOURCE_DATE_EPOCH};
use progress::Phase;
use sources::FetchOptions;

use crate::error::BuildError;
use crate::pipeline::{Pipeline, Watch};
use crate::resolver::ShownResolver;

impl Pipeline {
    /// Parses and lowers a Dockerfile. Fetches what the source date refers to, if that is a repository or a URL.
    pub(crate) fn plan(
        &self,
        text: &[u8],
        options: &Options,
        fetch: &FetchOptions,
        watch: Watch<'_>,
    ) -> Result<Plan, BuildError> {
        let progress = watch.progress;
        let vertex =
            progress.start(&format!("[internal] load build definition from {}", options.dockerfile_name));
        vertex.status("transferring dockerfile", text.len() as u64, Some(text.len() as u64), true);
        vertex.enter(Phase::Parse);
        let dockerfile = parser::parse(text).inspect_err(|error| vertex.failed(error))?;
        vertex.finished(false);
        let resolver = ShownResolver { sources: self.sources(), progress };
        let Some(source) = frontend::epoch_source(&dockerfile, options)? else {
            return Ok(frontend::lower(&dockerfile, options, &resolver)?);
        };
        let time_s = self.source_date(&source, fetch, watch)?;
        let mut options = options.clone();
        let time = time_s.map_or_else(String::new, |time_s| time_s.to_string());
        options.build_args.insert(SOURCE_DATE_EPOCH.to_owned(), time);
        Ok(frontend::lower(&dockerfile, &options, &resolver)?)
    }
}
