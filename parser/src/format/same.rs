//! Comparison of two files by their meaning.

use crate::{
    ast::{Dockerfile, Instruction, Kind, Stage},
    words,
};

/// Reports whether two files differ only in the layout of their lines, in blanks, and in the case of keywords.
pub fn same(one: &Dockerfile, other: &Dockerfile) -> bool {
    one.directives == other.directives
        && same_instructions(&one.globals, &other.globals)
        && one.stages.len() == other.stages.len()
        && one.stages.iter().zip(&other.stages).all(|(one, other)| same_stage(one, other))
}

fn same_stage(one: &Stage, other: &Stage) -> bool {
    let head = |stage: &Stage| (stage.name_as_written.clone(), stage.base.clone(), stage.platform.clone());
    head(one) == head(other)
        && same_instruction(&one.from, &other.from)
        && one.from.comments == other.from.comments
        && same_instructions(&one.instructions, &other.instructions)
}

fn same_instructions(one: &[Instruction], other: &[Instruction]) -> bool {
    let same = |(one, other): (&Instruction, &Instruction)| {
        same_instruction(one, other) && one.comments == other.comments
    };
    one.len() == other.len() && one.iter().zip(other).all(same)
}

/// Compares two instructions without their comments.
///
/// The arguments of FROM are in its stage and not in the instruction, so the words of its text are compared instead.
pub(super) fn same_instruction(one: &Instruction, other: &Instruction) -> bool {
    one.keyword.eq_ignore_ascii_case(&other.keyword)
        && one.kind == other.kind
        && one.flags == other.flags
        && one.heredocs == other.heredocs
        && (one.kind != Kind::From || from_words(one) == from_words(other))
}

/// Returns the words after FROM, with AS in upper case.
fn from_words(instruction: &Instruction) -> Vec<String> {
    let words = words::words(&instruction.text).into_iter().skip(1);
    words.map(|word| if word.eq_ignore_ascii_case("as") { "AS".to_owned() } else { word }).collect()
}
