//! The context and the Dockerfile that the user names.
//!
//! A directory and a Dockerfile on standard input are read at once. A context that has to be fetched, or an archive on
//! standard input, is [`Pending`] until there is a store; `fetch` then brings it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use archive::begins_archive;
use frontend::options::Context;
use patterns::IgnoreError;
use sources::FetchError;
use sources::context::{ContextFrom, is_remote};

/// Number of bytes at the beginning of a stream that distinguish an archive from a Dockerfile.
const START_BYTES: u64 = 512;

/// Name of a Dockerfile that is read from standard input.
const STDIN_NAME: &str = "<stdin>";

/// Names that the user gives: `dsbuild build --file FILE CONTEXT`.
#[derive(Debug, Clone, Copy)]
pub struct InputNames<'a> {
    /// A directory, a URL, or `-` for standard input.
    pub context: &'a str,
    /// Path of the Dockerfile, or `-` for standard input. `None` means `Dockerfile` in the context.
    pub file: Option<&'a Path>,
}

/// The Dockerfile and the files to build from.
#[derive(Debug)]
pub struct Input {
    /// Name of the Dockerfile for people.
    pub dockerfile_name: String,
    /// Text of the Dockerfile; empty if it has to be fetched.
    pub dockerfile: Vec<u8>,
    /// Files to build from; empty if they have to be fetched.
    pub context: Context,
    /// Context that has to be fetched, or `None` if the files are here.
    pub pending: Option<Pending>,
}

/// A context that is not here yet, and the Dockerfile in it.
#[derive(Debug)]
pub struct Pending {
    pub(crate) from: PendingFrom,
    /// Path of the Dockerfile in the context, or `-` for standard input.
    pub(crate) file: PathBuf,
}

/// Origin of a context that is not here yet.
#[derive(Debug)]
pub(crate) enum PendingFrom {
    /// An archive on standard input, which begins with these bytes.
    Stdin(Vec<u8>),
    /// URL of a git repository, with its fragment.
    Git(String),
    /// An archive or a Dockerfile by HTTP.
    Http(String),
}

/// An input that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The context does not exist.
    #[error("unable to find the context {context:?}")]
    NoContext {
        /// Context as the user wrote it.
        context: String,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The context exists and is not a directory.
    #[error("the context {context:?} is not a folder")]
    NotADirectory {
        /// Context as the user wrote it.
        context: String,
    },
    /// The Dockerfile cannot be read.
    #[error("cannot read {}", file.display())]
    Dockerfile {
        /// Path of the Dockerfile.
        file: PathBuf,
        /// True if the user named it with `--file`.
        is_named: bool,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The Dockerfile of a fetched context cannot be read.
    #[error("failed to read dockerfile {}", file.display())]
    DockerfileInContext {
        /// Path in the context.
        file: PathBuf,
        /// Reason of the failure.
        source: FetchError,
    },
    /// Standard input cannot be read.
    #[error("cannot read stdin")]
    Stdin {
        /// Error of the operating system.
        source: io::Error,
    },
    /// `--file -` with a context on standard input.
    #[error("stdin is the context: it cannot be the Dockerfile, too")]
    StdinTwice,
    /// `--file FILE` with a Dockerfile on standard input.
    #[error("`-` reads the Dockerfile from stdin: --file cannot name another")]
    FileBesideStdin,
    /// The ignore file cannot be used.
    #[error(transparent)]
    Ignore(#[from] IgnoreError),
    /// The context cannot be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

/// Finds and reads what the user names.
pub fn find(names: InputNames<'_>) -> Result<Input, InputError> {
    if names.context == "-" {
        return on_stdin(names.file);
    }
    // A directory of that name goes first, as it does on every command line.
    match is_remote(names.context).filter(|_| !Path::new(names.context).is_dir()) {
        Some(ContextFrom::Git(url)) => Ok(pending(names.file, PendingFrom::Git(url))),
        Some(ContextFrom::Http(url)) => Ok(pending(names.file, PendingFrom::Http(url))),
        _ => in_directory(names),
    }
}

/// Reads an archive's beginning, or a Dockerfile that comes without files.
fn on_stdin(file: Option<&Path>) -> Result<Input, InputError> {
    let failed = |source| InputError::Stdin { source };
    let mut bytes = Vec::new();
    io::stdin().lock().take(START_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    let is_stdin = |file: &Path| file == Path::new("-");
    if begins_archive(&bytes) {
        return if file.is_some_and(is_stdin) {
            Err(InputError::StdinTwice)
        } else {
            Ok(pending(file, PendingFrom::Stdin(bytes)))
        };
    }
    if file.is_some_and(|file| !is_stdin(file)) {
        return Err(InputError::FileBesideStdin);
    }
    io::stdin().lock().read_to_end(&mut bytes).map_err(failed)?;
    let dockerfile_name = STDIN_NAME.to_owned();
    Ok(Input { dockerfile_name, dockerfile: bytes, context: Context::Empty, pending: None })
}

fn pending(file: Option<&Path>, from: PendingFrom) -> Input {
    let file = file.unwrap_or(Path::new("Dockerfile")).to_owned();
    let (dockerfile_name, dockerfile) = (name_of(&file), Vec::new());
    Input { dockerfile_name, dockerfile, context: Context::Empty, pending: Some(Pending { from, file }) }
}

/// Returns the absolute path of a context that is a directory.
pub fn directory(context: &str) -> Result<PathBuf, InputError> {
    let path = std::fs::canonicalize(context)
        .map_err(|source| InputError::NoContext { context: context.to_owned(), source })?;
    if path.is_dir() { Ok(path) } else { Err(InputError::NotADirectory { context: context.to_owned() }) }
}

fn in_directory(names: InputNames<'_>) -> Result<Input, InputError> {
    let path = directory(names.context)?;
    let file = names.file.map_or_else(|| default_dockerfile(&path), Path::to_owned);
    let dockerfile = read(&file).map_err(|source| InputError::Dockerfile {
        file: file.clone(),
        is_named: names.file.is_some(),
        source,
    })?;
    let ignore = context::find_ignore(&path, (file != Path::new("-")).then_some(&*file))?;
    let context = Context::Local { path, ignore };
    Ok(Input { dockerfile_name: name_of(&file), dockerfile, context, pending: None })
}

/// Returns the name of a Dockerfile for people: its file name, or `<stdin>` for `-`.
pub fn name_of(file: &Path) -> String {
    if file == Path::new("-") {
        return STDIN_NAME.to_owned();
    }
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

/// Returns `Dockerfile` in the directory, or `dockerfile` if only that exists.
pub fn default_dockerfile(directory: &Path) -> PathBuf {
    let (upper, lower) = (directory.join("Dockerfile"), directory.join("dockerfile"));
    if !upper.exists() && lower.exists() { lower } else { upper }
}

/// Reads a file, or standard input for `-`.
pub fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        io::stdin().lock().read_to_end(&mut bytes)?;
    } else {
        File::open(file)?.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
