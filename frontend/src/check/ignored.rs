//! `CopyIgnoredFile`: a source that the ignore file excludes from the context.

use graph::paths;
use patterns::{Patterns, glob};

use super::{Checks, Finding, rules};
use crate::options::Context;

/// Name that no pattern matches by accident, for the question whether every name is ignored.
const ANY_NAME: &[u8] = b"\x01";

/// Finds a local source of COPY or ADD of which nothing is in the context.
///
/// BuildKit reports nothing if the ignore file has an exception (`!`). Here an exception counts only if it can take the
/// source, or something below it, back in.
pub(crate) fn ignored_file(
    checks: &Checks,
    context: &Context,
    source: &str,
    is_add: bool,
) -> Option<Finding> {
    let patterns = checks.ignore(context)?;
    let path = paths::clean(source);
    let path = path.trim_start_matches('/');
    let path = if path.is_empty() { "." } else { path };
    if !is_ignored(patterns, path) {
        return None;
    }
    let action = if is_add { "Add" } else { "Copy" };
    let message = format!("Attempting to {action} file {path:?} that is excluded by .dockerignore");
    Some(Finding::new(&rules::COPY_IGNORED_FILE, message))
}

/// Reports whether the patterns exclude a path and everything below it.
fn is_ignored(patterns: &Patterns, path: &str) -> bool {
    if path == "." {
        // The root itself is never ignored: its name is no name of a file.
        return !patterns.has_exceptions() && patterns.exclude(ANY_NAME);
    }
    let may_match_other_names = glob::has_wildcards(path) && patterns.has_exceptions();
    !may_match_other_names
        && patterns.exclude(path.as_bytes())
        && !patterns.may_match_below(path.as_bytes(), true)
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
    fn a_source_is_matched_like_a_file() {
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
    fn the_whole_context_is_ignored_only_if_every_name_is() {
        check(&[".*"], ".", None);
        check(&["?*"], ".", Some("."));
        check(&["*.*"], ".", None);
        check(&["[a-z]*"], ".", None);
        check(&["*", "!src"], ".", None);
        check(&[".*"], ".env", Some(".env"));
    }

    #[test]
    fn an_exception_counts_only_for_what_it_takes_back_in() {
        check(&["*", "!src"], "lib", Some("lib"));
        check(&["*", "!src"], "src", None);
        check(&["*", "!src"], "src/a", None);
        check(&["*", "!src/a"], "src", None);
        check(&["*", "!src/a"], "src/b", Some("src/b"));
        check(&["build", "!**/keep"], "build", None);
        check(&["secret.txt", "!readme.md"], "secret.txt", Some("secret.txt"));
    }

    #[test]
    fn a_source_with_wildcards_can_match_what_is_taken_back_in() {
        check(&["*.log"], "*.log", Some("*.log"));
        check(&["*.log", "!kept.log"], "*.log", None);
    }
}
