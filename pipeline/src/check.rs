//! Build checks without a build.

use std::path::Path;
use std::sync::Arc;

use builder::preflight;
use context::ContextTree;
use context::survey::{Limits, Survey};
use frontend::plan::Resolver;
use frontend::{CheckNote, CheckReport, IgnoreHabit, Options};
use graph::{Graph, Source};
use parser::ast::Dockerfile;
use patterns::{IgnoreFile, Patterns};
use rootfs::tree::Tree;

/// Checks a Dockerfile, and what it takes from the context: the sources of COPY, ADD and mounts, and the lines of the
/// ignore file if that rule is enabled.
pub fn check(dockerfile: &Dockerfile, options: &Options, resolver: &dyn Resolver) -> CheckReport {
    let mut report = frontend::check(dockerfile, options, resolver, &find_ignore_habits);
    report.notes.extend(report.graph.iter().flat_map(missing_sources));
    report
}

/// Finds sources that a build would not find in a directory that it takes files from.
fn missing_sources(graph: &Graph) -> Vec<CheckNote> {
    let needed = vec![true; graph.steps.len()];
    let missing = preflight::missing_sources(graph, &needed, open_directory);
    let notes = missing.into_iter().map(|missing| CheckNote {
        lines: graph.steps[missing.step.0].meta.lines,
        message: missing.error.to_string(),
        hint: Some("`dsbuild context` lists the files of the context, and those that are ignored".to_owned()),
        is_failure: true,
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
