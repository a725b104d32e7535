//! `dsbuild build`: builds an image from a Dockerfile.
//!
//! ```text
//! options  flags -> build options            outputs  --output, --tag, --push -> export requests
//! ssh      --ssh with private keys           results  files and notes after a build
//! hosts    --add-host                         proxies  the proxies of docker's config.json
//! timings  --timings                         call     --check and --call:
//! check    build --check                     outline, targets
//! ```

mod answer;
mod call;
mod check;
mod hosts;
pub mod options;
mod outline;
mod outputs;
mod proxies;
mod results;
mod ssh;
mod targets;
mod timings;

use std::sync::Arc;
use std::time::Instant;

use export::{ExportError, Exported, Push};
use oci::Reference;
use pipeline::{BuildRequest, Built, ExportFailure, Pipeline, Watch};
use progress::{Cancel, Progress, Sink};
use registry::{Cancellation, Patience};

use crate::exit::{self, Fault};
use crate::failure::{Failure, single_id};
use crate::output;
use crate::progress::Screen;
use crate::setup::{self, interrupt, isolation, store};
use call::Call;
use cli::build::{BuildArgs, ProgressMode};
use timings::Timings;

/// Smallest default of `--jobs`. More than most machines have processors, since many steps wait for the network.
const MIN_DEFAULT_JOBS: usize = 8;

/// Builds and exports, or describes the Dockerfile if `--check` or `--call` asks for it.
pub fn run(args: &BuildArgs) -> Result<u8, Failure> {
    let hosts = hosts::note(&args.add_hosts, &args.network);
    for note in args.docker.check()?.into_iter().chain(hosts) {
        output::note(&format!("note: {note}"));
    }
    match Call::of(args)? {
        Some(call) => describe(args, call),
        None => build(args),
    }
}

fn build(args: &BuildArgs) -> Result<u8, Failure> {
    let begun = Instant::now();
    let exports = outputs::requests(args)?;
    timings::check(args)?;
    // The agents of private keys live as long as the build.
    let (_agents, request) = options::request(args)?;
    let mut request = BuildRequest { exports, ..request };
    // Before any thread exists: mounts made from here on disappear with this process.
    request.run.no_isolation = isolation::enter()?;
    request.run.has_single_id = single_id::get().is_some();
    let cancel = Cancel::default();
    interrupt::cancel_on_signals(&cancel)?;
    let pipeline = pipeline(args, Patience::default(), &cancel)?;
    let screen = screen(args);
    let timings = Timings::begin(args, &screen, begun);
    let progress = Progress::new(timings.sink());
    let watch = Watch { progress: &progress, cancel: &cancel };
    let outcome = build_and_export(&pipeline, &mut request, watch);
    screen.finish(outcome.is_ok());
    if outcome.is_err() && !exit::is_interrupted() {
        // The disk can be full, and this makes room for the next build.
        store::collect_if_due();
    }
    let written = timings.end(&pipeline, &request, outcome.is_ok());
    // Not every error of a canceled build says that it was canceled.
    let (built, exported) =
        outcome.map_err(|failure| if exit::is_interrupted() { Failure::canceled() } else { failure })?;
    results::report(args, &built, &exported)?;
    written?;
    drop(pipeline);
    store::collect_if_due();
    Ok(0)
}

/// Answers a question about the Dockerfile without building it.
fn describe(args: &BuildArgs, call: Call) -> Result<u8, Failure> {
    let (_, mut request) = options::request(args)?;
    if request.pending.is_some() {
        fetch_context(args, &mut request)?;
    }
    let pipeline = || hasty_pipeline(args);
    call.answer(&request, &pipeline)
}

/// Fetches the context of a request.
fn fetch_context(args: &BuildArgs, request: &mut BuildRequest) -> Result<(), Failure> {
    isolation::enter()?;
    let cancel = Cancel::default();
    interrupt::cancel_on_signals(&cancel)?;
    let pipeline = pipeline(args, Patience::default(), &cancel)?;
    let screen = screen(args);
    let progress = Progress::new(Arc::clone(&screen) as Arc<dyn Sink>);
    let fetched = pipeline.fetch_input(request, Watch { progress: &progress, cancel: &cancel });
    screen.finish(fetched.is_ok());
    fetched.map_err(|error| Failure::of_input(&error))
}

/// Opens the store and the connections of a build.
fn pipeline(args: &BuildArgs, patience: Patience, cancel: &Cancel) -> Result<Pipeline, Failure> {
    let cancel = cancel.clone();
    let cancel = Cancellation::when(move || cancel.is_canceled());
    let client =
        setup::registry::client(&args.insecure_registries, &args.registry_mirrors, patience, cancel)?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.unwrap_or_else(|| (2 * processors).max(MIN_DEFAULT_JOBS));
    Ok(Pipeline::new(store::open()?, client, args.pull, jobs))
}

/// Opens a pipeline for questions about a Dockerfile: a registry that does not answer at once is not waited for.
fn hasty_pipeline(args: &BuildArgs) -> Result<Pipeline, Failure> {
    pipeline(args, Patience { attempts: 1, ..Patience::default() }, &Cancel::default())
}

fn screen(args: &BuildArgs) -> Arc<Screen> {
    Screen::new(if args.quiet { ProgressMode::Quiet } else { args.progress })
}

fn build_and_export(
    pipeline: &Pipeline,
    request: &mut BuildRequest,
    watch: Watch<'_>,
) -> Result<(Built, Vec<Exported>), Failure> {
    pipeline.fetch_input(request, watch).map_err(|error| Failure::of_input(&error))?;
    let built = pipeline
        .build(request, watch)
        .map_err(|error| Failure::of_build(&error, &request.options.dockerfile_name, &request.dockerfile))?;
    let mut stdout = std::io::stdout().lock();
    let exported =
        pipeline.export(&built.result, &request.exports, &mut stdout, watch).map_err(not_exported)?;
    Ok((built, exported))
}

/// Returns the failure of an export. An image that could not be pushed is kept in the store.
fn not_exported(failure: ExportFailure) -> Failure {
    let ExportFailure { request, error } = failure;
    let is_kept = matches!(error, ExportError::Registry(_)) && request.push == Some(Push::Named);
    match error {
        ExportError::Canceled => Failure::new(Fault::canceled(), "canceled"),
        error if is_kept => {
            let names: Vec<String> = request.names.iter().map(Reference::familiar).collect();
            Failure::from(error).hint(format!("the image is in the store as {}", names.join(", ")))
        }
        error => {
            let hint = error.hint();
            let failure = Failure::from(error);
            match hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        }
    }
}
