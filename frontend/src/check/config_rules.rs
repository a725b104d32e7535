//! Rules about the image config of a stage: `MultipleInstructionsDisallowed`, `JSONArgsRecommended`,
//! `WorkdirRelativePath`, `LegacyKeyValueFormat`, `InvalidBaseImagePlatform`.

use graph::Lines;
use oci::Platform;
use parser::ast::Command;

use super::{Finding, rules};

/// Lines of the latest CMD, ENTRYPOINT and HEALTHCHECK of a stage, by keyword.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LatestLines(Vec<(String, Lines)>);

impl LatestLines {
    /// Notes an instruction, and returns the lines of the previous instruction of its kind.
    fn replace(&mut self, keyword: &str, lines: Lines) -> Option<Lines> {
        match self.0.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(keyword)) {
            Some((_, seen)) => Some(std::mem::replace(seen, lines)),
            None => {
                self.0.push((keyword.to_owned(), lines));
                None
            }
        }
    }
}

/// Finds the previous instruction of the same kind, which has no effect. Returns its lines and the finding about it.
pub(crate) fn overridden(latest: &mut LatestLines, keyword: &str, lines: Lines) -> Option<(Lines, Finding)> {
    let previous = latest.replace(keyword, lines)?;
    let message = format!(
        "Multiple {keyword} instructions should not be used in the same stage because only the last one will be used"
    );
    Some((previous, Finding::new(&rules::MULTIPLE_INSTRUCTIONS_DISALLOWED, message)))
}

/// Finds a command in shell form without a SHELL, so that signals reach only the shell.
pub(crate) fn not_json(keyword: &str, command: &Command, shell: &[String]) -> Option<Finding> {
    let message = format!(
        "JSON arguments recommended for {keyword} to prevent unintended behavior related to OS signals"
    );
    (matches!(command, Command::Shell(_)) && shell.is_empty())
        .then(|| Finding::new(&rules::JSON_ARGS_RECOMMENDED, message))
}

/// Finds a first WORKDIR that is relative, so that it depends on the base image.
pub(crate) fn relative_workdir(path: &str, is_first: bool, os: &str) -> Option<Finding> {
    let message = format!("Relative workdir {path:?} can have unexpected results if the base image changes");
    (is_first && !is_absolute(path, os)).then(|| Finding::new(&rules::WORKDIR_RELATIVE_PATH, message))
}

/// Reports whether a path is absolute. On Windows it can have a drive letter and either slash.
fn is_absolute(path: &str, os: &str) -> bool {
    if os != "windows" {
        return path.starts_with('/');
    }
    let without_drive = match path.as_bytes() {
        [letter, b':', ..] if letter.is_ascii_alphabetic() => &path[2..],
        _ => path,
    };
    without_drive.starts_with(['/', '\\'])
}

/// Finds the legacy form `ENV name value`.
pub(crate) fn legacy_pairs(keyword: &str, is_legacy: bool) -> Option<Finding> {
    let message =
        format!("\"{keyword} key=value\" should be used instead of legacy \"{keyword} key value\" format");
    is_legacy.then(|| Finding::new(&rules::LEGACY_KEY_VALUE_FORMAT, message))
}

/// Finds a base image that is not for the requested platform.
pub(crate) fn base_platform(name: &str, requested: &Platform, own: &Platform) -> Option<Finding> {
    let fits = requested.os == own.os && requested.architecture == own.architecture;
    let (requested, own) = (requested.normalised().to_string(), own.normalised().to_string());
    let message = format!(
        "Base image {name} was pulled with platform {own:?}, expected {requested:?} for current build"
    );
    (!fits).then(|| Finding::new(&rules::INVALID_BASE_IMAGE_PLATFORM, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn absolute(path: &str, on_linux: bool, on_windows: bool) {
        let found = ["linux", "windows"].map(|os| is_absolute(path, os));
        assert_eq!(found, [on_linux, on_windows], "{path}");
    }

    #[test]
    fn an_absolute_path_depends_on_the_system() {
        absolute("/a", true, true);
        absolute("a", false, false);
        absolute("", false, false);
        absolute(r"C:\a", false, true);
        absolute("c:/a", false, true);
        absolute("c:a", false, false);
        absolute(r"\a", false, true);
        absolute("é:/a", false, false);
    }

    #[test]
    fn the_previous_instruction_is_overridden() {
        let mut latest = LatestLines::default();
        assert_eq!(overridden(&mut latest, "CMD", Lines::new(1, 1)), None);
        assert_eq!(overridden(&mut latest, "ENTRYPOINT", Lines::new(2, 2)), None);
        assert_eq!(
            overridden(&mut latest, "CMD", Lines::new(3, 4)).map(|(lines, _)| lines),
            Some(Lines::new(1, 1))
        );
        assert_eq!(
            overridden(&mut latest, "Cmd", Lines::new(5, 5)).map(|(lines, _)| lines),
            Some(Lines::new(3, 4))
        );
    }
}
