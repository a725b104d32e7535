//! `dsbuild context`: shows which files of a directory a build gets, which lines of the ignore file exclude the others, and
//! which files are large.
//!
//! ```text
//! text  the report for people      list  --included, --ignored: one path a line
//! json  the report for programs    why   --why: the line that decides about a path
//! ```
//!
//! Nothing is built, no store is opened and no image is looked up. COPYs in triggers of base images are therefore unknown.

mod json;
mod list;
mod text;
mod why;

use std::path::{Path, PathBuf};

use ::context::find_ignore;
use ::context::survey::{Limits, Measured, Node, NodeKind, Sum, Survey};
use builder::op::file::{FileOpError, taken};
use frontend::options::Context;
use frontend::{Options, sketch};
use patterns::IgnoreFile;
use patterns::Patterns;
use pipeline::input;

use super::build;
use crate::failure::Failure;
use crate::output::{self, Stream};
use cli::context::ContextArgs;

/// Number of entries that are counted in an excluded directory without `--measure`; takes 20 ms.
const COUNTED_ENTRIES: u64 = 10_000;

/// Everything that a report contains.
struct Report {
    folder: PathBuf,
    ignore: IgnoreFile,
    /// Path of the Dockerfile, as named by the user or found. `None` for a context without a Dockerfile.
    dockerfile: Option<PathBuf>,
    survey: Survey,
    usage: Usage,
}

/// Use that the Dockerfile makes of the context.
enum Usage {
    /// The context has no Dockerfile.
    NoDockerfile,
    /// The Dockerfile cannot be understood, for this reason.
    Unknown(String),
    /// Files that no instruction uses, and instructions that use files which do not exist.
    Known { not_taken: Vec<Measured>, failures: Vec<Missing> },
}

/// Instruction that uses a file which is not in the context.
struct Missing {
    /// Line of the instruction in the Dockerfile.
    line: u32,
    message: String,
    /// Index of the line of the ignore file that excludes the file, if one does.
    left_out_by: Option<usize>,
}

/// Surveys the directory and prints a report or a list.
pub fn run(args: &ContextArgs) -> Result<u8, Failure> {
    let folder = input::directory(&args.context).map_err(|error| {
        Failure::of_input(&error).hint("name a directory; clone a repository or unpack an archive first")
    })?;
    let dockerfile = dockerfile(args, &folder)?;
    let ignore = find_ignore(&folder, dockerfile.as_deref())?;
    if !args.why.is_empty() {
        return why::print(args, &folder, &ignore);
    }
    if let Some(note) = build::options::unused_ignore_file(&folder, &ignore) {
        output::note(&format!("note: {note}"));
    }
    let ignored_entries = if args.measure { u64::MAX } else { COUNTED_ENTRIES };
    let survey = Survey::of(&folder, &ignore.lines, Limits { ignored_entries })
        .map_err(|error| Failure::input(format!("cannot read {}", folder.display())).caused_by(&error))?;
    if args.included || args.ignored {
        list::print(args, &ignore, &survey);
        return Ok(0);
    }
    let usage = usage(args, &folder, &ignore, dockerfile.as_deref(), &survey)?;
    let report = Report { folder, ignore, dockerfile, survey, usage };
    if args.format == "json" {
        output::json(Stream::Stdout, &json::of(&report, args.depth), true);
    } else {
        let columns = Stream::Stdout.is_terminal().then(|| output::terminal_size().0);
        let text = text::of(&report, args.depth, Stream::Stdout.has_colors(), columns);
        output::colored(Stream::Stdout, &text);
    }
    Ok(0)
}

/// Returns the Dockerfile that the user names, which must exist, or the usual one if it exists.
fn dockerfile(args: &ContextArgs, folder: &Path) -> Result<Option<PathBuf>, Failure> {
    match &args.file {
        Some(file) if file == Path::new("-") => {
            Err(Failure::usage("the Dockerfile cannot come from stdin").hint("name a file"))
        }
        Some(file) if !file.exists() => Err(Failure::input(format!("there is no file {}", file.display()))),
        Some(file) => Ok(Some(file.clone())),
        None => Ok(Some(input::default_dockerfile(folder)).filter(|file| file.symlink_metadata().is_ok())),
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
    let text = input::read_for_context(folder, &args.context, file)
        .map_err(|error| Failure::input(format!("cannot read {}", output::path(file))).caused_by(&error))?;
    let parsed = match parser::parse(&text) {
        Ok(parsed) => parsed,
        Err(error) => return Ok(Usage::Unknown(format!("line {}: {error}", error.span.start_line))),
    };
    let options = Options {
        dockerfile_name: input::name_of(file),
        context: Context::Local { path: folder.to_owned(), ignore: ignore.clone() },
        target: args.target.clone(),
        build_args: build::options::build_args(&args.build_args),
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
    // A build reads these two files even if no instruction uses them.
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

/// Returns the path of a file relative to the directory, or `None` if the file is outside of it.
fn in_folder(file: &Path, folder: &Path) -> Option<PathBuf> {
    let file = std::fs::canonicalize(file).ok()?;
    file.strip_prefix(folder).ok().map(Path::to_owned)
}

/// Topmost paths that a line of the ignore file decides about, and their size.
struct Group<'a> {
    /// Index of the line.
    line: usize,
    sum: Sum,
    paths: Vec<(PathBuf, &'a Node)>,
}

/// Returns the excluded paths, or with `taken_back` the ones that a `!` line includes again, grouped by the line that decides
/// and in the order of the lines.
fn groups(survey: &Survey, taken_back: bool) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = (0..survey.lines().len())
        .map(|line| Group { line, sum: Sum::default(), paths: Vec::new() })
        .collect();
    survey.visit(&mut |path, node| {
        let Some(decision) = node.decision.filter(|decision| decision.exception == taken_back) else {
            return;
        };
        // Everything below an included path is included; a directory that is excluded in part is shown by its parts.
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

/// Returns the included directories down to `depth` levels with their total sizes, the largest first.
fn folders(survey: &Survey, depth: usize) -> Vec<(PathBuf, Sum)> {
    let mut found = Vec::new();
    survey.visit(&mut |path, node| {
        if node.is_in && matches!(node.kind, NodeKind::Folder(_)) && path.components().count() <= depth {
            found.push((path.to_owned(), node.sum()));
        }
    });
    found.sort_by(|one, other| (other.1.size_bytes, &one.0).cmp(&(one.1.size_bytes, &other.0)));
    found
}

/// Returns the largest included files.
fn largest(survey: &Survey, count: usize) -> Vec<(PathBuf, u64)> {
    let mut sizes = Vec::new();
    survey.visit(&mut |_, node| {
        if let (true, NodeKind::File { size_bytes }) = (node.is_in, &node.kind) {
            sizes.push(*size_bytes);
        }
    });
    sizes.sort_unstable_by(|one, other| other.cmp(one));
    let least = sizes.get(count.saturating_sub(1)).copied().unwrap_or(0);
    let mut found = Vec::new();
    survey.visit(&mut |path, node| {
        if let (true, NodeKind::File { size_bytes }) = (node.is_in, &node.kind)
            && *size_bytes >= least.max(1)
        {
            found.push((path.to_owned(), *size_bytes));
        }
    });
    found.sort_by(|one, other| (other.1, &one.0).cmp(&(one.1, &other.0)));
    found.truncate(count);
    found
}

/// Returns a path as one line of text. Directories end in a slash.
fn shown(path: &Path, is_folder: bool) -> String {
    let slash = if is_folder { "/" } else { "" };
    format!("{}{slash}", output::path(path))
}
