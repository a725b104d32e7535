//! Build checks: what is allowed in a Dockerfile, but hardly meant.
//!
//! So far those that the parsed file shows by itself; checks that need the state of a stage will be
//! asked by [`super::dispatch`].
//!
//! Source: BuildKit, `frontend/dockerfile/linter/ruleset.go`.

use parser::ast::{Dockerfile, Instruction, Kind, NoticeKind, Stage};

use super::error::{lines, lines_of};
use crate::plan::Warning;

/// All warnings about a file, in the order of their lines.
pub(super) fn run(dockerfile: &Dockerfile) -> Vec<Warning> {
    let mut warnings: Vec<Warning> = dockerfile
        .notices
        .iter()
        .filter_map(|notice| {
            let (rule, message) = match &notice.kind {
                NoticeKind::EmptyContinuation => {
                    ("NoEmptyContinuation", "Empty continuation line".to_owned())
                }
                NoticeKind::FromAsCasing { from, as_word } => {
                    ("FromAsCasing", format!("'{as_word}' and '{from}' keywords' casing do not match"))
                }
                _ => return None,
            };
            Some(Warning { rule, lines: lines(notice.span), message })
        })
        .collect();
    for (at, stage) in dockerfile.stages.iter().enumerate() {
        warnings.extend(stage_name(stage, &dockerfile.stages[..at]));
        warnings.extend(stage.instructions.iter().filter_map(instruction));
    }
    warnings.sort_by_key(|warning| warning.lines);
    warnings
}

fn stage_name(stage: &Stage, earlier: &[Stage]) -> Vec<Warning> {
    let (Some(name), Some(written)) = (&stage.name, &stage.name_as_written) else { return Vec::new() };
    let warning = |rule, message| Warning { rule, lines: lines_of(&stage.from), message };
    let mut warnings = Vec::new();
    if name != written {
        let message = format!("Stage name '{written}' should be lowercase");
        warnings.push(warning("StageNameCasing", message));
    }
    if earlier.iter().any(|other| other.name.as_ref() == Some(name)) {
        let message = format!("Duplicate stage name {name:?}, stage names should be unique");
        warnings.push(warning("DuplicateStageName", message));
    }
    if matches!(name.as_str(), "context" | "scratch") {
        let message = format!("Stage name should not use the same name as reserved stage {name:?}");
        warnings.push(warning("ReservedStageName", message));
    }
    warnings
}

fn instruction(instruction: &Instruction) -> Option<Warning> {
    let (rule, message) = match &instruction.kind {
        Kind::Maintainer(_) => (
            "MaintainerDeprecated",
            "Maintainer instruction is deprecated in favor of using label".to_owned(),
        ),
        Kind::Env(pairs) if pairs.legacy => ("LegacyKeyValueFormat", legacy("ENV")),
        Kind::Label(pairs) if pairs.legacy => ("LegacyKeyValueFormat", legacy("LABEL")),
        _ => return None,
    };
    Some(Warning { rule, lines: lines_of(instruction), message })
}

fn legacy(keyword: &str) -> String {
    format!("\"{keyword} key=value\" should be used instead of legacy \"{keyword} key value\" format")
}
