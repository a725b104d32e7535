//! Rules of our own: `BidirectionalText`, `SecretFileCopied`, `CopyBeforeInstall`.
//!
//! The first two are on, since they prevent damage. The others must be asked for by name, or all of them
//! with `experimental=own`: what is right for BuildKit should not be wrong here.

use parser::ast::{Copy, Dockerfile, Instruction, Kind, Stage};

use super::{Checks, Finding, rules};

/// Characters that show text in another order than it is read.
const BIDIRECTIONAL: [char; 9] = [
    '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}',
    '\u{2069}',
];

/// Files that hold nothing but secrets.
const SECRET_FILES: [&str; 8] = [
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    ".netrc",
    ".git-credentials",
    ".aws/credentials",
    ".docker/config.json",
];

/// Commands that install what a project depends on.
const INSTALLERS: [&str; 15] = [
    "npm ci",
    "npm install",
    "yarn install",
    "pnpm install",
    "bun install",
    "pip install -r",
    "pip3 install -r",
    "poetry install",
    "uv sync",
    "pipenv install",
    "bundle install",
    "composer install",
    "go mod download",
    "cargo fetch",
    "dotnet restore",
];

/// Finds them in a whole file.
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
        if let Some((copy, finding)) = copy_before_install(stage) {
            checks.add(copy, [finding]);
        }
    }
}

fn bidirectional(instruction: &Instruction) -> Option<Finding> {
    let bodies = instruction.heredocs.iter().map(|heredoc| &heredoc.content);
    let mut texts = std::iter::once(&instruction.text).chain(&instruction.comments).chain(bodies);
    let found = texts.find_map(|text| text.chars().find(|c| BIDIRECTIONAL.contains(c)))?;
    let message =
        format!("The text is shown in another order than it is read: it holds U+{:04X}", u32::from(found));
    Some(Finding::new(&rules::BIDIRECTIONAL_TEXT, message))
}

/// COPY or ADD from the main context.
fn of_context(instruction: &Instruction) -> Option<&Copy> {
    match &instruction.kind {
        Kind::Copy(copy) | Kind::Add(copy) if copy.from.is_none() => Some(copy),
        _ => None,
    }
}

fn secret_files(instruction: &Instruction) -> Vec<Finding> {
    let sources = of_context(instruction).map_or(&[][..], |copy| &copy.sources);
    let secret = |source: &&String| SECRET_FILES.iter().any(|file| ends_in(source, file));
    let findings = sources.iter().filter(secret).map(|source| {
        let message = format!(
            "{source:?} becomes part of the image, where anyone can read it: mount it with RUN --mount=type=secret"
        );
        Finding::new(&rules::SECRET_FILE_COPIED, message)
    });
    findings.collect()
}

fn ends_in(source: &str, file: &str) -> bool {
    source.strip_suffix(file).is_some_and(|above| above.is_empty() || above.ends_with('/'))
}

/// The first copy of the whole context that comes before an install.
fn copy_before_install(stage: &Stage) -> Option<(&Instruction, Finding)> {
    let copies_all = |instruction: &Instruction| {
        of_context(instruction)
            .is_some_and(|copy| copy.sources.iter().any(|s| matches!(s.as_str(), "." | "./")))
    };
    let at = stage.instructions.iter().position(copies_all)?;
    let installer = stage.instructions[at + 1..].iter().find_map(installer)?;
    let message = format!(
        "Any change of any file runs {installer:?} again: copy the files that it reads before, the others after it"
    );
    Some((&stage.instructions[at], Finding::new(&rules::COPY_BEFORE_INSTALL, message)))
}

fn installer(instruction: &Instruction) -> Option<&'static str> {
    if !matches!(instruction.kind, Kind::Run(_)) {
        return None;
    }
    let text: Vec<&str> = instruction.text.split_whitespace().collect();
    let text = text.join(" ");
    INSTALLERS.into_iter().find(|installer| text.contains(installer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_files_are_known_by_their_names() {
        let check = |source: &str, expected| {
            assert_eq!(SECRET_FILES.iter().any(|file| ends_in(source, file)), expected, "{source}");
        };
        check("id_rsa", true);
        check("./keys/id_rsa", true);
        check(".aws/credentials", true);
        check("home/.docker/config.json", true);
        check("id_rsa.pub", false);
        check("my-id_rsa", false);
        check("credentials", false);
    }
}
