//! `CopyIgnoredFile`: a source that the ignore file takes out of the context.

use super::{Checks, Finding, rules};
use crate::options::Context;
use graph::paths;

/// A local source of COPY or ADD that is not in the context.
///
/// Where the ignore file has exceptions nothing is said, as in BuildKit: an ignored folder may well hold
/// files that are not.
pub(crate) fn ignored_file(
    checks: &Checks,
    context: &Context,
    source: &str,
    is_add: bool,
) -> Option<Finding> {
    let patterns = checks.ignore(context).filter(|patterns| !patterns.has_exceptions())?;
    let path = paths::clean(source);
    let path = path.trim_start_matches('/');
    let path = if path.is_empty() { "." } else { path };
    let action = if is_add { "Add" } else { "Copy" };
    let message = format!("Attempting to {action} file {path:?} that is excluded by .dockerignore");
    patterns.exclude(path.as_bytes()).then(|| Finding::new(&rules::COPY_IGNORED_FILE, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use patterns::IgnoreFile;

    #[track_caller]
    fn check(patterns: &[&str], source: &str, expected: Option<&str>) {
        let text = patterns.join("\n");
        let ignore =
            IgnoreFile::parse("/context/.dockerignore".into(), text.as_bytes()).expect("good patterns");
        let context = Context::Local { path: "/context".into(), ignore };
        let found = ignored_file(&Checks::default(), &context, source, false);
        let expected = expected
            .map(|path| format!("Attempting to Copy file {path:?} that is excluded by .dockerignore"));
        assert_eq!(found.map(|finding| finding.message), expected, "{patterns:?} {source}");
    }

    #[test]
    fn sources_are_matched_as_files_are() {
        check(&["secret.txt"], "secret.txt", Some("secret.txt"));
        check(&["secret.txt"], "./secret.txt", Some("secret.txt"));
        check(&["secret.txt"], "/secret.txt", Some("secret.txt"));
        check(&["build"], "build/out/a", Some("build/out/a"));
        check(&["**/*.log"], "a/b.log", Some("a/b.log"));
        check(&["secret.txt"], "other.txt", None);
        check(&["secret.txt"], ".", None);
        check(&["*"], ".", Some("."));
        check(&["**"], "/", Some("."));
        check(&[], "a", None);
    }

    #[test]
    fn exceptions_silence_it() {
        check(&["*", "!src"], "lib", None);
    }
}
