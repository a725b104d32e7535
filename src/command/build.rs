//! `dsbuild build`: a Dockerfile to an image.

use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use builder::cancel::Cancel;
use builder::engine::{Built, Engine};
use builder::event::{Progress, Sink, Vertex};
use builder::export::{
    Annotation, BuildResult, BuildTimes, BuiltImage, Dest, ExportError, ExportKind, ExportRequest, Exported,
    Exporter, Push,
};
use builder::options::Context;
use builder::plan::UnusedArg;
use builder::remote::git::checkout;
use builder::source::Sources;
use cache::Store;
use oci::Reference;
use registry::{Cancellation, Patience};
use rootfs::layers::Layers;

use super::build_options::{self, Input};
use super::call::Call;
use super::timings::{self, Timings};
use super::{context, interrupt, isolate, store};
use crate::args::build::{BuildArgs, ProgressMode};
use crate::output;
use crate::progress::Screen;
use crate::report::Failure;

/// Steps that run at once where the user does not say; more than processors, since many wait for the network.
const LEAST_DEFAULT_JOBS: usize = 8;

/// Builds, exports, tells.
pub fn run(args: &BuildArgs) -> Result<u8, Failure> {
    if let Some(call) = Call::of(args)? {
        return call.run(args);
    }
    let begun = Instant::now();
    let requests = requests(args)?;
    timings::check(args)?;
    let mut input = build_options::input(args)?;
    // Before any thread exists: what is mounted from here on goes with this process.
    isolate::enter()?;
    let cancel = Cancel::default();
    interrupt::cancel_on_signals(&cancel)?;
    let engine = engine(args, &input, &cancel)?;
    let screen = Screen::new(if args.quiet { ProgressMode::Quiet } else { args.progress });
    let timings = Timings::begin(args, &screen, begun);
    let progress = Progress::new(timings.sink());
    let outcome = context::fetch(&mut input, &engine, &progress, &cancel)
        .and_then(|()| build_and_export(&engine, &input, &requests, &progress, &cancel));
    screen.finish(outcome.is_ok());
    let written = timings.end(&engine, &input, outcome.is_ok());
    let (built, exported) = outcome?;
    tell(args, &built, &exported)?;
    written?;
    drop(engine);
    store::collect_if_due();
    Ok(0)
}

/// Brings a context here that something is asked about.
pub fn fetch_context(args: &BuildArgs, input: &mut Input) -> Result<(), Failure> {
    isolate::enter()?;
    let cancel = Cancel::default();
    interrupt::cancel_on_signals(&cancel)?;
    let engine = engine(args, input, &cancel)?;
    let screen = Screen::new(if args.quiet { ProgressMode::Quiet } else { args.progress });
    let progress = Progress::new(Arc::clone(&screen) as Arc<dyn Sink>);
    let fetched = context::fetch(input, &engine, &progress, &cancel);
    screen.finish(fetched.is_ok());
    fetched
}

/// What builds.
fn engine(args: &BuildArgs, input: &Input, cancel: &Cancel) -> Result<Engine, Failure> {
    let cancel = cancel.clone();
    let cancel = Cancellation::when(move || cancel.is_canceled());
    let (store, layers, sources) = sources(args, input, Patience::default(), cancel)?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.unwrap_or_else(|| (2 * processors).max(LEAST_DEFAULT_JOBS));
    Ok(Engine { store, layers, sources, jobs })
}

/// Where images come from when nothing is built: an image that cannot be had at once is done without.
pub fn hasty_sources(args: &BuildArgs, input: &Input) -> Result<Sources, Failure> {
    let patience = Patience { attempts: 1, ..Patience::default() };
    sources(args, input, patience, Cancellation::default()).map(|(_, _, sources)| sources)
}

fn sources(
    args: &BuildArgs,
    input: &Input,
    patience: Patience,
    cancel: Cancellation,
) -> Result<(Arc<Store>, Layers, Sources), Failure> {
    let store = Arc::new(store::open()?);
    let layers = Layers::new(Arc::clone(&store));
    let (insecure, mirrors) = (&args.insecure_registries, &args.registry_mirrors);
    let client = store::registry_client(insecure, mirrors, patience, cancel)?;
    let sources = Sources::new(Arc::clone(&store), layers.clone(), client, input.options.pull);
    Ok((store, layers, sources))
}

fn build_and_export(
    engine: &Engine,
    input: &Input,
    requests: &[ExportRequest],
    progress: &Progress,
    cancel: &Cancel,
) -> Result<(Built, Vec<Exported>), Failure> {
    let built = engine
        .build(&input.dockerfile, &input.options, progress, cancel)
        .map_err(|error| Failure::of_build(&error, &input.options.dockerfile_name, &input.dockerfile))?;
    let result = result(&built, input, &engine.store);
    let mut exported = Vec::with_capacity(requests.len());
    for request in requests {
        exported.push(export_one(engine, &result, request, progress, cancel)?);
    }
    Ok((built, exported))
}

fn result<'a>(built: &'a Built, input: &Input, store: &Store) -> BuildResult<'a> {
    let image =
        |one: &'a builder::engine::BuiltImage| BuiltImage { image: &one.planned, layers: one.layers.clone() };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    BuildResult {
        images: built.images.iter().map(image).collect(),
        multi_platform: built.multi_platform,
        times: BuildTimes {
            source_date_s: built.source_date_s,
            commit_s: commit_time(input, store),
            built_s: i64::try_from(now).unwrap_or(i64::MAX),
        },
    }
}

/// When the commit was made that the context is a checkout of.
fn commit_time(input: &Input, store: &Store) -> Option<i64> {
    match &input.options.context {
        Context::Local { path, .. } => checkout::time(store, path, &input.options.git_variables),
        Context::Stored { time_s, is_commit: true, .. } => *time_s,
        _ => None,
    }
}

fn export_one(
    engine: &Engine,
    result: &BuildResult<'_>,
    request: &ExportRequest,
    progress: &Progress,
    cancel: &Cancel,
) -> Result<Exported, Failure> {
    if request.kind == ExportKind::CacheOnly {
        return Ok(Exported::default());
    }
    let vertex = progress.start(&title(request.kind));
    let mut stdout = std::io::stdout().lock();
    let registry = engine.sources.client();
    let exporter =
        Exporter { store: &engine.store, layers: &engine.layers, registry, vertex: &vertex, cancel };
    let exported = exporter
        .export(result, request, &mut stdout)
        .inspect_err(|error| vertex.failed(error))
        .map_err(|error| not_exported(&error, request))?;
    show(&exported, &vertex);
    vertex.finished(false);
    Ok(exported)
}

/// What was built for a push is still there when that fails.
fn not_exported(error: &ExportError, request: &ExportRequest) -> Failure {
    match error {
        ExportError::Canceled => Failure::canceled(),
        ExportError::Registry(_) if request.push == Some(Push::Named) => {
            let names: Vec<String> = request.names.iter().map(Reference::familiar).collect();
            Failure::of(error).hint(format!("the image is here as {}", names.join(", ")))
        }
        error => Failure::of(error),
    }
}

fn title(kind: ExportKind) -> String {
    match kind {
        ExportKind::Image => "exporting to image".to_owned(),
        ExportKind::Oci => "exporting to oci image format".to_owned(),
        ExportKind::Docker => "exporting to docker image format".to_owned(),
        ExportKind::Local => "exporting to client directory".to_owned(),
        ExportKind::Tar => "exporting to client tarball".to_owned(),
        kind => format!("exporting to {}", kind.name()),
    }
}

fn show(exported: &Exported, vertex: &Vertex) {
    if let Some(descriptor) = &exported.descriptor {
        vertex.status(
            &format!("exporting manifest {}", descriptor.digest),
            descriptor.size_bytes,
            None,
            true,
        );
    }
    for name in &exported.names {
        vertex.status(&format!("naming to {name}"), 0, None, true);
    }
}

/// What is to be written: each --output, with the names of --tag where it has none of its own.
fn requests(args: &BuildArgs) -> Result<Vec<ExportRequest>, Failure> {
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
    Ok(requests)
}

/// The files that the user asked for, warnings, and the id in quiet mode.
fn tell(args: &BuildArgs, built: &Built, exported: &[Exported]) -> Result<(), Failure> {
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
        built.warnings.iter().for_each(show_warning);
        tell_unused(&built.unused_args);
    }
    if let (true, Some(id)) = (quiet, image) {
        output::line(&id.to_string());
    }
    Ok(())
}

fn show_warning(warning: &builder::plan::Warning) {
    output::note(&format!(" - {}: {} (line {})", warning.rule, warning.message, warning.lines.0));
}

/// BuildKit's words, and what may have been meant.
fn tell_unused(args: &[UnusedArg]) {
    if args.is_empty() {
        return;
    }
    let names: Vec<&str> = args.iter().map(|arg| arg.name.as_str()).collect();
    let meant = |arg: &UnusedArg| match (&arg.meant, args.len()) {
        (Some(meant), 1) => Some(meant.clone()),
        (Some(meant), _) => Some(format!("{meant} for {}", arg.name)),
        (None, _) => None,
    };
    let meant: Vec<String> = args.iter().filter_map(meant).collect();
    let meant = match meant.is_empty() {
        true => String::new(),
        false => output::sanitized(&format!(" (did you mean {}?)", meant.join(", "))),
    };
    let names = output::sanitized(&names.join(" "));
    output::note(&format!("[Warning] One or more build-args [{names}] were not consumed{meant}"));
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text)
        .map_err(|error| Failure::ours(format!("cannot write {}", file.display())).caused_by(&error))
}
