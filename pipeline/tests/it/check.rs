//! Build checks against a context on disk.

use frontend::options::{Context, Options};
use frontend::plan::{ResolveError, Resolver};
use frontend::{CheckNote, LintReport};
use graph::ResolvedImage;
use oci::{Digest, Platform, Reference};
use patterns::IgnoreFile;

/// Resolver for which every image is unavailable.
struct Offline;

impl Resolver for Offline {
    fn image(&self, name: &Reference, _: &Platform) -> Result<ResolvedImage, ResolveError> {
        Err(ResolveError { name: name.to_string(), reason: "offline".to_owned(), hint: None })
    }

    fn layout(
        &self,
        path: &std::path::Path,
        _: Option<&str>,
        _: Option<&Digest>,
        _: &Platform,
    ) -> Result<ResolvedImage, ResolveError> {
        Err(ResolveError { name: path.display().to_string(), reason: "offline".to_owned(), hint: None })
    }
}

/// Checks a Dockerfile against a context with the files `app.py`, `src/lib.py` and `secret.txt`.
fn report(dockerfile: &str, ignore: &str) -> LintReport {
    let context = tempfile::tempdir().expect("a directory");
    let path = context.path();
    std::fs::create_dir(path.join("src")).expect("created");
    for file in ["app.py", "src/lib.py", "secret.txt"] {
        std::fs::write(path.join(file), "text").expect("written");
    }
    let ignore = IgnoreFile::parse(path.join(".dockerignore"), ignore.as_bytes()).expect("good patterns");
    let context = Context::Local { path: path.to_owned(), ignore };
    let dockerfile = parser::parse(dockerfile.as_bytes()).expect("a Dockerfile");
    pipeline::check(&dockerfile, &Options { context, ..Options::default() }, &Offline)
}

/// Compares the lines and paths of missing sources.
#[track_caller]
fn check(dockerfile: &str, ignore: &str, expected: &[(u32, &str)]) {
    let report = report(dockerfile, ignore);
    assert!(report.error.is_none(), "{dockerfile}: {:?}", report.error);
    let failures: Vec<&CheckNote> = report.notes.iter().filter(|note| note.is_failure).collect();
    let lines: Vec<u32> = failures.iter().filter_map(|note| note.lines).map(|lines| lines.first).collect();
    assert_eq!(lines, expected.iter().map(|(line, _)| *line).collect::<Vec<_>>(), "{dockerfile}");
    for (note, (_, path)) in failures.iter().zip(expected) {
        assert!(note.message.contains(&format!("{path:?}: not found")), "{}", note.message);
    }
}

#[test]
fn a_source_that_is_not_in_the_context_is_noted() {
    check("FROM scratch\nCOPY app.py src /\nCOPY nope /\n", "", &[(3, "/nope")]);
    check("FROM scratch\nADD src/nope.py /\n", "", &[(2, "/src/nope.py")]);
    check("FROM scratch\nRUN --mount=type=bind,source=nope,target=/m x\n", "", &[(2, "/nope")]);
    check("FROM scratch\nCOPY nope app.py no /d/\n", "", &[(2, "/nope"), (2, "/no")]);
    check("FROM scratch AS unused\nCOPY nope /\nFROM scratch\n", "", &[(2, "/nope")]);
}

#[test]
fn a_wildcard_that_matches_nothing_is_noted_and_one_that_cannot_be_read_is_an_error() {
    let report = report(
        "FROM scratch\nCOPY *.py src/l?b.py no*/x /d/\nCOPY src/* secret* /e/\nCOPY a[ /f\n",
        "*.txt\n",
    );
    let notes: Vec<_> = report
        .notes
        .iter()
        .map(|note| (note.lines.map_or(0, |lines| lines.first), note.is_failure, note.message.as_str()))
        .collect();
    let unmatched = |line, path: &str| {
        (line, false, format!("{path:?} matches no file of the context, so that nothing is copied"))
    };
    let [(line, is_failure, broken), rest @ ..] = &notes[..] else { panic!("{notes:?}") };
    assert!((*line, *is_failure) == (4, true) && broken.contains("a["), "{broken}");
    let rest: Vec<_> = rest.iter().map(|(line, fails, text)| (*line, *fails, (*text).to_owned())).collect();
    assert_eq!(rest, [unmatched(2, "/no*/x"), unmatched(3, "/secret*")]);
}

#[test]
fn a_source_that_is_ignored_is_not_in_the_context() {
    check("FROM scratch\nCOPY secret.txt /\n", "*.txt\n", &[(2, "/secret.txt")]);
    check("FROM scratch\nCOPY secret.txt /\n", "*.txt\n!secret.txt\n", &[]);
}

#[test]
fn a_source_of_a_stage_or_a_heredoc_is_not_looked_up_in_the_context() {
    check(
        "FROM scratch AS a\nCOPY app.py /\nFROM scratch\nCOPY --from=a /nope /\nCOPY <<f /\nx\nf\n",
        "",
        &[],
    );
}

#[test]
fn a_path_that_an_unavailable_base_may_complete_is_not_noted() {
    check("FROM base\nCOPY $APP/x /\nENV D=$APP/y\nCOPY $D /\nCOPY nope /\n", "", &[(5, "/nope")]);
}
