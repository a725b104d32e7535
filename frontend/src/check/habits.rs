//! `GitignoreHabit`: lines of the ignore file that .gitignore would read otherwise.
//!
//! What a line makes a difference for has to be looked up in the context, so that this is for checks only: a build does
//! not pay for it.

use std::path::Path;

use graph::Lines;
use patterns::IgnoreFile;

use super::{Checks, Finding, rules};
use crate::options::Context;

/// A line of an ignore file that .gitignore would read differently, and where that matters in this context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreHabit {
    /// Index of the line in [`IgnoreFile::lines`].
    pub line: usize,
    /// Text of the warning.
    pub message: String,
}

/// Finds such lines in the context at a path. The frontend opens no file, so the caller looks.
pub type FindHabits<'a> = &'a dyn Fn(&Path, &IgnoreFile) -> Vec<IgnoreHabit>;

/// Asks `find` if the rule is enabled.
pub(super) fn check(context: &Context, checks: &Checks, find: FindHabits<'_>) {
    let Context::Local { path, ignore } = context else { return };
    if ignore.lines.is_empty() || !checks.config.wants(&rules::GITIGNORE_HABIT, &[]) {
        return;
    }
    for habit in find(path, ignore) {
        let number = ignore.lines[habit.line].number;
        let finding = Finding::new(&rules::GITIGNORE_HABIT, habit.message);
        checks.keep(Some(&ignore.path), Lines::single(number), &[], [finding]);
    }
}
