//! `--timings`: what a build is recorded for, and where the report goes.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use frontend::options::Context;
use patterns::Patterns;
use pipeline::Pipeline;
use progress::Sink;

use crate::args::build::{BuildArgs, ProgressMode};
use crate::output;
use crate::progress::Screen;
use crate::report::Failure;
use crate::timings::{self, About, Recorder};
use pipeline::BuildRequest;

/// Refuses files that could not be written after the build.
pub fn check(args: &BuildArgs) -> Result<(), Failure> {
    for file in &args.timings {
        let problem = match timings::missing_folder(file) {
            Some(folder) => format!("there is no folder {}", folder.display()),
            None if file.is_dir() => "it is a folder".to_owned(),
            None => continue,
        };
        let hint = "give a file in a folder that is there: --timings=FILE";
        return Err(
            Failure::ours(format!("cannot write timings to {}: {problem}", file.display())).hint(hint)
        );
    }
    Ok(())
}

/// The recording of one build; without `--timings` the screen alone.
pub struct Timings<'a> {
    args: &'a BuildArgs,
    screen: Arc<dyn Sink>,
    recorder: Option<Arc<Recorder>>,
}

impl<'a> Timings<'a> {
    /// Records, if the user wants it, what goes to `screen`; the build began at `begun`.
    pub fn begin(args: &'a BuildArgs, screen: &Arc<Screen>, begun: Instant) -> Self {
        let screen = Arc::clone(screen) as Arc<dyn Sink>;
        let record = || Arc::new(Recorder::new(Arc::clone(&screen), begun));
        let recorder = (!args.timings.is_empty()).then(record);
        Self { args, screen, recorder }
    }

    /// Where the events of the build go.
    pub fn sink(&self) -> Arc<dyn Sink> {
        match &self.recorder {
            Some(recorder) => Arc::clone(recorder) as Arc<dyn Sink>,
            None => Arc::clone(&self.screen),
        }
    }

    /// Writes the report of a build that is over. If it failed that is what has to be told: what becomes of the report is
    /// told here, then.
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
            timings::write(&report, file).map_err(|error| {
                Failure::ours(format!("cannot write timings to {}", file.display())).caused_by(&error)
            })?;
            self.tell(file, request);
            Ok(())
        });
        if let (Err(failure), false) = (&written, succeeded) {
            output::error(&failure.report());
        }
        written
    }

    fn tell(&self, file: &Path, request: &BuildRequest) {
        if self.args.quiet
            || !matches!(self.args.progress, ProgressMode::Auto | ProgressMode::Plain | ProgressMode::Tty)
        {
            return;
        }
        output::note(&format!("timings: {}", file.display()));
        if is_copied(file, &request.options.context) {
            output::note(
                "note: this file is in the build context: a COPY that takes it will miss the cache; list it in \
                 .dockerignore, or write it elsewhere with --timings=FILE",
            );
        }
    }
}

/// Whether a COPY of the whole context would take the file.
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
