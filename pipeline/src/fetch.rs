//! Fetching before the plan: a context that is not here yet, and the source date of a repository or a URL.

use std::io::{self, Cursor, Read};
use std::path::Path;

use frontend::EpochSource;
use frontend::options::Context;
use graph::url::without_user;
use progress::{EventKind, Phase, Vertex};
use sources::context::{ContextFrom, ContextLayer};
use sources::{FetchError, FetchOptions};

use crate::error::BuildError;
use crate::input::{InputError, Pending, PendingFrom, read};
use crate::pipeline::{Pipeline, Watch};
use crate::request::BuildRequest;

impl Pipeline {
    /// Fetches the context that the request waits for, if it waits for one, and reads the Dockerfile in it.
    pub fn fetch_input(&self, request: &mut BuildRequest, watch: Watch<'_>) -> Result<(), InputError> {
        let Some(Pending { from, file }) = request.pending.take() else { return Ok(()) };
        let fetcher = self.fetcher(&request.run.fetch, watch.cancel);
        let vertex = watch.progress.start(&format!("[internal] load remote build context {}", from.shown()));
        vertex.enter(Phase::Fetch);
        let fetched = match from {
            PendingFrom::Git(url) => fetcher.context(ContextFrom::Git(url), &vertex),
            PendingFrom::Http(url) => fetcher.context(ContextFrom::Http(url), &vertex),
            PendingFrom::Stdin(start) => {
                let mut stream = Cursor::new(start).chain(io::stdin().lock());
                fetcher.context(ContextFrom::Stream(&mut stream), &vertex)
            }
        };
        let fetched = fetched.inspect_err(|error| report_failure(&vertex, error))?;
        vertex.finished(false);
        request.dockerfile = match fetched.dockerfile {
            _ if file == Path::new("-") => {
                read(&file).map_err(|source| InputError::Dockerfile { file, is_named: true, source })?
            }
            Some(text) => text,
            None => fetcher
                .dockerfile_in(fetched.files.as_ref(), &file)
                .map_err(|source| InputError::DockerfileInContext { file, source })?,
        };
        request.options.context = fetched.files.map_or(Context::Empty, stored);
        Ok(())
    }

    /// Returns the time that the build gets, or `None` if the server does not say when the file was changed.
    pub(crate) fn source_date(
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

impl PendingFrom {
    /// Returns the URL without credentials.
    fn shown(&self) -> String {
        match self {
            Self::Stdin(_) => "-".to_owned(),
            Self::Git(url) | Self::Http(url) => without_user(url),
        }
    }
}

fn stored(files: ContextLayer) -> Context {
    let ContextLayer { origin, layer, time_s, commit, archive } = files;
    Context::Stored { origin, layer, time_s, commit, archive }
}

/// Ends a vertex that fetched something in vain.
fn report_failure(vertex: &Vertex, error: &FetchError) {
    match error {
        FetchError::Canceled => vertex.send(EventKind::Canceled),
        error => vertex.failed(error),
    }
}
