//! Tests that could not run. Each prints a line `SKIP` with the reason; nextest keeps the output of all tests in its report.
//!
//! On a developer's machine skips are listed. In continuous integration, which sets `DSBUILD_FORBID_SKIPS=1`, they are
//! failures: everything that tests need is installed there by `scripts/setup test`.

use std::path::{Path, PathBuf};

/// First word of the line that a skipped test prints.
const MARK: &str = "SKIP ";

/// Test that could not run.
#[derive(Debug, PartialEq, Eq)]
pub struct Skip {
    /// Name of the test with its binary: `dsbuild::it run::a_test`.
    pub test: String,
    /// Reason that the test printed.
    pub reason: String,
}

/// Returns the path of nextest's report, which `.config/nextest.toml` asks for.
pub fn report_path(root: &Path) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    target.join("nextest/default/junit.xml")
}

/// Prints the skipped tests of a report. Returns false if skips are forbidden and there are any, or if there is no report.
pub fn are_accepted(report: &Path) -> bool {
    let is_forbidden = std::env::var_os("DSBUILD_FORBID_SKIPS").is_some_and(|value| value == "1");
    let Ok(text) = std::fs::read_to_string(report) else {
        eprintln!("xtask: nextest wrote no report {}", report.display());
        return !is_forbidden;
    };
    let skips = find(&text);
    for Skip { test, reason } in &skips {
        println!("SKIP {test}: {reason}");
    }
    println!("{} tests could not run", skips.len());
    if is_forbidden && !skips.is_empty() {
        eprintln!("xtask: skipped tests are failures here (DSBUILD_FORBID_SKIPS=1); see scripts/setup test");
        return false;
    }
    true
}

/// Returns the skipped tests of a report in JUnit's format. A test counts once, with its first reason.
fn find(report: &str) -> Vec<Skip> {
    let mut skips: Vec<Skip> = Vec::new();
    for case in report.split("<testcase ").skip(1) {
        let test = format!("{} {}", attribute(case, "classname"), attribute(case, "name"));
        // The end of the start tag and of the output's tag stand in front of the first line.
        let lines =
            case.lines().flat_map(|line| line.split("<system-out>").chain(line.split("<system-err>")));
        if let Some(reason) = lines.filter_map(|line| line.trim_start().strip_prefix(MARK)).next() {
            let reason = reason.split("</system-").next().unwrap_or_default();
            skips.push(Skip { test, reason: unescaped(reason.trim_end()) });
        }
    }
    skips
}

/// Returns the value of an attribute of a start tag, or nothing if the tag has no such attribute.
fn attribute(tag: &str, name: &str) -> String {
    let start = format!("{name}=\"");
    let in_tag = tag.split('>').next().unwrap_or_default();
    // ` classname=` ends with ` name=`, so that a blank or the beginning must stand in front.
    let at =
        in_tag.match_indices(&start).map(|(at, _)| at).find(|at| *at == 0 || in_tag[..*at].ends_with(' '));
    let value = at.and_then(|at| in_tag[at + start.len()..].split('"').next());
    unescaped(value.unwrap_or_default())
}

fn unescaped(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    plain.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(report: &str, expected: &[(&str, &str)]) {
        let found = find(report);
        let found: Vec<(&str, &str)> =
            found.iter().map(|skip| (skip.test.as_str(), skip.reason.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_test_that_printed_skip_is_found_with_its_reason() {
        check("<testsuites></testsuites>", &[]);
        check(
            "<testcase name=\"a\" classname=\"p::it\" time=\"0.1\">\n<system-out>\nrunning 1 test\nSKIP no &quot;tar&quot;\n\
             </system-out></testcase>\n<testcase name=\"b\" classname=\"p::it\"><system-out>fine</system-out></testcase>",
            &[("p::it a", "no \"tar\"")],
        );
        check(
            "<testcase name=\"a\" classname=\"p\"><system-err>SKIP not root</system-err></testcase>",
            &[("p a", "not root")],
        );
    }

    #[test]
    fn a_test_counts_once() {
        check(
            "<testcase name=\"a\" classname=\"p\"><system-out>SKIP one\nSKIP two\n</system-out></testcase>",
            &[("p a", "one")],
        );
    }

    #[test]
    fn the_word_inside_of_a_line_is_not_a_skip() {
        check("<testcase name=\"a\" classname=\"p\"><system-out>no SKIP here\n</system-out></testcase>", &[]);
    }
}
