//! The time of a build: `--timings`.
//!
//! ```text
//! recorder  a sink between the builder and the screen: events -> report
//! report    the times of each step, as plain data
//! critical  the critical path: the steps that the end of the build waited for
//! group     kinds of phases, each with a color
//! text      times, sizes and names
//! page      the report as one HTML file, with page.css and page.js in it
//! trace     the report for chrome://tracing and Perfetto
//! ```
//!
//! A page loads nothing, and shows everything without its script. The names of steps come from a Dockerfile: they are
//! escaped, and the policy of the page allows only its own script to run. Steps have the names that progress shows, with
//! secrets masked. A report contains no logs, build arguments or environment.

mod critical;
mod group;
mod page;
mod recorder;
mod report;
mod text;
mod trace;

use std::path::{Path, PathBuf};

pub use recorder::Recorder;
pub use report::{About, Report};

/// Returns the text of a report: a trace if the name of the file ends in `.json`, else a page.
pub fn render(report: &Report, file: &Path) -> String {
    let is_trace = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    if is_trace { trace::render(report) } else { page::render(report) }
}

/// Returns the directory of a file if it does not exist. A build should not run first and then fail.
pub fn missing_folder(file: &Path) -> Option<PathBuf> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty())?;
    (!folder.is_dir()).then(|| folder.to_owned())
}
