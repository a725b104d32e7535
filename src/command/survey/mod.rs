//! `dsbuild context`: what a build sees of a folder, what is left out and by which line, and what is big.
//!
//! ```text
//! text  for people      list  one path a line
//! json  for programs    why   which line decides about a path
//! ```
//!
//! Nothing is built, no store is opened, no image is asked for. (What COPYs in triggers of base images take is not known,
//! therefore.)

mod json;
mod list;
mod text;
mod why;

use std::path::{Path, PathBuf};

use ::context::find_ignore;
use ::context::survey::{Limits, Measured, Node, Sum, Survey, What};
use builder::op::file::{FileOpError, taken};
use frontend::options::Context;
use frontend::{Options, sketch};
use patterns::IgnoreFile;
use patterns::Patterns;
use pipeline::input;

use super::{build_options, parse};
use crate::args::context::ContextArgs;
use crate::output;
use crate::report::Failure;

/// Entries of a folder that is left out that are counted unless all are asked for: a matter of 20 milliseconds.
const COUNTED_ENTRIES: u64 = 10_000;

/// Everything that there is to tell.
struct Seen {
    folder: PathBuf,
    ignore: IgnoreFile,
    /// The Dockerfile's path, as given or found.
    dockerfile: Option<PathBuf>,
    survey: Survey,
    usage: Usage,
}

/// What the Dockerfile takes of the context.
enum Usage {
    /// There is no Dockerfile.
    NoDockerfile,
    /// It cannot be told, for this reason.
    Unknown(String),
    /// What is in and is not taken, and what is taken and is not there.
    Known { not_taken: Vec<Measured>, failures: Vec<Missing> },
}

/// An instruction that asks for what is not in the context.
struct Missing {
    /// Its line in the Dockerfile.
    line: u32,
    message: String,
    /// The line of the ignore file that leaves it out: its index.
    left_out_by: Option<usize>,
}

/// Looks and prints.
pub fn run(args: &ContextArgs) -> Result<u8, Failure> {
    let folder = input::directory(&args.context).map_err(|error| {
        Failure::of_input(&error).hint("only folders are looked at; clone or download anything else first")
    })?;
    let dockerfile = dockerfile(args, &folder)?;
    let ignore = find_ignore(&folder, dockerfile.as_deref())?;
    if !args.why.is_empty() {
        return why::print(args, &folder, &ignore);
    }
    let ignored_entries = if args.measure { u64::MAX } else { COUNTED_ENTRIES };
    let survey = Survey::of(&folder, &ignore.lines, Limits { ignored_entries })
        .map_err(|error| Failure::user(format!("cannot read {}", folder.display())).caused_by(&error))?;
    if args.included || args.ignored {
        list::print(args, &ignore, &survey);
        return Ok(0);
    }
    let usage = usage(args, &folder, &ignore, dockerfile.as_deref(), &survey)?;
    let seen = Seen { folder, ignore, dockerfile, survey, usage };
    match args.format.as_str() {
        "json" => output::line(&format!("{:#}", json::of(&seen, args.depth))),
        _ => {
            let columns = output::is_terminal().then(|| output::terminal_size().0);
            output::text(&text::of(&seen, args.depth, output::is_styled(), columns));
        }
    }
    Ok(0)
}

/// The Dockerfile that is named, which must be there, or the usual one if it is.
fn dockerfile(args: &ContextArgs, folder: &Path) -> Result<Option<PathBuf>, Failure> {
    match &args.file {
        Some(file) if file == Path::new("-") => {
            Err(Failure::ours("a Dockerfile on stdin has no place beside the context").hint("name a file"))
        }
        Some(file) if !file.exists() => Err(Failure::user(format!("there is no file {}", file.display()))),
        Some(file) => Ok(Some(file.clone())),
        None => Ok(Some(input::default_dockerfile(folder)).filter(|file| file.exists())),
    }
}

fn usage(
    args: &ContextArgs,
    folder: &Path,
    ignore: &IgnoreFile,
    dockerfile: Option<&Path>,
    survey: &Survey,
) -> Result<Usage, Failure> {
    let Some(file) = dockerfile else { return Ok(Usage::NoDockerfile) };
    let text = parse::read(file)?;
    let parsed = match parser::parse(&text) {
        Ok(parsed) => parsed,
        Err(error) => return Ok(Usage::Unknown(format!("line {}: {error}", error.span.start_line))),
    };
    let options = Options {
        dockerfile_name: input::name_of(file),
        context: Context::Local { path: folder.to_owned(), ignore: ignore.clone() },
        target: args.target.clone(),
        build_args: build_options::build_args(&args.build_args),
        ..Options::default()
    };
    let plan = match sketch(&parsed, &options) {
        Ok(plan) => plan,
        Err(error) => {
            let line = error.lines.map(|lines| format!("line {}: ", lines.first)).unwrap_or_default();
            return Ok(Usage::Unknown(format!("{line}{error}")));
        }
    };
    let taken = taken::taken(&plan.graph, "context", survey);
    // A build reads these two whether an instruction takes them or not.
    let own = [in_folder(file, folder), in_folder(&ignore.path, folder)];
    let is_taken = |path: &Path| taken.has(path) || own.iter().flatten().any(|own| own == path);
    let not_taken = survey.not_taken(&is_taken);
    let failures = taken.failures.iter().map(|failure| missing(failure, ignore)).collect();
    Ok(Usage::Known { not_taken, failures })
}

fn missing(failure: &taken::Failure, ignore: &IgnoreFile) -> Missing {
    let line = failure.lines.map_or(0, |lines| lines.first);
    match &failure.error {
        FileOpError::NotFound { path } => Missing {
            line,
            message: format!("{path:?} is not in the context"),
            left_out_by: why::relative(Path::new(path.trim_start_matches('/')), Path::new("/"))
                .and_then(|path| why::leaves_out(&Patterns::new(&ignore.patterns()).ok()?, &path)),
        },
        error => Missing { line, message: error.to_string(), left_out_by: None },
    }
}

/// A file's path from the folder, if it lies in it.
fn in_folder(file: &Path, folder: &Path) -> Option<PathBuf> {
    let file = std::fs::canonicalize(file).ok()?;
    file.strip_prefix(folder).ok().map(Path::to_owned)
}

/// The topmost paths that a line decides about, and how much they are.
struct Group<'a> {
    /// Its index.
    line: usize,
    sum: Sum,
    paths: Vec<(PathBuf, &'a Node)>,
}

/// What is left out (`taken_back` false) or taken back in, by the line that decided, in the order of the lines.
fn groups(survey: &Survey, taken_back: bool) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = (0..survey.lines().len())
        .map(|line| Group { line, sum: Sum::default(), paths: Vec::new() })
        .collect();
    survey.visit(&mut |path, node| {
        let Some(decision) = node.decision.filter(|decision| decision.exception == taken_back) else {
            return;
        };
        // Below what is taken back in everything else is, too; a folder of which a part is in is told by its parts.
        if taken_back && decision.inherited || !taken_back && node.is_in {
            return;
        }
        let group = &mut groups[decision.pattern];
        group.sum += if taken_back { node.sum() } else { node.measure() };
        group.paths.push((path.to_owned(), node));
    });
    groups.retain(|group| !group.paths.is_empty());
    groups
}

/// Folders that are in, down to `depth` levels, with all that is in them; the largest first.
fn folders(survey: &Survey, depth: usize) -> Vec<(PathBuf, Sum)> {
    let mut found = Vec::new();
    survey.visit(&mut |path, node| {
        if node.is_in && matches!(node.what, What::Folder(_)) && path.components().count() <= depth {
            found.push((path.to_owned(), node.sum()));
        }
    });
    found.sort_by(|one, other| (other.1.size_bytes, &one.0).cmp(&(one.1.size_bytes, &other.0)));
    found
}

/// The largest files that are in.
fn largest(survey: &Survey, count: usize) -> Vec<(PathBuf, u64)> {
    let mut sizes = Vec::new();
    survey.visit(&mut |_, node| {
        if let (true, What::File { size_bytes }) = (node.is_in, &node.what) {
            sizes.push(*size_bytes);
        }
    });
    sizes.sort_unstable_by(|one, other| other.cmp(one));
    let least = sizes.get(count.saturating_sub(1)).copied().unwrap_or(0);
    let mut found = Vec::new();
    survey.visit(&mut |path, node| {
        if let (true, What::File { size_bytes }) = (node.is_in, &node.what)
            && *size_bytes >= least.max(1)
        {
            found.push((path.to_owned(), *size_bytes));
        }
    });
    found.sort_by(|one, other| (other.1, &one.0).cmp(&(one.1, &other.0)));
    found.truncate(count);
    found
}

/// A path for people; folders end in a slash.
fn shown(path: &Path, is_folder: bool) -> String {
    let slash = if is_folder { "/" } else { "" };
    format!("{}{slash}", output::path(path))
}
