//! Rules about the file as a whole: `ReservedStageName`, `DuplicateStageName`, `ConsistentInstructionCasing`.

use std::collections::HashSet;

use parser::ast::{Dockerfile, Instruction};

use super::{Checks, Finding, rules};

/// Finds stage names that have another meaning, and names of several stages.
pub(super) fn check_stage_names(dockerfile: &Dockerfile, checks: &Checks) {
    let mut seen = HashSet::new();
    for stage in &dockerfile.stages {
        let Some(name) = &stage.name else { continue };
        if matches!(name.as_str(), "context" | "scratch") {
            let message = format!("Stage name should not use the same name as reserved stage {name:?}");
            checks.add(&stage.from, [Finding::new(&rules::RESERVED_STAGE_NAME, message)]);
        }
        if !seen.insert(name) {
            let message = format!("Duplicate stage name {name:?}, stage names should be unique");
            checks.add(&stage.from, [Finding::new(&rules::DUPLICATE_STAGE_NAME, message)]);
        }
    }
}

/// Finds keywords that are not written in the case of most. ARGs above the first FROM are not checked, as in BuildKit.
pub(super) fn check_keywords(dockerfile: &Dockerfile, checks: &Checks) {
    let all =
        || dockerfile.stages.iter().flat_map(|stage| std::iter::once(&stage.from).chain(&stage.instructions));
    let lower = all().filter(|instruction| is_lower(&instruction.keyword)).count();
    let upper = all().filter(|instruction| is_upper(&instruction.keyword)).count();
    for instruction in all() {
        checks.add(instruction, keyword(instruction, lower > upper));
    }
}

fn keyword(instruction: &Instruction, majority_is_lower: bool) -> Option<Finding> {
    let keyword = &instruction.keyword;
    let (has_case, case) =
        if majority_is_lower { (is_lower(keyword), "lowercase") } else { (is_upper(keyword), "uppercase") };
    if has_case {
        return None;
    }
    let message = format!("Command '{keyword}' should match the case of the command majority ({case})");
    Some(Finding::new(&rules::CONSISTENT_INSTRUCTION_CASING, message))
}

fn is_lower(keyword: &str) -> bool {
    !keyword.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn is_upper(keyword: &str) -> bool {
    !keyword.bytes().any(|byte| byte.is_ascii_lowercase())
}
