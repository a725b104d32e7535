//! `--why PATH`: the line that decides about a path, which does not need to exist.

use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use patterns::{Decision, Matched, Patterns};
use patterns::{IgnoreError, IgnoreFile};

use super::list;
use crate::failure::Failure;
use crate::output::{self, Stream};
use cli::context::ContextArgs;

/// Prints the deciding line of each path.
pub fn print(args: &ContextArgs, folder: &Path, ignore: &IgnoreFile) -> Result<u8, Failure> {
    let patterns = Patterns::new(&ignore.patterns())
        .map_err(|source| IgnoreError::Pattern { path: ignore.path.clone(), source })?;
    let mut out = Vec::new();
    for path in &args.why {
        let path = relative(path, folder)
            .ok_or_else(|| Failure::input(format!("{} is not in the context", path.display())))?;
        let decision = deciding(&patterns, &path).map(|decision| decision.pattern);
        let place = list::place(ignore, decision);
        list::entry(&mut out, args.null, Some(&place), &path, false);
    }
    output::data(Stream::Stdout, &out);
    Ok(0)
}

/// Returns the index of the pattern that excludes a path.
pub(super) fn leaves_out(patterns: &Patterns, path: &Path) -> Option<usize> {
    deciding(patterns, path).filter(|decision| !decision.exception).map(|decision| decision.pattern)
}

/// Returns the last pattern that decides about a path, as a walk from the root would find it.
fn deciding(patterns: &Patterns, path: &Path) -> Option<Decision> {
    let bytes = path.as_os_str().as_bytes();
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    let mut above = Matched::default();
    let mut decision = None;
    for end in ends.chain([bytes.len()]) {
        (decision, above) = patterns.decide(&bytes[..end], &above);
    }
    decision
}

/// Returns a path relative to the root of the context, or `None` if it leaves the context.
pub(super) fn relative(path: &Path, folder: &Path) -> Option<PathBuf> {
    let path = if path.is_absolute() { path.strip_prefix(folder).ok()? } else { path };
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir if !clean.pop() => return None,
            _ => {}
        }
    }
    (!clean.as_os_str().is_empty()).then_some(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_relative_to_the_context() {
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(
                relative(Path::new(path), Path::new("/ctx")).as_deref(),
                expected.map(Path::new),
                "{path}"
            );
        };
        check("a/b", Some("a/b"));
        check("./a/../b/", Some("b"));
        check("/ctx/a", Some("a"));
        check("/else/a", None);
        check("../a", None);
        check(".", None);
    }
}
