//! Build checks without a build.

use std::path::Path;
use std::sync::Arc;

use builder::preflight;
use context::ContextTree;
use context::survey::{Limits, Survey};
use frontend::plan::Resolver;
use frontend::{CheckNote, IgnoreHabit, LintReport, Options};
use graph::{Graph, Source};
use parser::ast::Dockerfile;
use patterns::{IgnoreFile, Patterns};
use trees::tree::Tree;

/// Checks a Dockerfile, and what it takes from the context: the sources of COPY, ADD and mounts, and the lines of the
/// ignore file if that rule is enabled.
pub fn check(dockerfile: &Dockerfile, options: &Options, resolver: &dyn Resolver) -> LintReport {
    let mut report = frontend::check(dockerfile, options, resolver, &find_ignore_habits);
    let missing: Vec<CheckNote> = report
        .graph
        .iter()
        .flat_map(|graph| [missing_sources(graph), unmatched_sources(graph)].concat())
        .collect();
    // A path that an unavailable base image may complete is not known to be missing.
    let is_certain =
        |note: &CheckNote| note.lines.is_none_or(|lines| !report.uncertain_lines.contains(&lines));
    report.notes.extend(missing.into_iter().filter(is_certain));
    report
}

/// Finds sources that a build would not find in a directory that it takes files from.
fn missing_sources(graph: &Graph) -> Vec<CheckNote> {
    let needed = vec![true; graph.steps.len()];
    let missing = preflight::missing_sources(graph, &needed, open_directory);
    let notes = missing.into_iter().map(|missing| CheckNote {
        lines: graph.steps[missing.step.0].meta.lines,
        message: missing.error.to_string(),
        hint: Some("`dsbuild context` lists the files of the context and the ignored files".to_owned()),
        is_failure: true,
    });
    notes.collect()
}

/// Finds wildcards that match no file: a build copies nothing, and does not fail.
fn unmatched_sources(graph: &Graph) -> Vec<CheckNote> {
    let needed = vec![true; graph.steps.len()];
    let unmatched = preflight::unmatched_sources(graph, &needed, open_directory);
    let notes = unmatched.into_iter().map(|(step, path)| CheckNote {
        lines: graph.steps[step.0].meta.lines,
        message: format!("{path:?} matches no file of the context, so that nothing is copied"),
        hint: Some("`dsbuild context` lists the files of the context and the ignored files".to_owned()),
        is_failure: false,
    });
    notes.collect()
}

/// Opens the directory of a context. Other sources are not there before a build.
fn open_directory(source: &Source) -> Option<Arc<dyn Tree>> {
    let Source::Local { path, ignore, .. } = source else { return None };
    let patterns = Patterns::new(ignore).ok()?;
    Some(Arc::new(ContextTree::open(path, patterns, None).ok()?))
}

/// Finds the lines of an ignore file that .gitignore would read differently for this context.
///
/// A context that cannot be read has none: the build reports what is wrong with it.
pub fn find_ignore_habits(context: &Path, ignore: &IgnoreFile) -> Vec<IgnoreHabit> {
    let limits = Limits { ignored_entries: 0 };
    let Ok(survey) = Survey::of(context, &ignore.lines, limits) else { return Vec::new() };
    let message = |habit: &context::survey::Habit| habit.message(&ignore.lines[habit.line].written);
    survey.habits().iter().map(|habit| IgnoreHabit { line: habit.line, message: message(habit) }).collect()
}
