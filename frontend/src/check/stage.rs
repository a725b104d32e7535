//! What a stage makes of its config: `MultipleInstructionsDisallowed`, `JSONArgsRecommended`,
//! `WorkdirRelativePath`, `LegacyKeyValueFormat`, `InvalidBaseImagePlatform`.

use graph::Lines;
use oci::Platform;
use parser::ast::Command;

use super::{Finding, rules};

/// Where a stage had its last CMD, ENTRYPOINT and HEALTHCHECK.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen(Vec<(String, Lines)>);

impl Seen {
    /// Notes an instruction. Returns the lines of the one before it of its kind.
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

/// An instruction of which the last one counts, by its keyword as written: the place is the one before, which does nothing.
pub(crate) fn overridden(seen: &mut Seen, keyword: &str, lines: Lines) -> Option<(Lines, Finding)> {
    let before = seen.replace(keyword, lines)?;
    let message = format!(
        "Multiple {keyword} instructions should not be used in the same stage because only the last one will be used"
    );
    Some((before, Finding::new(&rules::MULTIPLE_INSTRUCTIONS_DISALLOWED, message)))
}

/// A command that runs below a shell nobody asked for: signals reach the shell only.
pub(crate) fn not_json(keyword: &str, command: &Command, shell: &[String]) -> Option<Finding> {
    let message = format!(
        "JSON arguments recommended for {keyword} to prevent unintended behavior related to OS signals"
    );
    (matches!(command, Command::Shell(_)) && shell.is_empty())
        .then(|| Finding::new(&rules::JSON_ARGS_RECOMMENDED, message))
}

/// The first WORKDIR, if it depends on where the base image was.
pub(crate) fn relative_workdir(path: &str, is_first: bool, os: &str) -> Option<Finding> {
    let message = format!("Relative workdir {path:?} can have unexpected results if the base image changes");
    (is_first && !is_absolute(path, os)).then(|| Finding::new(&rules::WORKDIR_RELATIVE_PATH, message))
}

/// On Windows also behind a drive letter, and with either slash.
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

/// `ENV name value`.
pub(crate) fn legacy_pairs(keyword: &str, is_legacy: bool) -> Option<Finding> {
    let message =
        format!("\"{keyword} key=value\" should be used instead of legacy \"{keyword} key value\" format");
    is_legacy.then(|| Finding::new(&rules::LEGACY_KEY_VALUE_FORMAT, message))
}

/// An image that is not for the platform that was asked for.
pub(crate) fn base_platform(name: &str, wanted: &Platform, own: &Platform) -> Option<Finding> {
    let fits = wanted.os == own.os && wanted.architecture == own.architecture;
    let (wanted, own) = (wanted.normalised().to_string(), own.normalised().to_string());
    let message =
        format!("Base image {name} was pulled with platform {own:?}, expected {wanted:?} for current build");
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
    fn what_is_absolute_depends_on_the_system() {
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
    fn the_one_before_is_overridden() {
        let mut seen = Seen::default();
        assert_eq!(overridden(&mut seen, "CMD", Lines::new(1, 1)), None);
        assert_eq!(overridden(&mut seen, "ENTRYPOINT", Lines::new(2, 2)), None);
        assert_eq!(
            overridden(&mut seen, "CMD", Lines::new(3, 4)).map(|(lines, _)| lines),
            Some(Lines::new(1, 1))
        );
        assert_eq!(
            overridden(&mut seen, "Cmd", Lines::new(5, 5)).map(|(lines, _)| lines),
            Some(Lines::new(3, 4))
        );
    }
}
