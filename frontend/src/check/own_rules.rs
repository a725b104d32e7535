//! Rules of dsbuild that are enabled by default, since they prevent damage: `BidirectionalText`, `SecretFileCopied`.
//!
//! The other rules of dsbuild are optional, so that a Dockerfile without warnings in BuildKit has none here.

use parser::ast::{Copy, Dockerfile, Instruction, Kind};

use patterns::secret_names;

use super::{Checks, Finding, rules};

/// Characters that make text appear in another order than it is read.
const BIDIRECTIONAL: [char; 9] = [
    '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}',
    '\u{2069}',
];

/// Checks each instruction of a file.
pub(super) fn check(dockerfile: &Dockerfile, checks: &Checks) {
    for global in &dockerfile.globals {
        checks.add(global, bidirectional(global));
    }
    for stage in &dockerfile.stages {
        checks.add(&stage.from, bidirectional(&stage.from));
        for instruction in &stage.instructions {
            checks.add(instruction, bidirectional(instruction));
            checks.add(instruction, secret_files(instruction));
        }
    }
}

fn bidirectional(instruction: &Instruction) -> Option<Finding> {
    let bodies = instruction.heredocs.iter().map(|heredoc| &heredoc.content);
    let mut texts = std::iter::once(&instruction.text).chain(&instruction.comments).chain(bodies);
    let found = texts.find_map(|text| text.chars().find(|c| BIDIRECTIONAL.contains(c)))?;
    let message =
        format!("The text is shown in another order than it is read: it contains U+{:04X}", u32::from(found));
    Some(Finding::new(&rules::BIDIRECTIONAL_TEXT, message))
}

/// Returns the COPY or ADD if the instruction copies from the main context.
pub(super) fn copy_from_context(instruction: &Instruction) -> Option<&Copy> {
    match &instruction.kind {
        Kind::Copy(copy) | Kind::Add(copy) if copy.from.is_none() => Some(copy),
        _ => None,
    }
}

fn secret_files(instruction: &Instruction) -> Vec<Finding> {
    let sources = copy_from_context(instruction).map_or(&[][..], |copy| &copy.sources);
    let secret = |source: &&String| secret_names::is_known(source.as_bytes());
    let findings = sources.iter().filter(secret).map(|source| {
        let message = format!("{source:?} becomes part of the image, where anyone can read it");
        Finding::new(&rules::SECRET_FILE_COPIED, message)
    });
    findings.collect()
}
