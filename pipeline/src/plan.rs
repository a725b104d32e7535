//! A Dockerfile to a plan: everything that can be known without running a step.

use frontend::plan::Plan;
use frontend::{EpochSource, Options, SOURCE_DATE_EPOCH};
use graph::url::without_user;
use progress::{EventKind, Phase, Vertex};
use sources::{FetchError, FetchOptions};

use crate::{BuildError, Pipeline, ShownResolver, Watch};

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
        let time_s = self.time_of(&source, fetch, watch)?;
        let mut options = options.clone();
        let time = time_s.map_or_else(String::new, |time_s| time_s.to_string());
        options.build_args.insert(SOURCE_DATE_EPOCH.to_owned(), time);
        Ok(frontend::lower(&dockerfile, &options, &resolver)?)
    }

    /// Returns the time that the build gets, or `None` if the server does not say when the file was changed.
    fn time_of(
        &self,
        source: &EpochSource,
        fetch: &FetchOptions,
        watch: Watch<'_>,
    ) -> Result<Option<i64>, BuildError> {
        let (EpochSource::Repository(url) | EpochSource::Context(url) | EpochSource::File(url)) = source;
        let name = format!("[internal] load the source date of {}", without_user(url));
        let vertex = watch.progress.start(&name);
        let time_s = self.fetch_time(source, fetch, watch, &vertex);
        let time_s = time_s.inspect_err(|error| report_failure(&vertex, error))?;
        vertex.finished(false);
        Ok(time_s)
    }

    fn fetch_time(
        &self,
        source: &EpochSource,
        fetch: &FetchOptions,
        watch: Watch<'_>,
        vertex: &Vertex,
    ) -> Result<Option<i64>, FetchError> {
        let fetcher = self.fetcher(fetch, watch.cancel);
        match source {
            EpochSource::Repository(url) => {
                Ok(fetcher.repository(url, vertex)?.files.and_then(|files| files.time_s))
            }
            EpochSource::Context(url) => {
                let (context, modified_s) = fetcher.http_context(url, vertex)?;
                Ok(context.files.map_or(modified_s, |files| files.time_s))
            }
            EpochSource::File(url) => Ok(fetcher.http(url, "context", None, vertex)?.modified_s),
        }
    }
}

/// Ends a vertex that fetched something in vain.
pub(crate) fn report_failure(vertex: &Vertex, error: &FetchError) {
    match error {
        FetchError::Canceled => vertex.send(EventKind::Canceled),
        error => vertex.failed(error),
    }
}
