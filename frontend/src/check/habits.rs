//! `GitignoreHabit`: lines of the ignore file that have another meaning in .gitignore.
//!
//! The files that make a difference have to be looked up in the context. Only `--check` does so: a build does not pay for
//! it.

use std::path::Path;

use graph::Lines;
use patterns::IgnoreFile;

use super::{Checks, Finding, Subject, rules};
use crate::options::Context;

/// A line of an ignore file that has another meaning in .gitignore, which matters in this context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreHabit {
    /// Index of the line in [`IgnoreFile::lines`].
    pub line: usize,
    /// Text of the warning.
    pub message: String,
}

/// Function that finds such lines in the context at a path, since the frontend itself opens no file.
pub type FindHabits<'a> = &'a dyn Fn(&Path, &IgnoreFile) -> Vec<IgnoreHabit>;

/// Calls `find` if the rule is enabled, and adds a finding for each line.
pub(super) fn check(context: &Context, checks: &Checks, find: FindHabits<'_>) {
    let Context::Local { path, ignore } = context else { return };
    if ignore.lines.is_empty() || !checks.selection.enables(&rules::GITIGNORE_HABIT, &[]) {
        return;
    }
    for habit in find(path, ignore) {
        let number = ignore.lines[habit.line].number;
        let finding = Finding::new(&rules::GITIGNORE_HABIT, habit.message);
        let (ignore_file, lines) = (Some(ignore.path.as_path()), Lines::single(number));
        checks.keep(&Subject { ignore_file, lines, comments: &[] }, [finding]);
    }
}
