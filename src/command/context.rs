//! The context of `build` and the Dockerfile: a folder, `-`, a URL.
//!
//! A folder and a Dockerfile on stdin are read at once; what has to be fetched waits until there is a store.

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use builder::engine::Engine;
use builder::op::file::begins_archive;
use builder::options::Context;
use builder::remote::context::{ContextFrom, is_remote};
use builder::step::StepError;
use progress::Cancel;
use progress::Progress;

use super::build_options::Input;
use super::parse;
use crate::args::build::BuildArgs;
use crate::args::meant_command;
use crate::report::Failure;

/// Enough to tell an archive by.
const START_BYTES: u64 = 512;

/// The Dockerfile and the files to build from.
pub struct Found {
    /// The Dockerfile's name as people see it.
    pub dockerfile_name: String,
    /// Its bytes; empty where it has to be fetched.
    pub dockerfile: Vec<u8>,
    /// The files; none where they have to be fetched.
    pub context: Context,
    /// What has to be fetched.
    pub pending: Option<Pending>,
}

/// A context that is not here yet, and the Dockerfile in it.
pub struct Pending {
    from: PendingFrom,
    /// A path in the context, or `-`.
    file: PathBuf,
}

enum PendingFrom {
    /// An archive on stdin that begins with these bytes.
    Stdin(Vec<u8>),
    /// A repository or a file.
    Url(ContextFrom<'static>),
}

/// Reads what is here.
pub fn find(args: &BuildArgs) -> Result<Found, Failure> {
    if args.context == "-" {
        return on_stdin(args);
    }
    // A folder of that name goes first, as it does on every command line.
    match is_remote(&args.context).filter(|_| !Path::new(&args.context).is_dir()) {
        Some(from) => Ok(pending(args, PendingFrom::Url(from))),
        None => in_folder(args),
    }
}

/// An archive, or the Dockerfile itself and no files.
fn on_stdin(args: &BuildArgs) -> Result<Found, Failure> {
    let cannot = |error: std::io::Error| Failure::user("cannot read stdin").caused_by(&error);
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(START_BYTES).read_to_end(&mut bytes).map_err(cannot)?;
    if begins_archive(&bytes) {
        return match args.file.as_deref() == Some(Path::new("-")) {
            true => Err(Failure::ours("stdin is the context: it cannot be the Dockerfile, too")),
            false => Ok(pending(args, PendingFrom::Stdin(bytes))),
        };
    }
    if args.file.as_deref().is_some_and(|file| file != Path::new("-")) {
        return Err(Failure::ours("`-` reads the Dockerfile from stdin: --file cannot name another"));
    }
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(cannot)?;
    let dockerfile_name = "Dockerfile".to_owned();
    Ok(Found { dockerfile_name, dockerfile: bytes, context: Context::Empty, pending: None })
}

fn pending(args: &BuildArgs, from: PendingFrom) -> Found {
    let file = args.file.clone().unwrap_or_else(|| PathBuf::from("Dockerfile"));
    let (dockerfile_name, dockerfile) = (name_of(&file), Vec::new());
    Found { dockerfile_name, dockerfile, context: Context::Empty, pending: Some(Pending { from, file }) }
}

/// The folder of a context that is one.
pub fn folder(context: &str) -> Result<PathBuf, Failure> {
    let folder = std::fs::canonicalize(context).map_err(|error| {
        let failure = Failure::user(format!("unable to find the context {context:?}")).caused_by(&error);
        match meant_command(context) {
            Some(command) => failure.hint(format!("did you mean `dsbuild {command}`?")),
            None => failure,
        }
    })?;
    match folder.is_dir() {
        true => Ok(folder),
        false => Err(Failure::user(format!("the context {context:?} is not a folder"))),
    }
}

fn in_folder(args: &BuildArgs) -> Result<Found, Failure> {
    let folder = folder(&args.context)?;
    let file = match &args.file {
        Some(file) => file.clone(),
        None => default_dockerfile(&folder),
    };
    let dockerfile = parse::read(&file).map_err(|failure| match &args.file {
        Some(_) => failure.hint("the path of --file is seen from the current folder, not from the context"),
        None => failure.hint("name the Dockerfile with --file, or let it come from stdin with --file -"),
    })?;
    let ignore = builder::context::find_ignore(&folder, (file != Path::new("-")).then_some(&*file))?;
    let context = Context::Local { path: folder, ignore };
    Ok(Found { dockerfile_name: name_of(&file), dockerfile, context, pending: None })
}

/// A Dockerfile's name as people see it.
pub fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

/// `Dockerfile`, or `dockerfile` where only that is there.
pub fn default_dockerfile(folder: &Path) -> PathBuf {
    let (upper, lower) = (folder.join("Dockerfile"), folder.join("dockerfile"));
    if !upper.exists() && lower.exists() { lower } else { upper }
}

/// Fetches what `input` waits for.
pub fn fetch(
    input: &mut Input,
    engine: &Engine,
    progress: &Progress,
    cancel: &Cancel,
) -> Result<(), Failure> {
    let Some(Pending { from, file }) = input.pending.take() else { return Ok(()) };
    let failed = |error: StepError| match error {
        StepError::Canceled => Failure::canceled(),
        error => Failure::of(&error).code(1),
    };
    let fetched = match from {
        PendingFrom::Url(from) => engine.fetch_context(from, &input.options, progress, cancel),
        PendingFrom::Stdin(start) => {
            let mut stream = Cursor::new(start).chain(std::io::stdin().lock());
            engine.fetch_context(ContextFrom::Stream(&mut stream), &input.options, progress, cancel)
        }
    }
    .map_err(failed)?;
    input.options.context = fetched.context;
    input.dockerfile = match fetched.dockerfile {
        _ if file == Path::new("-") => parse::read(&file)?,
        Some(text) => text,
        None => {
            let read = engine.fetcher(&input.options, cancel).dockerfile_in(&input.options.context, &file);
            read.map_err(|error| {
                Failure::user(format!("failed to read dockerfile {}", file.display())).caused_by(&error)
            })?
        }
    };
    Ok(())
}
