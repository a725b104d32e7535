//! `dsbuild build`: a Dockerfile to an image.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use export::{Annotation, Dest, ExportError, ExportKind, ExportRequest, Exported, Push};
use frontend::plan::{UnusedArg, Warning};
use oci::Reference;
use pipeline::{BuildRequest, Built, ExportFailure, Pipeline, Watch};
use progress::{Cancel, Progress, Sink};
use registry::{Cancellation, Patience};

use super::build_options;
use super::call::Call;
use super::timings::{self, Timings};
use super::{interrupt, isolate, store};
use crate::args::build::{BuildArgs, ProgressMode};
use crate::output;
use crate::progress::Screen;
use crate::report::Failure;

/// Smallest default number of steps that run at once; more than processors, since many steps wait for the network.
const MIN_DEFAULT_JOBS: usize = 8;

/// Builds, exports, and reports warnings and results.
pub fn run(args: &BuildArgs) -> Result<u8, Failure> {
    if let Some(call) = Call::of(args)? {
        return call.run(args);
    }
    let begun = Instant::now();
    let exports = exports(args)?;
    timings::check(args)?;
    let mut request = BuildRequest { exports, ..build_options::request(args)? };
    // Before any thread exists: mounts made from here on disappear with this process.
    request.run.no_isolation = isolate::enter()?;
    let cancel = Cancel::default();
    interrupt::cancel_on_signals(&cancel)?;
    let pipeline = pipeline(args, Patience::default(), &cancel)?;
    let screen = screen(args);
    let timings = Timings::begin(args, &screen, begun);
    let progress = Progress::new(timings.sink());
    let watch = Watch { progress: &progress, cancel: &cancel };
    let outcome = build_and_export(&pipeline, &mut request, watch);
    screen.finish(outcome.is_ok());
    let written = timings.end(&pipeline, &request, outcome.is_ok());
    // Not every error of a canceled build says that it was canceled.
    let (built, exported) =
        outcome.map_err(|failure| if cancel.is_canceled() { Failure::canceled() } else { failure })?;
    report(args, &built, &exported)?;
    written?;
    drop(pipeline);
    store::collect_if_due();
    Ok(0)
}

/// Fetches the context of a request about which a question is answered without a build.
pub fn fetch_context(args: &BuildArgs, request: &mut BuildRequest) -> Result<(), Failure> {
    isolate::enter()?;
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
    let (insecure, mirrors) = (&args.insecure_registries, &args.registry_mirrors);
    let client = store::registry_client(insecure, mirrors, patience, cancel)?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.unwrap_or_else(|| (2 * processors).max(MIN_DEFAULT_JOBS));
    Ok(Pipeline::new(store::open()?, client, args.pull, jobs))
}

/// A pipeline for questions about a Dockerfile: an image that is unavailable at once is done without.
pub fn hasty_pipeline(args: &BuildArgs) -> Result<Pipeline, Failure> {
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
    let exported = pipeline
        .export(&built.result, &request.exports, &mut stdout, watch)
        .map_err(|failure| not_exported(&failure))?;
    Ok((built, exported))
}

/// An image that was built for a push is kept when the push fails.
fn not_exported(failure: &ExportFailure) -> Failure {
    let ExportFailure { request, error } = failure;
    match error {
        ExportError::Canceled => Failure::canceled(),
        ExportError::Registry(_) if request.push == Some(Push::Named) => {
            let names: Vec<String> = request.names.iter().map(Reference::familiar).collect();
            Failure::of(error).hint(format!("the image is here as {}", names.join(", ")))
        }
        error => Failure::of(error),
    }
}

/// The outputs: each --output, with the names of --tag where it has none of its own.
fn exports(args: &BuildArgs) -> Result<Vec<ExportRequest>, Failure> {
    let names: Vec<Reference> =
        args.tags.iter().map(|tag| tag.parse()).collect::<Result<_, oci::ReferenceError>>()?;
    let mut requests: Vec<ExportRequest> = Vec::new();
    for output in &args.outputs {
        requests.push(ExportRequest::parse(output)?);
    }
    if args.push && !requests.iter().any(|request| request.push.is_some()) {
        requests.push(ExportRequest::pushed());
    }
    if requests.is_empty() || args.load {
        requests.push(ExportRequest::new(ExportKind::Image));
    }
    for request in &mut requests {
        if request.names.is_empty() {
            request.names.clone_from(&names);
        }
        for text in &args.annotations {
            request.annotations.push(Annotation::parse(text)?);
        }
        request.check()?;
    }
    check_stdout(&requests)?;
    Ok(requests)
}

/// Refuses outputs that would write to a terminal, or two that would both write to standard output.
fn check_stdout(requests: &[ExportRequest]) -> Result<(), Failure> {
    let to_stdout = |request: &&ExportRequest| {
        let is_file = matches!(request.kind, ExportKind::Oci | ExportKind::Docker | ExportKind::Tar);
        is_file && matches!(request.dest, None | Some(Dest::Stdout))
    };
    if let Some(request) = requests.iter().find(to_stdout).filter(|_| output::is_terminal()) {
        let kind = request.kind.name();
        return Err(Failure::ours(format!("type={kind} needs dest=FILE: it is not for a terminal")));
    }
    if requests.iter().filter(to_stdout).count() > 1 {
        return Err(Failure::ours("only one --output can go to stdout"));
    }
    Ok(())
}

/// Writes the files that the user asked for, and prints warnings, and the image ID in quiet mode.
fn report(args: &BuildArgs, built: &Built, exported: &[Exported]) -> Result<(), Failure> {
    let image = exported.iter().find_map(Exported::image_id);
    if let (Some(file), Some(id)) = (&args.iidfile, image) {
        write(file, &id.to_string())?;
    }
    if let Some(file) = &args.metadata_file {
        let mut metadata = serde_json::Map::new();
        exported.iter().for_each(|one| metadata.extend(one.metadata()));
        write(file, &format!("{:#}\n", serde_json::Value::Object(metadata)))?;
    }
    let quiet = args.quiet || args.progress == ProgressMode::Quiet;
    if !quiet {
        built.warnings.iter().for_each(print_warning);
        print_unused(&built.unused_args);
    }
    if let (true, Some(id)) = (quiet, image) {
        output::line(&id.to_string());
    }
    Ok(())
}

fn print_warning(warning: &Warning) {
    output::note(&format!(" - {}: {} (line {})", warning.rule, warning.message, warning.lines.first));
}

/// Prints BuildKit's words about unused build arguments, and similar names.
fn print_unused(args: &[UnusedArg]) {
    if args.is_empty() {
        return;
    }
    let names: Vec<&str> = args.iter().map(|arg| arg.name.as_str()).collect();
    let meant = |arg: &UnusedArg| match (&arg.meant, args.len()) {
        (Some(meant), 1) => Some(meant.clone()),
        (Some(meant), _) => Some(format!("{meant} for {}", arg.name)),
        (None, _) => None,
    };
    let similar: Vec<String> = args.iter().filter_map(meant).collect();
    let question = if similar.is_empty() {
        String::new()
    } else {
        output::sanitized(&format!(" (did you mean {}?)", similar.join(", ")))
    };
    let names = output::sanitized(&names.join(" "));
    output::note(&format!("[Warning] One or more build-args [{names}] were not consumed{question}"));
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text)
        .map_err(|error| Failure::ours(format!("cannot write {}", file.display())).caused_by(&error))
}
