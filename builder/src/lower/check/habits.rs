//! `GitignoreHabit`: lines of the ignore file that .gitignore would read otherwise.
//!
//! What a line makes a difference for has to be looked up in the context, so that this is for checks only: a build does
//! not pay for it.

use graph::Lines;

use super::{Checks, Finding, rules};
use crate::context::survey::{Limits, Survey};
use crate::options::Context;

/// Looks at the context if the rule is asked for. One that cannot be read is for the build to complain of.
pub(super) fn check(context: &Context, checks: &Checks) {
    let Context::Local { path, ignore } = context else { return };
    if ignore.lines.is_empty() || !checks.config.wants(&rules::GITIGNORE_HABIT, &[]) {
        return;
    }
    let Ok(survey) = Survey::of(path, &ignore.lines, Limits { ignored_entries: 0 }) else { return };
    for habit in survey.habits() {
        let line = &ignore.lines[habit.line];
        let finding = Finding::new(&rules::GITIGNORE_HABIT, habit.message(&line.written));
        checks.keep(Some(&ignore.path), Lines::single(line.number), &[], [finding]);
    }
}
