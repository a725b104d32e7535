//! Build checks without a build.

use std::path::Path;

use context::survey::{Limits, Survey};
use frontend::plan::Resolver;
use frontend::{CheckReport, IgnoreHabit, Options};
use parser::ast::Dockerfile;
use patterns::IgnoreFile;

/// Checks a Dockerfile, and its ignore file against the context if that rule is enabled.
pub fn check(dockerfile: &Dockerfile, options: &Options, resolver: &dyn Resolver) -> CheckReport {
    frontend::check(dockerfile, options, resolver, &find_ignore_habits)
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
