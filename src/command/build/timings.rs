//! `build --timings`: recording a build, and writing the report.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use frontend::options::Context;
use patterns::Patterns;
use pipeline::{BuildRequest, Pipeline};
use progress::Sink;

use crate::failure::Failure;
use crate::output::{self, Stream};
use crate::progress::Screen;
use cli::build::{BuildArgs, ProgressMode};
use timings::{self, About, Recorder};

/// Refuses a file that could not be written after the build.
pub fn check(args: &BuildArgs) -> Result<(), Failure> {
    for file in &args.timings {
        let problem = match timings::missing_folder(file) {
            Some(folder) => format!("there is no directory {}", output::path(&folder)),
            None if file.is_dir() => "it is a directory".to_owned(),
            None => continue,
        };
        let hint = "name a file in an existing directory: --timings=FILE";
        return Err(
            Failure::usage(format!("cannot write timings to {}: {problem}", output::path(file))).hint(hint)
        );
    }
    Ok(())
}

/// Recording of one build. Without `--timings` events go to the screen only.
pub struct Timings<'a> {
    args: &'a BuildArgs,
    screen: Arc<dyn Sink>,
    recorder: Option<Arc<Recorder>>,
}

impl<'a> Timings<'a> {
    /// Starts to record the events that go to `screen`, if `--timings` is given. The build began at `begun`.
    pub fn begin(args: &'a BuildArgs, screen: &Arc<Screen>, begun: Instant) -> Self {
        let screen = Arc::clone(screen) as Arc<dyn Sink>;
        let record = || Arc::new(Recorder::new(Arc::clone(&screen), begun));
        let recorder = (!args.timings.is_empty()).then(record);
        Self { args, screen, recorder }
    }

    /// Returns the sink for the events of the build.
    pub fn sink(&self) -> Arc<dyn Sink> {
        match &self.recorder {
            Some(recorder) => Arc::clone(recorder) as Arc<dyn Sink>,
            None => Arc::clone(&self.screen),
        }
    }

    /// Writes the report of a build that has ended. If the build failed, its error goes first: a report that cannot be
    /// written is then only printed.
    pub fn end(&self, pipeline: &Pipeline, request: &BuildRequest, succeeded: bool) -> Result<(), Failure> {
        let Some(recorder) = &self.recorder else { return Ok(()) };
        let about = About {
            dockerfile: request.options.dockerfile_name.clone(),
            names: self.args.tags.clone(),
            ended: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            jobs: pipeline.jobs(),
            succeeded,
        };
        let report = recorder.report(about);
        let written: Result<(), Failure> = self.args.timings.iter().try_for_each(|file| {
            let text = timings::render(&report, file);
            export::write_file(file, text.as_bytes()).map_err(|error| {
                Failure::system(format!("cannot write timings to {}", output::path(file))).caused_by(&error)
            })?;
            self.announce(file, request);
            Ok(())
        });
        if let (Err(failure), false) = (&written, succeeded) {
            output::colored(Stream::Stderr, &failure.report());
        }
        written
    }

    fn announce(&self, file: &Path, request: &BuildRequest) {
        if self.args.quiet
            || !matches!(self.args.progress, ProgressMode::Auto | ProgressMode::Plain | ProgressMode::Tty)
        {
            return;
        }
        output::note(&format!("timings: {}", output::path(file)));
        if is_copied(file, &request.options.context) {
            output::note(
                "note: this file is in the build context: a COPY that includes it will miss the cache; exclude it in \
                 .dockerignore, or write it elsewhere with --timings=FILE",
            );
        }
    }
}

/// Reports whether a COPY of the whole context would include the file.
fn is_copied(file: &Path, context: &Context) -> bool {
    let Context::Local { path: folder, ignore } = context else { return false };
    let Ok(file) = std::fs::canonicalize(file) else { return false };
    let Ok(inside) = file.strip_prefix(folder) else { return false };
    let Ok(patterns) = Patterns::new(&ignore.patterns()) else { return false };
    let mut matched = Default::default();
    let mut path = PathBuf::new();
    let mut is_ignored = false;
    for name in inside {
        path.push(name);
        (is_ignored, matched) = patterns.matches(path.as_os_str().as_bytes(), &matched);
    }
    !is_ignored
}
