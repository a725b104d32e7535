//! Rules about single instructions as written: `NoEmptyContinuation`, `FromAsCasing`, `StageNameCasing`,
//! `MaintainerDeprecated`, `InvalidDefinitionDescription`.

use graph::Lines;
use parser::ast::{Dockerfile, Instruction, Kind, Notice, NoticeKind, Span, Stage};

use super::{Checks, Finding, rules};

/// Checks each instruction of a file, in BuildKit's order.
pub(super) fn check(dockerfile: &Dockerfile, checks: &Checks) {
    for notice in &dockerfile.notices {
        if notice.kind == NoticeKind::EmptyContinuation {
            // As in BuildKit, the line is the last of the instruction.
            let line = notice.span.end_line;
            let finding = Finding::new(&rules::NO_EMPTY_CONTINUATION, "Empty continuation line");
            checks.add_at(Lines::single(line), &[], [finding]);
        }
    }
    for global in &dockerfile.globals {
        checks.add(global, description(global, &argument_names(global)));
    }
    let mut notices = dockerfile.notices.iter().filter_map(as_casing).peekable();
    for stage in &dockerfile.stages {
        checks.add(&stage.from, name_casing(stage));
        // The notices are in the order of the stages.
        let casing = notices.next_if(|(span, _)| *span == stage.from.span);
        checks.add(&stage.from, casing.map(|(_, finding)| finding));
        checks.add(
            &stage.from,
            description(&stage.from, &stage.name.as_deref().map_or(vec![], |name| vec![name])),
        );
        for instruction in &stage.instructions {
            checks.add(instruction, description(instruction, &argument_names(instruction)));
            checks.add(instruction, maintainer(instruction));
        }
    }
}

fn name_casing(stage: &Stage) -> Option<Finding> {
    let written =
        stage.name_as_written.as_deref().filter(|written| Some(*written) != stage.name.as_deref())?;
    Some(Finding::new(&rules::STAGE_NAME_CASING, format!("Stage name '{written}' should be lowercase")))
}

fn as_casing(notice: &Notice) -> Option<(Span, Finding)> {
    let NoticeKind::FromAsCasing { from, as_word } = &notice.kind else { return None };
    let message = format!("'{as_word}' and '{from}' keywords' casing do not match");
    Some((notice.span, Finding::new(&rules::FROM_AS_CASING, message)))
}

fn maintainer(instruction: &Instruction) -> Option<Finding> {
    let message = "Maintainer instruction is deprecated in favor of using label";
    matches!(instruction.kind, Kind::Maintainer(_))
        .then(|| Finding::new(&rules::MAINTAINER_DEPRECATED, message))
}

fn argument_names(instruction: &Instruction) -> Vec<&str> {
    match &instruction.kind {
        Kind::Arg(definitions) => definitions.iter().map(|definition| definition.name.as_str()).collect(),
        _ => Vec::new(),
    }
}

/// Finds a comment right above a stage or ARG that does not begin with its name: tools show it as the description.
fn description(instruction: &Instruction, names: &[&str]) -> Option<Finding> {
    let comment = instruction.comments.last()?;
    let example = match names {
        [] => return None,
        [only] => only,
        _ => "<arg_key>",
    };
    if names.contains(&comment.split(' ').next()?) {
        return None;
    }
    let keyword = instruction.keyword.to_uppercase();
    let message = format!("Comment for {keyword} should follow the format: `# {example} <description>`");
    Some(Finding::new(&rules::INVALID_DEFINITION_DESCRIPTION, message))
}
